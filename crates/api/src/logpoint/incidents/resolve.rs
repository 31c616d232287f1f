//! `POST /resolve_incident`

use super::act::{Done, act_on_ids};
use crate::auth::CredentialRequest;
use crate::error::Result;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::incident::IncidentAct;
use serde_json::Value;

/// Says that incidents are dealt with: their assignee does, or an administrator. All or none.
#[utoipa::path(
    post, path = "/resolve_incident", tag = "Incidents",
    request_body(content = Value, description = "`{\"username\", \"secret_key\", \
        \"requestData\": {\"incident_ids\"}}`"),
    responses((status = 200, description = "Always, with `success` true or false", body = Value))
)]
pub(crate) async fn resolve_incident(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let done = Done {
        message: "Incidents resolved",
        action: "incidents_resolved",
    };
    act_on_ids(&api, &request, IncidentAct::Resolve, done).await
}
