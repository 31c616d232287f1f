//! `POST /reopen_incident`

use super::act::{Done, act_on_ids};
use crate::auth::CredentialRequest;
use crate::error::Result;
use crate::logpoint::schemas::incidents::{Changed, IncidentIdsRequest};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::incident::IncidentAct;
use serde_json::Value;

/// Makes resolved and closed incidents unresolved again. All or none.
#[utoipa::path(
    post, path = "/reopen_incident", tag = "Incidents",
    request_body = IncidentIdsRequest,
    responses((status = 200, description = "Always, with `success` true or false", body = Changed))
)]
pub(crate) async fn reopen_incident(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let done = Done {
        message: "Incidents reopened",
        action: "incidents_reopened",
    };
    act_on_ids(&api, &request, IncidentAct::Reopen, done).await
}
