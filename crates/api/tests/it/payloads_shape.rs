//! Recorded messages, and whether an answer has the shape of one.

use serde_json::{Map, Value};
use std::path::PathBuf;

/// The folder of the recorded messages, where it is present.
pub(crate) fn folder() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/spec/payloads");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: the recorded messages are absent");
    None
}

/// Where an answer may differ from its recording.
#[derive(Default, Clone, Copy)]
pub(crate) struct Leeway {
    /// Objects whose keys are data, such as the fields of an event.
    pub(crate) data: &'static [&'static str],
    /// Keys that newer versions have.
    pub(crate) more: &'static [&'static str],
    /// Lists that may be empty here though they are not in the recording.
    pub(crate) empty: &'static [&'static str],
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "fraction",
        Value::Number(_) => "integer",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// Every difference in keys and types, each beginning with its place.
pub(crate) fn differences(recorded: &Value, got: &Value, leeway: Leeway) -> Vec<String> {
    let mut found = Vec::new();
    compare("", recorded, got, leeway, &mut found);
    found
}

fn compare(at: &str, recorded: &Value, got: &Value, leeway: Leeway, found: &mut Vec<String>) {
    match (recorded, got) {
        (Value::Object(recorded), Value::Object(got)) => {
            compare_objects(at, recorded, got, leeway, found);
        }
        (Value::Array(recorded), Value::Array(got)) => {
            let Some(first) = recorded.first() else {
                return;
            };
            if got.is_empty() && !leeway.empty.contains(&at) {
                found.push(format!("{at} is empty"));
            }
            // A list of several kinds is compared place by place.
            for (n, item) in got.iter().enumerate() {
                let like = recorded.get(n).unwrap_or(first);
                compare(&format!("{at}[]"), like, item, leeway, found);
            }
        }
        _ if kind(recorded) == kind(got) => {}
        _ => found.push(format!(
            "{at} is {}, recorded as {}",
            kind(got),
            kind(recorded)
        )),
    }
}

fn compare_objects(
    at: &str,
    recorded: &Map<String, Value>,
    got: &Map<String, Value>,
    leeway: Leeway,
    found: &mut Vec<String>,
) {
    let data = leeway.data.contains(&at);
    for (key, value) in recorded {
        let place = format!("{at}.{key}");
        match got.get(key) {
            Some(got) => compare(&place, value, got, leeway, found),
            None if data => {}
            None => found.push(format!("{place} is missing")),
        }
    }
    if !data {
        for key in got.keys().filter(|key| !recorded.contains_key(*key)) {
            let place = format!("{at}.{key}");
            if !leeway.more.contains(&place.as_str()) {
                found.push(format!("{place} is not recorded"));
            }
        }
    }
}

#[test]
fn differences_are_found() {
    let recorded =
        serde_json::json!({"a": 1, "b": [{"c": "x"}], "d": null, "e": 1.5, "f": {"k": 1}});
    let leeway = Leeway {
        data: &[".f"],
        more: &[".g"],
        empty: &[],
    };
    let check = |got: &str, expected: &[&str]| {
        let got = serde_json::from_str(got).unwrap();
        assert_eq!(differences(&recorded, &got, leeway), expected, "{got}");
    };
    check(
        r#"{"a":2,"b":[{"c":"y"},{"c":""}],"d":null,"e":0.0,"f":{"z":1},"g":1}"#,
        &[],
    );
    check(
        r#"{"a":"2","b":[],"d":0,"e":1,"f":{"k":"x"},"h":1}"#,
        &[
            ".a is text, recorded as integer",
            ".b is empty",
            ".d is integer, recorded as null",
            ".e is integer, recorded as fraction",
            ".f.k is text, recorded as integer",
            ".h is not recorded",
        ],
    );
    check(
        r#"{"a":1,"b":[{}],"d":null,"f":[]}"#,
        &[
            ".b[].c is missing",
            ".e is missing",
            ".f is list, recorded as object",
        ],
    );
}
