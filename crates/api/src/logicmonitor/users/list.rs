//! `GET /setting/admins`

use super::{group_filter, shown};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::logicmonitor::tokens::with_user;
use crate::state::Api;
use axum::extract::State;
use cresset_model::account::USER_COLUMNS;

/// Longest `filterGroupString`, in bytes: as long as a value of a filter.
const MAX_LOOKED_FOR: usize = 2048;

/// The users. `filterGroupString` looks for one text in several keys; `type` and `permission`
/// are taken and have no effect.
pub(crate) async fn list(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.read_users()?;
    let mut query = call.list_query(USER_COLUMNS)?;
    if let Some(text) = call.param("filterGroupString") {
        if text.len() > MAX_LOOKED_FOR || text.contains('\0') {
            let message = format!("filterGroupString must have at most {MAX_LOOKED_FOR} bytes");
            return Err(Error::Malformed(message));
        }
        query.filter = Some(group_filter::narrowed(query.filter, text));
    }
    let page = api.catalog.accounts(&query).await?;
    let actor = Actor::of(&api, &call).await?;
    let mut items = Vec::with_capacity(page.items.len());
    let tokens = with_user::of_each(&api, &call, &page.items).await?;
    for (account, tokens) in page.items.iter().zip(tokens) {
        items.push(shown(&actor, account, tokens));
    }
    Ok(call.list(page.total, items))
}
