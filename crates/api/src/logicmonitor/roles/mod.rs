//! Roles (spec §6.3), below `/setting/roles`.

mod body;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod replace;
pub(in crate::logicmonitor) mod shape;

use super::call::Call;
use super::rank::Actor;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_catalog::port::RoleChange;
use cresset_model::role::Role;
use serde_json::Value;

fn no_role(id: i64) -> Error {
    Error::NotFound(format!("there is no role with the id {id}"))
}

/// The role that the path names.
async fn found(api: &Context, call: &Call) -> Result<Role> {
    let id = call.number("roleId")?;
    api.catalog.role(id).await?.ok_or_else(|| no_role(id))
}

/// A role as the caller sees it.
fn shown(actor: &Actor<'_>, role: &Role) -> Value {
    shape::role(role, actor.right_on_role(role))
}

/// Changes `role`, of which the caller must have all rights before and after.
async fn carry_out(
    api: &Context,
    call: &Call,
    actor: &Actor<'_>,
    role: Role,
    change: &RoleChange,
) -> Result<Value> {
    let act = format!("change the role {}", role.name);
    // Before, too: nobody takes what they could not give back.
    actor.demand_roles(std::slice::from_ref(&role), &act)?;
    if let Some(privileges) = change.privileges.clone() {
        let wanted = Role {
            privileges,
            ..role.clone()
        };
        actor.demand_roles(&[wanted], &act)?;
    }
    let text = format!("Update user role {}", role.name);
    let told = call.audit_entry(api, "role_changed", &text);
    let changed = api.catalog.change_role(role.id, change, &told).await?;
    let changed = changed.ok_or_else(|| no_role(role.id))?;
    Ok(shown(actor, &changed))
}
