//! `GET /setting/admins/apitokens/{tokenId}` and `GET /setting/admins/{adminId}/apitokens/{tokenId}`

use super::authority::{Viewer, demand_read};
use super::{no_token, shape};
use crate::error::Result;
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;

/// One token, whoever owns it.
pub(in crate::logicmonitor) async fn read(State(api): State<Api>, call: Call) -> Result<Reply> {
    let id = call.number("tokenId")?;
    let found = api.catalog.token(None, id).await?;
    // Who may not see others' tokens does not learn which ids there are.
    let owner = found.as_ref().map_or(0, |token| token.user_number);
    demand_read(&call, owner)?;
    let token = found.ok_or_else(|| no_token(id))?;
    let right = Viewer::of(&api, &call).await?.right(&token);
    Ok(call.object(shape::of(&token, right)))
}

/// One token of one user.
pub(in crate::logicmonitor) async fn read_of_user(
    State(api): State<Api>,
    call: Call,
) -> Result<Reply> {
    let (owner, id) = (call.number("adminId")?, call.number("tokenId")?);
    demand_read(&call, owner)?;
    let found = api.catalog.token(Some(owner), id).await?;
    let token = found.ok_or_else(|| no_token(id))?;
    let right = Viewer::of(&api, &call).await?.right(&token);
    Ok(call.object(shape::of(&token, right)))
}
