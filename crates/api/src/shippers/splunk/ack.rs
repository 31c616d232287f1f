//! `POST /services/collector/ack`

use super::super::received::Received;
use crate::body;
use crate::error::Result;
use axum::Json;
use serde_json::{Map, Value, json};

/// Says that every batch asked after is indexed: nobody has a number of one that is not.
pub(in super::super) async fn ack(received: Received) -> Result<Json<Value>> {
    let asked = body::object(&received.body)?;
    let numbers = asked.get("acks").and_then(Value::as_array);
    let numbers = numbers.into_iter().flatten().filter_map(Value::as_u64);
    let acks: Map<String, Value> = numbers.map(|n| (n.to_string(), true.into())).collect();
    Ok(Json(json!({ "acks": acks })))
}
