//! Errors by field, nested as Logpoint's clients expect them.

use serde_json::{Map, Value};
use std::fmt;

/// Messages by field; fields of sections are nested objects.
///
/// The first message about a field stays: later checks usually stumble over the same mistake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidationErrors(Map<String, Value>);

impl ValidationErrors {
    /// Adds a message about the field at `path`, such as `["search_params", "limit"]`.
    pub fn add(&mut self, path: &[&str], message: impl Into<String>) {
        let Some((last, sections)) = path.split_last() else {
            return;
        };
        let mut here = &mut self.0;
        for section in sections {
            let inner = here
                .entry(*section)
                .or_insert_with(|| Value::Object(Map::new()));
            // A message about a whole section stands for all of its fields.
            let Value::Object(inner) = inner else { return };
            here = inner;
        }
        here.entry(*last)
            .or_insert_with(|| Value::String(message.into()));
    }

    /// True if there is a message about the field at `path`, or about a section around it.
    pub fn has(&self, path: &[&str]) -> bool {
        let mut here = &self.0;
        for name in path {
            match here.get(*name) {
                Some(Value::Object(inner)) => here = inner,
                Some(_) => return true,
                None => return false,
            }
        }
        false
    }

    /// Adds all messages of `other` at the top level.
    pub fn merge(&mut self, other: Self) {
        for (name, message) in other.0 {
            self.0.entry(name).or_insert(message);
        }
    }

    /// True if there is no message.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages as they go into the body.
    pub fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// `Err` with the messages if there are any, else `value`.
    pub fn into_result<T>(self, value: Option<T>) -> super::Result<T> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => Err(super::Error::Invalid(self)),
        }
    }
}

impl fmt::Display for ValidationErrors {
    /// All messages on one line, for clients that know no fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        print(f, "", &self.0, &mut first)
    }
}

fn print(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    messages: &Map<String, Value>,
    first: &mut bool,
) -> fmt::Result {
    for (name, message) in messages {
        let path = format!("{before}{name}");
        match message {
            Value::Object(inner) => print(f, &format!("{path}."), inner, first)?,
            message => {
                let separator = if std::mem::take(first) { "" } else { "; " };
                let text = message.as_str().unwrap_or_default();
                write!(f, "{separator}{path} {text}")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_nest_and_the_first_stays() {
        let mut errors = ValidationErrors::default();
        errors.add(&["name"], "too short");
        errors.add(&["name"], "again");
        errors.add(&["search_params", "limit"], "at least 1");
        errors.add(&["taxonomy"], "must be an object");
        errors.add(&["taxonomy", "metadata"], "lost");
        let expected = json!({
            "name": "too short",
            "search_params": {"limit": "at least 1"},
            "taxonomy": "must be an object",
        });
        assert_eq!(errors.to_json(), expected);
        assert_eq!(
            errors.to_string(),
            "name too short; search_params.limit at least 1; taxonomy must be an object"
        );
        assert!(errors.into_result(Some(1)).is_err());
        assert_eq!(ValidationErrors::default().into_result(Some(1)), Ok(1));
    }
}
