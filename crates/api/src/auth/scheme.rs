//! What kind of credential the `Authorization` header carries.

use axum::http::{HeaderMap, header};
use std::fmt;

/// A credential that nobody has looked at yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential<'a> {
    /// The whole value of an LMv1 header.
    Signed(&'a str),
    /// A bearer token or a self-signed token.
    Bearer(&'a str),
    /// Base64 of user name and password.
    Basic(&'a str),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signed(_) => "Signed(***)",
            Self::Bearer(_) => "Bearer(***)",
            Self::Basic(_) => "Basic(***)",
        })
    }
}

/// The credential of the one `Authorization` header, or why there is none, as a constant
/// word for metrics and the audit log.
pub(crate) fn credential(headers: &HeaderMap) -> Result<Credential<'_>, &'static str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        let several = headers.contains_key(header::AUTHORIZATION);
        return Err(if several { "several" } else { "missing" });
    };
    let value = value.to_str().map_err(|_| "malformed")?;
    match value.split_once(' ') {
        Some(("LMv1", _)) => Ok(Credential::Signed(value)),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Credential::Bearer(token.trim()))
        }
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("basic") => {
            Ok(Credential::Basic(text.trim()))
        }
        _ => Err("unknown_scheme"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn one_header_of_a_known_scheme() {
        let check = |values: &[&[u8]], expected: Result<Credential<'_>, &str>| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_bytes(value).unwrap();
                headers.append(header::AUTHORIZATION, value);
            }
            assert_eq!(credential(&headers), expected, "{values:?}");
        };
        check(&[b"Bearer x"], Ok(Credential::Bearer("x")));
        check(&[b"bearer  x "], Ok(Credential::Bearer("x")));
        check(&[b"LMv1 a:b:c"], Ok(Credential::Signed("LMv1 a:b:c")));
        check(&[], Err("missing"));
        check(&[b"Bearer x", b"Bearer x"], Err("several"));
        check(&[b"LMv1 a:b:c", b"Bearer x"], Err("several"));
        check(&[b"lmv1 a:b:c"], Err("unknown_scheme"));
        check(&[b"Basic eDp5"], Ok(Credential::Basic("eDp5")));
        check(&[b"Digest eDp5"], Err("unknown_scheme"));
        check(&[b""], Err("unknown_scheme"));
        check(&[b"Bearer"], Err("unknown_scheme"));
        check(&[b"Bearer \xe9"], Err("malformed"));
    }
}
