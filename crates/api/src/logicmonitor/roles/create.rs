//! `POST /setting/roles`

use super::body::RoleBody;
use super::shown;
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::state::Api;
use axum::extract::State;
use cresset_model::role::Role;

/// Creates a role, of which the caller must have all rights.
pub(crate) async fn create(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.write_roles()?;
    let new = RoleBody::read(&call.json()?)?.whole()?;
    let actor = Actor::of(&api, &call).await?;
    let wanted = Role {
        id: 0,
        name: new.name.clone(),
        description: String::new(),
        privileges: new.privileges.clone(),
        built_in: false,
        extra: new.extra.clone(),
        users: 0,
    };
    actor.demand_roles(&[wanted], &format!("create the role {}", new.name))?;
    let text = format!("Add user role {}", new.name);
    let told = call.audit_entry(&api, "role_created", &text);
    let role = api.catalog.create_role(new, &told).await?;
    Ok(call.object(shown(&actor, &role)))
}
