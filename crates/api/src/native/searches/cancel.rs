//! `DELETE /api/v1/searches/{id}`

use crate::auth::{Authorized, SearchRead};
use crate::body::PathText;
use crate::error::{Error, Result};
use crate::native::schemas::searches::SearchCancelled;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// Ends a search, and frees what it found.
#[utoipa::path(
    delete, path = "/api/v1/searches/{id}", tag = "Search",
    security(("jwt" = ["search:read"])),
    params(("id" = String, Path, description = "The search's id")),
    responses(
        (status = 200, description = "It is gone", body = SearchCancelled),
        (status = 404, description = "No such search of this user; it may be forgotten"),
    )
)]
pub(crate) async fn cancel(
    State(api): State<Api>,
    caller: Authorized<SearchRead>,
    PathText(id): PathText,
) -> Result<Json<Value>> {
    if !api.sessions.cancel(caller.user.id, &id) {
        let gone = format!("search {id:?} does not exist, or no more");
        return Err(Error::NotFound(gone));
    }
    Ok(Json(json!({ "cancelled": id })))
}
