//! `GET /ready`

use crate::state::Api;
use axum::extract::State;
use axum::http::StatusCode;

/// Vector asks for it before it pushes.
pub(in super::super) async fn ready(State(api): State<Api>) -> (StatusCode, &'static str) {
    if (api.readiness)().reasons.is_empty() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
