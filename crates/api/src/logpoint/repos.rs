//! `POST /Repo/get_all_searchable_logpoint`

use super::repo_address::address;
use crate::auth::{Authorized, LogsourceRead};
use crate::body;
use crate::error::Result;
use crate::state::Api;
use axum::Json;
use axum::extract::{Request, State};
use serde_json::{Value, json};

/// This node and those of its repos that the caller may search.
///
/// Exactly one row: two would tell clients that they talk to a search head. The body, `{}`
/// or `{"data":{}}` from known clients, decides nothing.
#[utoipa::path(
    post, path = "/Repo/get_all_searchable_logpoint", tag = "Repos",
    security(("jwt" = ["logsource:read"])),
    request_body(content = Value, description = "`{}` or `{\"data\":{}}`; may be empty"),
    responses((status = 200, description = "One row for this node", example = json!({"rows": [{
        "active": true, "li": "Cresset", "li_ip": "127.0.0.1", "repos": [{"active": "True",
        "address": "127.0.0.1:5504/default", "ha": "", "repo": "default"}]}]})))
)]
pub(crate) async fn get_all_searchable_logpoint(
    State(api): State<Api>,
    caller: Authorized<LogsourceRead>,
    request: Request,
) -> Result<Json<Value>> {
    let bytes = body::read(&api, request.into_body(), api.settings.max_body_bytes, None).await?;
    if !bytes.trim_ascii().is_empty() {
        body::object(&bytes)?;
    }
    let directory = api.repo_directory(&caller.user).await?;
    let repos: Vec<Value> = directory
        .permitted()
        .map(|name| {
            let address = address(&api.settings, name);
            json!({"active": "True", "address": address, "ha": "", "repo": name})
        })
        .collect();
    let settings = &api.settings;
    let node = json!({
        "active": true,
        "li": settings.server_name,
        "li_ip": settings.repo_ip,
        "repos": repos,
    });
    Ok(Json(json!({ "rows": [node] })))
}
