//! `DELETE /api/v1/macros/{name}`

use super::macro_calls::refuse_what_breaks;
use crate::auth::{Authorized, SearchWrite};
use crate::body::{Params, PathText};
use crate::error::Result;
use crate::native::schemas::Deleted;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// Removes a macro, unless an active rule or another macro calls it.
#[utoipa::path(
    delete, path = "/api/v1/macros/{name}", tag = "Macros",
    security(("jwt" = ["search:write"])),
    params(
        ("name" = String, Path, description = "The macro's name, in any case"),
        ("force" = Option<bool>, Query, description =
            "Whether rules and macros may be left that cannot run any more"),
    ),
    responses(
        (status = 200, description = "Removed", body = Deleted),
        (status = 404, description = "There is no such macro"),
        (status = 409, description = "A rule or another macro calls it"),
    )
)]
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Authorized<SearchWrite>,
    PathText(name): PathText,
    params: Params,
) -> Result<Json<Value>> {
    let force = params.flag("force")?.unwrap_or(false);
    let name = name.to_ascii_uppercase();
    let _turn = api.changing_macros.lock().await;
    let before = api.macros.current().await?;
    let after = before.as_ref().clone().without(&name);
    refuse_what_breaks(&api, &caller, &name, before, after, force).await?;
    api.catalog.delete_macro(&name).await?;
    api.audit(
        &caller.user.username,
        caller.peer,
        "macro_deleted",
        name.clone(),
    )
    .await;
    (api.on_rules_changed)();
    Ok(Json(json!({"deleted": name})))
}
