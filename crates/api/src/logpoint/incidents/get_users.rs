//! `GET /get_users`, and the same by POST

use crate::auth::CredentialRequest;
use crate::error::Result;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// The users that incidents can name.
#[utoipa::path(
    method(get, post), path = "/get_users", tag = "Incidents",
    request_body(content = Value, description = "`{\"username\", \"secret_key\"}`"),
    responses((status = 200, description = "Always, with `success` true or false", body = Value))
)]
pub(crate) async fn get_users(
    State(api): State<Api>,
    _request: CredentialRequest,
) -> Result<Json<Value>> {
    let users = api.catalog.users().await?;
    let users: Vec<Value> = users
        .iter()
        .filter(|user| !user.disabled)
        .map(|user| json!({"id": user.id.to_string(), "name": user.username, "usergroups": []}))
        .collect();
    Ok(Json(json!({"success": true, "users": users})))
}
