//! How servers say no.

use serde_json::Value;
use std::borrow::Cow;

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

/// What a server says about a refusal, fit for a terminal.
pub(super) fn words(value: Option<&Value>, bytes: &[u8]) -> String {
    const SHOWN: usize = 1_000;
    let said = said(value, bytes);
    // A drawing of a query's mistake has several lines.
    let harmless = |c: &char| *c == '\n' || !c.is_control();
    let shown: String = said.trim().chars().filter(harmless).take(SHOWN).collect();
    if shown.is_empty() {
        "no reason given".to_owned()
    } else {
        shown
    }
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

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let check = |value: Value, expected: &str| {
            assert_eq!(words(Some(&value), b""), expected);
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
            words(None, b"<h1>Bad Gateway</h1>\nmore"),
            "<h1>Bad Gateway</h1>"
        );
        assert_eq!(words(None, b" \n"), "no reason given");
        check(json!({"message": "a\n  ^\u{1b}[31m\u{7}\r"}), "a\n  ^[31m");
        let long = "x".repeat(5_000);
        for value in [
            json!({"message": long}),
            json!({"validationErrors": {"name": long}}),
        ] {
            assert_eq!(words(Some(&value), b"").chars().count(), 1_000);
        }
        assert_eq!(words(None, long.as_bytes()).len(), 1_000);
    }
}
