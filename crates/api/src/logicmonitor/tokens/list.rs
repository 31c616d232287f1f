//! `GET /setting/admins/apitokens`

use super::authority::Viewer;
use super::{kind, shape};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;
use cresset_model::token::TOKEN_COLUMNS;

/// The tokens of everybody.
pub(in crate::logicmonitor) async fn list(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.read_users()?;
    let query = call.list_query(TOKEN_COLUMNS)?;
    let page = api.catalog.tokens(kind(&call)?, None, &query).await?;
    let viewer = Viewer::of(&api, &call).await?;
    let items = page.items.iter();
    let items = items.map(|token| shape::of(token, viewer.right(token)));
    Ok(call.list(page.total, items))
}
