//! `GET /get_data_from_incident`, and the same by POST

use super::{must_see, unknown};
use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::logpoint::search::rows;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use cresset_query::QueryKind;
use serde_json::{Value, json};

/// The rows of one incident, in the shape of search results.
#[utoipa::path(
    method(get, post), path = "/get_data_from_incident", tag = "Incidents",
    request_body(content = Value, description = "`{\"username\", \"secret_key\", \
        \"requestData\": {\"incident_obj_id\"}}`"),
    responses((status = 200, description = "Always, with `success` true or false", body = Value))
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
    let plan = cresset_query::compile(&incident.query).ok();
    let grouping = plan.filter(|plan| plan.kind() != QueryKind::Simple);
    let rows: Vec<Value> = incident
        .rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| match &grouping {
            None => rows::simple(row, at, &api.settings.server_name),
            Some(_) => rows::group(row),
        })
        .collect();
    Ok(Json(json!({"success": true, "rows": rows})))
}
