//! Event files that cannot be read.

use super::{AuditEntry, FileEntry};
use crate::Result;
use async_trait::async_trait;
use cresset_model::{ObjectId, Timestamp};

/// An event file that was found missing or damaged, with what was lost with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedFile {
    /// The file as it was registered.
    pub file: FileEntry,
    /// What is wrong with it, for people.
    pub reason: String,
    /// When that was found.
    pub at: Timestamp,
}

/// What became of event files that cannot be read.
#[async_trait]
pub trait Quarantine: Send + Sync + 'static {
    /// Takes a file from the registered ones into the quarantine.
    /// [`crate::Error::NotFound`], and nothing changes, if it is not registered.
    async fn quarantine_file(&self, id: ObjectId, reason: &str, at: Timestamp) -> Result<()>;
    /// The files in quarantine of `repos` (empty: all) that may hold events of `from..=to`,
    /// by `min_log_ts`.
    async fn quarantined_files(
        &self,
        repos: &[String],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<QuarantinedFile>>;
    /// Registers a file again, which stands whole in its place, and writes down who did so.
    /// [`crate::Error::NotFound`] if it is not in quarantine.
    async fn restore_file(&self, id: ObjectId, entry: AuditEntry) -> Result<()>;
    /// Forgets a file in quarantine: its events are lost for good. Writes down who did so, if
    /// somebody did. [`crate::Error::NotFound`] if it is not in quarantine.
    async fn forget_file(&self, id: ObjectId, entry: Option<AuditEntry>) -> Result<()>;
}

impl std::fmt::Display for QuarantinedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = &self.file;
        write!(
            f,
            "{} events of repo {} from {} to {}: event file {} is in quarantine ({})",
            file.rows,
            file.repo,
            file.min_log_ts.to_rfc3339(),
            file.max_log_ts.to_rfc3339(),
            file.path,
            self.reason
        )
    }
}
