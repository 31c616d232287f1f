//! `GET /incidents`, and the same by POST

use super::pages::Listing;
use super::{assigned_to, comments, shared_id};
use crate::auth::CredentialRequest;
use crate::error::Result;
use crate::logpoint::repo_address::{address, node_address};
use crate::logpoint::schemas::incident_filters::IncidentFilters;
use crate::logpoint::schemas::incidents::{IncidentsReply, IncidentsRequest};
use crate::state::{Api, ApiSettings};
use axum::extract::State;
use axum::response::Response;
use cresset_catalog::port::{IncidentTime, ListedIncident};
use cresset_model::attack::Attack;
use serde_json::{Value, json};

/// Incidents detected in a span of time, oldest first; closed ones only if asked for.
///
/// The reads of this family are GETs with a JSON body. Any other parameter is the name of
/// a metadata field of the rule. Each takes several values, separated by commas; all together
/// take at most 100.
#[utoipa::path(
    method(get, post), path = "/incidents", tag = "Incidents",
    params(IncidentFilters),
    request_body = IncidentsRequest,
    responses((status = 200, description = "Always, with `success` true or false", body = IncidentsReply))
)]
pub(crate) async fn incidents(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Response> {
    Listing::new(api, &request, IncidentTime::Detected, &[], row)?
        .answer(r#"{"success":true,"version":"0.1","incidents":["#)
        .await
}

fn row(api: &Api, listed: &ListedIncident) -> Value {
    let (incident, settings) = (&listed.incident, &api.settings);
    let groups: Vec<String> = listed.groups.iter().map(ToString::to_string).collect();
    let attack = Attack::of(&incident.taxonomy);
    let window = [incident.window_from.secs(), incident.window_to.secs()];
    let mut row = json!({
        "id": incident.id.to_string(),
        "incident_id": shared_id(incident),
        "type": "Alert",
        "name": incident.name,
        "description": incident.description,
        "username": incident.owner.to_string(),
        "user_id": null,
        "assigned_to": assigned_to(incident),
        "visible_to": groups,
        "tid": "",
        "rows_count": incident.rows_count,
        "risk_level": incident.risk.as_str(),
        "detection_timestamp": incident.detected_at.secs_f64(),
        "loginspect_ip_dns": settings.repo_ip,
        "logpoint_name": settings.server_name,
        "status": incident.status.as_str(),
        "commentscount": incident.comments.len(),
        "comments": comments(&incident.comments),
        "query": incident.query,
        "repos": full_addresses(settings, &incident.repos),
        "time_range": window,
        "alert_obj_id": incident.rule_id.to_string(),
        "alertrule_id": incident.rule_id.to_string(),
        "throttle_enabled": incident.throttle_enabled,
        "attack_id": attack.ids,
        "attack_tag": attack.tags,
        "attack_category": attack.categories.join(", "),
        "log_source": incident.taxonomy.logsources,
    });
    if let Some(last) = incident.comments.last() {
        row["lastaction"] =
            json!({"action": last.comment, "time": last.time.secs(), "title": last.title});
    }
    row
}

/// The searched repos as full addresses, whatever the rule calls them. A rule that searches
/// all names the node.
fn full_addresses(settings: &ApiSettings, repos: &[String]) -> Vec<String> {
    let full = |named: &str| {
        if named == settings.repo_ip {
            node_address(settings)
        } else if named.contains(['/', ':']) {
            named.to_owned()
        } else {
            address(settings, named)
        }
    };
    let named = repos.iter().map(|repo| repo.trim());
    let found: Vec<String> = named.filter(|repo| !repo.is_empty()).map(full).collect();
    if found.is_empty() {
        vec![node_address(settings)]
    } else {
        found
    }
}
