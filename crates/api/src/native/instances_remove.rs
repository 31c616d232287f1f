//! `DELETE /api/v1/instances/{name}`

use crate::auth::{Authorized, LogsWrite};
use crate::body::{Params, PathText};
use crate::error::{Error, Result};
use crate::native::schemas::Removed;
use crate::state::{Api, Context};
use axum::Json;
use axum::extract::State;
use cresset_model::instance::{InUse, Instance};
use serde_json::{Value, json};

/// Removes an instance. For administrators.
///
/// Its repos can no longer be searched from here; on the instance nothing changes.
#[utoipa::path(
    delete, path = "/api/v1/instances/{name}", tag = "Instances",
    security(("jwt" = ["logs:write"])),
    params(
        ("name" = String, Path, description = "The instance's name here"),
        ("force" = Option<bool>, Query, description = "Also if active rules search it"),
    ),
    responses(
        (status = 200, description = "Removed", body = Removed),
        (status = 403, description = "Not an administrator"),
        (status = 404, description = "There is no such instance"),
        (status = 409, description = "Active rules search it, and `force` is not set"),
    )
)]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Authorized<LogsWrite>,
    PathText(name): PathText,
    params: Params,
) -> Result<Json<Value>> {
    caller.demand_administrator("remove instances")?;
    let force = params.flag("force")?.unwrap_or(false);
    let instances = api.catalog.instances().await?;
    let known = instances.iter().find(|instance| instance.name == name);
    if let Some(instance) = known.filter(|_| !force) {
        refuse_if_used(&api, instance).await?;
    }
    api.catalog.remove_instance(&name, api.now()).await?;
    (api.on_instances_changed)();
    let who = &caller.user.username;
    api.audit(who, caller.peer, "instance_removed", name.clone())
        .await;
    Ok(Json(json!({"removed": name})))
}

async fn refuse_if_used(api: &Context, instance: &Instance) -> Result<()> {
    let rules = api.catalog.active_rules().await?;
    let rules = rules.iter().map(|found| &found.rule.spec);
    let rules = rules.map(|spec| (spec.name.as_str(), spec.search_params.repos.as_slice()));
    match InUse::by(instance, rules) {
        Some(in_use) => Err(Error::Conflict(in_use.to_string())),
        None => Ok(()),
    }
}
