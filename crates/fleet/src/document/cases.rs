//! Unit tests of a rule.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One test: these events in, this verdict out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What it shows.
    pub name: String,
    /// The events: fields, or `_raw` with a line of text. `_at` (seconds, `30s`, `5m`)
    /// is when, from the start; `_repeat` and `_every` make several; `_repo` says where.
    #[serde(default)]
    pub events: Vec<Map<String, Value>>,
    /// Values of lists that the query names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, Vec<String>>,
    /// What must come of it.
    pub expect: Expect,
}

impl Expect {
    /// Why nothing that comes can be what is expected.
    pub fn contradiction(&self) -> Option<&'static str> {
        let detail = self.rows.is_some() || self.risk.is_some() || !self.first.is_empty();
        match (self.fires, self.incidents) {
            (false, Some(1..)) => Some("expects incidents although the rule is not to fire"),
            (true, Some(0)) => Some("expects no incident although the rule is to fire"),
            (false, _) if detail => {
                Some("expects rows, risk or first of an incident although the rule is not to fire")
            }
            _ => None,
        }
    }
}

/// The verdict that a test expects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Whether the rule makes an incident.
    pub fires: bool,
    /// How many incidents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incidents: Option<usize>,
    /// Rows of the first incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Risk of the first incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// Fields of the first row of the first incident; others may be there.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub first: Map<String, Value>,
}
