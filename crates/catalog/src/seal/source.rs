//! Where keys come from.

use super::KeyFile;
use crate::Result;
use cresset_model::SecretString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Gives the keys as text: 32 bytes in base64 each, one a line, first the one that new secrets
/// are to be sealed with. Empty lines, and those that begin with `#`, are passed over.
pub trait KeySource: Send + Sync + std::fmt::Debug {
    /// Reads the keys. It may take as long as the source takes.
    fn read(&self) -> Result<SecretString>;

    /// What is another whenever [`KeySource::read`] may give something else; `None` if only
    /// reading tells.
    fn stamp(&self) -> Result<Option<Stamp>> {
        Ok(None)
    }

    /// What kind of source it is.
    fn kind(&self) -> SourceKind;

    /// The source as a person would call it.
    fn name(&self) -> String;

    /// The file of the keys, if this is one that keys can be added to.
    fn file(&self) -> Option<&KeyFile> {
        None
    }
}

/// A kind of source. A server writes down which it reads, so that no command changes the keys in
/// a place that the server does not look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// The key file of the data directory.
    File,
    /// What a command prints.
    Command,
    /// A variable of the environment.
    Variable,
}

impl SourceKind {
    const ALL: [Self; 3] = [Self::File, Self::Command, Self::Variable];

    /// As it is written down.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Command => "command",
            Self::Variable => "variable",
        }
    }

    /// The kind that was written down.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// As a person would call it.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::File => "the key file",
            Self::Command => "sealing.key_command",
            Self::Variable => "CRESSET_SEALING_KEY",
        }
    }

    /// How a command line comes to read from there.
    pub(crate) fn how(self) -> &'static str {
        match self {
            Self::File => "unset CRESSET_SEALING_KEY_COMMAND and CRESSET_SEALING_KEY here",
            Self::Command => "set CRESSET_SEALING_KEY_COMMAND to the same command here",
            Self::Variable => "set CRESSET_SEALING_KEY here as it is for the server",
        }
    }
}

/// Tells a state of a file from a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    place: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self {
            place: (meta.dev(), meta.ino()),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}
