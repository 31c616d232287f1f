//! `POST /AlertRules/update_api`

use super::shape::{RuleBody, SaveReply};
use super::{announce, checked_spec, own_rule, saved, taken};
use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::JsonObject;
use crate::error::{Result, ValidationErrors};
use crate::logpoint::fields::Section;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use serde_json::{Map, Value};

/// Replaces what the owner wrote about a rule; whether it is active stays.
///
/// The body is that of create with `id` at the top level.
#[utoipa::path(
    post, path = "/AlertRules/update_api", tag = "Alert rules",
    security(("jwt" = ["alertrules:write"])), request_body = RuleBody,
    responses(
        (status = 200, description = "Replaced, or `success: false` if the name is taken", body = SaveReply),
        (status = 404, description = "No such rule of this user"),
        (status = 422, description = "`validationErrors`, nested by section"),
    )
)]
pub(crate) async fn update(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>> {
    let mut errors = ValidationErrors::default();
    let id = id(&body, &mut errors);
    let mut repos = Vec::new();
    if let Some(id) = id {
        let rule = own_rule(&api, &caller, id).await?;
        repos = rule.spec.search_params.repos;
    }
    let spec = checked_spec(&api, &caller, &body, &repos, errors).await?;
    let id = ValidationErrors::default().into_result(id)?;
    let rule = api
        .catalog
        .update_rule(id, caller.user.id, spec, api.now())
        .await
        .map_err(taken)?;
    announce(&api, &caller, "rule_updated", &[rule.id]).await;
    Ok(Json(saved(&rule, "Alert rule updated")))
}

fn id(body: &Map<String, Value>, errors: &mut ValidationErrors) -> Option<ObjectId> {
    let mut root = Section::root(body, errors);
    let text = root.required_text("id");
    let parsed = text.parse();
    if let Err(error) = &parsed {
        root.refuse("id", format!("{error}"));
    }
    parsed.ok()
}
