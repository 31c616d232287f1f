//! What can go wrong in a catalog.

/// A result of a catalog.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a catalog could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something of that name exists already.
    #[error("{what} {name:?} already exists")]
    Exists {
        /// The kind of thing, as a person would call it.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Nothing of that name exists.
    #[error("{what} {name:?} does not exist")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// The thing is not in a state that allows the change.
    #[error("{0}")]
    Refused(String),
    /// A sealed secret could not be opened, or the key does not fit.
    #[error("sealed secret: {0}")]
    Seal(String),
    /// The database failed.
    #[error("catalog database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database failed on a read that happens in place.
    #[error("catalog database: {0}")]
    Read(#[from] rusqlite::Error),
    /// A stored document does not read.
    #[error("stored {what} does not read: {source}")]
    Stored {
        /// The kind of document.
        what: &'static str,
        /// What the reader met.
        source: serde_json::Error,
    },
    /// The database was written by a newer Cresset.
    #[error(
        "the database has schema {found}, this Cresset knows up to {known}; use a newer Cresset"
    )]
    NewerSchema {
        /// Version in the file.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}
