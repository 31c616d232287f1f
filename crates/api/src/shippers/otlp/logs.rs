//! `POST /v1/logs`

use super::super::received::Received;
use super::{PROTOBUF, is_json, outcome, status};
use crate::error::Result;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use cresset_ingest::shippers::Format;
use serde_json::json;

/// Stores log records. 200 means that those which are not counted as rejected are on stable
/// storage.
pub(in super::super) async fn logs(State(api): State<Api>, received: Received) -> Result<Response> {
    let json = is_json(&received.headers);
    let format = if json {
        Format::OtlpJson
    } else {
        Format::OtlpProtobuf
    };
    let encoding = received.encoding()?;
    let receipt = received.store(&api, format, encoding, None).await?;
    let refused = outcome(receipt)?;
    Ok(match refused {
        // Numbers of 64 bits are texts there.
        Some((count, reason)) if json => Json(json!({"partialSuccess": {
            "rejectedLogRecords": count.to_string(), "errorMessage": reason}}))
        .into_response(),
        None if json => Json(json!({})).into_response(),
        refused => {
            let refused = refused.as_ref();
            let body = status::response(refused.map(|(n, reason)| (*n, reason.as_str())));
            ([(CONTENT_TYPE, PROTOBUF)], body).into_response()
        }
    })
}
