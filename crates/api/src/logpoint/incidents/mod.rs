//! Incidents and users (spec/logpoint-api.md §6).

mod act;
pub(crate) mod add_comment;
pub(crate) mod assign;
pub(crate) mod close;
mod filter;
pub(crate) mod get_data;
pub(crate) mod get_users;
pub(crate) mod list;
mod pages;
pub(crate) mod reopen;
pub(crate) mod resolve;
pub(crate) mod states;

use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_model::ObjectId;
use cresset_model::incident::{Comment, Incident};
use serde_json::{Value, json};

/// Lowercase hex of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = |b: &u8| [b >> 4, b & 15].map(|n| char::from_digit(n.into(), 16).unwrap_or('0'));
    bytes.iter().flat_map(digits).collect()
}

/// The id that all incidents of one rule share: 32 hex characters.
fn shared_id(incident: &Incident) -> String {
    let text = format!("incident:{}", incident.rule_id);
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    hex(&digest.as_ref()[..16])
}

/// Who works on an incident: without an assignee, its owner.
fn assigned_to(incident: &Incident) -> String {
    incident.assignee.unwrap_or(incident.owner).to_string()
}

fn comments(comments: &[Comment]) -> Vec<Value> {
    let comment =
        |c: &Comment| json!({"title": c.title, "comment": c.comment, "time": c.time.secs()});
    comments.iter().map(comment).collect()
}

/// What is said of an incident that does not exist, or not for the caller.
pub(crate) fn unknown(id: &str) -> Error {
    Error::NotFound(format!("there is no incident {id}"))
}

/// Refuses an incident that the caller does not see, as if it did not exist: owners,
/// assignees, members of its groups and administrators see one.
pub(crate) async fn must_see(api: &Context, caller: &Caller, id: ObjectId) -> Result<()> {
    if caller.is_administrator() || api.catalog.sees_incident(caller.user.id, id).await? {
        return Ok(());
    }
    Err(unknown(&id.to_string()))
}
