//! `GET /incident_states`, and the same by POST

use super::pages::Listing;
use super::{assigned_to, comments};
use crate::auth::CredentialRequest;
use crate::error::Result;
use crate::logpoint::schemas::incident_filters::IncidentFilters;
use crate::logpoint::schemas::incidents::{IncidentsRequest, StatesReply};
use crate::state::Api;
use axum::extract::State;
use axum::response::Response;
use cresset_catalog::port::{IncidentTime, ListedIncident};
use cresset_model::incident::IncidentStatus;
use serde_json::{Value, json};

/// Incidents that somebody worked on in a span of time, closed ones too, oldest change first.
///
/// The filters are those of `/incidents`.
#[utoipa::path(
    method(get, post), path = "/incident_states", tag = "Incidents",
    params(IncidentFilters),
    request_body = IncidentsRequest,
    responses((status = 200, description = "Always, with `success` true or false", body = StatesReply))
)]
pub(crate) async fn incident_states(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Response> {
    let all = [
        IncidentStatus::Unresolved,
        IncidentStatus::Resolved,
        IncidentStatus::Closed,
    ];
    Listing::new(api, &request, IncidentTime::Modified, &all, row)?
        .answer(r#"{"success":true,"states":["#)
        .await
}

fn row(_: &Api, listed: &ListedIncident) -> Value {
    let incident = &listed.incident;
    json!({
        "id": incident.id.to_string(),
        "status": incident.status.as_str(),
        "assigned_to": assigned_to(incident),
        "comments": comments(&incident.comments),
    })
}
