//! Rules as clients write them, how they are read back, and what is wrong with them.

use super::calls::User;
use super::compare::text;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt;

type Text = &'static str;

/// The body of a rule. What is `None` is left out, or sent as `null`.
#[derive(Clone)]
pub(super) struct RuleDraft {
    pub(super) name: Option<Text>,
    pub(super) description: Option<Text>,
    pub(super) search: SearchDraft,
    pub(super) condition: ConditionDraft,
    pub(super) tags: TagsDraft,
    pub(super) ownership: OwnershipDraft,
    pub(super) display: DisplayDraft,
    pub(super) original_data: Option<bool>,
    /// A section that is left out.
    pub(super) without: Option<Text>,
    pub(super) nulls: bool,
}

#[derive(Clone, Debug)]
pub(super) struct SearchDraft {
    pub(super) query: Text,
    /// Days, hours, minutes.
    pub(super) range: [u32; 3],
    pub(super) repos: Option<Text>,
    pub(super) limit: Option<u32>,
    pub(super) flush: Option<bool>,
    pub(super) interval: Option<u32>,
    pub(super) delay: Option<u32>,
    pub(super) throttling: Option<(bool, Text, u32)>,
}

#[derive(Clone, Debug)]
pub(super) struct ConditionDraft {
    pub(super) option: Text,
    pub(super) value: i32,
    pub(super) risk: Text,
    pub(super) aggregate: Text,
}

#[derive(Clone, Debug)]
pub(super) struct TagsDraft {
    pub(super) hashes: Option<Vec<Text>>,
    pub(super) logsources: Option<Vec<Text>>,
    pub(super) metadata: Option<Vec<(Text, Text)>>,
}

#[derive(Clone, Debug)]
pub(super) struct OwnershipDraft {
    pub(super) assignee: Text,
    pub(super) groups: Option<Vec<Text>>,
}

#[derive(Clone, Debug)]
pub(super) struct DisplayDraft {
    pub(super) template: Option<Text>,
    pub(super) apply: Option<bool>,
    pub(super) simple: Option<bool>,
}

impl fmt::Debug for RuleDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.body())
    }
}

/// Repos that may be asked for, separated by blanks; an address with a trailing `!` is
/// wrong for everybody, one with `?` for all but administrators.
fn addresses(text: &str) -> Vec<String> {
    let bare = |address: &str| address.trim_end_matches(['!', '?']).to_owned();
    text.split(' ').map(bare).collect()
}

fn without_blanks(texts: &[Text]) -> Vec<Text> {
    let filled = texts.iter().filter(|text| !text.trim().is_empty());
    filled.copied().collect()
}

fn pairs(metadata: &[(Text, Text)]) -> Vec<Value> {
    let pair = |(field, value): &(Text, Text)| json!({"field": field, "value": value});
    metadata.iter().map(pair).collect()
}

impl RuleDraft {
    /// The name as it is kept.
    pub(super) fn kept_name(&self) -> &'static str {
        self.name.unwrap_or_default().trim()
    }

    /// The body that is sent.
    pub(super) fn body(&self) -> Value {
        let search = &self.search;
        let [days, hours, minutes] = search.range;
        let throttling = search.throttling;
        let mut body = json!({
            "name": self.name,
            "description": self.description,
            "updated_date": "2026/11/21",
            "search_params": {
                "query": search.query, "timerange_day": days, "timerange_hour": hours,
                "timerange_minute": minutes, "repos": search.repos.map(addresses),
                "limit": search.limit, "flush_on_trigger": search.flush,
                "search_interval_minute": search.interval,
                "delay_interval_minute": search.delay,
                "throttling_enabled": throttling.map(|t| t.0),
                "throttling_field": throttling.map(|t| t.1),
                "throttling_time_range": throttling.map(|t| t.2),
            },
            "incident_condition": {"condition_option": self.condition.option,
                "condition_value": self.condition.value, "risk": self.condition.risk,
                "aggregate": self.condition.aggregate},
            "taxonomy": {"attack_tag_hashes": self.tags.hashes,
                "logsources": self.tags.logsources,
                "metadata": self.tags.metadata.as_deref().map(pairs)},
            "incident_ownership": {"assignee": self.ownership.assignee,
                "visible_to_usergroups": self.ownership.groups},
            "incident_display_data": {"jinja_template": self.display.template,
                "apply_jinja_template": self.display.apply, "simple_view": self.display.simple},
            "foureyes": {"original_data": self.original_data},
        });
        if let Some(section) = self.without {
            body[section] = Value::Null;
        }
        if !self.nulls {
            drop_nulls(&mut body);
        }
        body
    }

    /// What reading the rule gives, without `id` and `active`.
    pub(super) fn shown(&self) -> Value {
        let mut shown = self.body();
        drop_nulls(&mut shown);
        shown.as_object_mut().unwrap().remove("updated_date");
        shown["name"] = self.kept_name().into();
        let repos = addresses(self.search.repos.unwrap_or_default());
        let named: Vec<String> = repos.into_iter().filter(|repo| !repo.is_empty()).collect();
        shown["search_params"]["repos"] = json!(named);
        for (place, usual) in [
            ("/description", json!("")),
            ("/search_params/limit", json!(100)),
            ("/search_params/flush_on_trigger", json!(false)),
            ("/search_params/search_interval_minute", json!(10)),
            ("/search_params/delay_interval_minute", json!(0)),
            ("/search_params/throttling_enabled", json!(false)),
            ("/search_params/throttling_field", json!("")),
            ("/search_params/throttling_time_range", json!(0)),
            ("/taxonomy/attack_tag_hashes", json!([])),
            ("/taxonomy/logsources", json!([])),
            ("/taxonomy/metadata", json!([])),
            ("/incident_ownership/visible_to_usergroups", json!([])),
            ("/incident_display_data/apply_jinja_template", json!(false)),
            ("/incident_display_data/simple_view", json!(false)),
            ("/foureyes", json!({})),
            ("/foureyes/original_data", json!(false)),
        ] {
            let (section, field) = place.rsplit_once('/').unwrap();
            let section = shown.pointer_mut(section).unwrap();
            section
                .as_object_mut()
                .unwrap()
                .entry(field)
                .or_insert(usual);
        }
        // "Blank entries must be tolerated" (§2.1): they are not kept.
        if let Some(logsources) = &self.tags.logsources {
            shown["taxonomy"]["logsources"] = json!(without_blanks(logsources));
        }
        if let Some(groups) = &self.ownership.groups {
            let groups = without_blanks(groups);
            shown["incident_ownership"]["visible_to_usergroups"] = json!(groups);
        }
        shown
    }

    /// What is wrong with it, as `validationErrors`; only who is `enabled` may be an assignee.
    pub(super) fn mistakes(
        &self,
        owner: User,
        enabled: impl Fn(User) -> bool,
    ) -> Map<String, Value> {
        let mut wrong: BTreeSet<(Text, Text)> = BTreeSet::new();
        let name = self.kept_name();
        if name.chars().count() < 5 || name.contains(char::is_control) {
            wrong.insert(("", "name"));
        }
        self.wrong_search(owner, &mut wrong);
        let condition = &self.condition;
        for (field, bad) in [
            ("condition_option", condition.option == "more"),
            ("condition_value", condition.value < 0),
            ("risk", condition.risk == "deadly"),
            ("aggregate", condition.aggregate == "sum"),
        ] {
            if bad {
                wrong.insert(("incident_condition", field));
            }
        }
        let fields = self.tags.metadata.iter().flatten().map(|pair| pair.0);
        let unique: BTreeSet<Text> = fields.clone().collect();
        if unique.len() < fields.count() {
            wrong.insert(("taxonomy", "metadata"));
        }
        let mut users = User::ALL.into_iter().filter(|user| enabled(*user));
        if users.all(|user| user.name() != self.ownership.assignee) {
            wrong.insert(("incident_ownership", "assignee"));
        }
        if self.display.apply == Some(true) && super::notices::broken(self.display.template) {
            wrong.insert(("incident_display_data", "jinja_template"));
        }
        let mut errors = Map::new();
        for (section, field) in wrong {
            if section.is_empty() {
                errors.insert(field.to_owned(), text());
            } else {
                let section = errors.entry(section).or_insert_with(|| json!({}));
                section[field] = text();
            }
        }
        if let Some(section) = self.without.filter(|section| *section != "foureyes") {
            errors.insert(section.to_owned(), text());
        }
        errors
    }

    fn wrong_search(&self, owner: User, wrong: &mut BTreeSet<(Text, Text)>) {
        let search = &self.search;
        let mut refuse = |field| wrong.insert(("search_params", field));
        if search.query.trim().is_empty() || search.query.contains("cuont") {
            refuse("query");
        }
        let forbidden = |repo: &str| {
            repo.ends_with('!') || (repo.ends_with('?') && owner.role() != "administrator")
        };
        match search.repos {
            Some(repos) if !repos.split(' ').any(forbidden) => {}
            _ => {
                refuse("repos");
            }
        }
        let [days, hours, minutes] = search.range;
        let range = days * 1440 + hours * 60 + minutes;
        let interval = search.interval.unwrap_or(10);
        if range == 0 || range > 30 * 1440 {
            // At the smallest part that is given.
            refuse(match search.range {
                [_, hours, 0] if hours > 0 => "timerange_hour",
                [days, 0, 0] if days > 0 => "timerange_day",
                _ => "timerange_minute",
            });
        }
        if interval == 0 || !range.is_multiple_of(interval) {
            refuse("search_interval_minute");
        }
        if search.limit == Some(0) {
            refuse("limit");
        }
        if search.delay.is_some_and(|delay| delay > 1440) {
            refuse("delay_interval_minute");
        }
        if let Some((true, field, minutes)) = search.throttling {
            if field.trim().is_empty() {
                refuse("throttling_field");
            }
            if minutes == 0 {
                refuse("throttling_time_range");
            }
        }
    }
}

pub(super) fn drop_nulls(value: &mut Value) {
    if let Value::Object(object) = value {
        object.retain(|_, value| !value.is_null());
        object.values_mut().for_each(drop_nulls);
    }
}
