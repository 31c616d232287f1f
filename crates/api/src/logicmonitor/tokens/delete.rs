//! `DELETE /setting/admins/{adminId}/apitokens/{tokenId}`

use super::authority::demand_write;
use super::no_token;
use crate::error::Result;
use crate::logicmonitor::call::{Call, name_of};
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;

/// Deletes a token for good, which may be the one that the request is sent with.
pub(in crate::logicmonitor) async fn delete(State(api): State<Api>, call: Call) -> Result<Reply> {
    let (owner, id) = (call.number("adminId")?, call.number("tokenId")?);
    demand_write(&api, &call, owner).await?;
    let found = api.catalog.token(Some(owner), id).await?;
    let token = found.ok_or_else(|| no_token(id))?;
    let text = format!("Delete api tokens - {}", name_of(&token));
    let told = call.audit_entry(&api, "api_token_deleted", &text);
    if !api.catalog.delete_token(owner, id, &told).await? {
        return Err(no_token(id));
    }
    Ok(call.deleted())
}
