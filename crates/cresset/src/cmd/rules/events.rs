//! The events of a rule's unit test: what they say about themselves.

use cresset_fleet::document::TestCase;
use cresset_model::Duration;
use serde_json::{Map, Value};

/// Most events of one test.
pub(super) const MAX_EVENTS: usize = 100_000;
/// Longest time that a test spans.
pub(super) const LONGEST: Duration = Duration::days(60);

/// What is wrong with a test whatever its rule says, in the words of a person.
pub(super) fn mistake(test: &TestCase) -> Option<String> {
    let events = test.events.iter().enumerate();
    let bad = events.filter_map(|(n, item)| {
        let reason = How::read(item, Duration::ZERO).err()?;
        Some(format!("event {}: {reason}", n + 1))
    });
    let contradiction = test.expect.contradiction().map(str::to_owned);
    contradiction.into_iter().chain(bad).next()
}

/// When, how often and where an event comes.
pub(super) struct How {
    pub(super) at: Duration,
    pub(super) every: Duration,
    pub(super) repeat: i64,
    pub(super) repo: Option<String>,
    pub(super) raw: Option<String>,
}

impl How {
    /// Takes what begins with `_` out of an event.
    pub(super) fn read(
        item: &Map<String, Value>,
        next: Duration,
    ) -> Result<(Self, Map<String, Value>), String> {
        let mut fields = item.clone();
        let mut how = Self {
            at: next,
            every: Duration::seconds(1),
            repeat: 1,
            repo: None,
            raw: None,
        };
        if let Some(at) = fields.remove("_at") {
            how.at = span(&at)?;
        }
        if let Some(every) = fields.remove("_every") {
            how.every = span(&every)?;
        }
        if let Some(repeat) = fields.remove("_repeat") {
            let number = repeat
                .as_i64()
                .filter(|n| (1..=MAX_EVENTS as i64).contains(n));
            how.repeat = number
                .ok_or_else(|| format!("_repeat must be a whole number from 1 to {MAX_EVENTS}"))?;
        }
        let mut text = |name: &str| match fields.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} must be text")),
        };
        how.repo = text("_repo")?;
        how.raw = text("_raw")?;
        if let Some(unknown) = fields.keys().find(|name| name.starts_with('_')) {
            return Err(format!(
                "there is no {unknown}; what begins with _ is one of _at, _every, _repeat, _repo, _raw"
            ));
        }
        if how.raw.is_some() && !fields.is_empty() {
            return Err("_raw stands for the whole event; it has no other fields".to_owned());
        }
        Ok((how, fields))
    }
}

/// Seconds, or a span such as `30s` or `5m`.
fn span(value: &Value) -> Result<Duration, String> {
    let found = match value {
        Value::Number(n) => n
            .as_i64()
            .filter(|n| (0..=5_184_000).contains(n))
            .map(Duration::seconds),
        Value::String(text) => {
            crate::config::parse_duration(text).filter(|d| d.0 >= 0 && *d <= LONGEST)
        }
        _ => None,
    };
    found.ok_or_else(|| format!("{value} is no span; write seconds or 30s, 5m, 1h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_may_say() {
        let check = |text: &str, part: Option<&str>| {
            let item: Map<String, Value> = serde_json::from_str(text).unwrap();
            match (How::read(&item, Duration::ZERO), part) {
                (Ok(_), None) => {}
                (Err(told), Some(part)) => assert!(told.contains(part), "{told}"),
                _ => panic!("{text}"),
            }
        };
        check(
            r#"{"a": 1, "_at": "5m", "_repeat": 100000, "_every": 2}"#,
            None,
        );
        check(r#"{"_raw": "x", "_repo": "r"}"#, None);
        check(
            r#"{"_bogus": 1}"#,
            Some("there is no _bogus; what begins with _"),
        );
        check(r#"{"_raw": "x", "_Repo": "r"}"#, Some("there is no _Repo"));
        check(r#"{"_repeat": 1000000}"#, Some("from 1 to 100000"));
        check(r#"{"_repeat": 0}"#, Some("from 1 to 100000"));
        check(r#"{"_raw": "x", "a": 1}"#, Some("no other fields"));
        check(r#"{"_at": "soon"}"#, Some("is no span"));
    }
}
