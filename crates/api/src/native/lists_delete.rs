//! `DELETE /api/v1/lists/{name}`

use crate::auth::{Authorized, SearchWrite};
use crate::body::PathText;
use crate::error::Result;
use crate::native::schemas::Deleted;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// Removes a list. Rules and queries that look into it see an empty list from then on;
/// those that feed it fail and say so.
#[utoipa::path(
    delete, path = "/api/v1/lists/{name}", tag = "Lists",
    security(("jwt" = ["search:write"])),
    params(("name" = String, Path, description = "The list's name, in any case")),
    responses(
        (status = 200, description = "Removed", body = Deleted),
        (status = 404, description = "There is no such list"),
    )
)]
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Authorized<SearchWrite>,
    PathText(name): PathText,
) -> Result<Json<Value>> {
    api.catalog.delete_list(&name).await?;
    let name = name.to_ascii_uppercase();
    api.audit(
        &caller.user.username,
        caller.peer,
        "list_deleted",
        name.clone(),
    )
    .await;
    Ok(Json(json!({"deleted": name})))
}
