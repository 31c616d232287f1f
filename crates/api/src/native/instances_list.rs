//! `GET /api/v1/instances`

use crate::auth::{Authorized, LogsourceRead};
use crate::error::Result;
use crate::native::schemas::{InstanceRow, InstancesReply};
use crate::state::Api;
use axum::Json;
use axum::extract::State;

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
) -> Result<Json<InstancesReply>> {
    let instances = api.catalog.instances().await?;
    let row = |instance| InstanceRow::of(instance, |address| caller.user.may_search(address));
    let instances = instances.iter().map(row).collect();
    Ok(Json(InstancesReply { instances }))
}
