//! What can go wrong in a store.

use std::path::PathBuf;

/// A result of a store.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused to read or write a file, for instance because the disk is full.
    #[error("event file {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not there. It may have been removed because its events are too old.
    #[error("event file {} is missing; restore it from a backup", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file's content does not read.
    #[error("event file {} is damaged ({reason}); restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader met.
        reason: String,
    },
    /// Object storage cannot be reached or used as it is set.
    #[error("object storage {place}: {reason}")]
    Storage {
        /// The bucket, as a URL.
        place: String,
        /// What is wrong, and what to do about it where that is known.
        reason: String,
    },
    /// Events could not be put into columns.
    #[error("event file {} could not be written: {reason}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// What the writer met.
        reason: String,
    },
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] cresset_catalog::Error),
    /// A background thread of the store died.
    #[error("a thread of the event store stopped unexpectedly: {0}")]
    Thread(String),
}
