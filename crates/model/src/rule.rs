//! Alert rules, in the shape of Logpoint's API (spec/logpoint-api.md §2.1).

use crate::{Duration, ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// An alert rule as it is stored and read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertRule {
    /// Unique id.
    pub id: ObjectId,
    /// The user that the rule belongs to. The rule keeps running without it.
    pub owner: ObjectId,
    /// True if the rule is evaluated.
    pub active: bool,
    /// Counts changes, from 1.
    pub version: u64,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// The last time that `active` became true, or creation.
    pub activated_at: Timestamp,
    /// What the owner wrote.
    #[serde(flatten)]
    pub spec: RuleSpec,
}

/// The part of a rule that its owner writes; the body of `create_api`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleSpec {
    /// At least 5 characters, unique per owner.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// What to search, where, how often.
    pub search_params: SearchParams,
    /// When the search makes an incident.
    pub incident_condition: IncidentCondition,
    /// Tags for people and filters.
    #[serde(default)]
    pub taxonomy: Taxonomy,
    /// Who works on the incident.
    #[serde(default)]
    pub incident_ownership: Ownership,
    /// How the incident's rows are shown.
    #[serde(default)]
    pub incident_display_data: DisplayData,
    /// Data privacy.
    #[serde(default)]
    pub foureyes: FourEyes,
}

/// What to search, where, how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchParams {
    /// The query.
    pub query: String,
    /// Days of the time range; the three parts add up.
    #[serde(default)]
    pub timerange_day: u32,
    /// Hours of the time range.
    #[serde(default)]
    pub timerange_hour: u32,
    /// Minutes of the time range.
    #[serde(default)]
    pub timerange_minute: u32,
    /// Addresses of repos, `ip:port/name`; empty means all that the owner may see.
    #[serde(default)]
    pub repos: Vec<String>,
    /// Most rows kept for a query without aggregation.
    #[serde(default = "default_limit")]
    pub limit: u32,
    /// After an incident, only later events count.
    #[serde(default)]
    pub flush_on_trigger: bool,
    /// Minutes between evaluations.
    #[serde(default = "default_interval")]
    pub search_interval_minute: u32,
    /// Minutes that an evaluation waits for late events.
    #[serde(default)]
    pub delay_interval_minute: u32,
    /// Whether repeated values are held back.
    #[serde(default)]
    pub throttling_enabled: bool,
    /// The field whose values are held back.
    #[serde(default)]
    pub throttling_field: String,
    /// Minutes that a value is held back.
    #[serde(default)]
    pub throttling_time_range: u32,
}

const fn default_limit() -> u32 {
    100
}

const fn default_interval() -> u32 {
    10
}

impl SearchParams {
    /// The time range in minutes.
    pub const fn range_minutes(&self) -> u64 {
        self.timerange_day as u64 * 1440
            + self.timerange_hour as u64 * 60
            + self.timerange_minute as u64
    }

    /// The time range.
    pub const fn range(&self) -> Duration {
        Duration::minutes(self.range_minutes() as i64)
    }

    /// The span between evaluations.
    pub const fn interval(&self) -> Duration {
        Duration::minutes(self.search_interval_minute as i64)
    }

    /// How long an evaluation waits for late events.
    pub const fn delay(&self) -> Duration {
        Duration::minutes(self.delay_interval_minute as i64)
    }
}

/// Compares the number of rows with a value.
///
/// `equals` and `equalsto` mean the same; both are kept as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConditionOption {
    /// More rows than the value.
    GreaterThan,
    /// Fewer rows than the value.
    LessThan,
    /// As many rows as the value.
    EqualsTo,
    /// At most as many.
    LessEqual,
    /// As many rows as the value.
    Equals,
    /// At least as many.
    MoreEqual,
    /// Another number of rows.
    NotEqual,
}

impl ConditionOption {
    /// Whether `rows` rows meet the condition against `value`.
    pub const fn holds(self, rows: u64, value: u64) -> bool {
        match self {
            Self::GreaterThan => rows > value,
            Self::LessThan => rows < value,
            Self::EqualsTo | Self::Equals => rows == value,
            Self::LessEqual => rows <= value,
            Self::MoreEqual => rows >= value,
            Self::NotEqual => rows != value,
        }
    }
}

/// How grave an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Grey.
    Low,
    /// Blue.
    Medium,
    /// Purple.
    High,
    /// Red.
    Critical,
}

impl Risk {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// How a risk is computed from rows that carry one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskFunction {
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// The mean, rounded to the nearest.
    Avg,
}

/// When the search makes an incident, and of which risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentCondition {
    /// The comparison.
    pub condition_option: ConditionOption,
    /// What the number of rows is compared with.
    pub condition_value: u64,
    /// The rule's risk.
    pub risk: Risk,
    /// How risks of rows are combined.
    pub aggregate: RiskFunction,
}

/// Tags for people and filters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Taxonomy {
    /// 32-hex MITRE hashes; unknown ones are kept.
    #[serde(default)]
    pub attack_tag_hashes: Vec<String>,
    /// Names of log sources; blank entries are tolerated.
    #[serde(default)]
    pub logsources: Vec<String>,
    /// Custom fields, unique by `field`.
    #[serde(default)]
    pub metadata: Vec<MetadataField>,
}

/// One custom field of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataField {
    /// The name.
    pub field: String,
    /// The value.
    #[serde(default)]
    pub value: String,
}

/// Who works on the incident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ownership {
    /// User name of the assignee.
    #[serde(default)]
    pub assignee: String,
    /// Names of incident user groups.
    #[serde(default)]
    pub visible_to_usergroups: Vec<String>,
}

/// How the incident's rows are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DisplayData {
    /// Use the template.
    #[serde(default)]
    pub apply_jinja_template: bool,
    /// Show rows without the template.
    #[serde(default)]
    pub simple_view: bool,
    /// The template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jinja_template: Option<String>,
}

/// Data privacy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FourEyes {
    /// Ask for unencrypted data.
    #[serde(default)]
    pub original_data: bool,
}
