//! `DELETE /setting/roles/{id}`

use super::{found, no_role};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::state::Api;
use axum::extract::State;

/// Deletes a role that nobody has.
pub(crate) async fn delete(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.write_roles()?;
    let role = found(&api, &call).await?;
    let act = format!("delete the role {}", role.name);
    let actor = Actor::of(&api, &call).await?;
    actor.demand_roles(std::slice::from_ref(&role), &act)?;
    let text = format!("Delete user role {}", role.name);
    let told = call.audit_entry(&api, "role_deleted", &text);
    if !api.catalog.delete_role(role.id, &told).await? {
        return Err(no_role(role.id));
    }
    Ok(call.deleted())
}
