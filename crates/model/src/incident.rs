//! Incidents, evaluations and what a firing rule commits.

mod life;

pub use life::{ActRefused, IncidentAct, Standing};

use crate::rule::Risk;
use crate::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// Where an incident is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    /// Nobody has dealt with it.
    Unresolved,
    /// Somebody has.
    Resolved,
    /// Put away; hidden unless asked for.
    Closed,
}

impl IncidentStatus {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }
}

/// One row of a search result as JSON: field name to value.
pub type Row = serde_json::Map<String, serde_json::Value>;

/// An incident.
///
/// `(rule_id, slot_end)` is unique: a rule makes at most one incident per slot,
/// a slot being one search interval aligned to the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Unique id.
    pub id: ObjectId,
    /// The rule that fired.
    pub rule_id: ObjectId,
    /// End of the slot in which it fired.
    pub slot_end: Timestamp,
    /// The rule's name when it fired.
    pub name: String,
    /// The rule's description when it fired.
    pub description: String,
    /// The rule's owner.
    pub owner: ObjectId,
    /// Who works on it.
    pub assignee: Option<ObjectId>,
    /// How grave it is.
    pub risk: Risk,
    /// Where it is in its life.
    pub status: IncidentStatus,
    /// The query that fired.
    pub query: String,
    /// The repos it searched, as the rule names them.
    pub repos: Vec<String>,
    /// Start (excluded) of the searched window of event time.
    pub window_from: Timestamp,
    /// End (included) of the searched window of event time.
    pub window_to: Timestamp,
    /// When the condition was found to hold.
    pub detected_at: Timestamp,
    /// Rows found, which may be more than were kept.
    pub rows_count: u64,
    /// The rows kept.
    pub rows: Vec<Row>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
    /// Whether the rule throttles.
    pub throttle_enabled: bool,
    /// The rule's tags when it fired.
    pub taxonomy: crate::rule::Taxonomy,
}

/// A comment on an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Name of the user who wrote it.
    pub title: String,
    /// The text, or the word for what was done.
    pub comment: String,
    /// When it was written.
    pub time: Timestamp,
}

/// How a rule was evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvaluationMode {
    /// Event by event, as they arrive.
    Live,
    /// Over stored events, once per interval.
    Scheduled,
    /// Over history, without making incidents.
    Backtest,
}

/// What came of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The condition held and an incident was made.
    Fired,
    /// The condition did not hold.
    Quiet,
    /// The condition held but every value is held back.
    Throttled,
    /// The evaluation could not be made.
    Failed,
}

/// The record of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The rule.
    pub rule_id: ObjectId,
    /// How it was evaluated.
    pub mode: EvaluationMode,
    /// End of the slot.
    pub slot_end: Timestamp,
    /// When the evaluation was made.
    pub evaluated_at: Timestamp,
    /// Rows found.
    pub rows: u64,
    /// What came of it.
    pub verdict: Verdict,
    /// Time spent, in microseconds.
    pub duration_us: u64,
    /// Why it failed, or what else a person should know.
    pub error: Option<String>,
}

/// What a rule remembers between evaluations; committed with its incidents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RuleState {
    /// End of the last slot in which the rule fired (throttled firings do not count).
    pub last_fired_slot: Option<Timestamp>,
    /// End of the last slot that was evaluated on schedule.
    pub evaluated_to: Option<Timestamp>,
    /// Values held back, each with the event time at which it is let go. Long values are
    /// shortened.
    pub throttled: std::collections::BTreeMap<String, Timestamp>,
    /// Ends of slots that fired before `last_fired_slot`, ascending, kept while a slot between
    /// may still fire on events that arrive out of order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fired_before: Vec<Timestamp>,
    /// Times at which values were or will be let go besides those in `throttled`, ascending,
    /// kept for the same reason.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub held_before: std::collections::BTreeMap<String, Vec<Timestamp>>,
    /// Slots up to `evaluated_to` that are still to be evaluated, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// A slot that is to be evaluated later, because its evaluation kept failing or went without
/// some other instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// End of the slot.
    pub slot_end: Timestamp,
    /// [`RuleState::last_fired_slot`] when it was passed over.
    pub last_fired_slot: Option<Timestamp>,
    /// Rows found by a firing in the slot that went without some other instance. Another one
    /// follows if there turn out to be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_told: Option<u64>,
}
