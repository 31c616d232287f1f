//! Which version of the API a request asks for: the header `X-Version`, else the query's
//! `v`, else 1.

use crate::error::{Error, Result};
use axum::http::HeaderMap;

/// A version of the API. The second and the third have the same envelopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Every answer is wrapped and has HTTP status 200.
    V1,
    /// Bare objects and real statuses.
    V2,
    /// As [`Version::V2`].
    V3,
}

impl Version {
    /// The version that these headers and this query string ask for.
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>) -> Result<Self> {
        if let Some(value) = headers.get("x-version") {
            return Self::read(&String::from_utf8_lossy(value.as_bytes()));
        }
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        match pairs.find(|(name, value)| name == "v" && !value.is_empty()) {
            Some((_, value)) => Self::read(&value),
            None => Ok(Self::V1),
        }
    }

    /// Versions that are not there yet count as the newest.
    fn read(text: &str) -> Result<Self> {
        let digits = text.trim();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            let message = "the version must be 1, 2 or 3, in the header X-Version or as v=";
            return Err(Error::Malformed(message.to_owned()));
        }
        match digits.trim_start_matches('0') {
            "" => Err(Error::Malformed(
                "there is no version 0; ask for 1, 2 or 3".to_owned(),
            )),
            "1" => Ok(Self::V1),
            "2" => Ok(Self::V2),
            _ => Ok(Self::V3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn header_before_query_before_default() {
        let check = |header: Option<&str>, query: Option<&str>, expected: Option<Version>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert("X-Version", HeaderValue::from_str(header).unwrap());
            }
            let version = Version::of(&headers, query).ok();
            assert_eq!(version, expected, "{header:?} {query:?}");
        };
        let (v1, v2, v3) = (Some(Version::V1), Some(Version::V2), Some(Version::V3));
        check(None, None, v1);
        check(None, Some(""), v1);
        check(None, Some("v="), v1);
        check(None, Some("size=3&v=2"), v2);
        check(Some("3"), None, v3);
        check(Some(" 3 "), None, v3);
        check(Some("1"), Some("v=3"), v1);
        check(Some("4"), None, v3);
        check(Some("99999999999999999999999"), None, v3);
        check(None, Some("v=03"), v3);
        for bad in ["", "0", "-1", "x", "3.0", "v3", "三", "1 2"] {
            check(Some(bad), Some("v=3"), None);
        }
        check(None, Some("v=x"), None);
    }
}
