//! As much of Elasticsearch as shippers need: `_bulk`, and what they ask before they send.
//!
//! They want to know a version, a licence, and that templates and policies exist; then they
//! leave those alone. Nothing of it means anything here. Answers are JSON without blanks,
//! because Vector and Fluent Bit look for literal pieces of them.

pub(super) mod assets;
pub(super) mod bulk;
pub(super) mod health;
pub(super) mod license;
pub(super) mod nodes;
pub(super) mod root;
pub(super) mod xpack;

use crate::error::{Error, render};
use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// Official clients look for this header on every answer.
const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");

/// The answer with the header that clients look for.
pub(super) fn named(mut response: Response) -> Response {
    let product = HeaderValue::from_static("Elasticsearch");
    response.headers_mut().insert(PRODUCT, product);
    response
}

/// An error as Elasticsearch writes it.
pub(super) fn refusal(error: &Error) -> Response {
    let status = match error {
        // Vector drops what is answered 408.
        Error::TooSlow { .. } => StatusCode::SERVICE_UNAVAILABLE,
        other => render::native_status(other),
    };
    let kind = match error {
        Error::Unauthenticated(_) | Error::ClockSkew { .. } | Error::Forbidden(_) => {
            "security_exception"
        }
        Error::Busy { .. } | Error::Throttled(_) | Error::TooSlow { .. } => {
            "es_rejected_execution_exception"
        }
        Error::NotFound(_) | Error::UnknownPath(_) => "resource_not_found_exception",
        Error::Internal(_) | Error::Timeout => "exception",
        _ => "illegal_argument_exception",
    };
    let reason = render::text(error);
    let cause = json!({"type": kind, "reason": reason});
    let body = json!({
        "error": {"root_cause": [cause], "type": kind, "reason": reason},
        "status": status.as_u16(),
    });
    let mut response = named((status, Json(body)).into_response());
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        for scheme in ["Basic realm=\"cresset\"", "ApiKey", "Bearer"] {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
    }
    render::tell_when(error, headers);
    response
}
