//! What commands tell: a line of the audit log, an answer, and the words of other servers.

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
    Ok(catalog.audit(audit_entry(action, detail)).await?)
}

/// What was done from the command line, to be written down together with what it did.
pub(super) fn audit_entry(action: &str, detail: String) -> AuditEntry {
    AuditEntry {
        at: SystemClock.now(),
        actor: "command line".to_owned(),
        address: String::new(),
        action: action.to_owned(),
        detail,
    }
}

/// Answers with JSON or in words.
pub(super) fn say(json: bool, value: &Value, text: &str) {
    if json {
        println!("{value}");
    } else {
        println!("{text}");
    }
}

/// Text without control characters, which a terminal might obey: what another server or an
/// event says is printed through this.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(inert).collect()
}

/// As [`plain`], for text whose lines stay lines.
pub(crate) fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(plain).collect();
    lines.join("\n")
}

fn inert(c: char) -> char {
    if c.is_control() { '\u{fffd}' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_inert() {
        let hostile = "\u{1b}[31mred\u{7}\u{9b}2J\r\nnext";
        let one_line = "\u{fffd}[31mred\u{fffd}\u{fffd}2J\u{fffd}\u{fffd}next";
        assert_eq!(plain(hostile), one_line);
        let lines = "\u{fffd}[31mred\u{fffd}\u{fffd}2J\u{fffd}\nnext";
        assert_eq!(plain_lines(hostile), lines);
    }
}
