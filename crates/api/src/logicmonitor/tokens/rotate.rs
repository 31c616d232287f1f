//! `POST /setting/admins/{adminId}/apitokens/{tokenId}/rotate`

use super::authority::demand_write;
use super::create::{name_of as name_of_new, new_token};
use super::limits::Limits;
use super::{no_token, shape};
use crate::error::{Error, Result};
use crate::logicmonitor::call::{Call, name_of};
use crate::logicmonitor::envelope::Reply;
use crate::state::Api;
use axum::extract::State;
use cresset_catalog::port::TokenChange;
use cresset_model::Duration;
use cresset_model::role::Right;

/// How long the old token still works unless `overlapSeconds` says otherwise.
const DEFAULT_OVERLAP: i64 = 24 * 60 * 60;
/// The longest that it may still work.
const MAX_OVERLAP: i64 = 30 * DEFAULT_OVERLAP;

/// Puts a new token in the place of an old one, which works for a while longer. The new
/// one has the old one's note and limits, its end among them.
pub(in crate::logicmonitor) async fn rotate(State(api): State<Api>, call: Call) -> Result<Reply> {
    let (owner, id) = (call.number("adminId")?, call.number("tokenId")?);
    demand_write(&api, &call, owner).await?;
    let overlap = overlap(&call)?;
    // Nothing is read from it, but nothing may hide in it either.
    if call.has_body() {
        call.json()?;
    }
    let found = api.catalog.token(Some(owner), id).await?;
    let old = found.ok_or_else(|| no_token(id))?;
    let limits = Limits::of_token(&old);
    Limits::of_caller(&call).demand(&limits)?;
    if !old.is_usable(api.now()) {
        let message = "the token is disabled or has expired; create a new one";
        return Err(Error::Refused(message.to_owned()));
    }
    let draft = TokenChange {
        note: Some(old.note.clone()),
        ..TokenChange::default()
    };
    let new = new_token(&api, &call, old.kind, owner, draft, limits);
    let text = format!(
        "Rotate api tokens - {} to {}",
        name_of(&old),
        name_of_new(&new)
    );
    let told = call.audit_entry(&api, "api_token_rotated", &text);
    let secret = new.secret.clone();
    let ends = api.now() + overlap;
    let made = api.catalog.rotate_token(id, new, ends, &told).await?;
    let token = made.ok_or_else(|| no_token(id))?;
    Ok(call.object(shape::with_secret(&token, Right::Write, &secret)))
}

fn overlap(call: &Call) -> Result<Duration> {
    let Some(text) = call.param("overlapSeconds") else {
        return Ok(Duration::seconds(DEFAULT_OVERLAP));
    };
    let seconds = text.trim().parse().ok();
    let seconds = seconds.filter(|seconds| (0..=MAX_OVERLAP).contains(seconds));
    seconds.map(Duration::seconds).ok_or_else(|| {
        let message = format!("overlapSeconds must be a whole number from 0 to {MAX_OVERLAP}");
        Error::Malformed(message)
    })
}
