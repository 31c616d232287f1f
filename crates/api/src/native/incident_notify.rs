//! `POST /api/v1/incidents/{id}/notify`

use crate::auth::{AlertrulesWrite, Authorized};
use crate::body::PathText;
use crate::error::Result;
use crate::logpoint::incidents::{must_see, unknown};
use crate::native::schemas::Notified;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use serde_json::{Value, json};

/// Sends the rule's notifications of one incident: those of manual dispatch, and the others
/// once more.
///
/// A second request within a minute of the first, or while a notification is still on its
/// way, sends nothing more and gives the same ids.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/notify", tag = "Notifications",
    security(("jwt" = ["alertrules:write"])),
    params(("id" = String, Path, description = "Incident id")),
    responses(
        (status = 200, description = "`deliveries`: the ids of the notifications", body = Notified),
        (status = 404, description = "No such incident for this user"),
        (status = 409, description = "The rule has no enabled notification"),
    )
)]
pub(crate) async fn notify(
    State(api): State<Api>,
    caller: Authorized<AlertrulesWrite>,
    PathText(id): PathText,
) -> Result<Json<Value>> {
    let incident: ObjectId = id.parse().map_err(|_| unknown(&format!("{id:?}")))?;
    must_see(&api, &caller, incident).await?;
    let ids = [api.new_id(), api.new_id()];
    let catalog = &api.catalog;
    let deliveries = catalog.notify_of_incident(incident, ids, api.now()).await?;
    let sent: Vec<String> = deliveries.iter().map(ToString::to_string).collect();
    let who = &caller.user.username;
    let detail = format!("incident {incident}: deliveries {}", sent.join(" "));
    api.audit(who, caller.peer, "incident_notified", detail)
        .await;
    Ok(Json(
        json!({"incident_id": incident.to_string(), "deliveries": sent}),
    ))
}
