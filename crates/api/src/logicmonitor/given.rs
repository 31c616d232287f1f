//! What a body gives: typed reads of its keys.
//!
//! `null` counts as absent, because clients send it for what they do not set. Unknown keys
//! are not looked at. The first mistake ends the reading: these clients show one text.

use super::call::Call;
use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Most items of a list of numbers, and most keys of an object of truth values.
const MOST_ITEMS: usize = 1_000;
/// Longest key of an object of truth values, in bytes.
const LONGEST_KEY: usize = 64;

/// The body of a partial change, of which `patchFields` may name the keys that count.
pub(super) fn changes(call: &Call) -> Result<Map<String, Value>> {
    let mut body = call.json()?;
    if let Some(fields) = call.param("patchFields") {
        keep(&mut body, fields);
    }
    Ok(body)
}

fn keep(body: &mut Map<String, Value>, fields: &str) {
    let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
    body.retain(|key, _| fields.contains(&key.as_str()));
}

/// A JSON object of a client.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// What the object is, for messages: empty for the body itself, else such as `roles[0]`.
    place: &'a str,
    object: &'a Map<String, Value>,
}

impl<'a> Given<'a> {
    pub(super) const fn body(object: &'a Map<String, Value>) -> Self {
        Self { place: "", object }
    }

    /// An object within the body. `place` says where, in messages.
    pub(super) fn within(place: &'a str, value: &'a Value) -> Result<Self> {
        match value {
            Value::Object(object) => Ok(Self { place, object }),
            _ => Err(Error::Malformed(format!("{place} must be an object"))),
        }
    }

    /// The refusal of a key.
    pub(super) fn refuse(&self, key: &str, message: &str) -> Error {
        let dot = if self.place.is_empty() { "" } else { "." };
        Error::Malformed(format!("{}{dot}{key} {message}", self.place))
    }

    /// The value under `key`; `None` if absent or null.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// `value`, which must be there.
    pub(super) fn demand<T>(&self, key: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.refuse(key, "is required"))
    }

    /// One line of at most `longest` characters, without blanks around it.
    pub(super) fn line(&self, key: &str, longest: usize) -> Result<Option<String>> {
        let Some(text) = self.text(key, longest)? else {
            return Ok(None);
        };
        let line = text.trim();
        if line.contains(char::is_control) {
            return Err(self.refuse(key, "must be one line without control characters"));
        }
        Ok(Some(line.to_owned()))
    }

    /// A text of at most `longest` characters, which may have several lines.
    pub(super) fn text(&self, key: &str, longest: usize) -> Result<Option<String>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let text = value
            .as_str()
            .ok_or_else(|| self.refuse(key, "must be a string"))?;
        if text.chars().nth(longest).is_some() {
            return Err(self.refuse(
                key,
                &format!("must not be longer than {longest} characters"),
            ));
        }
        let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.contains(odd) {
            return Err(self.refuse(key, "must not contain control characters"));
        }
        Ok(Some(text.to_owned()))
    }

    /// One of `words`, in any case; given back as it stands in `words`. Blank counts as absent.
    pub(super) fn word(
        &self,
        key: &str,
        words: &'static [&'static str],
    ) -> Result<Option<&'static str>> {
        let blank = |value: &&Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        let Some(value) = self.value(key).filter(|value| !blank(value)) else {
            return Ok(None);
        };
        let known = value.as_str().and_then(|text| {
            let mut words = words.iter();
            words.find(|word| word.eq_ignore_ascii_case(text.trim()))
        });
        match known {
            Some(word) => Ok(Some(word)),
            None => Err(self.refuse(key, &format!("must be {}", words.join(" or ")))),
        }
    }

    /// True or false, also as a string.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.value(key).map(flag) {
            None => Ok(None),
            Some(Some(flag)) => Ok(Some(flag)),
            Some(None) => Err(self.refuse(key, "must be true or false")),
        }
    }

    /// A whole number in `range`, also as a string.
    pub(super) fn number(&self, key: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        match whole(value).filter(|n| range.contains(n)) {
            Some(number) => Ok(Some(number)),
            None => {
                let (from, to) = range.into_inner();
                let message = format!("must be a whole number from {from} to {to}");
                Err(self.refuse(key, &message))
            }
        }
    }

    /// A list of at most `most` items.
    pub(super) fn list(&self, key: &str, most: usize) -> Result<Option<&'a [Value]>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let items = value
            .as_array()
            .ok_or_else(|| self.refuse(key, "must be a list"))?;
        if items.len() > most {
            let message = format!("must not have more than {most} items");
            return Err(self.refuse(key, &message));
        }
        Ok(Some(items))
    }

    /// A list of whole numbers from 0.
    pub(super) fn numbers(&self, key: &str) -> Result<Option<Vec<i64>>> {
        let Some(items) = self.list(key, MOST_ITEMS)? else {
            return Ok(None);
        };
        let number = |item| whole(item).filter(|n| *n >= 0);
        let numbers: Option<Vec<i64>> = items.iter().map(number).collect();
        let message = "must be a list of whole numbers from 0";
        numbers.map(Some).ok_or_else(|| self.refuse(key, message))
    }

    /// An object whose values are true or false.
    pub(super) fn flags(&self, key: &str) -> Result<Option<Map<String, Value>>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let fits = |object: &&Map<String, Value>| {
            object.len() <= MOST_ITEMS
                && object
                    .iter()
                    .all(|(key, value)| key.len() <= LONGEST_KEY && value.is_boolean())
        };
        let message = "must be an object whose values are true or false";
        let object = value.as_object().filter(fits);
        object
            .cloned()
            .map(Some)
            .ok_or_else(|| self.refuse(key, message))
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A whole number, also written `4.0` or `"4"`.
pub(super) fn whole(value: &Value) -> Option<i64> {
    if let Value::String(text) = value {
        return text.trim().parse().ok();
    }
    value.as_i64().or_else(|| {
        let float = value.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 1e15).then_some(float as i64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read<T>(value: Value, reader: impl FnOnce(Given<'_>) -> Result<Option<T>>) -> Option<T> {
        let Value::Object(object) = json!({ "k": value }) else {
            unreachable!()
        };
        reader(Given::body(&object)).ok().flatten()
    }

    #[test]
    fn values_are_read_as_clients_write_them() {
        let line = |value: Value| read(value, |given| given.line("k", 5));
        assert_eq!(line(json!(" ab ")), Some("ab".to_owned()));
        assert_eq!(line(json!("äöüäö")), Some("äöüäö".to_owned()));
        for bad in [json!("abcdef"), json!("a\nb"), json!(1), json!(["a"])] {
            assert_eq!(line(bad.clone()), None, "{bad}");
        }
        let text = |value: Value| read(value, |given| given.text("k", 5));
        assert_eq!(text(json!("a\r\nb")), Some("a\r\nb".to_owned()));
        assert_eq!(text(json!("a\u{0}b")), None);
        let number = |value: Value| read(value, |given| given.number("k", 0..=9));
        for (value, expected) in [
            (json!(4), Some(4)),
            (json!("4"), Some(4)),
            (json!(4.0), Some(4)),
            (json!(4.5), None),
            (json!(10), None),
            (json!(-1), None),
            (json!(1e300), None),
            (json!("x"), None),
            (json!(true), None),
        ] {
            assert_eq!(number(value.clone()), expected, "{value}");
        }
        let flag = |value: Value| read(value, |given| given.flag("k"));
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!("False"), Some(false)),
            (json!(1), None),
            (json!("yes"), None),
        ] {
            assert_eq!(flag(value.clone()), expected, "{value}");
        }
        let word = |value: Value| read(value, |given| given.word("k", &["active", "suspended"]));
        assert_eq!(word(json!("Active")), Some("active"));
        assert_eq!(word(json!("gone")), None);
        let body = json!({"k": " "});
        let given = Given::body(body.as_object().unwrap());
        assert_eq!(given.word("k", &["active"]), Ok(None));
        assert_eq!(word(json!(2)), None);
        let numbers = |value: Value| read(value, |given| given.numbers("k"));
        assert_eq!(numbers(json!([1, "2"])), Some(vec![1, 2]));
        assert_eq!(numbers(json!([1, -2])), None);
        let flags = |value: Value| read(value, |given| given.flags("k")).is_some();
        assert!(flags(json!({"Logs": true})));
        assert!(!flags(json!({"Logs": 1})));
        assert!(!flags(json!([true])));
    }

    #[test]
    fn a_refusal_names_the_key() {
        let body = json!({"a": 1, "list": [{"a": 2}]});
        let given = Given::body(body.as_object().unwrap());
        let text = |result: Result<Option<String>>| result.unwrap_err().to_string();
        assert_eq!(text(given.text("a", 5)), "a must be a string");
        let inner = Given::within("list[0]", &body["list"][0]).unwrap();
        assert_eq!(text(inner.text("a", 5)), "list[0].a must be a string");
        let missing = given.demand::<()>("b", None).unwrap_err().to_string();
        assert_eq!(missing, "b is required");
        assert!(Given::within("list", &body["list"]).is_err());
    }

    #[test]
    fn only_named_fields_count() {
        let mut body = json!({"note": "n", "status": 1, "id": 7});
        let body = body.as_object_mut().unwrap();
        keep(body, "note, status,other");
        assert_eq!(
            Value::Object(body.clone()),
            json!({"note": "n", "status": 1})
        );
    }

    #[test]
    fn null_is_absent() {
        assert_eq!(read(json!(null), |given| given.text("k", 5)), None);
        let body = json!({"k": null});
        let given = Given::body(body.as_object().unwrap());
        assert_eq!(given.number("k", 0..=1), Ok(None));
        assert_eq!(given.flags("k"), Ok(None));
    }
}
