//! `GET /api/v1/macros/{name}`

use super::macros::shown;
use crate::auth::{Authorized, SearchRead};
use crate::body::PathText;
use crate::error::{Error, Result};
use crate::native::schemas::macros::MacroRow;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::Value;

/// A macro.
#[utoipa::path(
    get, path = "/api/v1/macros/{name}", tag = "Macros",
    security(("jwt" = ["search:read"])),
    params(("name" = String, Path, description = "The macro's name, in any case")),
    responses(
        (status = 200, description = "The macro", body = MacroRow),
        (status = 404, description = "There is no such macro"),
    )
)]
pub(crate) async fn read(
    State(api): State<Api>,
    _caller: Authorized<SearchRead>,
    PathText(name): PathText,
) -> Result<Json<Value>> {
    let macros = api.macros.current().await?;
    let found = macros.get(&name);
    let found = found.ok_or_else(|| Error::NotFound(format!("macro {name:?} does not exist")))?;
    Ok(Json(shown(found)))
}
