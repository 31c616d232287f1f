//! What a template can read.

use cresset_catalog::port::RuleWithOwner;
use cresset_model::Timestamp;
use cresset_model::attack::Attack;
use cresset_model::incident::Incident;
use jiff::tz::TimeZone;
use minijinja::Value;
use minijinja::value::Serde;
use std::collections::BTreeMap;

use super::escape::percent_encode;

/// Most rows that a template sees.
const MAX_ROWS: usize = 5_000;

/// Where this server is reachable, for links and for its name.
#[derive(Debug, Clone, Default)]
pub struct Link {
    /// Base of the page's address, without a slash at the end; empty if unknown.
    pub public_url: String,
    /// What the server calls itself.
    pub server_name: String,
}

impl Link {
    /// The address of the search that found the incident, empty without a public address.
    pub fn search(&self, incident: &Incident) -> String {
        if self.public_url.is_empty() {
            return String::new();
        }
        let mut link = format!(
            "{}/search?query={}&from={}&to={}",
            self.public_url.trim_end_matches('/'),
            percent_encode(&incident.query),
            percent_encode(&incident.window_from.to_rfc3339()),
            percent_encode(&incident.window_to.to_rfc3339()),
        );
        let repos = incident.repos.iter().map(|repo| repo.trim());
        let repos: Vec<&str> = repos.filter(|repo| !repo.is_empty()).collect();
        if !repos.is_empty() {
            link += &format!("&repos={}", percent_encode(&repos.join(",")));
        }
        link
    }
}

/// The variables of one notification (spec/logpoint-api.md §8.1).
#[derive(Debug, Clone)]
pub struct Variables {
    values: BTreeMap<String, Value>,
    times: Times,
}

/// How times are written for the owner of a rule.
#[derive(Debug, Clone)]
pub(super) struct Times {
    pub(super) zone: TimeZone,
    /// A moment in the letters of `strftime`.
    pub(super) format: String,
}

impl Times {
    pub(super) fn of(rule: Option<&RuleWithOwner>) -> Self {
        let zone = rule.and_then(|rule| TimeZone::get(&rule.timezone).ok());
        let (date, hour) = rule.map_or_else(Default::default, |r| (r.date_format, r.hour_format));
        Self {
            zone: zone.unwrap_or(TimeZone::UTC),
            format: format!("{} {}", date.as_str(), hour.time_format()),
        }
    }
}

impl Variables {
    /// The variables of `incident`. The rule gives the owner's name, time zone and formats;
    /// without it, times are UTC. Custom fields of the rule are variables of their own and cannot
    /// replace built-in ones.
    pub fn new(incident: &Incident, rule: Option<&RuleWithOwner>, link: &Link) -> Self {
        let times = Times::of(rule);
        let mut values: BTreeMap<String, Value> = BTreeMap::new();
        for name in ["author", "reference"] {
            values.insert(name.to_owned(), Value::from(""));
        }
        for item in &incident.taxonomy.metadata {
            values.insert(item.field.clone(), Value::from(item.value.as_str()));
        }
        for (name, value) in built_in(incident, rule, link, &times) {
            values.insert(name.to_owned(), value);
        }
        Self { values, times }
    }

    /// The variables without the link to the search.
    #[must_use]
    pub fn without_link(mut self) -> Self {
        self.values
            .insert("search_link".to_owned(), Value::from(""));
        self
    }

    /// How the rule's owner writes times.
    pub(super) const fn times(&self) -> &Times {
        &self.times
    }

    /// A variable as text, empty if there is none of that name.
    pub fn text(&self, name: &str) -> String {
        self.values
            .get(name)
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    pub(super) fn root(&self) -> Value {
        Value::from(self.values.clone())
    }
}

fn built_in(
    incident: &Incident,
    rule: Option<&RuleWithOwner>,
    link: &Link,
    times: &Times,
) -> Vec<(&'static str, Value)> {
    let id = Value::from(incident.id.to_string());
    let risk = Value::from(incident.risk.as_str());
    let name = Value::from(incident.name.as_str());
    let query = Value::from(incident.query.as_str());
    let sources: Vec<&str> = incident
        .taxonomy
        .logsources
        .iter()
        .map(|source| source.trim())
        .filter(|source| !source.is_empty())
        .collect();
    let attack = Attack::of(&incident.taxonomy);
    let rows = &incident.rows[..incident.rows.len().min(MAX_ROWS)];
    vec![
        ("rows", Value::from(Serde(rows))),
        ("rows_count", Value::from(incident.rows_count)),
        ("alert_name", name.clone()),
        ("rule_name", name),
        ("description", Value::from(incident.description.as_str())),
        ("risk", risk.clone()),
        ("incident_risk_level", risk),
        ("extra_info", minijinja::context! { query => query.clone() }),
        ("query", query),
        ("incident_id", id.clone()),
        ("_id", id),
        ("incident_log_source", Value::from(sources.join(", "))),
        ("attack_id", Value::from(attack.ids)),
        ("attack_tag", Value::from(attack.tags)),
        ("attack_category", Value::from(attack.categories.join(", "))),
        (
            "detection_timestamp",
            Value::from(incident.detected_at.secs()),
        ),
        ("time_range", Value::from(time_range(incident, times))),
        ("window_from", Value::from(incident.window_from.secs())),
        ("window_to", Value::from(incident.window_to.secs())),
        ("repos", Value::from(Serde(&incident.repos))),
        (
            "user",
            Value::from(rule.map_or("", |rule| rule.owner_name.as_str())),
        ),
        ("search_link", Value::from(link.search(incident))),
        ("logpoint_name", Value::from(link.server_name.as_str())),
    ]
}

fn time_range(incident: &Incident, times: &Times) -> String {
    let show = |at: Timestamp| match jiff::Timestamp::from_microsecond(at.0) {
        Ok(at) => at
            .to_zoned(times.zone.clone())
            .strftime(&times.format)
            .to_string(),
        Err(_) => at.to_rfc3339(),
    };
    format!(
        "{} - {}",
        show(incident.window_from),
        show(incident.window_to)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::incident;

    #[test]
    fn the_link_names_the_repos() {
        let link = Link {
            public_url: "https://siem.example".into(),
            server_name: String::new(),
        };
        let mut incident = incident();
        let all = link.search(&incident);
        incident.repos = ["10.0.0.7:7070/web", " default ", ""]
            .map(String::from)
            .into();
        let named = "&repos=10.0.0.7%3A7070%2Fweb%2Cdefault";
        assert_eq!(link.search(&incident), format!("{all}{named}"));
    }
}
