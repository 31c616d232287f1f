//! `POST /getalloweddata`
//!
//! Nodes are this server and the registered instances. Devices are this server's only:
//! others' would have to be asked for anew each time.

use crate::auth::CredentialRequest;
use crate::error::{Error, Result};
use crate::logpoint::repo_address::address;
use crate::logpoint::schemas::search::{AllowedData, AllowedDataForm};
use crate::state::{Api, Context};
use axum::Json;
use axum::extract::State;
use cresset_model::Duration;
use cresset_model::instance::Instance;
use cresset_model::user::User;
use cresset_search::SearchRequest;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What the caller may see: preferences, nodes, repos, devices, live searches.
#[utoipa::path(
    post, path = "/getalloweddata", tag = "Search",
    request_body(content(
        (AllowedDataForm = "application/x-www-form-urlencoded"),
        (AllowedDataForm = "multipart/form-data"),
        (AllowedDataForm = "application/json"),
    )),
    responses((status = 200, description = "Always, with `success` true or false", body = AllowedData))
)]
pub(crate) async fn get_allowed_data(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let chosen = Chosen::read(request.text("logpoints"))?;
    let user = &request.caller.user;
    let reply = match request.text("type").unwrap_or_default() {
        "user_preference" => json!({
            "success": true,
            "timezone": user.timezone,
            "date_format": user.date_format,
            "hour_format": user.hour_format,
        }),
        "loginspects" => {
            let nodes = chosen.nodes(&api, &api.catalog.instances().await?);
            json!({"success": true, "allowed_loginspects": nodes})
        }
        "logpoint_repos" => repos(&api, user, &chosen).await?,
        "devices" => devices(&api, user, &chosen).await?,
        "livesearches" => live_searches(&api, user).await?,
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

/// The optional list of nodes: `""` or `[]` for all, else those whose name and ip are in it.
struct Chosen(Vec<Value>);

impl Chosen {
    fn read(logpoints: Option<&str>) -> Result<Self> {
        let text = logpoints.map(str::trim).unwrap_or_default();
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let nodes = serde_json::from_str(text);
        nodes
            .map(Self)
            .map_err(|_| Error::Malformed("logpoints must be a JSON array".to_owned()))
    }

    fn has(&self, name: &str, ip: &str) -> bool {
        let named = |node: &Value| {
            let said = |key: &str| node.get(key).and_then(Value::as_str);
            // Several nodes may share an address, so where both are said both must be right.
            match (said("name"), said("ip")) {
                (Some(n), Some(i)) => n == name && i == ip,
                (Some(n), None) => n == name,
                (None, i) => i == Some(ip),
            }
        };
        self.0.is_empty() || self.0.iter().any(named)
    }

    fn has_this_node(&self, api: &Context) -> bool {
        self.has(&api.settings.server_name, &api.settings.repo_ip)
    }

    fn has_instance(&self, instance: &Instance) -> bool {
        self.has(&instance.name, instance.host())
    }

    /// Name and ip of the chosen ones, this server first.
    fn nodes(&self, api: &Context, instances: &[Instance]) -> Vec<Value> {
        let settings = &api.settings;
        let this = self
            .has_this_node(api)
            .then(|| json!({"name": settings.server_name, "ip": settings.repo_ip}));
        let others = instances.iter().filter(|other| self.has_instance(other));
        let others = others.map(|other| json!({"name": other.name, "ip": other.host()}));
        this.into_iter().chain(others).collect()
    }
}

async fn repos(api: &Context, user: &User, chosen: &Chosen) -> Result<Value> {
    let directory = api.repo_directory(user).await?;
    let row = |name: &str, address: String| json!({"repo": name, "address": address});
    let here = chosen.has_this_node(api);
    let mut rows: Vec<Value> = directory
        .permitted()
        .filter(|_| here)
        .map(|name| row(name, address(&api.settings, name)))
        .collect();
    let instances = directory.instances();
    for instance in instances.iter().filter(|i| chosen.has_instance(i)) {
        let repos = directory.permitted_at(instance);
        rows.extend(repos.map(|repo| row(&repo.name, instance.address(&repo.name))));
    }
    let nodes = chosen.nodes(api, instances);
    Ok(json!({"success": true, "allowed_repos": rows, "logpoint": nodes}))
}

/// The caller's active rules, as far as they may still search something.
async fn live_searches(api: &Context, user: &User) -> Result<Value> {
    let directory = api.repo_directory(user).await?;
    let rules = api.catalog.rules_of(user.id).await?;
    let macros = api.macros.current().await?;
    let searches: Vec<Value> = rules
        .iter()
        .filter(|rule| rule.active)
        .filter(|rule| {
            directory
                .remaining(&rule.spec.search_params.repos)
                .is_some()
        })
        .map(|rule| super::life::shown(rule, &macros))
        .collect();
    Ok(json!({"success": true, "livesearches": searches}))
}

async fn devices(api: &Context, user: &User, chosen: &Chosen) -> Result<Value> {
    let mut known = Map::new();
    if chosen.has_this_node(api) {
        for (ip, name) in known_devices(api, user).await? {
            known.insert(format!("{}/{ip}", api.settings.repo_ip), name.into());
        }
    }
    let nodes = chosen.nodes(api, &api.catalog.instances().await?);
    Ok(json!({"success": true, "allowed_devices": [known], "logpoint": nodes}))
}

/// Address and name of the devices that sent something during the last day to a repo that the
/// user may search. There is no register of devices: whoever sends is one.
pub(crate) async fn known_devices(api: &Context, user: &User) -> Result<Vec<(String, String)>> {
    let directory = api.repo_directory(user).await?;
    let Some(repos) = directory.remaining(&[]) else {
        return Ok(Vec::new());
    };
    let plan = cresset_query::compile("| chart distinct_list(device_name) as names by device_ip")
        .map_err(|_| Error::Internal("the query for devices does not compile".to_owned()))?;
    let now = api.now();
    let request = SearchRequest {
        plan: Arc::new(plan),
        repos,
        from: now - Duration::days(1),
        to: now,
        part_of: None,
        timezone: "UTC".to_owned(),
        limit: 10_000,
        up_to_seq: None,
        timeout: Duration::seconds(8),
    };
    let found = api.searcher.run(request).await;
    let found = found.map_err(|e| Error::Refused(e.to_string()))?;
    let rows = found.rows.iter().map(cresset_query::ResultRow::to_json);
    Ok(rows.filter_map(|row| device(&row)).collect())
}

fn device(row: &Map<String, Value>) -> Option<(String, String)> {
    let ip = row.get("device_ip").and_then(Value::as_str)?;
    let names = row.get("names");
    let name = names.and_then(|names| names.get(0).unwrap_or(names).as_str());
    // A device that never said its name goes by its address.
    let name = name.filter(|name| !name.is_empty()).unwrap_or(ip);
    Some((ip.to_owned(), name.to_owned()))
}
