//! `GET /incidents`, and the same by POST

use super::filter::Filters;
use super::shared_id;
use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::logpoint::search::time_range_end;
use crate::state::{Api, ApiSettings};
use axum::Json;
use axum::extract::State;
use cresset_catalog::port::IncidentFilter;
use cresset_model::Timestamp;
use cresset_model::incident::Incident;
use serde_json::{Map, Value, json};

/// Incidents detected in a span of time, oldest first; closed ones only if asked for.
///
/// The reads of this family are GETs with a JSON body.
#[utoipa::path(
    method(get, post), path = "/incidents", tag = "Incidents",
    params(
        ("name" = Option<String>, Query, description = "Names or ids, separated by commas"),
        ("status" = Option<String>, Query, description = "`unresolved`, `resolved`, `closed`"),
        ("risk" = Option<String>, Query, description = "`low`, `medium`, `high`, `critical`"),
        ("log_source" = Option<String>, Query, description = "Log sources of the rule"),
    ),
    request_body(content = Value, description = "`{\"username\", \"secret_key\", \
        \"requestData\": {\"ts_from\", \"ts_to\"}}`, seconds since 1970"),
    responses((status = 200, description = "Always, with `success` true or false", body = Value))
)]
pub(crate) async fn incidents(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let data = request.request_data()?;
    let filters = Filters::new(&request.query);
    let caller = &request.caller;
    let filter = IncidentFilter {
        from: Some(end(&data, "ts_from")?),
        to: Some(end(&data, "ts_to")?),
        statuses: filters.statuses()?,
        rule_id: None,
        visible_to: (!caller.is_administrator()).then_some(caller.user.id),
        limit: 0,
    };
    let found = api.catalog.incidents(&filter).await?;
    let rows: Vec<Value> = found
        .iter()
        .filter(|incident| filters.pass(incident))
        .map(|incident| row(incident, &api.settings))
        .collect();
    Ok(Json(
        json!({"success": true, "version": "0.1", "incidents": rows}),
    ))
}

fn end(data: &Map<String, Value>, name: &str) -> Result<Timestamp> {
    let value = data.get(name).unwrap_or(&Value::Null);
    time_range_end(value)
        .ok_or_else(|| Error::Malformed(format!("{name} must be seconds since 1970")))
}

fn row(incident: &Incident, settings: &ApiSettings) -> Value {
    let assigned = incident.assignee.unwrap_or(incident.owner);
    let window = [incident.window_from.secs(), incident.window_to.secs()];
    let comments: Vec<Value> = incident
        .comments
        .iter()
        .map(|c| json!({"title": c.title, "comment": c.comment, "time": c.time.secs()}))
        .collect();
    json!({
        "id": incident.id.to_string(),
        "incident_id": shared_id(incident),
        "type": "Alert",
        "name": incident.name,
        "description": incident.description,
        "username": incident.owner.to_string(),
        "user_id": null,
        "assigned_to": assigned.to_string(),
        "visible_to": [],
        "tid": "",
        "rows_count": incident.rows_count,
        "risk_level": incident.risk.as_str(),
        "detection_timestamp": incident.detected_at.secs_f64(),
        "loginspect_ip_dns": settings.repo_ip,
        "logpoint_name": settings.server_name,
        "status": incident.status.as_str(),
        "commentscount": comments.len(),
        "comments": comments,
        "query": incident.query,
        "repos": incident.repos,
        "time_range": window,
        "alert_obj_id": incident.rule_id.to_string(),
        "alertrule_id": incident.rule_id.to_string(),
        "throttle_enabled": incident.throttle_enabled,
        "log_source": incident.taxonomy.logsources,
    })
}
