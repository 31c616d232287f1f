//! `GET /UserDefinedList/lists_api`

use crate::auth::{Authorized, SearchRead};
use crate::body::Params;
use crate::error::Result;
use crate::logpoint::schemas::lists::ListsPage;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::list::ListInfo;
use serde_json::{Value, json};

/// All lists by name. They belong to everybody.
#[utoipa::path(
    get, path = "/UserDefinedList/lists_api", tag = "Lists",
    security(("jwt" = ["search:read"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, description = "Rows per page, 25 if not given"),
        ("page" = Option<u64>, Query, minimum = 1, description = "Page from 1"),
        ("return_all_data" = Option<bool>, Query, description = "All rows, whatever the page"),
    ),
    responses((status = 200, description = "A page", body = ListsPage, example = json!({"rows": [{
        "name": "BAD_HOSTS", "vid": "VID_67f8ae6fbe9edae2fcfbc1ee", "list_type": "static_list",
        "id": "67f8ae6fbe9edae2fcfbc1ee"}], "total": 1})))
)]
pub(crate) async fn lists(
    State(api): State<Api>,
    _caller: Authorized<SearchRead>,
    params: Params,
) -> Result<Json<Value>> {
    let limit = params.positive("limit", 25)?;
    let page = params.positive("page", 1)?;
    let everything = params.flag("return_all_data")?.unwrap_or(false);
    let lists = api.catalog.lists().await?;
    let (skip, take) = if everything {
        (0, lists.len())
    } else {
        ((page - 1).saturating_mul(limit), limit)
    };
    let rows: Vec<Value> = lists.iter().skip(skip).take(take).map(row).collect();
    Ok(Json(json!({"rows": rows, "total": lists.len()})))
}

fn row(list: &ListInfo) -> Value {
    json!({
        "name": list.name,
        "vid": format!("VID_{}", list.id),
        "list_type": list.kind,
        "id": list.id.to_string(),
    })
}
