//! `GET /setting/roles`

use super::shown;
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::state::Api;
use axum::extract::State;
use cresset_model::role::ROLE_COLUMNS;

/// The roles, in the order of their ids unless `sort` says otherwise.
pub(crate) async fn list(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.read_roles()?;
    let query = call.list_query(ROLE_COLUMNS)?;
    let page = api.catalog.roles(&query).await?;
    let actor = Actor::of(&api, &call).await?;
    let items = page.items.iter().map(|role| shown(&actor, role));
    Ok(call.list(page.total, items))
}
