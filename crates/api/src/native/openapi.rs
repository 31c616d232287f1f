//! `GET /api/v1/openapi.json`

pub(crate) mod credentials;
pub(crate) mod refusals;

use axum::Json;
use std::sync::OnceLock;

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "Operation",
    responses((status = 200, description = "OpenAPI 3.1", body = crate::native::schemas::Document))
)]
pub(crate) async fn openapi() -> Json<&'static utoipa::openapi::OpenApi> {
    static DOCUMENT: OnceLock<utoipa::openapi::OpenApi> = OnceLock::new();
    Json(DOCUMENT.get_or_init(crate::router::openapi))
}
