//! `GET /api/v1/lists/{name}`

use super::lists::shown;
use crate::auth::{Authorized, SearchRead};
use crate::body::{Params, PathText};
use crate::error::{Error, Result};
use crate::native::schemas::ListWithValues;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::Value;

/// Values of a page if the request does not say, and at most.
const USUAL: usize = 1_000;
const MOST: usize = 100_000;

/// A list with a page of its values. Those past the age limit of a dynamic list are gone.
#[utoipa::path(
    get, path = "/api/v1/lists/{name}", tag = "Lists",
    security(("jwt" = ["search:read"])),
    params(
        ("name" = String, Path, description = "The list's name, in any case"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "Values per page, 1000 if not given, at most 100000"),
        ("page" = Option<u64>, Query, minimum = 1, description = "Page from 1"),
    ),
    responses(
        (status = 200, description = "The list; `page` holds the values", body = ListWithValues),
        (status = 404, description = "There is no such list"),
    )
)]
pub(crate) async fn read(
    State(api): State<Api>,
    _caller: Authorized<SearchRead>,
    PathText(name): PathText,
    params: Params,
) -> Result<Json<Value>> {
    let limit = params.positive("limit", USUAL)?.min(MOST);
    let skip = (params.positive("page", 1)? - 1).saturating_mul(limit);
    api.catalog.expire_list_values(api.now()).await?;
    let list = api.catalog.list(&name).await?;
    let page = api
        .catalog
        .list_page(&name, skip as u64, limit as u64)
        .await?;
    let (Some(list), Some(page)) = (list, page) else {
        return Err(Error::NotFound(format!("list {name:?} does not exist")));
    };
    let mut reply = shown(&list);
    reply["page"] = page.into();
    Ok(Json(reply))
}
