//! `GET /services/collector/health`

use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// Whether events are taken.
pub(in super::super) async fn health(State(api): State<Api>) -> (StatusCode, Json<Value>) {
    if (api.readiness)().reasons.is_empty() {
        let body = json!({"text": "HEC is healthy", "code": 17});
        return (StatusCode::OK, Json(body));
    }
    let body = json!({"text": "HEC is unhealthy, queues are full", "code": 18});
    (StatusCode::SERVICE_UNAVAILABLE, Json(body))
}
