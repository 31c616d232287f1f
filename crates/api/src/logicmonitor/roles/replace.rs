//! `PUT /setting/roles/{id}`

use super::body::RoleBody;
use super::{carry_out, found};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::state::Api;
use axum::extract::State;
use cresset_catalog::port::RoleChange;

/// Replaces a role: what the body does not give gets its default.
pub(crate) async fn replace(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.write_roles()?;
    let role = found(&api, &call).await?;
    let whole = RoleBody::read(&call.json()?)?.whole()?;
    let change = RoleChange {
        name: Some(whole.name),
        description: Some(whole.description),
        privileges: Some(whole.privileges),
        extra: Some(whole.extra),
    };
    let actor = Actor::of(&api, &call).await?;
    let changed = carry_out(&api, &call, &actor, role, &change).await?;
    Ok(call.object(changed))
}
