//! `GET /api/v1/repos`

use crate::auth::{Authorized, LogsourceRead};
use crate::error::Result;
use crate::logpoint::repo_address::address;
use crate::native::schemas::OwnReposReply;
use crate::state::{Api, ApiSettings};
use axum::Json;
use axum::extract::State;
use cresset_model::repo::Repo;
use serde_json::{Value, json};

/// The repos that the caller may search, by name.
#[utoipa::path(
    get, path = "/api/v1/repos", tag = "Repos",
    security(("jwt" = ["logsource:read"])),
    responses((status = 200, description = "Name, retention and address of each", body = OwnReposReply))
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Authorized<LogsourceRead>,
) -> Result<Json<Value>> {
    let repos = api.catalog.repos().await?;
    let rows: Vec<Value> = repos
        .iter()
        .filter(|repo| caller.user.may_search(&repo.name))
        .map(|repo| row(repo, &api.settings))
        .collect();
    Ok(Json(json!({ "repos": rows })))
}

pub(super) fn row(repo: &Repo, settings: &ApiSettings) -> Value {
    json!({
        "name": repo.name,
        "retention_days": repo.retention_days,
        "address": address(settings, &repo.name),
    })
}
