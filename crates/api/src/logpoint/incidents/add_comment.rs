//! `POST /add_incident_comment`

use super::act::{Done, apply, bounded, incident_id};
use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::logpoint::schemas::incidents::{Changed, CommentRequest};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_catalog::port::IncidentChange;
use cresset_model::incident::IncidentAct;
use serde_json::Value;

/// Comments on incidents. All or none.
#[utoipa::path(
    post, path = "/add_incident_comment", tag = "Incidents",
    request_body = CommentRequest,
    responses((status = 200, description = "Always, with `success` true or false", body = Changed))
)]
pub(crate) async fn add_incident_comment(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let data = request.request_data()?;
    let states = data.get("states").and_then(Value::as_array);
    let states = states.filter(|s| !s.is_empty()).ok_or_else(expected)?;
    let changes: Result<Vec<_>> = bounded(states)?.iter().map(change).collect();
    let done = Done {
        message: "Comments added",
        action: "incidents_commented",
    };
    apply(&api, &request, changes?, done).await
}

fn expected() -> Error {
    let form =
        r#"states must be a list of {"_id": "…", "comments": ["…"]} with text in each comment"#;
    Error::Malformed(form.to_owned())
}

fn change(state: &Value) -> Result<IncidentChange> {
    let incident = incident_id(state["_id"].as_str().ok_or_else(expected)?)?;
    let comments = state["comments"].as_array().ok_or_else(expected)?;
    let text = |comment: &Value| {
        let text = comment.as_str().filter(|text| !text.trim().is_empty());
        text.map(str::to_owned).ok_or_else(expected)
    };
    let comments: Vec<String> = comments.iter().map(text).collect::<Result<_>>()?;
    if comments.is_empty() {
        return Err(expected());
    }
    let act = IncidentAct::Comment(comments);
    Ok(IncidentChange { incident, act })
}
