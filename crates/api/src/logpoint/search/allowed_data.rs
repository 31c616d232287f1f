//! `POST /getalloweddata`

use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::logpoint::repo_address::address;
use crate::state::{Api, Context};
use axum::Json;
use axum::extract::State;
use cresset_model::Duration;
use cresset_model::user::User;
use cresset_search::SearchRequest;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What the caller may see: preferences, nodes, repos, devices, live searches.
#[utoipa::path(
    post, path = "/getalloweddata", tag = "Search",
    request_body(content = Value, content_type = "application/x-www-form-urlencoded", description =
        "`username`, `secret_key`, `type` (`user_preference`, `loginspects`, `logpoint_repos`, \
         `devices`, `livesearches`), optionally `logpoints`"),
    responses((status = 200, description = "Always, with `success` true or false", body = Value))
)]
pub(crate) async fn get_allowed_data(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let mine = names_this_node(&api, request.text("logpoints"))?;
    let reply = match request.text("type").unwrap_or_default() {
        "user_preference" => json!({
            "success": true,
            "timezone": request.caller.user.timezone,
            "date_format": request.caller.user.date_format,
            "hour_format": request.caller.user.hour_format,
        }),
        "loginspects" => json!({"success": true, "allowed_loginspects": nodes(&api, mine)}),
        "logpoint_repos" => repos(&api, &request.caller.user, mine).await?,
        "devices" => devices(&api, &request.caller.user, mine).await?,
        "livesearches" => live_searches(&api, &request.caller.user).await?,
        other => {
            let message = format!(
                "unknown type {other:?}; use user_preference, loginspects, logpoint_repos, \
                 devices or livesearches"
            );
            return Err(Error::Malformed(message));
        }
    };
    Ok(Json(reply))
}

/// Whether the optional list of nodes leaves this one in: `""`, `[]`, or one that names it.
fn names_this_node(api: &Context, logpoints: Option<&str>) -> Result<bool> {
    let text = logpoints.map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Ok(true);
    }
    let nodes: Vec<Value> = serde_json::from_str(text)
        .map_err(|_| Error::Malformed("logpoints must be a JSON array".to_owned()))?;
    let settings = &api.settings;
    let named = |node: &Value| {
        let is = |key: &str, wanted: &str| node.get(key).and_then(Value::as_str) == Some(wanted);
        is("ip", &settings.repo_ip) || is("name", &settings.server_name)
    };
    Ok(nodes.is_empty() || nodes.iter().any(named))
}

fn nodes(api: &Context, mine: bool) -> Value {
    let settings = &api.settings;
    if mine {
        json!([{"name": settings.server_name, "ip": settings.repo_ip}])
    } else {
        json!([])
    }
}

async fn repos(api: &Context, user: &User, mine: bool) -> Result<Value> {
    let directory = api.repo_directory(user).await?;
    let row = |name: &str| json!({"repo": name, "address": address(&api.settings, name)});
    let rows: Vec<Value> = directory.permitted().filter(|_| mine).map(row).collect();
    Ok(json!({"success": true, "allowed_repos": rows, "logpoint": nodes(api, mine)}))
}

/// The caller's active rules, as far as they may still search something.
async fn live_searches(api: &Context, user: &User) -> Result<Value> {
    let directory = api.repo_directory(user).await?;
    let rules = api.catalog.rules_of(user.id).await?;
    let searches: Vec<Value> = rules
        .iter()
        .filter(|rule| rule.active)
        .filter(|rule| {
            directory
                .remaining(&rule.spec.search_params.repos)
                .is_some()
        })
        .map(super::life::shown)
        .collect();
    Ok(json!({"success": true, "livesearches": searches}))
}

/// Devices that sent something during the last day to a repo that the user may search.
/// There is no register of devices: whoever sends is one.
async fn devices(api: &Context, user: &User, mine: bool) -> Result<Value> {
    let mut known = Map::new();
    let repos = api.repo_directory(user).await?.remaining(&[]);
    if let Some(repos) = repos.filter(|_| mine) {
        let plan =
            cresset_query::compile("| chart distinct_list(device_name) as names by device_ip")
                .map_err(|_| {
                    Error::Internal("the query for devices does not compile".to_owned())
                })?;
        let now = api.now();
        let request = SearchRequest {
            plan: Arc::new(plan),
            repos,
            from: now - Duration::days(1),
            to: now,
            timezone: "UTC".to_owned(),
            limit: 10_000,
            up_to_seq: None,
            timeout: Duration::seconds(8),
        };
        let found = api
            .searcher
            .run(request)
            .await
            .map_err(|e| Error::Refused(e.to_string()))?;
        for row in found.rows {
            let row = row.to_json();
            let Some(ip) = row.get("device_ip").and_then(Value::as_str) else {
                continue;
            };
            let names = row.get("names");
            let name = names.and_then(|names| names.get(0).unwrap_or(names).as_str());
            // A device that never said its name goes by its address.
            let name = name.filter(|name| !name.is_empty()).unwrap_or(ip);
            known.insert(format!("{}/{ip}", api.settings.repo_ip), name.into());
        }
    }
    Ok(json!({"success": true, "allowed_devices": [known], "logpoint": nodes(api, mine)}))
}
