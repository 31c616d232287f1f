//! The only map from error to HTTP status and body.

use super::Error;
use crate::endpoints::Family;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cresset_model::Duration;
use serde_json::{Value, json};
use std::sync::Arc;

/// The header with [`failure_reason`].
pub(crate) const FAILURE_REASON: HeaderName = HeaderName::from_static("x-auth-failure-reason");

/// Middleware: gives every [`Error`] the shape that the path's family uses.
pub(crate) async fn errors(request: Request, next: Next) -> Response {
    let family = Family::of(request.uri().path());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Arc<Error>>() {
        Some(error) => render(&error, family),
        None => response,
    }
}

/// The response for `error` in `family`.
pub(crate) fn render(error: &Error, family: Family) -> Response {
    let status = status(error, family);
    if let Error::Internal(detail) = error {
        tracing::error!(detail, "request failed");
    }
    let (content_type, body) = match family {
        Family::Native => ("application/problem+json", problem(error, status)),
        Family::Jwt if token_shape(error) => (
            "application/json",
            json!({"error": text(error), "status_code": status.as_u16()}),
        ),
        Family::Jwt | Family::Credential => ("application/json", envelope(error)),
    };
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(reason) = failure_reason(error) {
        headers.insert(FAILURE_REASON, reason);
    }
    tell_when(error, headers);
    response
}

/// Says when to try again, where that is known.
pub(crate) fn tell_when(error: &Error, headers: &mut HeaderMap) {
    if let Error::Throttled(wait)
    | Error::Busy {
        retry_after: wait, ..
    }
    | Error::OverShare {
        retry_after: wait, ..
    } = error
    {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds(*wait)));
    }
}

/// The status where nobody expects anything odd.
pub(crate) fn native_status(error: &Error) -> StatusCode {
    status(error, Family::Native)
}

/// Tells a client whose signature fits, but whose clock is wrong, what is the matter.
pub(crate) fn failure_reason(error: &Error) -> Option<HeaderValue> {
    let Error::ClockSkew { server_time } = error else {
        return None;
    };
    let millis = server_time.0.div_euclid(1000);
    HeaderValue::from_str(&format!("clock-skew; server-time={millis}")).ok()
}

/// Status by error, with what the families do differently:
/// Logpoint answers a taken name and everything about credentials with 200.
fn status(error: &Error, family: Family) -> StatusCode {
    let status = match error {
        Error::Unauthenticated(_) | Error::Credentials | Error::ClockSkew { .. } => {
            StatusCode::UNAUTHORIZED
        }
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Throttled(_) | Error::OverQuota | Error::OverShare { .. } => {
            StatusCode::TOO_MANY_REQUESTS
        }
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::NameTaken(_) => StatusCode::OK,
        Error::Malformed(_) => StatusCode::BAD_REQUEST,
        Error::Refused(_) | Error::Conflict(_) => StatusCode::CONFLICT,
        Error::NotFound(_) | Error::UnknownPath(_) => StatusCode::NOT_FOUND,
        Error::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
        Error::TooLarge { .. } | Error::TooMany { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
        Error::UnsupportedMedia(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::Busy { .. } | Error::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let transport = matches!(
        error,
        Error::UnknownPath(_)
            | Error::WrongMethod(_)
            | Error::TooLarge { .. }
            | Error::TooSlow { .. }
            | Error::Internal(_)
    );
    if family == Family::Credential && !transport {
        StatusCode::OK
    } else {
        status
    }
}

/// Errors that Logpoint's JWT endpoints answer with `{"error", "status_code"}`.
fn token_shape(error: &Error) -> bool {
    matches!(
        error,
        Error::Unauthenticated(_)
            | Error::ClockSkew { .. }
            | Error::Forbidden(_)
            | Error::Throttled(_)
    )
}

fn envelope(error: &Error) -> Value {
    let mut body = json!({"success": false, "message": text(error)});
    match error {
        Error::Invalid(errors) => body["validationErrors"] = errors.to_json(),
        Error::NameTaken(message) => {
            body["message"] = "Validation error".into();
            body["validationErrors"] = json!({ "name": message });
        }
        _ => {}
    }
    body
}

/// RFC 9457.
fn problem(error: &Error, status: StatusCode) -> Value {
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": text(error),
    });
    if let Error::Invalid(errors) = error {
        body["errors"] = errors.to_json();
    }
    body
}

/// What the client reads. Internal details stay in the log.
pub(crate) fn text(error: &Error) -> String {
    match error {
        Error::Internal(_) => "the server failed to carry this out; its log says why".to_owned(),
        // One text for a wrong password and for too many of them: a guesser learns nothing.
        other => other.to_string(),
    }
}

/// Whole seconds, rounded up, at least one.
fn seconds(wait: Duration) -> u64 {
    u64::try_from(wait.0)
        .unwrap_or(0)
        .div_ceil(1_000_000)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_by_family() {
        let refused = || Error::Refused("no".into());
        let check = |error: Error, jwt: u16, credential: u16, native: u16| {
            for (family, expected) in [
                (Family::Jwt, jwt),
                (Family::Credential, credential),
                (Family::Native, native),
            ] {
                assert_eq!(
                    render(&error, family).status().as_u16(),
                    expected,
                    "{error:?}"
                );
            }
        };
        check(Error::Unauthenticated("no".into()), 401, 200, 401);
        check(Error::Credentials, 401, 200, 401);
        check(Error::Forbidden("no".into()), 403, 200, 403);
        check(Error::field("a", "b"), 422, 200, 422);
        check(Error::NameTaken("x already exists".into()), 200, 200, 200);
        check(Error::NotFound("x".into()), 404, 200, 404);
        check(Error::UnknownPath("/x".into()), 404, 404, 404);
        check(Error::WrongMethod("PUT".into()), 405, 405, 405);
        check(Error::too_large(1), 413, 413, 413);
        check(refused(), 409, 200, 409);
        check(Error::Throttled(Duration::seconds(2)), 429, 200, 429);
        check(Error::Internal("x".into()), 500, 500, 500);
    }

    #[test]
    fn waiting_is_rounded_up() {
        for (micros, expected) in [(0, 1), (1, 1), (1_000_000, 1), (1_000_001, 2), (-5, 1)] {
            assert_eq!(seconds(Duration(micros)), expected, "{micros}");
        }
    }
}
