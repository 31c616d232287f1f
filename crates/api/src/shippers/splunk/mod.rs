//! Splunk's HTTP Event Collector.
//!
//! Answers are `{"text":…,"code":…}`; the codes are those of the table in its documentation,
//! "Troubleshoot HTTP Event Collector". Fluent Bit drops a batch that is answered with any 4xx,
//! also 429, so that what may succeed later is always 503.

pub(super) mod ack;
pub(super) mod event;
pub(super) mod health;
pub(super) mod options;
pub(super) mod raw;

use super::around::Asker;
use super::received::Received;
use crate::error::{Error, Result, render};
use crate::native::ingest::refused;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use cresset_ingest::shippers::{Defaults, FaultKind, Receipt};
use serde_json::{Value, json};

/// The header with the name of a client's channel.
const CHANNEL: &str = "x-splunk-request-channel";

/// What the query string says of every event.
fn defaults(received: &Received) -> Defaults {
    let text = |name: &str| received.params.get(name).cloned();
    Defaults {
        host: text("host"),
        source: text("source"),
        sourcetype: text("sourcetype"),
        index: text("index"),
        time: text("time"),
    }
}

/// Whether the client names a channel, as those do that ask for acknowledgements.
fn has_channel(received: &Received) -> bool {
    !received.header(CHANNEL).is_empty() || received.params.contains_key("channel")
}

/// What the client is told of what it sent.
fn answer(receipt: Receipt, with_ack: bool) -> Result<Response> {
    if let Some(stop) = receipt.stop {
        return Err(refused(stop.error));
    }
    let first = receipt.first_fault.map(|(at, fault)| {
        let (code, text) = match fault.kind {
            FaultKind::Unreadable => (6, format!("Invalid data format: {}", fault.reason)),
            FaultKind::Missing => (12, fault.reason),
            FaultKind::Blank => (13, fault.reason),
        };
        (at, code, text)
    });
    let sent = receipt.accepted + receipt.rejected;
    let broken = receipt
        .broken
        .map(|reason| (sent, 6, format!("Invalid data format: {reason}")));
    if let Some((at, code, text)) = first.or(broken) {
        let body = json!({"text": text, "code": code, "invalid-event-number": at});
        return Ok((StatusCode::BAD_REQUEST, Json(body)).into_response());
    }
    if sent == 0 {
        let body = json!({"text": "No data", "code": 5});
        return Ok((StatusCode::BAD_REQUEST, Json(body)).into_response());
    }
    let mut body = json!({"text": "Success", "code": 0});
    // What is answered is durable, so an acknowledgement needs a number that no other has.
    if let Some(seq) = receipt.first_seq.filter(|_| with_ack) {
        body["ackId"] = Value::from(seq);
    }
    Ok(Json(body).into_response())
}

/// An error as Splunk writes it.
pub(super) fn refusal(error: &Error, asker: &Asker) -> Response {
    let text = render::text(error);
    let (status, code, text) = match error {
        Error::Unauthenticated(_) | Error::ClockSkew { .. } if !asker.with_credential => {
            (StatusCode::UNAUTHORIZED, 2, "Token is required".to_owned())
        }
        Error::Unauthenticated(_) | Error::ClockSkew { .. } => {
            (StatusCode::FORBIDDEN, 4, format!("Invalid token: {text}"))
        }
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, 1, text),
        Error::NotFound(_) => (
            StatusCode::BAD_REQUEST,
            7,
            format!("Incorrect index: {text}"),
        ),
        Error::Busy { .. } | Error::Throttled(_) | Error::Timeout | Error::TooSlow { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            9,
            format!("Server is busy: {text}"),
        ),
        // The table has no code for a size; 6 is that of data which cannot be taken.
        Error::TooLarge { .. } | Error::TooMany { .. } => (StatusCode::PAYLOAD_TOO_LARGE, 6, text),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, 8, text),
        other => (render::native_status(other), 6, text),
    };
    let body = json!({"text": text, "code": code});
    let mut response = (status, Json(body)).into_response();
    render::tell_when(error, response.headers_mut());
    response
}
