//! How rules run, and the techniques that they may name.

use crate::logpoint::schemas::HexId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a rule runs and what came of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EvaluationsReply {
    /// The rule.
    pub id: HexId,
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub active: bool,
    /// How it runs.
    pub mode: ModeWord,
    /// Why it runs that way.
    pub reason: String,
    /// Newest first.
    pub evaluations: Vec<EvaluationRow>,
}

/// How a rule runs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModeWord {
    /// With each event.
    Live,
    /// At the end of each interval.
    Scheduled,
    /// Over history; makes no incidents.
    Backtest,
}

/// What came of an evaluation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerdictWord {
    /// An incident was made.
    Fired,
    /// The condition did not hold.
    Quiet,
    /// Every value is held back.
    Throttled,
    /// It could not be made.
    Failed,
}

/// One evaluation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EvaluationRow {
    /// How it was made.
    pub mode: ModeWord,
    /// The end of its interval, RFC 3339.
    #[schema(format = DateTime)]
    pub slot_end: String,
    /// When it was made, RFC 3339.
    #[schema(format = DateTime)]
    pub evaluated_at: String,
    /// Rows found.
    pub rows: u64,
    /// What came of it.
    pub verdict: VerdictWord,
    /// Microseconds spent.
    pub duration_us: u64,
    /// Why it failed, or what else a person should know.
    pub error: Option<String>,
}

/// Techniques of MITRE ATT&CK.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TechniquesReply {
    /// A page of them.
    pub techniques: Vec<TechniqueRow>,
    /// Those on all pages.
    pub total: u64,
    /// MITRE's version.
    pub version: String,
    /// MITRE's terms.
    pub copyright: String,
}

/// A technique in a tactic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TechniqueRow {
    /// What `attack_tag_hashes` takes.
    #[schema(example = "94711e5d399c28939c688f086b7faf85")]
    pub hash: String,
    /// Its id.
    #[schema(example = "T1595")]
    pub attack_id: String,
    /// Its name.
    #[schema(example = "Active Scanning")]
    pub attack_tag: String,
    /// The tactic's name.
    #[schema(example = "Reconnaissance")]
    pub attack_category: String,
}
