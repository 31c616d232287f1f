//! How servers say no.

use cresset_model::SecretString;
use serde_json::Value;
use std::borrow::Cow;

/// Shorter keys are part of ordinary words.
const SHORTEST_KEY: usize = 8;

/// Whether an answer says no in spite of its status, in one of the ways that servers have.
pub(super) fn refused(value: &Value) -> bool {
    let filled = |v: &Value| match v {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    let status = value.get("status").and_then(Value::as_str);
    value.get("success") == Some(&Value::Bool(false))
        || value.pointer("/response/success") == Some(&Value::Bool(false))
        || matches!(status, Some("error" | "failed"))
        || ["/validationErrors", "/errors", "/response/errors"]
            .iter()
            .any(|path| value.pointer(path).is_some_and(filled))
}

/// What a server says about a refusal, fit for a terminal and a log. It was told `key`, and
/// may repeat it.
pub(super) fn words(value: Option<&Value>, bytes: &[u8], key: &SecretString) -> String {
    const SHOWN: usize = 1_000;
    let said = without(&said(value, bytes), key.expose());
    // A drawing of a query's mistake has several lines.
    let harmless = |c: &char| *c == '\n' || !c.is_control();
    let shown: String = said.trim().chars().filter(harmless).take(SHOWN).collect();
    if shown.is_empty() {
        "no reason given".to_owned()
    } else {
        shown
    }
}

/// The text without the key, as it is and as it stands in a form, and without the tokens
/// that are made with it.
fn without(text: &str, key: &str) -> String {
    let mut text = text.to_owned();
    if key.len() >= SHORTEST_KEY {
        text = text.replace(key, "***").replace(&in_form(key), "***");
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("eyJ") {
        shown.push_str(&rest[..at]);
        shown.push_str("***");
        let of_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        rest = rest[at..].trim_start_matches(of_token);
    }
    shown + rest
}

/// The text as a form has it.
fn in_form(text: &str) -> String {
    let coded = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(coded).collect()
}

fn said<'v>(value: Option<&'v Value>, bytes: &'v [u8]) -> Cow<'v, str> {
    let Some(value) = value else {
        let text = String::from_utf8_lossy(bytes);
        let line = text.trim().lines().next().unwrap_or_default();
        return line.to_owned().into();
    };
    let mut said = Vec::new();
    fields(&mut said, "", value.get("validationErrors"));
    if !said.is_empty() {
        return said.join("; ").into();
    }
    let named = ["message", "detail", "error"]
        .iter()
        .find_map(|key| value.get(key)?.as_str());
    named.unwrap_or_default().into()
}

/// `validationErrors`, nested or flat, as `section.field: message`.
fn fields(said: &mut Vec<String>, path: &str, value: Option<&Value>) {
    match value {
        Some(Value::Object(map)) => {
            for (name, inner) in map {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                fields(said, &path, Some(inner));
            }
        }
        Some(Value::String(text)) => said.push(format!("{path}: {text}")),
        Some(Value::Null) | None => {}
        Some(other) => said.push(format!("{path}: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(value: Option<&Value>, bytes: &[u8]) -> String {
        words(value, bytes, &SecretString::new("k"))
    }

    #[test]
    fn what_a_server_was_told_in_confidence_is_not_told_on() {
        let check = |said: &str, expected: &str| {
            let key = SecretString::new("a key+/ of 20 bytes");
            let value = json!({ "message": said });
            assert_eq!(words(Some(&value), b"", &key), expected, "{said}");
            assert_eq!(words(None, said.as_bytes(), &key), expected, "{said}");
        };
        check("no such key: a key+/ of 20 bytes!", "no such key: ***!");
        check("secret_key=a+key%2B%2F+of+20+bytes&x", "secret_key=***&x");
        check("Bearer eyJhbGci.eyJ-_x.c2ln is old", "Bearer *** is old");
        check("eyJ", "***");
        check("a key", "a key");
        // It does not come to light by being cut.
        let long = format!("{} a key+/ of 20 bytes", "x".repeat(990));
        check(&long, &format!("{} ***", "x".repeat(990)));
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let check = |value: Value, expected: &str| {
            assert_eq!(told(Some(&value), b""), expected);
        };
        check(
            json!({"success": false, "validationErrors": {"name": "already exists"}}),
            "name: already exists",
        );
        check(
            json!({"validationErrors": {"search_params": {"query": "bad", "limit": "zero"}}}),
            "search_params.limit: zero; search_params.query: bad",
        );
        check(json!({"success": false, "message": "no"}), "no");
        check(json!({"error": "expired", "status_code": 401}), "expired");
        check(json!({}), "no reason given");
        assert_eq!(
            told(None, b"<h1>Bad Gateway</h1>\nmore"),
            "<h1>Bad Gateway</h1>"
        );
        assert_eq!(told(None, b" \n"), "no reason given");
        check(json!({"message": "a\n  ^\u{1b}[31m\u{7}\r"}), "a\n  ^[31m");
        let long = "x".repeat(5_000);
        for value in [
            json!({"message": long}),
            json!({"validationErrors": {"name": long}}),
        ] {
            assert_eq!(told(Some(&value), b"").chars().count(), 1_000);
        }
        assert_eq!(told(None, long.as_bytes()).len(), 1_000);
    }
}
