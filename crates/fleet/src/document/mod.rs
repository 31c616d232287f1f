//! An alert rule as people keep it in a file.
//!
//! A document says what the wire says, without what the wire repeats: values that are
//! the default are left out, spans are texts such as `10m`, and secrets are references.
//! [`RuleDoc::from_wire`] and [`RuleDoc::to_wire`] lose nothing that has an effect.

mod cases;
mod macros;
mod mend;
mod mitre;
mod notification;
mod span;
mod words;
mod yaml;

pub use cases::{Expect, TestCase};
pub use macros::MacroDoc;
pub use mend::Mended;
pub use notification::{Auth, AuthType, Dispatch, Email, Http, SecretRef, Threshold};
pub use span::Minutes;
pub use words::Condition;
pub use yaml::Problem;

use cresset_model::rule::{
    DisplayData, FourEyes, IncidentCondition, MetadataField, Ownership, Risk, RiskFunction,
    RuleSpec, SearchParams, Taxonomy,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One alert rule with its notifications and its tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDoc {
    /// Unique per user; the rule is found again by it.
    pub name: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The query.
    pub query: String,
    /// Addresses of repos; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repos: Vec<String>,
    /// The span between evaluations.
    #[serde(default = "ten")]
    pub every: Minutes,
    /// The time range.
    pub over: Minutes,
    /// How long an evaluation waits for late events.
    #[serde(default, skip_serializing_if = "Minutes::is_zero")]
    pub delay: Minutes,
    /// What the number of rows must be, such as `> 0`.
    #[serde(default)]
    pub condition: Condition,
    /// The incident's risk.
    pub risk: Risk,
    /// How risks of rows are combined.
    #[serde(default = "highest", skip_serializing_if = "is_highest")]
    pub risk_from: RiskFunction,
    /// Most rows kept for a query without aggregation.
    #[serde(default = "hundred", skip_serializing_if = "is_hundred")]
    pub limit: u32,
    /// After an incident, only later events count.
    #[serde(default, skip_serializing_if = "is_false")]
    pub flush: bool,
    /// Holds repeated values back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
    /// User name; without it the user of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Names of incident user groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Techniques of MITRE ATT&CK: `T1078`, `T1078 persistence`, or hashes.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "mitre::read"
    )]
    pub mitre: Vec<String>,
    /// Names of log sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logsources: Vec<String>,
    /// Custom fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// How the incident's rows are shown.
    #[serde(default, skip_serializing_if = "Display::is_default")]
    pub display: Display,
    /// Asks for unencrypted data.
    #[serde(default, skip_serializing_if = "is_false")]
    pub original_data: bool,
    /// Whether the rule is evaluated.
    #[serde(default = "yes")]
    pub active: bool,
    /// Who is told.
    #[serde(default, skip_serializing_if = "Notifications::is_empty")]
    pub notifications: Notifications,
    /// Unit tests; they stay in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestCase>,
}

/// Holds values of a field back after an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// The field.
    pub field: String,
    /// How long.
    #[serde(rename = "for")]
    pub span: Minutes,
}

/// How the incident's rows are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// Show rows without the template.
    #[serde(default, skip_serializing_if = "is_false")]
    pub simple_view: bool,
    /// Use the template.
    #[serde(default, skip_serializing_if = "is_false")]
    pub apply_template: bool,
    /// The template.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
}

impl Display {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Who is told of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    /// By mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// By an HTTP request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
}

impl Notifications {
    fn is_empty(&self) -> bool {
        self.email.is_none() && self.http.is_none()
    }
}

impl RuleDoc {
    /// Reads the YAML text of a file. The error says where the mistake is.
    pub fn from_yaml(text: &str) -> Result<Self, Problem> {
        yaml::read(text)
    }

    /// All mistakes of a text that [`from_yaml`](Self::from_yaml) refuses, and what of it
    /// does read, if it is YAML at all.
    pub fn mend(text: &str) -> (Vec<Problem>, Option<Mended>) {
        mend::mend(text)
    }

    /// The YAML text, which [`from_yaml`](Self::from_yaml) reads back unchanged.
    pub fn to_yaml(&self) -> Result<String, Problem> {
        yaml::write(self)
    }

    /// The document of what an instance answers to `read_api`, without notifications.
    pub fn from_wire(spec: &RuleSpec, active: bool) -> Self {
        let (search, taxonomy) = (&spec.search_params, &spec.taxonomy);
        let display = &spec.incident_display_data;
        let throttle = search.throttling_enabled.then(|| Throttle {
            field: search.throttling_field.clone(),
            span: Minutes(search.throttling_time_range.into()),
        });
        let assignee = &spec.incident_ownership.assignee;
        let fields = taxonomy.metadata.iter();
        Self {
            name: spec.name.clone(),
            description: spec.description.clone(),
            query: search.query.clone(),
            repos: search.repos.clone(),
            every: Minutes(search.search_interval_minute.into()),
            over: Minutes(search.range_minutes()),
            delay: Minutes(search.delay_interval_minute.into()),
            condition: Condition {
                option: spec.incident_condition.condition_option,
                value: spec.incident_condition.condition_value,
            },
            risk: spec.incident_condition.risk,
            risk_from: spec.incident_condition.aggregate,
            limit: search.limit,
            flush: search.flush_on_trigger,
            throttle,
            assignee: (!assignee.is_empty()).then(|| assignee.clone()),
            groups: spec.incident_ownership.visible_to_usergroups.clone(),
            mitre: taxonomy.attack_tag_hashes.clone(),
            logsources: taxonomy.logsources.clone(),
            metadata: fields.map(|m| (m.field.clone(), m.value.clone())).collect(),
            display: Display {
                simple_view: display.simple_view,
                apply_template: display.apply_jinja_template,
                template: display.jinja_template.clone().unwrap_or_default(),
            },
            original_data: spec.foureyes.original_data,
            active,
            notifications: Notifications::default(),
            tests: Vec::new(),
        }
        .normalised()
    }

    /// The body of `create_api` and `update_api`; `user` owns what names no assignee.
    pub fn to_wire(&self, user: &str) -> RuleSpec {
        let (day, hour, minute) = self.over.parts();
        let whole = |span: Minutes| u32::try_from(span.0).unwrap_or(u32::MAX);
        let template = &self.display.template;
        let pair = |(field, value): (&String, &String)| MetadataField {
            field: field.clone(),
            value: value.clone(),
        };
        let throttle = self.throttle.as_ref();
        RuleSpec {
            name: self.name.clone(),
            description: self.description.clone(),
            search_params: SearchParams {
                query: self.query.clone(),
                timerange_day: day,
                timerange_hour: hour,
                timerange_minute: minute,
                repos: self.repos.clone(),
                limit: self.limit,
                flush_on_trigger: self.flush,
                search_interval_minute: whole(self.every),
                delay_interval_minute: whole(self.delay),
                throttling_enabled: throttle.is_some(),
                throttling_field: throttle.map_or_else(String::new, |t| t.field.clone()),
                throttling_time_range: throttle.map_or(0, |t| whole(t.span)),
            },
            incident_condition: IncidentCondition {
                condition_option: self.condition.option,
                condition_value: self.condition.value,
                risk: self.risk,
                aggregate: self.risk_from,
            },
            taxonomy: Taxonomy {
                attack_tag_hashes: mitre::hashes(&self.mitre),
                logsources: self.logsources.clone(),
                metadata: self.metadata.iter().map(pair).collect(),
            },
            incident_ownership: Ownership {
                assignee: self.assignee.clone().unwrap_or_else(|| user.to_owned()),
                visible_to_usergroups: self.groups.clone(),
            },
            incident_display_data: DisplayData {
                apply_jinja_template: self.display.apply_template,
                simple_view: self.display.simple_view,
                jinja_template: (!template.is_empty()).then(|| template.clone()),
            },
            foureyes: FourEyes {
                original_data: self.original_data,
            },
        }
    }

    /// The same rule as servers keep it: without space around names, the query and addresses
    /// and without blank entries of lists, protocols in capitals; and techniques by their ids
    /// where that says the same.
    pub fn normalised(mut self) -> Self {
        let trim = |text: &mut String| *text = text.trim().to_owned();
        trim(&mut self.name);
        trim(&mut self.query);
        if let Some(throttle) = &mut self.throttle {
            trim(&mut throttle.field);
        }
        for list in [&mut self.repos, &mut self.groups, &mut self.logsources] {
            list.iter_mut().for_each(trim);
            list.retain(|text| !text.is_empty());
        }
        let fields = self.metadata.iter();
        let trimmed: BTreeMap<_, _> = fields
            .map(|(field, value)| (field.trim().to_owned(), value.clone()))
            .collect();
        // Of two fields that become one, the server says that they are.
        if trimmed.len() == self.metadata.len() {
            self.metadata = trimmed;
        }
        if let Some(email) = &mut self.notifications.email {
            email.normalise();
        }
        if let Some(http) = &mut self.notifications.http {
            http.normalise();
        }
        self.mitre = mitre::shortest(&self.mitre);
        self
    }
}

const fn ten() -> Minutes {
    Minutes(10)
}

const fn hundred() -> u32 {
    100
}

const fn is_hundred(n: &u32) -> bool {
    *n == 100
}

const fn yes() -> bool {
    true
}

const fn is_false(b: &bool) -> bool {
    !*b
}

const fn is_true(b: &bool) -> bool {
    *b
}

const fn highest() -> RiskFunction {
    RiskFunction::Max
}

const fn is_highest(function: &RiskFunction) -> bool {
    matches!(function, RiskFunction::Max)
}

#[cfg(test)]
mod tests;
