//! What a catalog promises, one trait per concept.
//!
//! Every method is one transaction. Times and new ids are arguments: a catalog
//! reads no clock and draws no randomness, except nonces of the sealing.

mod deliveries;
mod files;
mod incidents;
mod lists;
mod rules;
mod users;

pub use deliveries::{AttemptOutcome, AttemptRecord, Deliveries, DueDelivery};
pub use files::{FileEntry, Files, FlushCommit, MAX_BATCH_KEYS};
pub use incidents::{
    CommentedStatus, Firing, FiringCommit, FiringOutcome, IncidentFilter, Incidents,
};
pub use lists::{Lists, Repos};
pub use rules::{RuleWithOwner, Rules};
pub use users::{AuditEntry, NewApiToken, NewUser, Users};

/// A whole catalog.
pub trait Catalog: Users + Repos + Lists + Rules + Incidents + Deliveries + Files {}

impl<T: Users + Repos + Lists + Rules + Incidents + Deliveries + Files> Catalog for T {}
