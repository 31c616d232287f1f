//! Incidents and users (spec/logpoint-api.md §6).

mod filter;
pub(crate) mod get_data;
pub(crate) mod get_users;
pub(crate) mod list;

use crate::auth::Caller;
use cresset_model::incident::Incident;

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

/// Owners, assignees and administrators see an incident.
fn may_see(caller: &Caller, incident: &Incident) -> bool {
    let id = caller.user.id;
    caller.is_administrator() || incident.owner == id || incident.assignee == Some(id)
}
