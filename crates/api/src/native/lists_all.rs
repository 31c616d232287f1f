//! `GET /api/v1/lists`

use super::lists::shown;
use crate::auth::{Authorized, SearchRead};
use crate::body::Params;
use crate::error::Result;
use crate::native::schemas::ListInfosReply;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// Most lists of one page.
const MOST: usize = 1_000;

/// All lists by name, without their values.
#[utoipa::path(
    get, path = "/api/v1/lists", tag = "Lists",
    security(("jwt" = ["search:read"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, description = "Lists per page, at most and by default 1000"),
        ("page" = Option<u64>, Query, minimum = 1, description = "Page from 1"),
    ),
    responses((status = 200, description = "Name, kind and number of values of each", body = ListInfosReply))
)]
pub(crate) async fn lists(
    State(api): State<Api>,
    _caller: Authorized<SearchRead>,
    params: Params,
) -> Result<Json<Value>> {
    let limit = params.positive("limit", MOST)?.min(MOST);
    let skip = (params.positive("page", 1)? - 1).saturating_mul(limit);
    api.catalog.expire_list_values(api.now()).await?;
    let lists = api.catalog.lists().await?;
    let page: Vec<Value> = lists.iter().skip(skip).take(limit).map(shown).collect();
    Ok(Json(json!({"lists": page, "total": lists.len()})))
}
