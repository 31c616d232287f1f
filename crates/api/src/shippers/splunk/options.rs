//! `OPTIONS /services/collector/event`

use axum::http::header::ALLOW;
use axum::response::{IntoResponse as _, Response};

/// That there is something to send to. Docker asks, without a token, before it starts a
/// container that logs here.
pub(in super::super) async fn options() -> Response {
    [(ALLOW, "POST")].into_response()
}
