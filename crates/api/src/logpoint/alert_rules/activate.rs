//! `POST /AlertRules/activate_api`

use super::shape::{Done, Ids};
use super::switch;
use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::JsonObject;
use crate::error::Result;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::Value;

/// Switches rules on; all of them, or none if one is unknown or cannot run.
#[utoipa::path(
    post, path = "/AlertRules/activate_api", tag = "Alert rules",
    security(("jwt" = ["alertrules:write"])), request_body = Ids,
    responses(
        (status = 200, description = "All are active", body = Done),
        (status = 404, description = "One of the ids is unknown; nothing was changed"),
        (status = 422, description = "One of the rules cannot run; nothing was changed"),
    )
)]
pub(crate) async fn activate(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>> {
    switch(&api, &caller, &body, true).await.map(Json)
}
