//! `GET /get_users`, and the same by POST

use crate::auth::CredentialRequest;
use crate::error::Result;
use crate::logpoint::schemas::incidents::{Credentials, UsersReply};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The users that incidents can name, with their incident user groups.
#[utoipa::path(
    method(get, post), path = "/get_users", tag = "Incidents",
    request_body = Credentials,
    responses((status = 200, description = "Always, with `success` true or false", body = UsersReply))
)]
pub(crate) async fn get_users(
    State(api): State<Api>,
    _request: CredentialRequest,
) -> Result<Json<Value>> {
    let groups = api.catalog.groups().await?;
    let mut of_user: HashMap<ObjectId, Vec<Value>> = HashMap::new();
    for group in &groups {
        for member in &group.members {
            let group = json!({"id": group.id.to_string(), "name": group.name});
            of_user.entry(*member).or_default().push(group);
        }
    }
    let users = api.catalog.users().await?;
    let users: Vec<Value> = users
        .iter()
        .filter(|user| !user.disabled)
        .map(|user| {
            let groups = of_user.remove(&user.id).unwrap_or_default();
            json!({"id": user.id.to_string(), "name": user.username, "usergroups": groups})
        })
        .collect();
    Ok(Json(json!({"success": true, "users": users})))
}
