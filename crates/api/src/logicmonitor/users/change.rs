//! `PATCH /setting/admins/{id}`

use super::body::UserBody;
use super::{found, update};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::{extras, given};
use crate::state::Api;
use axum::extract::State;

/// Changes what the body gives, and of that only what `patchFields` names if it is there.
pub(crate) async fn change(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.write_users()?;
    let account = found(&api, &call).await?;
    let mut body = UserBody::read(&given::changes(&call)?)?;
    let extra = extras::merged(&account.extra, std::mem::take(&mut body.extra));
    update::carry_out(&api, &call, account, body, extra).await
}
