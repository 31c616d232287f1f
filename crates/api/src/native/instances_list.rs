//! `GET /api/v1/instances`

use crate::auth::{Authorized, LogsourceRead};
use crate::error::Result;
use crate::native::schemas::InstancesReply;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::Timestamp;
use cresset_model::instance::Instance;
use cresset_model::user::User;
use serde_json::{Value, json};

/// All registered instances by name, with what the last check found and the repos that the
/// caller may search.
#[utoipa::path(
    get, path = "/api/v1/instances", tag = "Instances",
    security(("jwt" = ["logsource:read"])),
    responses((status = 200, body = InstancesReply, description =
        "`address` stands before the slash in the addresses of its repos; `up` is whether the \
         last check found it, `seen_at` when it was found last, `error` why it was not"))
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Authorized<LogsourceRead>,
) -> Result<Json<Value>> {
    let instances = api.catalog.instances().await?;
    let rows = instances.iter().map(|instance| row(instance, &caller.user));
    Ok(Json(json!({ "instances": rows.collect::<Vec<_>>() })))
}

pub(super) fn row(instance: &Instance, user: &User) -> Value {
    let health = &instance.health;
    let addresses = health.repos.iter().map(|repo| {
        let address = instance.address(&repo.name);
        (&repo.name, address)
    });
    let repos: Vec<Value> = addresses
        .filter(|(_, address)| user.may_search(address))
        .map(|(name, address)| json!({"name": name, "address": address}))
        .collect();
    json!({
        "name": instance.name,
        "url": instance.url,
        "address": instance.node,
        "user": instance.user,
        "product": health.product,
        "up": health.is_up(),
        "checked_at": health.checked_at.map(Timestamp::to_rfc3339),
        "seen_at": health.seen_at.map(Timestamp::to_rfc3339),
        "error": health.error,
        "repos": repos,
    })
}
