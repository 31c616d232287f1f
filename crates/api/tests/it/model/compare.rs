//! What is expected of an answer, and where an answer differs from it.

use serde_json::{Map, Value, json};

/// Begins what stands for more than one value; nothing that is sent begins so.
const MARK: char = '\u{1}';
/// In an object: other keys may come on top.
const MORE: &str = "\u{1}more";

/// Any text but an empty one: messages are for people, and their wording is free.
pub(super) fn text() -> Value {
    json!("\u{1}text")
}

/// Text that holds `part`.
pub(super) fn holding(part: &str) -> Value {
    json!(format!("{MARK}holds {part}"))
}

/// A new id: 24 lowercase hex characters.
pub(super) fn new_id() -> Value {
    json!("\u{1}id 24")
}

/// The id that all incidents of a rule share: 32 of them.
pub(super) fn shared_id() -> Value {
    json!("\u{1}id 32")
}

/// An object with these keys and any others.
pub(super) fn at_least(object: Value) -> Value {
    let mut object = object;
    object[MORE] = json!(true);
    object
}

fn fits(pattern: &str, actual: &Value) -> bool {
    let Some(actual) = actual.as_str() else {
        return false;
    };
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match pattern.split_once(' ') {
        None => !actual.trim().is_empty(),
        Some(("id", length)) => actual.len().to_string() == length && actual.chars().all(hex),
        Some((_, part)) => actual.contains(part),
    }
}

/// The first place in which `actual` is not what is expected, and what is there.
pub(super) fn difference(expected: &Value, actual: &Value) -> Option<String> {
    differs("", expected, actual)
}

fn differs(place: &str, expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::String(text), _) if text.starts_with(MARK) => {
            let pattern = &text[MARK.len_utf8()..];
            (!fits(pattern, actual)).then(|| said(place, &format!("<{pattern}>"), actual))
        }
        (Value::Object(expected), Value::Object(actual)) => keys_differ(place, expected, actual),
        (Value::Array(expected), Value::Array(found)) => {
            let pairs = expected.iter().zip(found).enumerate();
            let inside = pairs
                .map(|(n, (expected, found))| differs(&format!("{place}/{n}"), expected, found))
                .find_map(|difference| difference);
            inside.or_else(|| {
                let same = expected.len() == found.len();
                let items = format!("{} items: {}", expected.len(), json!(expected));
                (!same).then(|| said(place, &items, actual))
            })
        }
        _ => (expected != actual).then(|| said(place, &expected.to_string(), actual)),
    }
}

fn keys_differ(
    place: &str,
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
) -> Option<String> {
    for (key, value) in expected.iter().filter(|(key, _)| *key != MORE) {
        let place = format!("{place}/{key}");
        let difference = match actual.get(key) {
            Some(found) => differs(&place, value, found),
            None => Some(said(&place, &value.to_string(), &json!("no such key"))),
        };
        if difference.is_some() {
            return difference;
        }
    }
    let more = actual.keys().find(|key| !expected.contains_key(*key))?;
    let tolerated = expected.contains_key(MORE);
    (!tolerated).then(|| said(&format!("{place}/{more}"), "no such key", &actual[more]))
}

fn said(place: &str, expected: &str, actual: &Value) -> String {
    let expected = expected.replace("\\u0001", "any ");
    format!("at {place:?}:\n  the model: {expected}\n  the server: {actual}")
}

#[test]
fn differences_are_found_and_placed() {
    let check = |expected: Value, actual: Value, place: Option<&str>| {
        let found = difference(&expected, &actual);
        let place = place.map(|place| format!("at {place:?}:"));
        let first = found.map(|text| text.lines().next().unwrap().to_owned());
        assert_eq!(first, place, "{expected} {actual}");
    };
    check(json!({"a": [1, text()]}), json!({"a": [1, "x"]}), None);
    check(
        json!({"a": [1, text()]}),
        json!({"a": [1, " "]}),
        Some("/a/1"),
    );
    check(json!({"a": [1]}), json!({"a": [1, 2]}), Some("/a"));
    check(json!({"a": 1}), json!({"a": 1, "b": 2}), Some("/b"));
    check(at_least(json!({"a": 1})), json!({"a": 1, "b": 2}), None);
    check(json!({"a": 1, "b": 2}), json!({"a": 1}), Some("/b"));
    check(json!({"a": 1}), json!({"a": 1.0}), Some("/a"));
    check(holding("xy"), json!("axyb"), None);
    check(holding("xy"), json!("axb"), Some(""));
    check(new_id(), json!("67f8ae6fbe9edae2fcfbc1ee"), None);
    check(new_id(), json!("67F8AE6FBE9EDAE2FCFBC1EE"), Some(""));
    check(shared_id(), json!("67f8ae6fbe9edae2fcfbc1ee"), Some(""));
}
