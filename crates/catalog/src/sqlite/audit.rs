//! Lines of the audit log.

use crate::Result;
use crate::port::AuditEntry;
use sqlx::SqliteConnection;

/// Longest name in an audit entry in bytes; the rest is cut off.
const MAX_NAME: usize = 255;
/// Longest detail of an audit entry in bytes; the rest is cut off.
const MAX_DETAIL: usize = 4096;

/// Writes a line in the transaction of the change that it tells of.
pub(super) async fn tell(connection: &mut SqliteConnection, told: &AuditEntry) -> Result<()> {
    let [actor, address, action, detail] = audit_texts(told);
    sqlx::query(
        "INSERT INTO audit (at, actor, address, action, detail) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(told.at.0)
    .bind(actor)
    .bind(address)
    .bind(action)
    .bind(detail)
    .execute(connection)
    .await?;
    Ok(())
}

/// Actor, address, action and detail, as long as the audit log keeps them.
pub(super) fn audit_texts(entry: &AuditEntry) -> [&str; 4] {
    let names = [&entry.actor, &entry.address, &entry.action];
    let [actor, address, action] = names.map(|name| cut(name, MAX_NAME));
    [actor, address, action, cut(&entry.detail, MAX_DETAIL)]
}

/// The longest beginning of at most `max` bytes.
pub(super) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
