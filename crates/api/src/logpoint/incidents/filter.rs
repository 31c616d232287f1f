//! Filters in the query string of `/incidents` (spec/logpoint-api.md §6.1).

use super::shared_id;
use crate::error::{Error, Result};
use cresset_model::incident::{Incident, IncidentStatus};
use std::collections::BTreeMap;

/// Filters; an incident passes if it passes each, and passes one by any of its values.
pub(super) struct Filters<'a>(Vec<(&'a str, Vec<&'a str>)>);

impl<'a> Filters<'a> {
    pub(super) fn new(query: &'a BTreeMap<String, String>) -> Self {
        let values = |text: &'a str| -> Vec<&'a str> {
            text.split(',')
                .map(str::trim)
                .filter(|v| !v.is_empty())
                .collect()
        };
        let carriers = ["requestData", "version", "type_of_request"];
        let filters = query
            .iter()
            .filter(|(name, _)| !carriers.contains(&name.as_str()))
            .map(|(name, text)| (name.as_str(), values(text)))
            .filter(|(_, values)| !values.is_empty());
        Self(filters.collect())
    }

    /// The states asked for; empty means all but closed.
    pub(super) fn statuses(&self) -> Result<Vec<IncidentStatus>> {
        let asked = self.0.iter().find(|(name, _)| *name == "status");
        let words = asked.map(|(_, words)| words.as_slice()).unwrap_or_default();
        let all = [
            IncidentStatus::Unresolved,
            IncidentStatus::Resolved,
            IncidentStatus::Closed,
        ];
        let status = |word: &&str| {
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
            *name == "status" || values.iter().any(|value| matches(incident, name, value))
        })
    }
}

fn matches(incident: &Incident, name: &str, value: &str) -> bool {
    let same = |text: &str| text.eq_ignore_ascii_case(value);
    match name {
        "name" => {
            same(&incident.name)
                || same(&incident.id.to_string())
                || same(&incident.rule_id.to_string())
                || same(&shared_id(incident))
        }
        "type" => same("alert"),
        "risk" => same(incident.risk.as_str()),
        "log_source" => incident
            .taxonomy
            .logsources
            .iter()
            .any(|source| same(source)),
        _ => incident
            .taxonomy
            .metadata
            .iter()
            .any(|m| m.field == name && same(&m.value)),
    }
}
