//! `GET /setting/admins/{id}`

use super::{found, shown};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::logicmonitor::rights::demand;
use crate::logicmonitor::tokens::with_user;
use crate::state::Api;
use axum::extract::State;
use cresset_model::role::Right;

/// One user. Everybody may see themselves, unless the credential is narrowed to other things.
pub(crate) async fn read(State(api): State<Api>, call: Call) -> Result<Reply> {
    if call.number("adminId")? == call.caller.user.number {
        demand(call.rights.own_tokens, Right::Read, "see users")?;
    } else {
        call.rights.read_users()?;
    }
    let account = found(&api, &call).await?;
    let actor = Actor::of(&api, &call).await?;
    let tokens = with_user::of(&api, &call, &account).await?;
    Ok(call.object(shown(&actor, &account, tokens)))
}
