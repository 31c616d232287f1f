//! Bodies of the alert rule endpoints as the OpenAPI document shows them.

use super::super::schemas::HexId;
use super::super::schemas::errors::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An alert rule as its owner writes it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleBody {
    /// For update only: the rule to replace.
    pub id: Option<HexId>,
    /// One line, unique per user.
    #[schema(min_length = 5, max_length = 500, example = "Brute force")]
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// What to search, where, how often.
    pub search_params: SearchParamsBody,
    /// When the search makes an incident.
    pub incident_condition: ConditionBody,
    /// Tags for people and filters.
    pub taxonomy: TaxonomyBody,
    /// Who works on the incident.
    pub incident_ownership: OwnershipBody,
    /// How the incident's rows are shown.
    pub incident_display_data: DisplayBody,
    /// Data privacy.
    pub foureyes: Option<FourEyesBody>,
}

/// Data privacy.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FourEyesBody {
    /// Asks for unencrypted data.
    #[schema(default = false)]
    pub original_data: Option<bool>,
}

/// What to search, where, how often.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchParamsBody {
    /// The query; one that cannot run is refused with the position of the mistake.
    #[schema(example = "label=Login label=Fail | chart count() as cnt by user | search cnt>5")]
    pub query: String,
    /// Days of the time range; the parts add up to 1 minute to 30 days.
    #[schema(default = 0, maximum = 30)]
    pub timerange_day: Option<u32>,
    /// Hours of the time range.
    #[schema(default = 0, maximum = 720)]
    pub timerange_hour: Option<u32>,
    /// Minutes of the time range.
    #[schema(default = 0, maximum = 43200)]
    pub timerange_minute: Option<u32>,
    /// Addresses of repos; `[]` means all.
    #[schema(example = json!(["127.0.0.1:5504/default"]))]
    pub repos: Vec<String>,
    /// Most rows kept.
    #[schema(value_type = Option<u64>, default = 100, minimum = 1, maximum = 4_294_967_295_u32)]
    pub limit: Option<u32>,
    /// After an incident, only later events count.
    #[schema(default = false)]
    pub flush_on_trigger: Option<bool>,
    /// Minutes between evaluations, a factor of the time range.
    #[schema(default = 10, minimum = 1, maximum = 43200)]
    pub search_interval_minute: Option<u32>,
    /// Minutes to wait for late events.
    #[schema(default = 0, maximum = 1440)]
    pub delay_interval_minute: Option<u32>,
    /// Whether repeated values are held back.
    #[schema(default = false)]
    pub throttling_enabled: Option<bool>,
    /// The field whose values are held back; needed with `throttling_enabled`.
    pub throttling_field: Option<String>,
    /// Minutes that a value is held back; at least 1 with `throttling_enabled`.
    #[schema(value_type = Option<u64>, default = 0, maximum = 4_294_967_295_u32)]
    pub throttling_time_range: Option<u32>,
}

/// When the search makes an incident, and of which risk.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConditionBody {
    /// How the number of rows is compared.
    pub condition_option: ConditionWord,
    /// What the number of rows is compared with.
    #[schema(value_type = u64, maximum = 4_294_967_295_u32)]
    pub condition_value: u32,
    /// The rule's risk.
    pub risk: RiskWord,
    /// How the risks of rows make that of the incident.
    pub aggregate: AggregateWord,
}

/// A comparison with `condition_value`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConditionWord {
    /// More.
    GreaterThan,
    /// Fewer.
    LessThan,
    /// As many.
    EqualsTo,
    /// As many or fewer.
    LessEqual,
    /// As many.
    Equals,
    /// As many or more.
    MoreEqual,
    /// More or fewer.
    NotEqual,
}

/// A risk.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RiskWord {
    /// The least.
    Low,
    /// More than low.
    Medium,
    /// More than medium.
    High,
    /// The greatest.
    Critical,
}

/// How several risks make one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AggregateWord {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The average.
    Avg,
}

/// Tags for people and filters.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TaxonomyBody {
    /// MITRE hashes; unknown ones are kept.
    pub attack_tag_hashes: Option<Vec<String>>,
    /// Names of log sources; blank ones are dropped.
    pub logsources: Option<Vec<String>>,
    /// Custom fields, unique by `field`.
    pub metadata: Option<Vec<MetadataBody>>,
}

/// A custom field.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MetadataBody {
    /// The name.
    #[schema(min_length = 1, example = "author")]
    pub field: String,
    /// The value.
    pub value: Option<String>,
}

/// Who works on the incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnershipBody {
    /// The name of an enabled user.
    #[schema(min_length = 1, example = "admin")]
    pub assignee: String,
    /// Names of incident user groups.
    pub visible_to_usergroups: Option<Vec<String>>,
}

/// How the incident's rows are shown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DisplayBody {
    /// Use the template.
    #[schema(default = false)]
    pub apply_jinja_template: Option<bool>,
    /// Show rows without the template.
    #[schema(default = false)]
    pub simple_view: Option<bool>,
    /// The template.
    pub jinja_template: Option<String>,
}

/// A created or replaced rule.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: HexId,
    /// For people.
    pub message: String,
}

/// Which rules.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Ids {
    /// Alert rule ids.
    #[schema(min_items = 1, max_items = 10_000)]
    pub ids: Vec<HexId>,
}

/// What was done to which rules.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// True.
    pub success: bool,
    /// The ids.
    pub ids: Vec<HexId>,
    /// For people.
    pub message: String,
}

/// What create and update answer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum SaveReply {
    /// Created or replaced.
    Saved(Saved),
    /// The name is taken.
    NameTaken(Invalid),
}

/// A rule with its id and state.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleReply {
    /// The rule.
    pub data: StoredRule,
}

/// A rule as it is kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StoredRule {
    /// Whether it runs.
    pub active: bool,
    /// What its owner wrote, with the defaults filled in.
    #[serde(flatten)]
    pub rule: RuleBody,
}

/// A page of rules.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RulesPage {
    /// Oldest first.
    pub rows: Vec<RuleRow>,
    /// Rules on all pages.
    pub total: u64,
}

/// A rule in a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleRow {
    /// Its id.
    pub id: HexId,
    /// Its name.
    #[schema(example = "Brute force")]
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether it runs.
    pub active: bool,
    /// The name of its owner.
    #[schema(example = "admin")]
    pub user: String,
    /// Empty.
    pub cloud_rule_id: String,
}

/// Which rules to list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleClass {
    /// The caller's.
    My,
    /// Those of a vendor; there are none here.
    Vendor,
    /// Used ones of others; there are none here.
    Used,
}
