//! `PATCH /setting/roles/{id}`

use super::body::RoleBody;
use super::{carry_out, found};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::given;
use crate::logicmonitor::rank::Actor;
use crate::state::Api;
use axum::extract::State;

/// Changes what the body gives, and of that only what `patchFields` names if it is there.
pub(crate) async fn change(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.write_roles()?;
    let role = found(&api, &call).await?;
    let change = RoleBody::read(&given::changes(&call)?)?.change(&role.extra);
    let actor = Actor::of(&api, &call).await?;
    let changed = carry_out(&api, &call, &actor, role, &change).await?;
    Ok(call.object(changed))
}
