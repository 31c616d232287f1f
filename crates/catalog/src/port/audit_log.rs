//! The audit log as a list.

use super::{AuditEntry, RefusedRequest};
use crate::Result;
use async_trait::async_trait;
use cresset_model::Timestamp;
use cresset_model::filter::{Column, ListQuery, Page};

/// A line of the audit log, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Counted from 1 in the order in which lines were written.
    pub id: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: a user name, `system`, or what was claimed.
    pub actor: String,
    /// Where the request came from, empty if it was not a request.
    pub address: String,
    /// What happened, as a constant word.
    pub action: String,
    /// What there is to say about it.
    pub detail: String,
    /// Both in a sentence, or at least in words.
    pub description: String,
}

/// What the audit log can be filtered and sorted by.
pub const AUDIT_COLUMNS: &[Column] = &[
    Column::number("id"),
    Column::text("username"),
    Column::text("ip"),
    Column::number("happenedOn"),
    Column::text("description"),
];

/// Writes lines about refused requests, and reads all lines.
#[async_trait]
pub trait AuditLog: Send + Sync + 'static {
    /// Appends to the audit log that a request was refused.
    async fn audit_refused(&self, entry: AuditEntry, request: &RefusedRequest) -> Result<()>;
    /// Lines by [`AUDIT_COLUMNS`]. [`crate::Error::Refused`] tells what is wrong with the
    /// filter or the order.
    async fn audit_lines(&self, query: &ListQuery) -> Result<Page<AuditLine>>;
    /// The line of that id.
    async fn audit_line(&self, id: i64) -> Result<Option<AuditLine>>;
}
