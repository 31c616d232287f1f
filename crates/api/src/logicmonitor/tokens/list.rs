//! `GET /setting/admins/apitokens`

use super::authority::Viewer;
use super::query::list_query;
use super::{kind, shape};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;

/// The tokens of everybody.
pub(in crate::logicmonitor) async fn list(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.read_users()?;
    let viewer = Viewer::of(&api, &call).await?;
    let query = list_query(&call, &viewer)?;
    let page = api
        .catalog
        .tokens(kind(&call)?, None, &query, call.seen)
        .await?;
    let items = page.items.iter();
    let items = items.map(|token| shape::of(token, viewer.right(token)));
    Ok(call.list(page.total, items))
}
