//! `POST /AlertRules/deactivate_api`

use super::shape::{Done, Ids};
use super::switch;
use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::JsonObject;
use crate::error::Result;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::Value;

/// Switches rules off; all of them, or none if one is unknown.
#[utoipa::path(
    post, path = "/AlertRules/deactivate_api", tag = "Alert rules",
    security(("jwt" = ["alertrules:write"])), request_body = Ids,
    responses(
        (status = 200, description = "All are inactive", body = Done),
        (status = 404, description = "One of the ids is unknown; nothing was changed"),
    )
)]
pub(crate) async fn deactivate(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>> {
    switch(&api, &caller, &body, false).await.map(Json)
}
