//! What is said in the query string about which incidents are wanted.

use super::super::alert_rules::shape::RiskWord;
use super::incidents::{OriginWord, StatusWord};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// Which incidents of the span.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IncidentFilters {
    /// Names, or ids of incidents or rules
    pub name: Option<String>,
    /// If not given, all; of `/incidents` all but closed ones
    #[param(inline, explode = false)]
    pub status: Option<Vec<StatusWord>>,
    /// What they came from
    #[serde(rename = "type")]
    #[param(inline, explode = false)]
    pub kind: Option<Vec<OriginWord>>,
    /// Their risk
    #[param(inline, explode = false)]
    pub risk: Option<Vec<RiskWord>>,
    /// MITRE's tactics
    pub attack_category: Option<String>,
    /// MITRE's techniques by name, id or tag hash
    pub attack_tag: Option<String>,
    /// MITRE's techniques by id
    pub attack_id: Option<String>,
    /// Log sources of the rule
    pub log_source: Option<String>,
}
