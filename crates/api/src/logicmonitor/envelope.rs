//! The shapes that answers have in each version, and the only map from error to status here.

use super::version::Version;
use crate::error::Error;
use crate::error::render::{FAILURE_REASON, failure_reason};
use crate::state::V1AuthFailure;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Few objects take more.
const USUAL_BYTES: usize = 1024;
/// With those of the quota, of the request and of HTTP itself.
const USUAL_HEADERS: usize = 12;

/// What an endpoint answers with, written down. [`super::call::Call`] makes it.
pub(crate) struct Reply(serde_json::Result<Vec<u8>>);

impl Reply {
    pub(super) fn object(version: Version, object: &impl Serialize) -> Self {
        Self(match version {
            Version::V1 => written(&Wrapped {
                data: object,
                errmsg: "OK",
                status: 200,
            }),
            Version::V2 | Version::V3 => written(object),
        })
    }

    pub(super) fn list(version: Version, total: u64, items: &[impl Serialize]) -> Self {
        let page = Page {
            is_min: (version != Version::V1).then_some(false),
            items,
            search_id: (),
            total,
        };
        Self::object(version, &page)
    }

    /// The answer to a deletion. Clients of versions 2 and 3 want an object.
    pub(super) fn nothing(version: Version) -> Self {
        match version {
            Version::V1 => Self::object(version, &()),
            Version::V2 | Version::V3 => Self::object(version, &Map::<String, Value>::new()),
        }
    }
}

fn written(object: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut text, object)?;
    Ok(text)
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        response(StatusCode::OK, self.0)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    is_min: Option<bool>,
    items: &'a [T],
    search_id: (),
    total: u64,
}

/// What the first version puts around every answer.
#[derive(Serialize)]
struct Wrapped<'a, T> {
    data: &'a T,
    errmsg: &'static str,
    status: u16,
}

fn response(status: StatusCode, written: serde_json::Result<Vec<u8>>) -> Response {
    let (status, body) = match written {
        Ok(body) => (status, body),
        // Not of what has texts for keys, and nothing here has others.
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(USUAL_HEADERS);
    let media = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, media);
    // Some answers hold a secret.
    let no_store = HeaderValue::from_static("no-store");
    headers.insert(CACHE_CONTROL, no_store);
    response
}

/// The answer that says why a request was not carried out.
///
/// `failure` is how the first version tells that somebody is not proven.
pub(super) fn refusal(error: &Error, version: Version, failure: V1AuthFailure) -> Response {
    if let Error::Internal(detail) = error {
        tracing::error!(detail, "request failed");
    }
    let (http, in_v1) = statuses(error);
    let code = 1000 + http.as_u16();
    let mut response = if version == Version::V1 {
        // Too many requests is the one failure that the first version tells by HTTP too.
        let (http, in_v1) = match (http, failure) {
            (StatusCode::UNAUTHORIZED, V1AuthFailure::Http200Status403) => (StatusCode::OK, 403),
            (StatusCode::UNAUTHORIZED, V1AuthFailure::Http401Status1401) => (http, in_v1),
            (StatusCode::TOO_MANY_REQUESTS, _) => (http, in_v1),
            _ => (StatusCode::OK, in_v1),
        };
        let body = json!({"status": in_v1, "errmsg": text(error), "data": null});
        self::response(http, serde_json::to_vec(&body))
    } else {
        let body = json!({"errorMessage": text(error), "errorCode": code, "errorDetail": null});
        self::response(http, serde_json::to_vec(&body))
    };
    let challenged = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if challenged {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("LMv1, Bearer"));
    }
    if let Some(reason) = failure_reason(error) {
        headers.insert(FAILURE_REASON, reason);
    }
    response
}

/// The HTTP status of versions 2 and 3, and the `status` of version 1 (spec §2.3, §2.4).
fn statuses(error: &Error) -> (StatusCode, u16) {
    match error {
        // A guesser is not told that the throttle holds the guesses back.
        Error::Unauthenticated(_)
        | Error::Credentials
        | Error::ClockSkew { .. }
        | Error::Throttled(_) => (StatusCode::UNAUTHORIZED, 1401),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, 1041),
        Error::Invalid(_) | Error::Malformed(_) | Error::Refused(_) => {
            (StatusCode::BAD_REQUEST, 1007)
        }
        Error::NotFound(_) | Error::UnknownPath(_) => (StatusCode::NOT_FOUND, 1069),
        Error::Conflict(_) | Error::NameTaken(_) => (StatusCode::CONFLICT, 600),
        Error::OverQuota | Error::OverShare { .. } => (StatusCode::TOO_MANY_REQUESTS, 1429),
        Error::WrongMethod(_) => (StatusCode::METHOD_NOT_ALLOWED, 1007),
        Error::TooLarge { .. } | Error::TooMany { .. } => (StatusCode::PAYLOAD_TOO_LARGE, 1007),
        Error::UnsupportedMedia(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 1007),
        Error::TooSlow { .. } => (StatusCode::REQUEST_TIMEOUT, 1101),
        Error::Timeout => (StatusCode::SERVICE_UNAVAILABLE, 1101),
        Error::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, 1001),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, 1001),
    }
}

/// What the client reads: one text for every cause of a failed authentication, and no
/// internal detail.
fn text(error: &Error) -> String {
    match error {
        Error::Unauthenticated(_)
        | Error::Credentials
        | Error::ClockSkew { .. }
        | Error::Throttled(_) => "Authentication failed".to_owned(),
        Error::Invalid(errors) => errors.to_string(),
        Error::Internal(_) => "the server failed to carry this out; its log says why".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::{Duration, Timestamp};

    fn refused(error: &Error, version: Version) -> Response {
        refusal(error, version, V1AuthFailure::default())
    }

    #[test]
    fn the_first_version_tells_failed_authentication_as_it_is_set() {
        use V1AuthFailure::{Http200Status403, Http200Status1401, Http401Status1401};
        let denied = Error::Unauthenticated("x".into());
        let check = |error: &Error, failure, http: u16, challenged: bool| {
            let response = refusal(error, Version::V1, failure);
            assert_eq!(response.status().as_u16(), http, "{failure:?}");
            let challenge = response.headers().contains_key(WWW_AUTHENTICATE);
            assert_eq!(challenge, challenged, "{failure:?}");
        };
        check(&denied, Http200Status1401, 200, false);
        check(&denied, Http200Status403, 200, false);
        check(&denied, Http401Status1401, 401, true);
        for failure in [Http200Status1401, Http200Status403, Http401Status1401] {
            check(&Error::Forbidden("no".into()), failure, 200, false);
            check(&Error::OverQuota, failure, 429, false);
            let other = refusal(&denied, Version::V3, failure);
            assert_eq!(other.status().as_u16(), 401, "{failure:?}");
        }
    }

    #[test]
    fn statuses_by_version() {
        let check = |error: Error, http: u16, in_v1: u16| {
            let statuses = statuses(&error);
            assert_eq!(
                (statuses.0.as_u16(), statuses.1),
                (http, in_v1),
                "{error:?}"
            );
            for version in [Version::V2, Version::V3] {
                assert_eq!(
                    refused(&error, version).status().as_u16(),
                    http,
                    "{error:?}"
                );
            }
            let expected = if http == 429 { 429 } else { 200 };
            let first = refused(&error, Version::V1);
            assert_eq!(first.status().as_u16(), expected, "{error:?}");
            assert_eq!(first.headers()[CONTENT_TYPE], "application/json");
        };
        let server_time = Timestamp::from_secs(1);
        check(Error::Unauthenticated("no".into()), 401, 1401);
        check(Error::ClockSkew { server_time }, 401, 1401);
        check(Error::Throttled(Duration::seconds(2)), 401, 1401);
        check(Error::Forbidden("no".into()), 403, 1041);
        check(Error::Malformed("x".into()), 400, 1007);
        check(Error::field("status", "must be 1 or 2"), 400, 1007);
        check(Error::Refused("in use".into()), 400, 1007);
        check(Error::NotFound("x".into()), 404, 1069);
        check(Error::UnknownPath("/x".into()), 404, 1069);
        check(Error::Conflict("x".into()), 409, 600);
        check(Error::OverQuota, 429, 1429);
        check(Error::WrongMethod("PUT".into()), 405, 1007);
        check(Error::too_large(1), 413, 1007);
        check(Error::Timeout, 503, 1101);
        check(Error::Internal("x".into()), 500, 1001);
    }

    #[test]
    fn only_a_wrong_clock_is_explained() {
        let server_time = Timestamp::from_millis(1_700_000_000_123);
        let skewed = refused(&Error::ClockSkew { server_time }, Version::V1);
        let reason = "clock-skew; server-time=1700000000123";
        assert_eq!(skewed.headers()[FAILURE_REASON], reason);
        let other = refused(&Error::Unauthenticated("x".into()), Version::V3);
        assert!(!other.headers().contains_key(FAILURE_REASON));
    }
}
