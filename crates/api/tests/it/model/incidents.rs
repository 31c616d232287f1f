//! What the model knows of incidents.

use super::calls::{Filter, FilterValue, IncidentRef, RuleRef, Span, User, Who};
use super::compare::{at_least, shared_id, text};
use super::drafts::RuleDraft;
use super::drive::with_query;
use super::files::folded;
use super::rules::Rule;
use super::world::{Body, Expect, Family, MINUTE, Plan, World, ok};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) struct Incident {
    pub(super) id: String,
    pub(super) rule_id: String,
    /// The rule as it was.
    pub(super) rule: RuleDraft,
    pub(super) owner: User,
    pub(super) assignee: Option<User>,
    /// Names of the groups that see it.
    pub(super) groups: BTreeSet<String>,
    /// In seconds, as are the ends of the window.
    pub(super) slot_end: i64,
    pub(super) window: [i64; 2],
    /// In microseconds.
    pub(super) detected: i64,
    pub(super) rows: u64,
    pub(super) status: &'static str,
    pub(super) comments: Vec<Comment>,
    pub(super) modified: Option<i64>,
}

pub(super) struct Comment {
    by: User,
    text: String,
    at: i64,
}

/// The tag of the technique T1595, Active Scanning, for the tactic Reconnaissance.
const ACTIVE_SCANNING: &str = "94711e5d399c28939c688f086b7faf85";
const NODE: &str = "127.0.0.1:5504";

impl Incident {
    /// Who may say that it is dealt with.
    pub(super) fn is_settled_by(&self, user: User) -> bool {
        user.role() == "administrator" || user == self.works_on_it()
    }

    pub(super) fn works_on_it(&self) -> User {
        self.assignee.unwrap_or(self.owner)
    }

    fn comments(&self) -> Vec<Value> {
        let comment = |c: &Comment| json!({"title": c.by.name(), "comment": c.text, "time": c.at / 1_000_000});
        self.comments.iter().map(comment).collect()
    }

    /// Values of the metadata fields of that name.
    fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'static str> + 'a {
        let fields = self.rule.tags.metadata.iter().flatten();
        fields.filter(move |pair| pair.0 == name).map(|pair| pair.1)
    }

    /// What it says of an attack: names of techniques and tactics, a hash without a name, then
    /// the values of metadata; nothing twice.
    fn attack(&self, key: &str) -> Vec<String> {
        let hashes = self.rule.tags.hashes.iter().flatten();
        let named = hashes.filter_map(|hash| match (*hash, key) {
            (ACTIVE_SCANNING, "attack_id") => Some("T1595"),
            (ACTIVE_SCANNING, "attack_tag") => Some("Active Scanning"),
            (ACTIVE_SCANNING, _) => Some("Reconnaissance"),
            (unknown, "attack_tag") => Some(unknown),
            _ => None,
        });
        let values = self.fields(key).flat_map(|value| value.split(','));
        let values = values.map(str::trim).filter(|value| !value.is_empty());
        folded(named.chain(values).map(str::to_owned).collect())
    }

    fn passes(&self, key: &str, value: &str) -> bool {
        let value = value.to_lowercase();
        let same = |text: &str| text.to_lowercase() == value;
        let field = || self.fields(key).any(same);
        match key {
            "name" => same(self.rule.kept_name()) || same(&self.id) || same(&self.rule_id),
            "type" => same("alert"),
            "risk" => same(self.rule.condition.risk),
            "log_source" => self.rule.tags.logsources.iter().flatten().any(|s| same(s)),
            "attack_tag" | "attack_category" | "attack_id" => {
                let mut words = self.attack(key);
                let hashes = self.rule.tags.hashes.iter().flatten();
                words.extend(hashes.map(ToString::to_string));
                if key == "attack_tag" {
                    words.extend(self.attack("attack_id"));
                }
                words.iter().any(|word| same(word)) || field()
            }
            _ => field(),
        }
    }

    /// What somebody says or does is kept beside it.
    pub(super) fn remark(&mut self, by: User, text: &str, at: i64) {
        let text = text.to_owned();
        self.comments.push(Comment { by, text, at });
        self.modified = Some(at);
    }

    fn shown_rows(&self) -> Vec<Value> {
        // Numbers of events are text, aggregates are numbers.
        let chart = self.rule.search.query.contains("chart");
        let cnt = |n: u64| {
            if chart {
                json!(n)
            } else {
                json!(n.to_string())
            }
        };
        let row = |n: u64| at_least(json!({"user": format!("user{n}"), "cnt": cnt(n)}));
        (0..self.rows).map(row).collect()
    }
}

/// The texts of a filter as one parameter.
fn parameter(world: &World, filter: &Filter) -> String {
    let texts = filter.values.iter().map(|value| match value {
        FilterValue::Text(text) => (*text).to_owned(),
        FilterValue::Rule(n) => world.rule_id(User::Admin, RuleRef::Any(*n)),
        FilterValue::Incident(n) => world.incident_id(User::Admin, IncidentRef::Any(*n)),
    });
    texts.collect::<Vec<_>>().join(",")
}

/// Several values are separated by commas, but a comma may also be part of one.
fn values(key: &str, parameter: &str) -> Vec<String> {
    let parts = parameter.split(',').map(|part| part.trim().to_owned());
    let mut values: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    if key != "status" && values.len() > 1 {
        values.push(parameter.trim().to_owned());
    }
    values
}

pub(super) fn refused(message: Value) -> Expect {
    Family::Credential.refuses(&[200], message)
}

impl World {
    pub(super) fn sees(&self, user: User, incident: &Incident) -> bool {
        let mut groups = self.groups.iter();
        user.role() == "administrator"
            || user == incident.owner
            || Some(user) == incident.assignee
            || groups.any(|(name, g)| incident.groups.contains(*name) && g.members.contains(&user))
    }

    fn row(&self, incident: &Incident) -> Value {
        let id = |user: User| self.account(user).id.as_str();
        let rule = &incident.rule;
        let seeing = self.groups.iter();
        let seeing = seeing.filter(|(name, _)| incident.groups.contains(**name));
        let groups: BTreeSet<&String> = seeing.map(|(_, group)| &group.id).collect();
        let shown = rule.shown();
        let address = |named: &Value| match named.as_str().unwrap_or_default() {
            bare if !bare.contains(':') => format!("{NODE}/{bare}"),
            address => address.to_owned(),
        };
        let repos = shown["search_params"]["repos"].as_array().unwrap();
        let mut repos: Vec<String> = repos.iter().map(address).collect();
        if repos.is_empty() {
            repos.push(NODE.to_owned());
        }
        let mut row = json!({
            "id": incident.id, "incident_id": shared_id(), "type": "Alert",
            "name": rule.kept_name(), "description": shown["description"],
            "username": id(incident.owner), "user_id": null,
            "assigned_to": id(incident.works_on_it()), "visible_to": groups, "tid": "",
            "rows_count": incident.rows, "risk_level": rule.condition.risk,
            "detection_timestamp": incident.detected as f64 / 1e6,
            "loginspect_ip_dns": "127.0.0.1", "logpoint_name": "Cresset",
            "status": incident.status, "commentscount": incident.comments.len(),
            "comments": incident.comments(), "query": rule.search.query, "repos": repos,
            "time_range": incident.window, "alert_obj_id": incident.rule_id,
            "alertrule_id": incident.rule_id,
            "throttle_enabled": shown["search_params"]["throttling_enabled"],
            "attack_id": incident.attack("attack_id"),
            "attack_tag": incident.attack("attack_tag"),
            "attack_category": incident.attack("attack_category").join(", "),
            "log_source": shown["taxonomy"]["logsources"],
        });
        if let Some(last) = incident.comments.last() {
            row["lastaction"] = json!({"action": last.text, "title": last.by.name(),
                "time": last.at / 1_000_000});
        }
        row
    }

    fn state(&self, incident: &Incident) -> Value {
        let assignee = &self.account(incident.works_on_it()).id;
        json!({"id": incident.id, "status": incident.status, "assigned_to": assignee,
            "comments": incident.comments()})
    }

    pub(super) fn list_incidents(
        &self,
        by: Who,
        filters: &[Filter],
        span: Span,
        states: bool,
    ) -> Plan {
        let parameters: Vec<(&'static str, String)> = filters
            .iter()
            .map(|filter| (filter.key, parameter(self, filter)))
            .collect();
        let before = |minutes: u16| (self.now - i64::from(minutes) * MINUTE) / 1_000_000;
        let (from, to) = match span {
            Span::All | Span::WithoutEnd => (0, 4_000_000_000),
            Span::Between(from, to) => (before(from), before(to)),
        };
        let expect = match (self.unproven(by), span) {
            (Some(refused), _) => refused,
            (None, Span::WithoutEnd) => refused(text()),
            (None, _) => {
                let span = from * 1_000_000..=to * 1_000_000;
                self.listed(by.user, &parameters, span, states)
            }
        };
        let mut data = json!({"version": "0.1", "ts_from": from, "ts_to": to as f64});
        if matches!(span, Span::WithoutEnd) {
            data["ts_to"] = Value::Null;
        }
        let path = if states {
            "/incident_states"
        } else {
            "/incidents"
        };
        let path = with_query(path, &parameters);
        Plan::new(by, "GET", path, Body::Data(data), expect)
    }

    fn listed(
        &self,
        by: User,
        parameters: &[(&str, String)],
        span: std::ops::RangeInclusive<i64>,
        states: bool,
    ) -> Expect {
        let filters = parameters
            .iter()
            .map(|(key, text)| (*key, values(key, text)));
        let filters: Vec<_> = filters.filter(|(_, values)| !values.is_empty()).collect();
        let status = filters.iter().find(|(key, _)| *key == "status");
        let mut wanted: Vec<String> = status.map(|s| s.1.clone()).unwrap_or_default();
        wanted
            .iter_mut()
            .for_each(|word| *word = word.to_lowercase());
        if wanted.is_empty() {
            let usual = ["unresolved", "resolved", "closed"].into_iter();
            let usual = usual.take(if states { 3 } else { 2 });
            wanted = usual.map(str::to_owned).collect();
        }
        let known = |word: &String| ["unresolved", "resolved", "closed"].contains(&word.as_str());
        if !wanted.iter().all(known) {
            return refused(text());
        }
        let mut found: Vec<(i64, &Incident)> = self
            .incidents
            .iter()
            .filter_map(|i| Some((if states { i.modified? } else { i.detected }, i)))
            .filter(|(at, i)| span.contains(at) && self.sees(by, i))
            .filter(|(_, i)| wanted.iter().any(|word| word == i.status))
            .filter(|(_, i)| {
                let passes = |key, values: &Vec<String>| values.iter().any(|v| i.passes(key, v));
                filters
                    .iter()
                    .all(|(key, values)| *key == "status" || passes(key, values))
            })
            .collect();
        found.sort_by_key(|(at, incident)| (*at, &incident.id));
        let found = found.into_iter().map(|(_, incident)| incident);
        if states {
            let states: Vec<Value> = found.map(|i| self.state(i)).collect();
            return ok(json!({"success": true, "states": states}));
        }
        let rows: Vec<Value> = found.map(|i| self.row(i)).collect();
        ok(json!({"success": true, "version": "0.1", "incidents": rows}))
    }

    pub(super) fn incident_rows(&self, by: Who, id: IncidentRef) -> Plan {
        let id = self.incident_id(by.user, id);
        let found = self.incidents.iter().find(|i| i.id == id);
        let expect = match (self.unproven(by), found) {
            (Some(refused), _) => refused,
            (None, Some(incident)) if self.sees(by.user, incident) => {
                let mut shown = json!({"success": true, "rows": incident.shown_rows()});
                if let Some(view) = self.view(incident) {
                    shown["view"] = json!(view);
                }
                ok(shown)
            }
            (None, _) => refused(text()),
        };
        let body = Body::Data(json!({ "incident_obj_id": id }));
        Plan::new(by, "GET", "/get_data_from_incident", body, expect)
    }

    /// What the rule's template of today, which lists the users, makes of an incident.
    fn view(&self, incident: &Incident) -> Option<String> {
        let same = |rule: &&Rule| rule.id == incident.rule_id && !rule.deleted;
        let display = &self.rules.iter().find(same)?.draft.display;
        let listed = display.template.is_some_and(|text| !text.is_empty());
        (listed && display.apply == Some(true))
            .then(|| (0..incident.rows).map(|n| format!("user{n}")).collect())
    }

    pub(super) fn get_users(&self, by: Who) -> Plan {
        let user = |user: &User| {
            let groups = self.groups.iter().filter(|(_, g)| g.members.contains(user));
            let groups = groups.map(|(name, group)| json!({"id": group.id, "name": name}));
            json!({"id": self.account(*user).id, "name": user.name(),
                "usergroups": groups.collect::<Vec<_>>()})
        };
        let enabled = User::ALL
            .iter()
            .filter(|user| !self.account(**user).disabled);
        let users: Vec<Value> = enabled.map(user).collect();
        let found = || ok(json!({"success": true, "users": users}));
        let expect = self.unproven(by).unwrap_or_else(found);
        Plan::new(by, "GET", "/get_users", Body::Data(Value::Null), expect)
    }
}
