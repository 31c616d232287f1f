//! `POST /Repo/get_all_searchable_logpoint`

use super::repo_address::address;
use super::schemas::lists::{NodesReply, RepoQuery};
use crate::auth::{Authorized, LogsourceRead};
use crate::body;
use crate::error::Result;
use crate::state::Api;
use axum::Json;
use axum::extract::{Request, State};
use serde_json::{Value, json};

/// This node and the registered instances, each with the repos that the caller may search.
///
/// One row per node, this one first. More than one tell clients that they talk to a search
/// head. The body, `{}` or `{"data":{}}` from known clients, decides nothing.
#[utoipa::path(
    post, path = "/Repo/get_all_searchable_logpoint", tag = "Repos",
    security(("jwt" = ["logsource:read"])),
    request_body(content = Option<RepoQuery>, description = "`{}` or `{\"data\":{}}`; may be empty"),
    responses((status = 200, description = "One row per node, this one first", body = NodesReply, example = json!({"rows": [{
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
    let settings = &api.settings;
    let here = directory
        .permitted()
        .map(|name| repo_row(name, address(settings, name), true));
    let mut rows = vec![json!({
        "active": true,
        "li": settings.server_name,
        "li_ip": settings.repo_ip,
        "repos": here.collect::<Vec<_>>(),
    })];
    rows.extend(directory.instances().iter().map(|instance| {
        let up = instance.health.is_up();
        let repos = directory
            .permitted_at(instance)
            .map(|repo| repo_row(&repo.name, instance.address(&repo.name), up));
        json!({
            "active": up,
            "li": instance.name,
            "li_ip": instance.host(),
            "repos": repos.collect::<Vec<_>>(),
        })
    }));
    Ok(Json(json!({ "rows": rows })))
}

fn repo_row(name: &str, address: String, active: bool) -> Value {
    let active = if active { "True" } else { "False" };
    json!({"active": active, "address": address, "ha": "", "repo": name})
}
