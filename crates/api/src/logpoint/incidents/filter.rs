//! Filters in the query string of `/incidents` (spec/logpoint-api.md §6.1).

use super::shared_id;
use crate::error::{Error, Result};
use cresset_model::attack::{self, Attack};
use cresset_model::incident::{Incident, IncidentStatus};
use std::collections::{BTreeMap, BTreeSet};

/// Parameters that are no filters.
const CARRIERS: [&str; 3] = ["requestData", "version", "type_of_request"];
/// Most values of all filters of a request: each is looked for in each incident of the span.
const MOST_VALUES: usize = 100;

/// Filters; an incident passes if it passes each, and passes one by any of its values.
pub(super) struct Filters(Vec<Filter>);

struct Filter {
    name: String,
    /// In lower case.
    values: BTreeSet<String>,
}

impl Filters {
    pub(super) fn new(query: &BTreeMap<String, String>) -> Result<Self> {
        let named = |name: &str| !CARRIERS.contains(&name);
        let asked = || query.iter().filter(|(name, _)| named(name));
        if asked().flat_map(|(_, text)| parts(text)).count() > MOST_VALUES {
            return Err(Error::Malformed(format!(
                "the filters have more than {MOST_VALUES} values; ask several times"
            )));
        }
        let filters = asked().map(|(name, text)| Filter {
            values: values(name, text),
            name: name.clone(),
        });
        Ok(Self(filters.filter(|f| !f.values.is_empty()).collect()))
    }

    /// The states asked for; empty if none are named.
    pub(super) fn statuses(&self) -> Result<Vec<IncidentStatus>> {
        let asked = self.0.iter().filter(|filter| filter.name == "status");
        let all = [
            IncidentStatus::Unresolved,
            IncidentStatus::Resolved,
            IncidentStatus::Closed,
        ];
        let status = |word: &String| {
            let found = all.into_iter().find(|status| status.as_str() == word);
            found.ok_or_else(|| {
                Error::Malformed("status must be unresolved, resolved or closed".to_owned())
            })
        };
        asked
            .flat_map(|filter| &filter.values)
            .map(status)
            .collect()
    }

    /// Whether the incident passes all filters but that on the state.
    pub(super) fn pass(&self, incident: &Incident) -> bool {
        self.0.iter().all(|Filter { name, values }| {
            name == "status"
                || words(incident, name)
                    .iter()
                    .any(|word| values.contains(&word.to_lowercase()))
        })
    }
}

/// What is written between commas.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(',').map(str::trim);
    parts.filter(|part| !part.is_empty())
}

/// The values of one parameter. Commas come percent-encoded or not, and separate in both
/// cases; so that a name or field with a comma can be found, the whole text is a value too.
fn values(name: &str, text: &str) -> BTreeSet<String> {
    let mut values: BTreeSet<String> = parts(text).map(str::to_lowercase).collect();
    if name != "status" && !values.is_empty() {
        values.insert(text.trim().to_lowercase());
    }
    values
}

/// The words by which the filter `name` finds an incident.
fn words(incident: &Incident, name: &str) -> Vec<String> {
    match name {
        "name" => vec![
            incident.name.clone(),
            incident.id.to_string(),
            incident.rule_id.to_string(),
            shared_id(incident),
        ],
        // Incidents come from alert rules only.
        "type" => vec!["alert".to_owned()],
        "risk" => vec![incident.risk.as_str().to_owned()],
        "log_source" => incident.taxonomy.logsources.clone(),
        "attack_tag" | "attack_category" | "attack_id" => {
            let mut words = said_of_attack(incident, name);
            words.extend(fields(incident, name));
            words
        }
        _ => fields(incident, name).collect(),
    }
}

/// The values of a metadata field.
fn fields(incident: &Incident, name: &str) -> impl Iterator<Item = String> {
    let fields = incident.taxonomy.metadata.iter();
    fields
        .filter(move |field| field.field == name)
        .map(|field| field.value.clone())
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
