//! `GET /setting/admins/{adminId}/apitokens`

use super::authority::{Viewer, demand_read, is_own};
use super::query::list_query;
use super::{kind, no_user, shape};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;

/// The tokens of one user.
pub(in crate::logicmonitor) async fn list(State(api): State<Api>, call: Call) -> Result<Reply> {
    let owner = call.number("adminId")?;
    demand_read(&call, owner)?;
    let viewer = Viewer::of(&api, &call).await?;
    let query = list_query(&call, &viewer)?;
    let kind = kind(&call)?;
    let page = api
        .catalog
        .tokens(kind, Some(owner), &query, call.seen)
        .await?;
    if page.total == 0 && !is_own(&call, owner) && api.catalog.account(owner).await?.is_none() {
        return Err(no_user(owner));
    }
    let items = page.items.iter();
    let items = items.map(|token| shape::of(token, viewer.right(token)));
    Ok(call.list(page.total, items))
}
