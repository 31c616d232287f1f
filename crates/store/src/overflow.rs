//! The overflow column: one JSON object per row.
//!
//! Text, integers, booleans and lists are written as JSON has them. A number with
//! a fraction is written as `{"float":"1.5"}`, because a JSON reader may round the
//! last digit of a plain one.

use cresset_model::Value;
use serde_json::{Map, Value as Json};

const FLOAT: &str = "float";

/// The JSON form of `value`.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Str(s) => Json::from(s.as_str()),
        Value::Int(n) => Json::from(*n),
        Value::Bool(b) => Json::from(*b),
        Value::List(items) => items.iter().map(compact_str_to_json).collect(),
        Value::Float(n) => Json::Object(Map::from_iter([(
            FLOAT.to_owned(),
            Json::from(n.to_string()),
        )])),
    }
}

fn compact_str_to_json(text: impl AsRef<str>) -> Json {
    Json::from(text.as_ref())
}

/// The value that [`to_json`] wrote; `None` for anything that it does not write.
pub(crate) fn from_json(json: &Json) -> Option<Value> {
    match json {
        Json::String(s) => Some(Value::str(s)),
        Json::Number(n) => n.as_i64().map(Value::Int),
        Json::Bool(b) => Some(Value::Bool(*b)),
        Json::Array(items) => items
            .iter()
            .map(|i| i.as_str().map(Into::into))
            .collect::<Option<_>>()
            .map(Value::List),
        Json::Object(map) => match map.get(FLOAT) {
            Some(Json::String(s)) if map.len() == 1 => s.parse().ok().map(Value::Float),
            _ => None,
        },
        Json::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        let list = |items: &[&str]| Value::List(items.iter().map(|i| (*i).into()).collect());
        for value in [
            Value::str(""),
            Value::str("a\u{0}\"\n\u{1f980}"),
            Value::Int(i64::MIN),
            Value::Int(i64::MAX),
            Value::Float(0.1 + 0.2),
            Value::Float(5.0),
            Value::Float(f64::MIN_POSITIVE),
            Value::Float(f64::MAX),
            Value::Bool(false),
            list(&[]),
            list(&["", "b"]),
        ] {
            let text = to_json(&value).to_string();
            let json: Json = serde_json::from_str(&text).unwrap();
            assert_eq!(from_json(&json), Some(value), "{text}");
        }
    }

    #[test]
    fn foreign_json_is_refused() {
        for text in [
            "null",
            "1.5",
            "18446744073709551615",
            "[1]",
            "{}",
            r#"{"float":1}"#,
        ] {
            let json: Json = serde_json::from_str(text).unwrap();
            assert_eq!(from_json(&json), None, "{text}");
        }
    }
}
