//! `POST /api/v1/repos`

use super::repos_list::row;
use crate::auth::{Authorized, LogsWrite};
use crate::body::JsonObject;
use crate::error::{Result, ValidationErrors};
use crate::logpoint::fields::Section;
use crate::native::schemas::{NewRepo, OwnRepo};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cresset_model::repo::{Repo, valid_name};
use serde_json::{Map, Value};

const MAX_RETENTION_DAYS: u32 = 36_500;

/// Creates a repo. For administrators.
#[utoipa::path(
    post, path = "/api/v1/repos", tag = "Repos",
    security(("jwt" = ["logs:write"])),
    request_body(content = NewRepo, example = json!({"name": "web", "retention_days": 90})),
    responses(
        (status = 201, description = "Created", body = OwnRepo),
        (status = 403, description = "Not an administrator"),
        (status = 409, description = "The name is taken"),
        (status = 422, description = "`errors` by field"),
    )
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Authorized<LogsWrite>,
    JsonObject(body): JsonObject,
) -> Result<(StatusCode, Json<Value>)> {
    caller.demand_administrator("create repos")?;
    let repo = read(&body)?;
    api.catalog.create_repo(repo.clone()).await?;
    let who = &caller.user.username;
    api.audit(who, caller.peer, "repo_created", repo.name.clone())
        .await;
    Ok((StatusCode::CREATED, Json(row(&repo, &api.settings))))
}

fn read(body: &Map<String, Value>) -> Result<Repo> {
    let mut errors = ValidationErrors::default();
    let mut root = Section::root(body, &mut errors);
    let name = root.required_text("name");
    if !name.is_empty() && !valid_name(&name) {
        root.refuse(
            "name",
            "must be 1 to 64 of a-z 0-9 _ -, not beginning with -",
        );
    }
    let retention_days = root.number_in("retention_days", 30, 1..=MAX_RETENTION_DAYS);
    errors.into_result(Some(Repo {
        name,
        retention_days,
    }))
}
