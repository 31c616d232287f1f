//! The token of a shipper.
//!
//! Each protocol has a place of its own for a secret. In all of them stands a token as
//! `Authorization: Bearer` carries it: after `Splunk`, as the password of `Basic` whatever the
//! user, and as the key of Elasticsearch's `ApiKey`, which is base64 of `id:key`, whatever the
//! id. Passwords of users are not taken here.

use crate::error::{Error, Result};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// The token of the one `Authorization` header.
pub(super) fn token(headers: &HeaderMap) -> Result<Cow<'_, str>> {
    read(headers).ok_or_else(|| {
        let help = "the header Authorization must hold an API token, \
            as Bearer, as the password of Basic, as ApiKey or after Splunk";
        Error::Unauthenticated(help.to_owned())
    })
}

fn read(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
    let text = text.trim();
    let is = |word: &str| scheme.eq_ignore_ascii_case(word);
    let found = if is("bearer") || is("splunk") {
        Cow::Borrowed(text)
    } else if is("basic") {
        Cow::Owned(second(text)?)
    } else if is("apikey") {
        // Fluent Bit sends what it is told, so that the token may stand there as it is.
        second(text).map_or(Cow::Borrowed(text), Cow::Owned)
    } else {
        return None;
    };
    Some(found).filter(|token| !token.is_empty())
}

/// What follows the first colon of a text in base64.
fn second(encoded: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (_, second) = text.split_once(':')?;
    Some(second.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_token_in_every_place() {
        let check = |values: &[&str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_str(value).unwrap();
                headers.append(header::AUTHORIZATION, value);
            }
            assert_eq!(read(&headers).as_deref(), expected, "{values:?}");
        };
        let encoded = |scheme: &str, text: &str| format!("{scheme} {}", STANDARD.encode(text));
        check(&["Bearer lmb_x"], Some("lmb_x"));
        check(&["Splunk lmb_x"], Some("lmb_x"));
        check(&["splunk  lmb_x "], Some("lmb_x"));
        check(&[&encoded("Basic", "any:lmb_x")], Some("lmb_x"));
        check(&[&encoded("Basic", ":lmb:x")], Some("lmb:x"));
        check(&[&encoded("ApiKey", "id:lmb_x")], Some("lmb_x"));
        check(&["ApiKey lmb_x"], Some("lmb_x"));
        check(&[], None);
        check(&["Bearer a", "Bearer a"], None);
        check(&["Bearer"], None);
        check(&["Bearer "], None);
        check(&["lmb_x"], None);
        check(&["Digest lmb_x"], None);
        check(&["Basic lmb_x"], None);
        check(&[&encoded("Basic", "lmb_x")], None);
        check(&[&encoded("Basic", "any:")], None);
    }
}
