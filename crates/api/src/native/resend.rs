//! `POST /api/v1/deliveries/{id}/resend`

use super::deliveries::may_see;
use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::PathText;
use crate::error::{Error, Result};
use crate::native::schemas::Resent;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use serde_json::{Value, json};

/// Sends a dead or delivered notification again, with the same id.
#[utoipa::path(
    post, path = "/api/v1/deliveries/{id}/resend", tag = "Notifications",
    security(("jwt" = ["alertrules:write"])),
    params(("id" = String, Path, description = "Delivery id")),
    responses(
        (status = 200, description = "It is pending again", body = Resent),
        (status = 404, description = "No such delivery of this user's rules"),
        (status = 409, description = "It is on its way already"),
    )
)]
pub(crate) async fn resend(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    PathText(id): PathText,
) -> Result<Json<Value>> {
    let missing = || Error::NotFound(format!("there is no delivery {id:?}"));
    let parsed: ObjectId = id.parse().map_err(|_| missing())?;
    let delivery = api.catalog.delivery(parsed).await?.ok_or_else(missing)?;
    if !may_see(&api, &caller, delivery.rule_id).await? {
        return Err(missing());
    }
    api.catalog.resend(parsed, api.now()).await?;
    let who = &caller.user.username;
    api.audit(who, caller.peer, "delivery_resent", parsed.to_string())
        .await;
    Ok(Json(json!({"id": parsed.to_string(), "state": "pending"})))
}
