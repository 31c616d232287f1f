//! `GET /api/v1/macros`

use super::macros::shown;
use crate::auth::{Authorized, SearchRead};
use crate::body::Params;
use crate::error::Result;
use crate::native::schemas::macros::MacrosReply;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// Most macros of one page.
const MOST: usize = 1_000;

/// All macros by name.
#[utoipa::path(
    get, path = "/api/v1/macros", tag = "Macros",
    security(("jwt" = ["search:read"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, description = "Macros per page, at most and by default 1000"),
        ("page" = Option<u64>, Query, minimum = 1, description = "Page from 1"),
    ),
    responses((status = 200, description = "Each with its text", body = MacrosReply))
)]
pub(crate) async fn macros(
    State(api): State<Api>,
    _caller: Authorized<SearchRead>,
    params: Params,
) -> Result<Json<Value>> {
    let limit = params.positive("limit", MOST)?.min(MOST);
    let skip = (params.positive("page", 1)? - 1).saturating_mul(limit);
    let macros = api.catalog.macros().await?;
    let page: Vec<Value> = macros.iter().skip(skip).take(limit).map(shown).collect();
    Ok(Json(json!({"macros": page, "total": macros.len()})))
}
