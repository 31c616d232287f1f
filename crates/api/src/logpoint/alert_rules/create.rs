//! `POST /AlertRules/create_api`

use super::shape::{RuleBody, SaveReply};
use super::{checked_spec, saved, taken};
use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::JsonObject;
use crate::error::{Result, ValidationErrors};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::Value;

/// Creates an alert rule, which is active at once.
#[utoipa::path(
    post, path = "/AlertRules/create_api", tag = "Alert rules",
    security(("jwt" = ["alertrules:write"])), request_body = RuleBody,
    responses(
        (status = 200, description = "Created, or `success: false` if the name is taken", body = SaveReply),
        (status = 422, description = "`validationErrors`, nested by section"),
    )
)]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>> {
    let spec = checked_spec(&api, &caller, &body, &[], ValidationErrors::default()).await?;
    let (id, user) = (api.new_id(), &caller.user);
    let told = api.audit_entry(&user.username, caller.peer, "rule_created", id.to_string());
    let rule = api
        .catalog
        .create_rule(id, user.id, spec, told.at, Some(&told))
        .await
        .map_err(taken)?;
    (api.on_rules_changed)();
    Ok(Json(saved(&rule, "Alert rule created")))
}
