//! `GET /health/live` and `GET /health/ready`

use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// 200 while the process answers at all.
#[utoipa::path(
    get, path = "/health/live", tag = "Operation",
    responses((status = 200, description = "Alive", body = Value))
)]
pub(crate) async fn live() -> Json<Value> {
    Json(json!({"status": "alive"}))
}

/// 200 while the server does its work, else 503 with the reasons.
#[utoipa::path(
    get, path = "/health/ready", tag = "Operation",
    responses(
        (status = 200, description = "Ready", body = Value),
        (status = 503, description = "Not ready; `reasons` says why", body = Value),
    )
)]
pub(crate) async fn ready(State(api): State<Api>) -> Response {
    let mut reasons = (api.readiness)().reasons;
    if let Err(error) = api.catalog.rules_version().await {
        tracing::warn!(%error, "the catalog does not answer");
        reasons.push("the catalog does not answer".to_owned());
    }
    if reasons.is_empty() {
        return Json(json!({"status": "ready", "reasons": []})).into_response();
    }
    let body = json!({"status": "not ready", "reasons": reasons});
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}
