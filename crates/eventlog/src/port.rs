//! What an event log promises.

use async_trait::async_trait;
use cresset_model::{Packed, event::LoggedEvent};
use std::sync::Arc;
use tokio::sync::watch;

/// A result of an event log.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an event log could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Too much is waiting to be stored; the sender should wait and try again.
    #[error("the event log is full: {waiting_bytes} bytes wait to be stored")]
    Full {
        /// Size of the tail.
        waiting_bytes: usize,
    },
    /// One batch is larger than the log takes.
    #[error("a batch of {bytes} bytes exceeds the limit of {limit}")]
    BatchTooLarge {
        /// Size of the batch.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The disk failed or is full. Nothing of the batch counts as stored.
    #[error("event log: {0}")]
    Io(String),
    /// The log is closed.
    #[error("the event log is closed")]
    Closed,
}

/// Events of one repo that are stored together or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The repo.
    pub repo: Arc<str>,
    /// Idempotency key: a batch of the same repo and key is stored once.
    pub key: Option<String>,
    /// The events, in order.
    pub events: Arc<Packed>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// `seq` of the first event.
    pub first_seq: u64,
    /// Number of events.
    pub count: u64,
    /// True if a batch of this key was stored before; the numbers are the earlier ones.
    pub duplicate: bool,
}

/// An event log.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Stores a batch; returns after it is on stable storage and in the tail.
    async fn append(&self, batch: Batch) -> Result<Appended>;
    /// The `seq` of the newest durable event, and a way to wait for newer ones.
    fn head(&self) -> watch::Receiver<u64>;
    /// Up to `max` events of the tail after `after`, in order.
    fn read(&self, after: u64, max: usize) -> Vec<LoggedEvent>;
    /// The same, and no more than `bytes` of them but for a first one that is larger; with what
    /// they come to, in the measure of `Event::size`.
    fn read_within(&self, after: u64, max: usize, bytes: usize) -> (Vec<LoggedEvent>, usize) {
        let mut found = 0;
        let mut events = self.read(after, max);
        let fits = events.iter().enumerate().take_while(|(place, event)| {
            let upto = found + event.event.size();
            let fits = upto <= bytes || *place == 0;
            found = if fits { upto } else { found };
            fits
        });
        let count = fits.count();
        events.truncate(count);
        (events, found)
    }
    /// Bytes in the tail after `after`, in the measure of `Event::size`.
    fn pending_bytes(&self, after: u64) -> usize;
    /// Idempotency keys of batches after `after`: repo, key, first `seq`, number of events.
    fn batch_keys(&self, after: u64) -> Vec<(String, String, u64, u64)>;
    /// All consumers are done with events up to `upto`: they leave the tail, and
    /// segments that hold only such events are deleted.
    async fn trim(&self, upto: u64) -> Result<()>;
    /// Ends the piece of storage that is being written, so that [`EventLog::trim`] can delete
    /// it like those before it. Nothing to do where there are no pieces.
    async fn seal(&self) -> Result<()> {
        Ok(())
    }
    /// Waits for appends under way and refuses later ones.
    async fn close(&self);
}
