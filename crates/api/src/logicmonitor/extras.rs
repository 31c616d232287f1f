//! Documented keys that Cresset keeps for its clients and gives no meaning to.

use super::given::Given;
use crate::error::Result;
use serde_json::{Map, Value};

/// One such key.
pub(super) struct Extra {
    /// The key as it is stored and answered.
    pub(super) key: &'static str,
    /// Another spelling that clients send.
    pub(super) also: Option<&'static str>,
    /// What it may hold, and what stands there when nobody said anything.
    pub(super) kind: Kind,
}

/// What a key may hold.
pub(super) enum Kind {
    /// One line of at most so many characters; empty by default.
    Line(usize),
    /// One of these words; the first by default.
    Word(&'static [&'static str]),
    /// True or false; false by default.
    Flag,
    /// A whole number from 0 to this; the second by default.
    Number(i64, i64),
    /// A list of whole numbers; empty by default.
    Numbers,
    /// An object of truth values; empty by default.
    Flags,
}

impl Extra {
    pub(super) const fn new(key: &'static str, kind: Kind) -> Self {
        Self {
            key,
            also: None,
            kind,
        }
    }

    /// The same key, also read under another spelling.
    pub(super) const fn or(mut self, spelling: &'static str) -> Self {
        self.also = Some(spelling);
        self
    }

    fn read(&self, given: Given<'_>, key: &str) -> Result<Option<Value>> {
        Ok(match self.kind {
            Kind::Line(longest) => given.line(key, longest)?.map(Value::from),
            Kind::Word(words) => given.word(key, words)?.map(Value::from),
            Kind::Flag => given.flag(key)?.map(Value::from),
            Kind::Number(most, _) => given.number(key, 0..=most)?.map(Value::from),
            Kind::Numbers => given.numbers(key)?.map(Value::from),
            Kind::Flags => given.flags(key)?.map(Value::from),
        })
    }

    fn default(&self) -> Value {
        match self.kind {
            Kind::Line(_) => Value::from(""),
            Kind::Word(words) => words.first().copied().unwrap_or_default().into(),
            Kind::Flag => Value::from(false),
            Kind::Number(_, default) => Value::from(default),
            Kind::Numbers => Value::Array(Vec::new()),
            Kind::Flags => Value::Object(Map::new()),
        }
    }
}

/// Those of `extras` that a body gives.
pub(super) fn read(extras: &[Extra], given: Given<'_>) -> Result<Map<String, Value>> {
    let mut found = Map::new();
    for extra in extras {
        let mut value = extra.read(given, extra.key)?;
        if let (None, Some(spelling)) = (&value, extra.also) {
            value = extra.read(given, spelling)?;
        }
        if let Some(value) = value {
            found.insert(extra.key.to_owned(), value);
        }
    }
    Ok(found)
}

/// Adds every one of `extras` to an object: as stored, else its default.
pub(super) fn show(extras: &[Extra], stored: &Map<String, Value>, object: &mut Map<String, Value>) {
    for extra in extras {
        let value = stored.get(extra.key).cloned();
        let value = value.unwrap_or_else(|| extra.default());
        object.insert(extra.key.to_owned(), value);
    }
}

/// The stored keys with those that a change gives; `None` if it gives none.
pub(super) fn merged(
    stored: &Map<String, Value>,
    given: Map<String, Value>,
) -> Option<Map<String, Value>> {
    if given.is_empty() {
        return None;
    }
    let mut all = stored.clone();
    all.extend(given);
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const EXTRAS: &[Extra] = &[
        Extra::new("phone", Kind::Line(5)),
        Extra::new("format", Kind::Word(&["sms", "fullText"])),
        Extra::new("requireEULA", Kind::Flag).or("requireEula"),
        Extra::new("group", Kind::Number(9, 1)),
        Extra::new("groups", Kind::Numbers),
        Extra::new("view", Kind::Flags),
    ];

    fn found(body: &Value) -> Option<Value> {
        let given = Given::body(body.as_object().unwrap());
        read(EXTRAS, given).ok().map(Value::Object)
    }

    #[test]
    fn what_is_given_is_kept() {
        let check =
            |body: Value, expected: Option<Value>| assert_eq!(found(&body), expected, "{body}");
        check(json!({}), Some(json!({})));
        check(json!({"phone": null, "other": 1}), Some(json!({})));
        check(
            json!({"phone": "12", "format": "FULLTEXT", "group": "3", "groups": [1], "view": {"a": true}}),
            Some(
                json!({"phone": "12", "format": "fullText", "group": 3, "groups": [1], "view": {"a": true}}),
            ),
        );
        check(
            json!({"requireEula": true}),
            Some(json!({"requireEULA": true})),
        );
        check(
            json!({"requireEula": true, "requireEULA": false}),
            Some(json!({"requireEULA": false})),
        );
        for bad in [
            json!({"phone": "123456"}),
            json!({"format": "mail"}),
            json!({"group": 10}),
            json!({"groups": "1"}),
            json!({"view": {"a": "b"}}),
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn every_key_is_shown() {
        let stored = json!({"group": 7, "unknown": "stays inside"});
        let mut object = Map::new();
        show(EXTRAS, stored.as_object().unwrap(), &mut object);
        let expected = json!({"phone": "", "format": "sms", "requireEULA": false, "group": 7,
            "groups": [], "view": {}});
        assert_eq!(Value::Object(object), expected);
    }
}
