//! `DELETE /setting/admins/{id}`

use super::{found, no_user};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::state::Api;
use axum::extract::State;

/// Deletes a user with all tokens, which stop to work at once.
pub(crate) async fn delete(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.write_users()?;
    let account = found(&api, &call).await?;
    let number = account.user.number;
    if number == call.caller.user.number {
        return Err(Error::Refused("nobody can delete themselves".to_owned()));
    }
    let actor = Actor::of(&api, &call).await?;
    actor.demand_user(&account, "delete")?;
    let text = format!("Delete account {}", account.user.username);
    let told = call.audit_entry(&api, "user_deleted", &text);
    if !api.catalog.delete_account(number, &told).await? {
        return Err(no_user(number));
    }
    Ok(call.deleted())
}
