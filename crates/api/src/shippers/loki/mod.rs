//! Loki's push. Errors are a line of text. Some clients take only 204 for success, and all drop
//! a batch that is answered with 400.

pub(super) mod push;
pub(super) mod ready;

use crate::error::{Error, render};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// An error as Loki writes it.
pub(super) fn refusal(error: &Error) -> Response {
    let status = match error {
        // What may succeed later is sent again.
        Error::TooSlow { .. } => StatusCode::SERVICE_UNAVAILABLE,
        other => render::native_status(other),
    };
    let mut response = (status, render::text(error) + "\n").into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"cresset\"");
        headers.insert(WWW_AUTHENTICATE, basic);
    }
    render::tell_when(error, headers);
    response
}
