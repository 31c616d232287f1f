//! What a catalog promises, one trait per concept.
//!
//! Every method is one transaction. Times and new ids are arguments: a catalog
//! reads no clock and draws no randomness, except nonces of the sealing.

mod accounts;
mod audit_chain;
mod audit_log;
mod deliveries;
mod files;
mod groups;
mod incident_acts;
mod incidents;
mod instances;
mod lists;
mod macros;
mod moment;
mod quarantine;
mod roles;
mod rules;
mod sealing;
mod token_care;
mod tokens;
mod uptime;
mod users;

pub use accounts::{
    AccountChange, Accounts, MAX_ACCOUNT_DOCUMENT, MAX_ROLES_OF_USER, NewAccount, RoleRef,
};
pub use audit_chain::{AuditChain, AuditFilter, AuditRecord, RefusedRequest};
pub use audit_log::{AUDIT_COLUMNS, AuditLine, AuditLog};
pub use deliveries::{AttemptOutcome, AttemptRecord, Deliveries, DueDelivery};
pub use files::{FileEntry, Files, FilesTotal, FlushCommit, MAX_BATCH_KEYS};
pub use groups::{Groups, MAX_GROUPS};
pub use incident_acts::{Actor, IncidentActs, IncidentChange, MAX_CHANGES};
pub use incidents::{
    Firing, FiringCommit, FiringOutcome, IncidentFilter, IncidentTime, Incidents, ListedIncident,
};
pub use instances::{Instances, MAX_INSTANCES};
pub use lists::{Lists, Repos};
pub use macros::Macros;
pub use moment::Moment;
pub use quarantine::{Quarantine, QuarantinedFile};
pub use roles::{MAX_ROLE_DOCUMENT, MAX_ROLE_NAME, MAX_ROLES, NewRole, RoleChange, Roles};
pub use rules::{RuleChanges, RuleFilter, RuleOwner, RulePage, RuleSummary, RuleWithOwner, Rules};
pub use sealing::{KeySwitch, KeyUse, ResealCursor, ResealStep, Sealing};
pub use token_care::{MOST_TOKENS_OF_USER, TokenCare, TokenMail, TokenPolicy};
pub use tokens::{
    ApiTokens, MAX_TOKEN_LIMITS, MAX_TOKEN_NOTE, MAX_TOKENS_OF_USER, NewToken, Revocation,
    SHOWN_OF_BEARER, SigningToken, TOKENS_WITH_USER, TokenChange,
};
pub use uptime::Uptime;
pub use users::{AuditEntry, NewUser, Users};

/// A whole catalog.
pub trait Catalog:
    Users
    + AuditLog
    + AuditChain
    + Accounts
    + Roles
    + ApiTokens
    + TokenCare
    + Groups
    + Instances
    + Repos
    + Lists
    + Macros
    + Rules
    + Incidents
    + IncidentActs
    + Deliveries
    + Files
    + Quarantine
{
}

impl<T> Catalog for T where
    T: Users
        + AuditLog
        + AuditChain
        + Accounts
        + Roles
        + ApiTokens
        + TokenCare
        + Groups
        + Instances
        + Repos
        + Lists
        + Macros
        + Rules
        + Incidents
        + IncidentActs
        + Deliveries
        + Files
        + Quarantine
{
}
