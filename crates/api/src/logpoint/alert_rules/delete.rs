//! `POST /AlertRules/delete_api`

use super::shape::{Done, Ids};
use super::{announce, done, ids};
use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::JsonObject;
use crate::error::Result;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::Value;

/// Deletes rules with their notifications; all of them, or none if one is unknown.
/// Their incidents stay.
#[utoipa::path(
    post, path = "/AlertRules/delete_api", tag = "Alert rules",
    security(("jwt" = ["alertrules:write"])), request_body = Ids,
    responses(
        (status = 200, description = "All are gone", body = Done),
        (status = 404, description = "One of the ids is unknown; nothing was changed"),
    )
)]
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>> {
    let ids = ids(&body)?;
    api.catalog.delete_rules(&ids, caller.user.id).await?;
    announce(&api, &caller, "rules_deleted", &ids).await;
    Ok(Json(done(&ids, "Alert rules deleted")))
}
