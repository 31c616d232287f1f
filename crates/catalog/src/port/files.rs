//! Event files and places in the event log.

use crate::Result;
use async_trait::async_trait;
use cresset_model::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// One immutable event file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Unique id; names the file.
    pub id: ObjectId,
    /// The repo whose events it holds.
    pub repo: String,
    /// Path relative to the store's root.
    pub path: String,
    /// Events in it.
    pub rows: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Earliest event time in it.
    pub min_log_ts: Timestamp,
    /// Latest event time in it.
    pub max_log_ts: Timestamp,
    /// Smallest `seq` in it.
    pub min_seq: u64,
    /// Largest `seq` in it.
    pub max_seq: u64,
    /// CRC-32 of its bytes as they were written; `None` if it was written before there were any.
    pub crc32: Option<u32>,
}

/// What a flush commits at once.
#[derive(Debug, Clone, Default)]
pub struct FlushCommit {
    /// New files, already durable on disk.
    pub files: Vec<FileEntry>,
    /// All events up to this `seq` are in files now.
    pub flushed_to: u64,
    /// Idempotency keys of the batches in the files: repo, key, first `seq`, number of events, time.
    pub batch_keys: Vec<(String, String, u64, u64, Timestamp)>,
}

/// Most idempotency keys that [`Files::batch_keys`] gives: as many as the event log
/// remembers. So a batch is stored once while its key is among the newest 200,000 and
/// not pruned.
pub const MAX_BATCH_KEYS: usize = 200_000;

/// Some files together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilesTotal {
    /// How many there are.
    pub files: u64,
    /// Events in them.
    pub events: u64,
}

/// Event files and cursors.
#[async_trait]
pub trait Files: Send + Sync + 'static {
    /// Registers files and moves the cursor `store` in one transaction.
    /// [`crate::Error::Refused`] if the cursor would go back or a file holds an event at
    /// or before it: such an event is in a file already.
    async fn register_flush(&self, commit: FlushCommit) -> Result<()>;
    /// Files of `repos` (empty: all) that may hold events of `from..=to`, by `min_log_ts`.
    async fn files(
        &self,
        repos: &[String],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<FileEntry>>;
    /// How many files `repos` (empty: all) have, and how many events are in them.
    async fn files_total(&self, repos: &[String]) -> Result<FilesTotal>;
    /// Unregisters files; only then may they be deleted. Unknown ids are ignored.
    async fn unregister_files(&self, ids: &[ObjectId]) -> Result<()>;
    /// Registers a file in the places of others, which may be deleted once nobody reads them.
    /// [`crate::Error::NotFound`], and nothing changes, if one of these is not registered.
    async fn replace_files(&self, ids: &[ObjectId], by: &FileEntry) -> Result<()>;
    /// Place of a consumer of the event log: all events up to it are done. 0 if unknown.
    async fn cursor(&self, consumer: &str) -> Result<u64>;
    /// Moves a consumer's place.
    async fn set_cursor(&self, consumer: &str, seq: u64) -> Result<()>;
    /// Batch keys recorded at or after `since`, oldest first: repo, key, first `seq`,
    /// number of events. Of more than [`MAX_BATCH_KEYS`] the newest.
    async fn batch_keys(&self, since: Timestamp) -> Result<Vec<(String, String, u64, u64)>>;
    /// Forgets batch keys older than `before`.
    async fn prune_batch_keys(&self, before: Timestamp) -> Result<()>;
}
