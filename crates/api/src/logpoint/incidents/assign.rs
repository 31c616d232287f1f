//! `POST /assign_incident`

use super::act::{Done, act_on_ids};
use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::logpoint::schemas::incidents::{AssignRequest, Changed};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::incident::IncidentAct;
use serde_json::Value;

/// Gives incidents to another user. All or none.
#[utoipa::path(
    post, path = "/assign_incident", tag = "Incidents",
    request_body = AssignRequest,
    responses((status = 200, description = "Always, with `success` true or false", body = Changed))
)]
pub(crate) async fn assign_incident(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let data = request.request_data()?;
    let assignee = data.get("new_assignee").and_then(Value::as_str);
    let assignee = assignee.and_then(|id| id.parse().ok()).ok_or_else(|| {
        Error::Malformed("new_assignee must be a user's id; /get_users lists them".to_owned())
    })?;
    let done = Done {
        message: "Incidents re-assigned",
        action: "incidents_assigned",
    };
    act_on_ids(&api, &request, IncidentAct::Assign(assignee), done).await
}
