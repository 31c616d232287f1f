//! `GET /setting/roles/{id}`

use super::{found, shown};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::state::Api;
use axum::extract::State;

/// One role.
pub(crate) async fn read(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.read_roles()?;
    let role = found(&api, &call).await?;
    let actor = Actor::of(&api, &call).await?;
    Ok(call.object(shown(&actor, &role)))
}
