//! Bodies of the alert rule endpoints as the OpenAPI document shows them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An alert rule as its owner writes it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleBody {
    /// For update only: the rule to replace.
    pub id: Option<String>,
    /// 5 to 500 characters, unique per user.
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
    /// `original_data`: asks for unencrypted data.
    pub foureyes: Option<Value>,
}

/// What to search, where, how often.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchParamsBody {
    /// The query; one that cannot run is refused with the position of the mistake.
    #[schema(example = "label=Login label=Fail | chart count() as cnt by user | search cnt>5")]
    pub query: String,
    /// Days of the time range; the parts add up to 1 minute to 30 days.
    pub timerange_day: Option<u32>,
    /// Hours of the time range.
    pub timerange_hour: Option<u32>,
    /// Minutes of the time range.
    pub timerange_minute: Option<u32>,
    /// Addresses of repos; `[]` means all.
    #[schema(example = json!(["127.0.0.1:5504/default"]))]
    pub repos: Vec<String>,
    /// Most rows kept; 100 if not given.
    pub limit: Option<u32>,
    /// After an incident, only later events count.
    pub flush_on_trigger: Option<bool>,
    /// Minutes between evaluations, a factor of the time range; 10 if not given.
    pub search_interval_minute: Option<u32>,
    /// Minutes to wait for late events, at most 1440.
    pub delay_interval_minute: Option<u32>,
    /// Whether repeated values are held back.
    pub throttling_enabled: Option<bool>,
    /// The field whose values are held back.
    pub throttling_field: Option<String>,
    /// Minutes that a value is held back.
    pub throttling_time_range: Option<u32>,
}

/// When the search makes an incident, and of which risk.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConditionBody {
    /// `greaterthan`, `lessthan`, `equalsto`, `lessequal`, `equals`, `moreequal`, `notequal`.
    #[schema(example = "greaterthan")]
    pub condition_option: String,
    /// What the number of rows is compared with.
    pub condition_value: u32,
    /// `low`, `medium`, `high`, `critical`.
    #[schema(example = "high")]
    pub risk: String,
    /// `min`, `max`, `avg`.
    #[schema(example = "max")]
    pub aggregate: String,
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
    pub field: String,
    /// The value.
    pub value: String,
}

/// Who works on the incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnershipBody {
    /// A user name.
    pub assignee: String,
    /// Names of incident user groups.
    pub visible_to_usergroups: Option<Vec<String>>,
}

/// How the incident's rows are shown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DisplayBody {
    /// Use the template.
    pub apply_jinja_template: Option<bool>,
    /// Show rows without the template.
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
    pub id: String,
    /// For people.
    pub message: String,
}

/// Which rules.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Ids {
    /// Alert rule ids.
    pub ids: Vec<String>,
}

/// What was done to which rules.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// True.
    pub success: bool,
    /// The ids.
    pub ids: Vec<String>,
    /// For people.
    pub message: String,
}
