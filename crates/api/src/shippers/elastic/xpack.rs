//! `GET /elastic/_xpack`

use super::super::received::Received;
use axum::Json;
use serde_json::{Value, json};

/// Old Logstash and fluentd ask whether there are lifecycle policies.
pub(in super::super) async fn xpack(_: Received) -> Json<Value> {
    Json(json!({"features": {"ilm": {"available": true, "enabled": true}}}))
}
