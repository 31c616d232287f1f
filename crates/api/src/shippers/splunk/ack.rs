//! `POST /services/collector/ack`

use super::super::received::Received;
use crate::body;
use crate::error::{Error, Result};
use axum::Json;
use serde_json::{Map, Value, json};

/// Longest question; clients ask after some thousands of numbers at most.
const MAX_BYTES: usize = 256 << 10;

/// Says that every batch asked after is indexed: nobody has a number of one that is not.
pub(in super::super) async fn ack(received: Received) -> Result<Json<Value>> {
    if received.body.len() > MAX_BYTES {
        return Err(Error::too_large(MAX_BYTES));
    }
    let asked = body::object(&received.body)?;
    let numbers = asked.get("acks").and_then(Value::as_array);
    let numbers = numbers.into_iter().flatten().filter_map(Value::as_u64);
    let acks: Map<String, Value> = numbers.map(|n| (n.to_string(), true.into())).collect();
    Ok(Json(json!({ "acks": acks })))
}
