//! What the model knows of notifications on their way. Nothing is ever sent here, so they
//! stay on it, and there is at most one per incident and channel.

use super::calls::{IncidentRef, User, Who};
use super::compare::{new_id, text};
use super::rules::Rule;
use super::world::{Body, Family, MINUTE, Plan, World, ok};
use cresset_model::Timestamp;
use serde_json::{Value, json};

const WRITE: &str = "alertrules:write";
/// How long after its creation a rule is new.
const NEW: i64 = 5 * MINUTE;

pub(super) struct Delivery {
    pub(super) rule_id: String,
    created: i64,
    /// `None` until the server has said it.
    pub(super) id: Option<String>,
}

impl Rule {
    /// The channels of its enabled notifications, of all or of those that go out by themselves.
    fn channels(&self, by_themselves: bool) -> Vec<&'static str> {
        let channel = |(word, channel, switch): (&str, &'static str, &str)| {
            let notification = self.notifications.get(word)?;
            let auto = notification["dispatch_option"] == "auto" || !by_themselves;
            (notification[switch] == true && auto).then_some(channel)
        };
        let known = [
            ("Email", "email", "notify_email"),
            ("HTTP", "http", "notify_http"),
        ];
        let known = known.into_iter().filter(|_| !self.deleted);
        known.filter_map(channel).collect()
    }
}

impl World {
    fn deliver(&mut self, incident: &str, rule_id: &str, channel: &'static str) {
        let delivery = Delivery {
            rule_id: rule_id.to_owned(),
            created: self.now,
            id: None,
        };
        let place = (incident.to_owned(), channel);
        self.deliveries.entry(place).or_insert(delivery);
    }

    /// What a new incident sends.
    pub(super) fn tell(&mut self, incident: &str, rule_id: &str) {
        let rule = self.rules.iter().find(|rule| rule.id == rule_id);
        let channels = rule.map(|rule| rule.channels(true));
        for channel in channels.unwrap_or_default() {
            self.deliver(incident, rule_id, channel);
        }
    }

    /// What a notification that is set sends: of a new rule, what it has found already.
    pub(super) fn tell_untold(&mut self, at: usize, channel: &'static str) {
        let rule = &self.rules[at];
        let goes_out = rule.channels(true).contains(&channel);
        if !goes_out || self.now - rule.created >= NEW {
            return;
        }
        let rule_id = rule.id.clone();
        let found = self.incidents.iter().filter(|i| i.rule_id == rule_id);
        let found: Vec<String> = found.map(|i| i.id.clone()).collect();
        for incident in found {
            self.deliver(&incident, &rule_id, channel);
        }
    }

    pub(super) fn notify(&mut self, by: Who, id: IncidentRef) -> Plan {
        let id = self.incident_id(by.user, id);
        let found = self.incidents.iter().find(|i| i.id == id);
        let seen = found.filter(|incident| self.sees(by.user, incident));
        let rule_id = seen.map(|incident| incident.rule_id.clone());
        let rule = self
            .rules
            .iter()
            .find(|rule| Some(&rule.id) == rule_id.as_ref());
        let channels = rule.map(|rule| rule.channels(false)).unwrap_or_default();
        let expect = match (self.turned_away(by, WRITE, Family::Native), rule_id) {
            (Some(refused), _) => refused,
            (None, None) => Family::Native.refuses(&[404], text()),
            (None, Some(_)) if channels.is_empty() => Family::Native.refuses(&[409], text()),
            (None, Some(rule_id)) => {
                let mut ids = Vec::new();
                for channel in channels {
                    self.deliver(&id, &rule_id, channel);
                    let made = &self.deliveries[&(id.clone(), channel)];
                    ids.push(made.id.clone().map_or_else(new_id, Value::from));
                }
                self.changes.push(by.user);
                ok(json!({"incident_id": id, "deliveries": ids}))
            }
        };
        let path = format!("/api/v1/incidents/{id}/notify");
        let body = Body::Nothing(WRITE);
        Plan::new(by, "POST", path, body, expect)
    }

    /// Takes over the ids of the deliveries that were just made by hand.
    pub(super) fn learn_sent(&mut self, answer: &Value) {
        let incident = answer["incident_id"].as_str().unwrap_or_default();
        let sent = answer["deliveries"].as_array().into_iter().flatten();
        let mut unknown = sent.filter_map(Value::as_str).collect::<Vec<_>>();
        let of_incident = || ["email", "http"].map(|channel| (incident.to_owned(), channel));
        let known = of_incident().map(|key| self.deliveries.get(&key).and_then(|d| d.id.clone()));
        unknown.retain(|id| !known.iter().flatten().any(|known| known == id));
        // Where only one was new, it is that one; the list of deliveries says it otherwise.
        let mut nameless = of_incident().into_iter();
        let nameless =
            nameless.find(|key| self.deliveries.get(key).is_some_and(|d| d.id.is_none()));
        if let ([id], Some(delivery)) = (
            &*unknown,
            nameless.and_then(|k| self.deliveries.get_mut(&k)),
        ) {
            delivery.id = Some((*id).to_owned());
        }
    }

    /// The deliveries that a user sees, by incident and channel.
    pub(super) fn sent(&self, user: User) -> Vec<Value> {
        let sees = |delivery: &Delivery| {
            let mut own = self.rules.iter().filter(|rule| rule.is_of(user));
            user.role() == "administrator" || own.any(|rule| rule.id == delivery.rule_id)
        };
        let row = |((incident, channel), delivery): (&(String, &str), &Delivery)| {
            let made = Timestamp(delivery.created).to_rfc3339();
            json!({"id": delivery.id.clone().map_or_else(new_id, Value::from),
                "incident_id": incident, "rule_id": delivery.rule_id, "channel": channel,
                "state": "pending", "attempts": 0, "due_at": made, "last_error": "",
                "created_at": made, "finished_at": null})
        };
        let seen = self
            .deliveries
            .iter()
            .filter(|(_, delivery)| sees(delivery));
        seen.map(row).collect()
    }
}
