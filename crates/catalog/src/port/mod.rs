//! What a catalog promises, one trait per concept.
//!
//! Every method is one transaction. Times and new ids are arguments: a catalog
//! reads no clock and draws no randomness, except nonces of the sealing.

mod deliveries;
mod files;
mod groups;
mod incident_acts;
mod incidents;
mod instances;
mod lists;
mod rules;
mod users;

pub use deliveries::{AttemptOutcome, AttemptRecord, Deliveries, DueDelivery};
pub use files::{FileEntry, Files, FlushCommit, MAX_BATCH_KEYS};
pub use groups::{Groups, MAX_GROUPS};
pub use incident_acts::{Actor, IncidentActs, IncidentChange, MAX_CHANGES};
pub use incidents::{
    Firing, FiringCommit, FiringOutcome, IncidentFilter, IncidentTime, Incidents, ListedIncident,
};
pub use instances::{Instances, MAX_INSTANCES};
pub use lists::{Lists, Repos};
pub use rules::{RuleChanges, RuleFilter, RuleOwner, RulePage, RuleSummary, RuleWithOwner, Rules};
pub use users::{AuditEntry, NewApiToken, NewUser, Users};

/// A whole catalog.
pub trait Catalog:
    Users + Groups + Instances + Repos + Lists + Rules + Incidents + IncidentActs + Deliveries + Files
{
}

impl<T> Catalog for T where
    T: Users
        + Groups
        + Instances
        + Repos
        + Lists
        + Rules
        + Incidents
        + IncidentActs
        + Deliveries
        + Files
{
}
