//! Filters in the query string of `/incidents` (spec/logpoint-api.md §6.1).

use super::shared_id;
use crate::error::{Error, Result};
use cresset_model::attack::{self, Attack};
use cresset_model::incident::{Incident, IncidentStatus};
use std::collections::BTreeMap;

/// Parameters that are no filters.
const CARRIERS: [&str; 3] = ["requestData", "version", "type_of_request"];

/// Filters; an incident passes if it passes each, and passes one by any of its values.
pub(super) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    pub(super) fn new(query: &BTreeMap<String, String>) -> Self {
        let filters = query
            .iter()
            .filter(|(name, _)| !CARRIERS.contains(&name.as_str()))
            .map(|(name, text)| (name.clone(), values(name, text)))
            .filter(|(_, values)| !values.is_empty());
        Self(filters.collect())
    }

    /// The states asked for; empty if none are named.
    pub(super) fn statuses(&self) -> Result<Vec<IncidentStatus>> {
        let asked = self.0.iter().find(|(name, _)| name == "status");
        let words = asked.map(|(_, words)| words.as_slice()).unwrap_or_default();
        let all = [
            IncidentStatus::Unresolved,
            IncidentStatus::Resolved,
            IncidentStatus::Closed,
        ];
        let status = |word: &String| {
            let found = all
                .into_iter()
                .find(|s| s.as_str().eq_ignore_ascii_case(word));
            found.ok_or_else(|| {
                Error::Malformed("status must be unresolved, resolved or closed".to_owned())
            })
        };
        words.iter().map(status).collect()
    }

    /// Whether the incident passes all filters but that on the state.
    pub(super) fn pass(&self, incident: &Incident) -> bool {
        self.0.iter().all(|(name, values)| {
            name == "status" || values.iter().any(|value| matches(incident, name, value))
        })
    }
}

/// The values of one parameter. Commas come percent-encoded or not, and separate in both
/// cases; so that a name or field with a comma can be found, the whole text is a value too.
fn values(name: &str, text: &str) -> Vec<String> {
    let text = text.trim();
    let mut values: Vec<String> = text
        .split(',')
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
        .collect();
    if name != "status" && values.len() > 1 {
        values.push(text.to_owned());
    }
    values
}

fn matches(incident: &Incident, name: &str, value: &str) -> bool {
    let same = |text: &str| text.to_lowercase() == value.to_lowercase();
    match name {
        "name" => {
            same(&incident.name)
                || same(&incident.id.to_string())
                || same(&incident.rule_id.to_string())
                || same(&shared_id(incident))
        }
        // Incidents come from alert rules only.
        "type" => same("alert"),
        "risk" => same(incident.risk.as_str()),
        "log_source" => incident.taxonomy.logsources.iter().any(|s| same(s)),
        "attack_tag" | "attack_category" | "attack_id" => {
            said_of_attack(incident, name).iter().any(|word| same(word))
                || same_field(incident, name, value)
        }
        _ => same_field(incident, name, value),
    }
}

fn same_field(incident: &Incident, name: &str, value: &str) -> bool {
    let mut fields = incident.taxonomy.metadata.iter();
    fields.any(|m| m.field == name && m.value.to_lowercase() == value.to_lowercase())
}

/// The words by which an incident is found: what it shows under that key, hashes, and the
/// technique's id and the tactic's short name beside their names.
fn said_of_attack(incident: &Incident, name: &str) -> Vec<String> {
    let said = Attack::of(&incident.taxonomy);
    let hashes = &incident.taxonomy.attack_tag_hashes;
    let mut words = hashes.clone();
    match name {
        "attack_category" => {
            let known = hashes.iter().filter_map(|hash| attack::tag(hash));
            words.extend(known.map(|tag| tag.tactic.short.to_owned()));
            words.extend(said.categories);
        }
        "attack_id" => words.extend(said.ids),
        _ => words.extend(said.tags.into_iter().chain(said.ids)),
    }
    words
}
