//! What people do to incidents, in the model.

use super::calls::{Act, Assignee, IncidentRef, Who};
use super::compare::{holding, text};
use super::incidents::{Incident, refused};
use super::world::{Body, Expect, MALFORMED, Plan, UNKNOWN, World, ok};
use serde_json::{Value, json};

impl World {
    /// Changes the incidents of these ids, or none. `check` says whether one may be changed,
    /// if it is seen.
    fn write(
        &mut self,
        by: Who,
        ids: &[String],
        message: &str,
        check: impl Fn(&Incident) -> Result<(), Value>,
        change: impl Fn(&mut Incident, usize),
    ) -> Expect {
        if let Some(refused) = self.unproven(by) {
            return refused;
        }
        if by.user.role() == "readonly" || ids.is_empty() {
            return refused(text());
        }
        if ids.iter().any(|id| id == MALFORMED) {
            return refused(holding(MALFORMED));
        }
        let mut places = Vec::new();
        for id in ids {
            let at = self.incidents.iter().position(|i| i.id == *id);
            let Some(at) = at.filter(|at| self.sees(by.user, &self.incidents[*at])) else {
                return refused(holding(id));
            };
            if let Err(message) = check(&self.incidents[at]) {
                return refused(message);
            }
            places.push(at);
        }
        for (n, at) in places.into_iter().enumerate() {
            change(&mut self.incidents[at], n);
        }
        self.changes.push(by.user);
        ok(json!({"success": true, "message": message}))
    }

    pub(super) fn comment(
        &mut self,
        by: Who,
        comments: &[(IncidentRef, Vec<&'static str>)],
    ) -> Plan {
        let ids: Vec<String> = comments
            .iter()
            .map(|c| self.incident_id(by.user, c.0))
            .collect();
        let pairs = ids.iter().zip(comments);
        let states: Vec<Value> = pairs
            .map(|(id, (_, texts))| json!({"_id": id, "comments": texts}))
            .collect();
        let empty = |texts: &[&str]| texts.is_empty() || texts.iter().any(|t| t.trim().is_empty());
        let bad = comments.iter().any(|(_, texts)| empty(texts));
        let now = self.now;
        let expect = match self.unproven(by) {
            Some(refused) => refused,
            None if bad => refused(text()),
            None => self.write(
                by,
                &ids,
                "Comments added",
                |_| Ok(()),
                |incident, n| {
                    let texts = comments[n].1.iter();
                    texts.for_each(|text| incident.remark(by.user, text, now));
                },
            ),
        };
        let body = Body::Data(json!({ "states": states }));
        Plan::new(by, "POST", "/add_incident_comment", body, expect)
    }

    /// The ids as they are sent, and each once.
    fn ids(&self, by: Who, ids: &[IncidentRef]) -> (Vec<String>, Vec<String>) {
        let sent: Vec<String> = ids
            .iter()
            .map(|id| self.incident_id(by.user, *id))
            .collect();
        let mut once: Vec<String> = Vec::new();
        for id in &sent {
            if !once.contains(id) {
                once.push(id.clone());
            }
        }
        (sent, once)
    }

    pub(super) fn assign(&mut self, by: Who, ids: &[IncidentRef], to: Assignee) -> Plan {
        let (sent, once) = self.ids(by, ids);
        let (id, user) = match to {
            Assignee::User(user) => (self.account(user).id.clone(), Some(user)),
            Assignee::Unknown => (UNKNOWN.to_owned(), None),
            Assignee::Malformed => (MALFORMED.to_owned(), None),
        };
        let working = user.filter(|user| !self.account(*user).disabled);
        let now = self.now;
        let check = |_: &Incident| match working {
            Some(_) => Ok(()),
            None => Err(holding(&id)),
        };
        let expect = match (self.unproven(by), to) {
            (Some(refused), _) => refused,
            (None, Assignee::Malformed) => refused(text()),
            (None, _) => self.write(by, &once, "Incidents re-assigned", check, |incident, _| {
                incident.assignee = working;
                incident.remark(by.user, "Reassigned", now);
            }),
        };
        let data = json!({"version": "0.1", "incident_ids": sent, "new_assignee": id});
        Plan::new(by, "POST", "/assign_incident", Body::Data(data), expect)
    }

    pub(super) fn act(&mut self, by: Who, ids: &[IncidentRef], act: Act) -> Plan {
        let (sent, once) = self.ids(by, ids);
        let (path, message, word, from, to): (_, _, _, &[&str], _) = match act {
            Act::Resolve => (
                "/resolve_incident",
                "Incidents resolved",
                "Resolved",
                &["unresolved"],
                "resolved",
            ),
            Act::Close => (
                "/close_incident",
                "Incidents closed",
                "Completed",
                &["resolved"],
                "closed",
            ),
            Act::Reopen => {
                let from = &["resolved", "closed"];
                (
                    "/reopen_incident",
                    "Incidents reopened",
                    "Reopened",
                    from,
                    "unresolved",
                )
            }
        };
        let (user, now) = (by.user, self.now);
        let check = |incident: &Incident| {
            let settles = incident.is_settled_by(user);
            let may = settles || (act == Act::Reopen && user == incident.owner);
            let fits = may && from.contains(&incident.status);
            fits.then_some(()).ok_or_else(|| holding(&incident.id))
        };
        let expect = self.write(by, &once, message, check, |incident, _| {
            incident.status = to;
            incident.remark(user, word, now);
        });
        let body = Body::Data(json!({ "incident_ids": sent }));
        Plan::new(by, "POST", path, body, expect)
    }
}
