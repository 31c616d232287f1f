//! `GET /get_data_from_incident`, and the same by POST

use super::{must_see, unknown};
use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::logpoint::schemas::incidents::{IncidentDataRequest, RowsReply};
use crate::logpoint::search::rows;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use cresset_query::QueryKind;
use serde_json::{Value, json};

/// The rows of one incident, in the shape of search results; with `view`, the rendered HTML, if
/// the rule's `jinja_template` applies.
#[utoipa::path(
    method(get, post), path = "/get_data_from_incident", tag = "Incidents",
    request_body = IncidentDataRequest,
    responses((status = 200, description = "Always, with `success` true or false", body = RowsReply))
)]
pub(crate) async fn get_data_from_incident(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let data = request.request_data()?;
    let id = data.get("incident_obj_id").and_then(Value::as_str);
    let id: ObjectId = id
        .unwrap_or_default()
        .parse()
        .map_err(|_| Error::Malformed("incident_obj_id must be 24 hex characters".to_owned()))?;
    // Before the rows are read, which can be many.
    must_see(&api, &request.caller, id).await?;
    let incident = api.catalog.incident(id).await?;
    let incident = incident.ok_or_else(|| unknown(&id.to_string()))?;
    let (incident, view) = api.incident_view(incident).await?;
    // A query that does not compile any more is taken for a simple one.
    let plan = cresset_query::compile_with(&incident.query, &*api.macros.current().await?).ok();
    let plan = plan.filter(|plan| plan.kind() != QueryKind::Simple);
    let grouping = plan.map(|plan| rows::columns(&plan).grouping);
    let rows: Vec<Value> = incident
        .rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| match &grouping {
            None => rows::simple(row, at, &api.settings.server_name),
            Some(grouping) => rows::chart(row, grouping),
        })
        .collect();
    let mut reply = json!({"success": true, "rows": rows});
    if let Some(view) = view {
        reply["view"] = view.into();
    }
    Ok(Json(reply))
}
