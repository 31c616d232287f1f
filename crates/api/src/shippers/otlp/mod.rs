//! OpenTelemetry's logs over HTTP and over gRPC.
//!
//! gRPC is one message there and one back over HTTP/2: five bytes before each message, and the
//! status in the trailers. That little is written here rather than taken from a library that
//! brings a server of its own (facts: `PROTOCOL-HTTP2.md` of gRPC).
//!
//! Of HTTP statuses clients send again after 429, 502, 503 and 504 only, of gRPC's after
//! UNAVAILABLE and some more; so what may succeed later is 503 and UNAVAILABLE.

pub(super) mod grpc;
pub(super) mod logs;
mod status;

use super::around::Asker;
use crate::error::{Error, render};
use crate::native::ingest::refused;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use cresset_ingest::shippers::Receipt;
use serde_json::json;

pub(super) use grpc::refusal as grpc_refusal;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Whether a request is JSON. Everything else is protobuf.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE);
    let media = media.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

/// An error as OpenTelemetry wants it: `google.rpc.Status` in the encoding of the request.
pub(super) fn refusal(error: &Error, asker: &Asker) -> Response {
    let status = match error {
        Error::TooSlow { .. } | Error::Internal(_) => StatusCode::SERVICE_UNAVAILABLE,
        other => render::native_status(other),
    };
    let (code, text) = (status::code(error), render::text(error));
    let mut response = if asker.json {
        (status, Json(json!({"code": code, "message": text}))).into_response()
    } else {
        let body = status::message(code, &text, None);
        (status, [(header::CONTENT_TYPE, PROTOBUF)], body).into_response()
    };
    render::tell_when(error, response.headers_mut());
    response
}

/// How many records were refused and why, or why the request failed.
fn outcome(receipt: Receipt) -> Result<Option<(u64, String)>, Error> {
    if let Some(stop) = receipt.stop {
        return Err(refused(stop.error));
    }
    if let Some(reason) = receipt.broken {
        return Err(Error::Malformed(reason));
    }
    let reason = receipt.first_fault.map(|(_, fault)| fault.reason);
    Ok(reason.map(|reason| (receipt.rejected, reason)))
}
