//! `GET /elastic/_license`

use super::super::received::Received;
use axum::Json;
use serde_json::{Value, json};

/// Beats and Logstash want one that is active.
pub(in super::super) async fn license(_: Received) -> Json<Value> {
    Json(json!({"license": {
        "status": "active",
        "uid": "00000000-0000-0000-0000-000000000000",
        "type": "basic",
        "issue_date_in_millis": 0,
    }}))
}
