//! `GET /AlertRules/read_api?id=…`, and the same by POST

use super::own_rule;
use super::shape::RuleReply;
use crate::auth::{AlertrulesRead, Authorized};
use crate::body::Params;
use crate::error::{Error, Result};
use crate::logpoint::schemas::HexId;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::rule::AlertRule;
use serde_json::{Value, json};

/// One rule as it was created, with `id` and `active`.
///
/// The vendor's SDK sends a POST with the id in the query string and no body.
#[utoipa::path(
    method(get, post), path = "/AlertRules/read_api", tag = "Alert rules",
    security(("jwt" = ["alertrules:read"])),
    params(("id" = inline(HexId), Query, description = "Alert rule id")),
    responses(
        (status = 200, description = "`{\"data\": {…}}` in the shape of create", body = RuleReply),
        (status = 404, description = "No such rule of this user"),
    )
)]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Authorized<AlertrulesRead>,
    params: Params,
) -> Result<Json<Value>> {
    let rule = own_rule(&api, &caller, params.id()?).await?;
    Ok(Json(json!({ "data": data(&rule)? })))
}

fn data(rule: &AlertRule) -> Result<Value> {
    let internal = |e: serde_json::Error| Error::Internal(format!("rule does not serialise: {e}"));
    let mut data = serde_json::to_value(&rule.spec).map_err(internal)?;
    data["id"] = rule.id.to_string().into();
    data["active"] = rule.active.into();
    Ok(data)
}
