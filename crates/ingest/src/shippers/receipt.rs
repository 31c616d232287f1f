//! What becomes of a request.

use super::Action;
use crate::{IngestError, ItemError};

/// Why an item is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing is wrong.
    pub kind: FaultKind,
    /// In words for the sender.
    pub reason: String,
}

/// The kinds of fault that a protocol tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It does not read, or exceeds a limit.
    Unreadable,
    /// It has no event.
    Missing,
    /// Its event is empty.
    Blank,
}

impl Fault {
    /// What does not read.
    pub(crate) fn unreadable(reason: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Unreadable,
            reason: reason.into(),
        }
    }
}

/// What the sender is to learn of its request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Events that are durable.
    pub accepted: u64,
    /// Items that were refused.
    pub rejected: u64,
    /// The first [`IngestReply::MAX_ERRORS`](crate::IngestReply::MAX_ERRORS) refusals.
    pub errors: Vec<ItemError>,
    /// The first refusal, with its place among the items.
    pub first_fault: Option<(u64, Fault)>,
    /// Every action of a `_bulk` body, in order; empty for other formats.
    pub actions: Vec<BulkItem>,
    /// `seq` of the first event that was stored.
    pub first_seq: Option<u64>,
    /// Why the rest of the body cannot be read, if so.
    pub broken: Option<String>,
    /// Why not all that was read is stored, if so.
    pub stop: Option<Stop>,
}

/// One action of a `_bulk` body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkItem {
    /// What was asked for.
    pub action: Action,
    /// Why it is refused, if it is.
    pub refusal: Option<Box<str>>,
}

/// Storing came to an end before the items did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The first item that may not be stored.
    pub item: u64,
    /// Why.
    pub error: IngestError,
}
