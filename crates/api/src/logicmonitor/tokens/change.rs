//! `PATCH /setting/admins/{adminId}/apitokens/{tokenId}`

use super::authority::demand_write;
use super::limits::Limits;
use super::{draft, no_token, shape};
use crate::error::Result;
use crate::logicmonitor::call::{Call, name_of};
use crate::logicmonitor::envelope::Reply;
use crate::state::{Api, Context};
use axum::extract::State;
use cresset_catalog::port::TokenChange;
use cresset_model::role::Right;
use cresset_model::token::ApiToken;

/// Changes what the body names; with `patchFields`, only those of its keys.
pub(in crate::logicmonitor) async fn change(State(api): State<Api>, call: Call) -> Result<Reply> {
    let mut body = call.json()?;
    if let Some(fields) = call.param("patchFields") {
        let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
        body.retain(|key, _| fields.contains(&key.as_str()));
    }
    apply(&api, &call, draft::read(&body)?).await
}

/// Carries out a change by PUT or PATCH.
pub(super) async fn apply(api: &Context, call: &Call, change: TokenChange) -> Result<Reply> {
    let (owner, id) = (call.number("adminId")?, call.number("tokenId")?);
    demand_write(api, call, owner).await?;
    let found = api.catalog.token(Some(owner), id).await?;
    let token = found.ok_or_else(|| no_token(id))?;
    Limits::of_caller(call).demand_of_change(&token, &change)?;
    let told = call.audit_entry(api, "api_token_changed", &text(&token, &change));
    let changed = api.catalog.change_token(owner, id, &change, &told).await?;
    let token = changed.ok_or_else(|| no_token(id))?;
    Ok(call.object(shape::of(&token, Right::Write)))
}

/// What the audit log says: that a token came back to life must not be missed.
fn text(token: &ApiToken, change: &TokenChange) -> String {
    let what = match change.disabled {
        Some(true) if !token.disabled => " (now disabled)",
        Some(false) if token.disabled => " (now enabled)",
        _ => "",
    };
    format!("Update api tokens - {}{what}", name_of(token))
}
