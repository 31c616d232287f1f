//! `GET /elastic/_cluster/health`

use super::super::received::Received;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// Vector asks for it when it starts, and reads the status of HTTP only.
pub(in super::super) async fn health(State(api): State<Api>, _: Received) -> Json<Value> {
    Json(json!({
        "cluster_name": api.settings.server_name,
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
    }))
}
