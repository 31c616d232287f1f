//! What commands that change the catalog leave behind: a line of the audit log, and an answer.

use crate::system::SystemClock;
use cresset_catalog::port::{AuditEntry, Users};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::Clock;
use serde_json::Value;

/// Writes down what was done from the command line.
pub(super) async fn audit(
    catalog: &SqliteCatalog,
    action: &str,
    detail: String,
) -> anyhow::Result<()> {
    let entry = AuditEntry {
        at: SystemClock.now(),
        actor: "command line".to_owned(),
        address: String::new(),
        action: action.to_owned(),
        detail,
    };
    Ok(catalog.audit(entry).await?)
}

/// Answers with JSON or in words.
pub(super) fn say(json: bool, value: &Value, text: &str) {
    if json {
        println!("{value}");
    } else {
        println!("{text}");
    }
}
