//! What happens around every handler: request id, measurement, time limit, and a
//! panic that takes down nothing but its request.

use crate::error::Error;
use crate::state::Api;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cresset_model::ObjectId;
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::time::Instant;
use tracing::Instrument as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Outermost: names the request, measures it, and logs how it ended.
pub(crate) async fn observe(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request, &api);
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let method = method_label(request.method());
    let span = tracing::info_span!("request", method, route, id = id.to_str().unwrap_or(""));
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    metrics::counter!("cresset_http_requests_total",
        "method" => method, "route" => route.clone(), "status" => status.to_string())
    .increment(1);
    metrics::histogram!("cresset_http_request_seconds", "route" => route)
        .record(elapsed.as_secs_f64());
    span.in_scope(|| tracing::debug!(status, micros = elapsed.as_micros() as u64, "answered"));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Innermost: the time limit and the net under a panic.
pub(crate) async fn contain(State(api): State<Api>, request: Request, next: Next) -> Response {
    let limit = api.settings.request_timeout.to_std();
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            metrics::counter!("cresset_http_panics_total").increment(1);
            Error::Internal(format!("panic: {}", panic_text(panic.as_ref()))).into_response()
        }
        Err(_) => Error::Timeout.into_response(),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The client's id if it is short and printable, else a new one.
fn request_id(request: &Request, api: &Api) -> HeaderValue {
    let sent = request.headers().get(REQUEST_ID).filter(|value| {
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    sent.cloned().unwrap_or_else(|| {
        let id = ObjectId::generate(api.now(), api.entropy.as_ref()).to_string();
        HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

/// A label of few values, whatever a client invents.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
