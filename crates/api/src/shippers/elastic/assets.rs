//! Templates, policies, pipelines, data streams and indices.

use super::super::received::Received;
use axum::Json;
use serde_json::{Value, json};

/// `GET`: there is one, so that nobody has to make it.
pub(in super::super) async fn exists(_: Received) -> Json<Value> {
    Json(json!({}))
}

/// `PUT`: it is taken and passed over.
pub(in super::super) async fn put(_: Received) -> Json<Value> {
    Json(json!({"acknowledged": true}))
}
