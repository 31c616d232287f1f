//! The keys that seal secrets, and what they seal.

use super::AuditEntry;
use crate::Result;
use async_trait::async_trait;
use cresset_model::Entropy;

/// A sealing key and how much needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Names the key without giving it away.
    pub id: String,
    /// New secrets are sealed with it.
    pub current: bool,
    /// It is there; without it the secrets cannot be opened.
    pub known: bool,
    /// Secrets that are sealed with it.
    pub secrets: u64,
}

/// The keys before and after a change of the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySwitch {
    /// Id of the key that sealed so far.
    pub from: String,
    /// Id of the key that seals from now on; the same if nothing changed.
    pub to: String,
}

/// How far a pass over all secrets came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResealCursor {
    pub(crate) column: usize,
    pub(crate) after: String,
}

/// What a step of such a pass did.
#[derive(Debug, Default)]
pub struct ResealStep {
    /// Where the next step begins; `None` after the last.
    pub next: Option<ResealCursor>,
    /// Secrets that are now sealed with the current key.
    pub resealed: u64,
    /// How many others could not be opened. They are as they were.
    pub unopened: u64,
    /// Why, with table, column and row, one line each, for the first of them.
    pub failed: Vec<String>,
}

/// Changes the key that seals secrets, while others read and write them.
///
/// The database says which key is the current one. Every change that seals asks it after it
/// has taken the write lock, so that once [`Sealing::switch_key`] returned nothing is
/// sealed with another key, by whatever process.
#[async_trait]
pub trait Sealing: Send + Sync + 'static {
    /// Writes down where this process has its keys from: a server does at its start, so that
    /// no command makes a key the current one that the server cannot read.
    async fn note_key_source(&self) -> Result<()>;

    /// All keys that are there or needed, the current one first.
    async fn key_uses(&self) -> Result<Vec<KeyUse>>;

    /// Makes a new key the current one. `told` gets its detail here.
    ///
    /// If the source of the keys names one first that is not the current one, that is
    /// taken. Else, with `entropy`, a new one is added to the key file;
    /// [`crate::Error::Refused`] if the keys are in no file. It is refused, too, if they are
    /// not where the server has its own from ([`Sealing::note_key_source`]), unless `force`.
    async fn switch_key(
        &self,
        entropy: Option<&dyn Entropy>,
        force: bool,
        told: &AuditEntry,
    ) -> Result<KeySwitch>;

    /// Seals the next secrets that are sealed with other keys with the current one, in one
    /// short transaction. What others change meanwhile is left alone.
    async fn reseal(&self, from: &ResealCursor) -> Result<ResealStep>;

    /// Removes keys from the key file, all but the current one if `ids` is empty, and gives
    /// their ids. [`crate::Error::Refused`] for the current one, one that is needed or
    /// unknown, or if the keys are in no file. `told` gets its detail here.
    async fn forget_keys(&self, ids: &[String], told: &AuditEntry) -> Result<Vec<String>>;
}
