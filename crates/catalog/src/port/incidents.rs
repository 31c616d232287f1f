//! Incidents, and the transaction that makes them.

use crate::Result;
use async_trait::async_trait;
use cresset_model::incident::{Evaluation, Incident, IncidentStatus, RuleState};
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

/// The time by which incidents are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncidentTime {
    /// Detection.
    #[default]
    Detected,
    /// The last thing that a person did; incidents without any are left out.
    Modified,
}

/// Which incidents to list.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    /// The time that counts for order and bounds.
    pub by: IncidentTime,
    /// At or after this time.
    pub from: Option<Timestamp>,
    /// At or before this time.
    pub to: Option<Timestamp>,
    /// After the incident of this time and id in the order of the list.
    pub after: Option<(Timestamp, ObjectId)>,
    /// Only these states; empty means all but closed.
    pub statuses: Vec<IncidentStatus>,
    /// Only incidents of this rule.
    pub rule_id: Option<ObjectId>,
    /// Only incidents that this user owns, is assigned to or sees through a group; `None`
    /// for all.
    pub visible_to: Option<ObjectId>,
    /// At most this many; 0 means no limit.
    pub limit: u32,
}

/// An incident with what is kept beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedIncident {
    /// The incident, its rows left empty.
    pub incident: Incident,
    /// The time of [`IncidentFilter::by`].
    pub time: Timestamp,
    /// The groups that see it: those with a name that its rule gave when it fired.
    pub groups: Vec<ObjectId>,
}

/// Incidents.
#[async_trait]
pub trait Incidents: Send + Sync + 'static {
    /// Writes all firings, their outbox rows, evaluations and states, and the cursor,
    /// in one transaction. A firing whose `(rule_id, slot_end)` exists is skipped whole.
    /// The groups that the rule names see the incident from then on, or from when they are
    /// made.
    /// If the rule was deleted meanwhile, its evaluation and state are dropped.
    /// Outcomes are in the order of the firings.
    async fn commit_firings(&self, commit: FiringCommit) -> Result<Vec<FiringOutcome>>;
    /// Incidents by time of detection, oldest first. Rows are left empty.
    async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>>;
    /// The slots of those rules that made an incident, detected at `since` or later.
    async fn fired_slots(
        &self,
        rules: &[ObjectId],
        since: Timestamp,
    ) -> Result<Vec<(ObjectId, Timestamp)>>;
    /// The same with what is kept beside them, by the time that the filter says, then by id.
    async fn listed_incidents(&self, filter: &IncidentFilter) -> Result<Vec<ListedIncident>>;
    /// The incident of that id with its rows.
    async fn incident(&self, id: ObjectId) -> Result<Option<Incident>>;
}
