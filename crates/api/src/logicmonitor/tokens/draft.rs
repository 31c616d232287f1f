//! What a body says about a token. Keys that nobody may write are ignored, since clients
//! send back what they read.

use super::shape::{DISABLED, ENABLED};
use crate::error::{Error, Result, ValidationErrors};
use cresset_auth::networks::Networks;
use cresset_catalog::port::{MAX_TOKEN_LIMITS, MAX_TOKEN_NOTE, TokenChange};
use cresset_model::Timestamp;
use cresset_model::user::Scope;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Beyond the year 9999; milliseconds since 1970 are, too.
const NO_SECONDS: i64 = 253_402_300_800;

/// Reads a body. What it does not name is `None`.
pub(super) fn read(body: &Map<String, Value>) -> Result<TokenChange> {
    let mut errors = ValidationErrors::default();
    let mut keep = |name: &str, outcome: std::result::Result<(), String>| {
        if let Err(message) = outcome {
            errors.add(&[name], message);
        }
    };
    let mut draft = TokenChange::default();
    keep("note", set(&mut draft.note, body.get("note"), note));
    keep(
        "status",
        set(&mut draft.disabled, body.get("status"), disabled),
    );
    keep(
        "expiresOn",
        set(&mut draft.expires_at, body.get("expiresOn"), expires),
    );
    keep(
        "allowedIps",
        set(&mut draft.networks, body.get("allowedIps"), networks),
    );
    // Null is a value here: it is how a token without scopes of its own is shown.
    if let Some(Value::Null) = body.get("scopes") {
        draft.scopes = Some(None);
    } else {
        keep("scopes", set(&mut draft.scopes, body.get("scopes"), scopes));
    }
    if errors.is_empty() {
        Ok(draft)
    } else {
        Err(Error::Invalid(errors))
    }
}

type Read<T> = std::result::Result<T, String>;

/// Null counts as not given.
fn set<T>(slot: &mut Option<T>, value: Option<&Value>, read: fn(&Value) -> Read<T>) -> Read<()> {
    if let Some(value) = value.filter(|value| !value.is_null()) {
        *slot = Some(read(value)?);
    }
    Ok(())
}

fn note(value: &Value) -> Read<String> {
    let text = value.as_str().ok_or("must be a text")?;
    if text.chars().count() > MAX_TOKEN_NOTE {
        return Err(format!("must have at most {MAX_TOKEN_NOTE} characters"));
    }
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Some clients send numbers as texts.
fn disabled(value: &Value) -> Read<bool> {
    match whole_number(value) {
        Some(DISABLED) => Ok(true),
        Some(ENABLED) => Ok(false),
        _ => Err("must be 1 for disabled or 2 for enabled".to_owned()),
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn expires(value: &Value) -> Read<Option<Timestamp>> {
    match whole_number(value) {
        Some(0) => Ok(None),
        Some(seconds @ 1..NO_SECONDS) => Ok(Some(Timestamp::from_secs(seconds))),
        _ => Err("must be seconds since 1970, or 0 for never".to_owned()),
    }
}

fn texts(value: &Value) -> Read<Vec<&str>> {
    let items = value.as_array().ok_or("must be an array of texts")?;
    if items.len() > MAX_TOKEN_LIMITS {
        return Err(format!("must have at most {MAX_TOKEN_LIMITS} entries"));
    }
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    texts.ok_or_else(|| "must be an array of texts".to_owned())
}

fn networks(value: &Value) -> Read<Vec<String>> {
    let networks = Networks::parse(texts(value)?).map_err(|e| e.to_string())?;
    Ok(networks.entries())
}

/// A token without any scope could do nothing, which nobody means.
fn scopes(value: &Value) -> Read<Option<Vec<String>>> {
    let known = || {
        let words: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        words.join(", ")
    };
    let words = texts(value)?;
    if words.is_empty() {
        return Err(format!("must name some of {}; or be null", known()));
    }
    let scopes = words.iter().map(|word| word.parse::<Scope>());
    let scopes = scopes
        .collect::<std::result::Result<BTreeSet<_>, _>>()
        .map_err(|_| format!("must be some of {}", known()))?;
    let words = scopes.into_iter().map(|scope| scope.as_str().to_owned());
    Ok(Some(words.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_json(body: &Value) -> Result<TokenChange> {
        read(body.as_object().unwrap())
    }

    #[test]
    fn what_bodies_say() {
        let check = |body: Value, expected: TokenChange| {
            assert_eq!(read_json(&body), Ok(expected), "{body}");
        };
        let nothing = TokenChange::default;
        check(json!({}), nothing());
        check(
            json!({"id": 7, "accessKey": "x", "roles": null, "new": [1]}),
            nothing(),
        );
        check(
            json!({"note": null, "status": null, "expiresOn": null}),
            nothing(),
        );
        let disabled = |disabled| TokenChange {
            disabled: Some(disabled),
            ..nothing()
        };
        check(json!({"status": 1}), disabled(true));
        check(json!({"status": 2}), disabled(false));
        check(json!({"status": "2"}), disabled(false));
        let expires = |expires| TokenChange {
            expires_at: Some(expires),
            ..nothing()
        };
        check(json!({"expiresOn": 0}), expires(None));
        let moment = Timestamp::from_secs(1_800_000_000);
        check(json!({"expiresOn": 1_800_000_000}), expires(Some(moment)));
        let scopes = |scopes| TokenChange {
            scopes: Some(scopes),
            ..nothing()
        };
        check(json!({"scopes": null}), scopes(None));
        let words = vec!["search:read".to_owned(), "logs:write".to_owned()];
        check(
            json!({"scopes": ["logs:write", "search:read", "logs:write"]}),
            scopes(Some(words)),
        );
        let networks = TokenChange {
            networks: Some(vec!["10.0.0.0/8".to_owned(), "192.0.2.7".to_owned()]),
            ..nothing()
        };
        check(
            json!({"allowedIps": ["10.0.0.0/8", "192.0.2.7/32"]}),
            networks,
        );
    }

    #[test]
    fn what_bodies_may_not_say() {
        for body in [
            json!({"status": 0}),
            json!({"status": 3}),
            json!({"status": -1}),
            json!({"status": 1.5}),
            json!({"status": 1e300}),
            json!({"status": "active"}),
            json!({"status": true}),
            json!({"status": [2]}),
            json!({"note": 1}),
            json!({"note": {}}),
            json!({"note": "x".repeat(1025)}),
            json!({"note": "a\u{0}b"}),
            json!({"note": "\u{1b}[2J"}),
            json!({"expiresOn": -1}),
            json!({"expiresOn": 1_800_000_000_000_i64}),
            json!({"expiresOn": "tomorrow"}),
            json!({"allowedIps": "10.0.0.0/8"}),
            json!({"allowedIps": [1]}),
            json!({"allowedIps": ["10.0.0.1/8"]}),
            json!({"allowedIps": vec!["10.0.0.0/8"; 65]}),
            json!({"scopes": []}),
            json!({"scopes": "logs:write"}),
            json!({"scopes": ["everything"]}),
            json!({"scopes": [null]}),
        ] {
            let error = read_json(&body).unwrap_err();
            assert!(matches!(error, Error::Invalid(_)), "{body}");
        }
        assert!(read_json(&json!({"note": "é".repeat(1024)})).is_ok());
    }
}
