//! Incidents, and the transaction that makes them.

use crate::Result;
use async_trait::async_trait;
use cresset_model::incident::{Comment, Evaluation, Incident, IncidentStatus, RuleState};
use cresset_model::notification::Delivery;
use cresset_model::{ObjectId, Timestamp};

/// One incident with all that must be committed with it.
#[derive(Debug, Clone)]
pub struct Firing {
    /// The incident.
    pub incident: Incident,
    /// Its outbox rows: one per channel in [`super::Rules::auto_channels`]. A channel that
    /// came since they were made gets its row in the transaction.
    pub deliveries: Vec<Delivery>,
    /// The evaluation that found it.
    pub evaluation: Evaluation,
    /// What the rule remembers from now on.
    pub state: RuleState,
}

/// What the detector commits at once.
#[derive(Debug, Clone, Default)]
pub struct FiringCommit {
    /// Incidents.
    pub firings: Vec<Firing>,
    /// New place of the named consumer of the event log, if it moved.
    pub cursor: Option<(&'static str, u64)>,
}

/// What became of one [`Firing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiringOutcome {
    /// Written.
    Written,
    /// An incident of this rule and slot exists; nothing of the firing was written.
    Duplicate,
}

/// Which incidents to list.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    /// Detected at or after.
    pub from: Option<Timestamp>,
    /// Detected at or before.
    pub to: Option<Timestamp>,
    /// Only these states; empty means all but closed.
    pub statuses: Vec<IncidentStatus>,
    /// Only incidents of this rule.
    pub rule_id: Option<ObjectId>,
    /// Only incidents that this user owns or is assigned to; `None` for all.
    pub visible_to: Option<ObjectId>,
    /// At most this many; 0 means no limit.
    pub limit: u32,
}

/// A change of an incident's status with the comment that records it.
#[derive(Debug, Clone)]
pub struct CommentedStatus {
    /// The new status, if it changes.
    pub status: Option<IncidentStatus>,
    /// The comment.
    pub comment: Comment,
}

/// Incidents.
#[async_trait]
pub trait Incidents: Send + Sync + 'static {
    /// Writes all firings, their outbox rows, evaluations and states, and the cursor,
    /// in one transaction. A firing whose `(rule_id, slot_end)` exists is skipped whole.
    /// If the rule was deleted meanwhile, its evaluation and state are dropped.
    /// Outcomes are in the order of the firings.
    async fn commit_firings(&self, commit: FiringCommit) -> Result<Vec<FiringOutcome>>;
    /// Incidents by time of detection, oldest first. Rows are left empty.
    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>>;
    /// The incident of that id with its rows.
    async fn incident(&self, id: ObjectId) -> Result<Option<Incident>>;
    /// Adds a comment and changes the status.
    async fn annotate_incident(&self, id: ObjectId, change: CommentedStatus) -> Result<()>;
}
