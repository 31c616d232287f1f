//! Replies and refusals.

use crate::decompress::ExpandError;
use cresset_eventlog as eventlog;

/// What a sender learns about its batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngestReply {
    /// Events stored; for a duplicate, those of the earlier batch.
    pub accepted: u64,
    /// Items refused.
    pub rejected: u64,
    /// The first [`IngestReply::MAX_ERRORS`] refusals.
    pub errors: Vec<ItemError>,
    /// `seq` of the first stored event, if there is one.
    pub first_seq: Option<u64>,
    /// True if a batch of the same repo and key was stored before.
    pub duplicate: bool,
}

impl IngestReply {
    /// Most refusals that are described one by one.
    pub const MAX_ERRORS: usize = 100;
}

/// One refused item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemError {
    /// Place among the items, from 0; blank lines are not items.
    pub index: u64,
    /// Line of the body where the item starts, from 1.
    pub line: u64,
    /// What is wrong, in words for the sender.
    pub reason: String,
}

/// Why a whole batch was refused. Nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The batch is larger than a limit.
    #[error("{what} exceeds the limit of {limit} bytes; send smaller batches")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The batch has more parts than are taken at once.
    #[error("more than {limit} {what}; send smaller batches")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The body is not what its content encoding says.
    #[error("{0}")]
    BadEncoding(String),
    /// The content encoding is not one of ours.
    #[error("{0}")]
    UnknownEncoding(String),
    /// The request does not read.
    #[error("{0}")]
    Malformed(String),
    /// There is no such repo.
    #[error("unknown repo {name:?}; there are: {}", known.join(", "))]
    UnknownRepo {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Too much waits to be stored.
    #[error("the server is busy storing earlier events; try again in {retry_after_secs} s")]
    Full {
        /// When to try again, in seconds.
        retry_after_secs: u32,
    },
    /// The disk failed or is full.
    #[error("the server cannot store events: {0}")]
    Disk(String),
    /// The server is stopping.
    #[error("the server is stopping; try again")]
    Closed,
    /// The repos could not be read.
    #[error("the server cannot read its repos: {0}")]
    Catalog(String),
}

impl IngestError {
    /// The `what` of a batch whose events are too large, in the measure of
    /// `Event::size`: about three times their JSON text.
    pub const EVENTS_IN_MEMORY: &str = "the memory that the events of the batch take";
}

impl From<eventlog::Error> for IngestError {
    fn from(e: eventlog::Error) -> Self {
        match e {
            eventlog::Error::Full { .. } => Self::Full {
                retry_after_secs: 5,
            },
            eventlog::Error::BatchTooLarge { limit, .. } => Self::TooLarge {
                what: Self::EVENTS_IN_MEMORY,
                limit,
            },
            eventlog::Error::Io(detail) => Self::Disk(detail),
            eventlog::Error::Closed => Self::Closed,
        }
    }
}

impl From<ExpandError> for IngestError {
    fn from(e: ExpandError) -> Self {
        match e {
            ExpandError::TooLarge { limit } => Self::TooLarge {
                what: "the expanded body",
                limit,
            },
            unknown @ ExpandError::Unsupported(_) => Self::UnknownEncoding(unknown.to_string()),
            other => Self::BadEncoding(other.to_string()),
        }
    }
}

/// Why the ingest cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The zone is not in the time zone database.
    #[error("default_timezone {0:?} is not an IANA time zone such as \"Europe/Berlin\" or \"UTC\"")]
    TimeZone(String),
    /// A data file does not read.
    #[error("{file}: {detail}")]
    Data {
        /// The file.
        file: String,
        /// What is wrong with it.
        detail: String,
    },
}
