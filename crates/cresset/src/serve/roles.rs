//! A node answers only for the parts that it runs.

use crate::config::NodeRole;
use axum::Json;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The part that a path belongs to; `None` for what every node answers.
fn part_of(path: &str) -> Option<(NodeRole, &'static str)> {
    match path {
        "/api/v1/ingest" => Some((NodeRole::Ingest, "ingest")),
        "/getsearchlogs" => Some((NodeRole::Search, "search")),
        "/metrics" | "/api/v1/openapi.json" => None,
        _ if path.starts_with("/health/") => None,
        _ => Some((NodeRole::Control, "control")),
    }
}

/// Refuses requests for parts that are not among `roles`.
pub(super) fn limit(router: Router, roles: &[NodeRole]) -> Router {
    let roles: Arc<[NodeRole]> = roles.into();
    router.layer(from_fn(move |request: Request, next: Next| {
        let roles = Arc::clone(&roles);
        async move {
            match part_of(request.uri().path()) {
                Some((part, word)) if !roles.contains(&part) => refusal(word),
                _ => next.run(request).await,
            }
        }
    }))
}

fn refusal(word: &str) -> Response {
    let message =
        format!("this node does not run the role {word:?}; ask one that does (server.roles)");
    let body = serde_json::json!({
        "type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": message,
        "success": false, "message": message,
    });
    let kind = [(CONTENT_TYPE, "application/problem+json")];
    (StatusCode::SERVICE_UNAVAILABLE, kind, Json(body)).into_response()
}
