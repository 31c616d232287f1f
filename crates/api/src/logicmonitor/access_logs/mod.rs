//! The audit log in LogicMonitor's shape (spec §3.9), below `/setting/accesslogs`.
//! For administrators.

pub(crate) mod list;
pub(crate) mod read;

use super::call::Call;
use super::users::shape::local;
use crate::error::{Error, Result};
use cresset_catalog::port::AuditLine;
use serde_json::{Value, json};

/// It tells what everybody does, so only administrators see it.
fn demand(call: &Call) -> Result<()> {
    call.rights.read_users()?;
    if call.rights.administrator {
        return Ok(());
    }
    Err(Error::Forbidden(
        "Permission denied: only administrators may see the access logs".to_owned(),
    ))
}

/// A line as clients see it; `zone` is the caller's time zone. Requests belong to no session.
fn shown(line: &AuditLine, zone: &str) -> Value {
    json!({
        "id": line.id.to_string(),
        "username": line.actor,
        "ip": line.address,
        "happenedOn": line.at.secs(),
        "happenedOnLocal": local(Some(line.at), zone),
        "description": line.description,
        "sessionId": "",
        // Our own keys.
        "action": line.action,
        "detail": line.detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::Timestamp;

    #[test]
    fn a_line_as_clients_see_it() {
        let line = AuditLine {
            id: 7,
            at: Timestamp::from_millis(1_700_000_000_999),
            actor: "ann".to_owned(),
            address: "192.0.2.7".to_owned(),
            action: "user_deleted".to_owned(),
            detail: "Delete account ci".to_owned(),
            description: "Delete account ci".to_owned(),
        };
        let expected = json!({"id": "7", "username": "ann", "ip": "192.0.2.7",
            "happenedOn": 1_700_000_000, "happenedOnLocal": "2023-11-14 17:13:20 EST",
            "description": "Delete account ci", "sessionId": "",
            "action": "user_deleted", "detail": "Delete account ci"});
        assert_eq!(shown(&line, "America/New_York"), expected);
    }
}
