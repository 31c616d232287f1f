//! What all writes to incidents have in common (spec/logpoint-api.md §6.4).

use super::unknown;
use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::state::Context;
use axum::Json;
use cresset_catalog::port::{Actor, IncidentChange, MAX_CHANGES};
use cresset_model::ObjectId;
use cresset_model::incident::IncidentAct;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The incidents named in `incident_ids`, each once, in their order.
pub(super) fn incident_ids(data: &Map<String, Value>) -> Result<Vec<ObjectId>> {
    let expected = || Error::Malformed("incident_ids must be a list of incident ids".to_owned());
    let listed = data.get("incident_ids").and_then(Value::as_array);
    let listed = listed.filter(|ids| !ids.is_empty()).ok_or_else(expected)?;
    let mut seen = BTreeSet::new();
    let mut ids = Vec::new();
    for value in bounded(listed)? {
        let id = incident_id(value.as_str().ok_or_else(expected)?)?;
        if seen.insert(id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The list, unless it is too long for one transaction.
pub(super) fn bounded(listed: &[Value]) -> Result<&[Value]> {
    if listed.len() > MAX_CHANGES {
        return Err(Error::Malformed(format!(
            "{} incidents are too many for one request; send at most {MAX_CHANGES}",
            listed.len()
        )));
    }
    Ok(listed)
}

/// An incident's id; a text that cannot be one names no incident.
pub(super) fn incident_id(text: &str) -> Result<ObjectId> {
    text.parse().map_err(|_| unknown(&format!("{text:?}")))
}

/// Does `act` to all incidents of `incident_ids`, or to none.
pub(super) async fn act_on_ids(
    api: &Context,
    request: &CredentialRequest,
    act: IncidentAct,
    done: Done,
) -> Result<Json<Value>> {
    let ids = incident_ids(&request.request_data()?)?;
    let change = |incident| IncidentChange {
        incident,
        act: act.clone(),
    };
    apply(api, request, ids.into_iter().map(change).collect(), done).await
}

/// How a write is reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    /// To the client, in Logpoint's words.
    pub(super) message: &'static str,
    /// In the audit log.
    pub(super) action: &'static str,
}

/// Makes all changes or none, and says so.
pub(super) async fn apply(
    api: &Context,
    request: &CredentialRequest,
    changes: Vec<IncidentChange>,
    done: Done,
) -> Result<Json<Value>> {
    let caller = &request.caller;
    let by = Actor {
        user: caller.user.id,
        name: caller.user.username.clone(),
        administrator: caller.is_administrator(),
    };
    let ids: Vec<String> = changes.iter().map(|c| c.incident.to_string()).collect();
    let changed = api.catalog.change_incidents(changes, &by, api.now()).await;
    changed.map_err(|error| match error {
        cresset_catalog::Error::NotFound {
            what: "incident",
            name,
        } => unknown(&name),
        other => other.into(),
    })?;
    api.audit(&by.name, caller.peer, done.action, ids.join(" "))
        .await;
    Ok(Json(json!({"success": true, "message": done.message})))
}
