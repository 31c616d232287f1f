//! What the detector and the command line do to the server, and the model with it.

use super::calls::{GroupChange, User};
use super::drive::Play;
use super::incidents::Incident;
use super::world::Group;
use crate::site::START;
use cresset_catalog::port::{Firing, FiringCommit, FiringOutcome, Groups as _, Incidents as _};
use cresset_model::incident::{self, Evaluation, EvaluationMode, IncidentStatus, Verdict};
use cresset_model::{Clock as _, ObjectId, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Play {
    /// The rule of that place fires, at most once in a slot; it may have been deleted since.
    pub(super) async fn fire(
        &mut self,
        rule: u8,
        slot: u8,
        unassigned: bool,
    ) -> Result<(), String> {
        let Some(at) = usize::from(rule).checked_rem(self.world.rules.len()) else {
            return Ok(());
        };
        let rule = &self.world.rules[at];
        let named = &rule.draft.ownership;
        let assignee = User::ALL
            .into_iter()
            .find(|user| user.name() == named.assignee);
        let slot_end = START - 3_600 + i64::from(slot) * 300;
        let groups = named.groups.iter().flatten().map(ToString::to_string);
        let fired = Incident {
            id: self.site.id().to_string(),
            rule_id: rule.id.clone(),
            rule: rule.draft.clone(),
            owner: rule.owner,
            assignee: assignee.filter(|_| !unassigned),
            // A rule that is gone names no groups any more.
            groups: if rule.deleted {
                BTreeSet::new()
            } else {
                groups.collect()
            },
            slot_end,
            window: [slot_end - 600, slot_end],
            detected: self.world.now,
            rows: u64::from(slot % 3),
            status: "unresolved",
            comments: Vec::new(),
            modified: None,
        };
        let incidents = &mut self.world.incidents;
        let once = |i: &Incident| i.rule_id == fired.rule_id && i.slot_end == fired.slot_end;
        let expected = if incidents.iter().any(once) {
            FiringOutcome::Duplicate
        } else {
            FiringOutcome::Written
        };
        let commit = FiringCommit {
            firings: vec![self.firing(&fired)],
            cursor: None,
        };
        let outcome = self.site.catalog.commit_firings(commit).await;
        if expected == FiringOutcome::Written {
            self.world.tell(&fired.id, &fired.rule_id);
            self.world.incidents.push(fired);
        }
        match outcome {
            Ok(outcomes) if outcomes == [expected] => Ok(()),
            other => Err(format!("a firing is {other:?}, not {expected:?}")),
        }
    }

    /// As the detector writes it.
    fn firing(&self, fired: &Incident) -> Firing {
        let shown = fired.rule.shown();
        let id = |user: User| self.world.account(user).id.parse::<ObjectId>().unwrap();
        let rule_id = fired.rule_id.parse().unwrap();
        let row = |n: u64| {
            let row = json!({"user": format!("user{n}"), "cnt": n});
            row.as_object().unwrap().clone()
        };
        let incident = incident::Incident {
            id: fired.id.parse().unwrap(),
            rule_id,
            slot_end: Timestamp::from_secs(fired.slot_end),
            name: fired.rule.kept_name().to_owned(),
            description: fired.rule.description.unwrap_or_default().to_owned(),
            owner: id(fired.owner),
            assignee: fired.assignee.map(id),
            risk: read(&shown["incident_condition"]["risk"]),
            status: IncidentStatus::Unresolved,
            query: fired.rule.search.query.to_owned(),
            repos: read(&shown["search_params"]["repos"]),
            window_from: Timestamp::from_secs(fired.window[0]),
            window_to: Timestamp::from_secs(fired.window[1]),
            detected_at: Timestamp(fired.detected),
            rows_count: fired.rows,
            rows: (0..fired.rows).map(row).collect(),
            comments: Vec::new(),
            throttle_enabled: read(&shown["search_params"]["throttling_enabled"]),
            taxonomy: read(&shown["taxonomy"]),
        };
        let evaluation = Evaluation {
            rule_id,
            mode: EvaluationMode::Live,
            slot_end: incident.slot_end,
            evaluated_at: incident.detected_at,
            rows: fired.rows,
            verdict: Verdict::Fired,
            duration_us: 120,
            error: None,
        };
        Firing {
            incident,
            deliveries: Vec::new(),
            evaluation,
            state: incident::RuleState::default(),
        }
    }

    pub(super) async fn change_group(
        &mut self,
        name: &'static str,
        change: GroupChange,
    ) -> Result<(), String> {
        let account = |user: User| self.world.account(user).id.parse::<ObjectId>().unwrap();
        let (catalog, id) = (&self.site.catalog, self.site.id());
        let done = match change {
            GroupChange::Create => {
                let created = catalog.create_group(id, name, self.site.clock.now()).await;
                created.map(|_| ())
            }
            GroupChange::Delete => catalog.delete_group(name).await,
            GroupChange::Add(user) => catalog.add_group_members(name, &[account(user)]).await,
            GroupChange::Remove(user) => catalog.remove_group_members(name, &[account(user)]).await,
        };
        let groups = &mut self.world.groups;
        let found = groups.get_mut(name);
        let expected = found.is_some() != matches!(change, GroupChange::Create);
        match (change, found) {
            (GroupChange::Create, None) => {
                let (id, members) = (id.to_string(), BTreeSet::new());
                groups.insert(name, Group { id, members });
            }
            (GroupChange::Delete, Some(_)) => {
                groups.remove(name);
            }
            (GroupChange::Add(user), Some(group)) => {
                group.members.insert(user);
            }
            (GroupChange::Remove(user), Some(group)) => {
                group.members.remove(&user);
            }
            _ => {}
        }
        if done.is_ok() == expected {
            Ok(())
        } else {
            Err(format!("{change:?} of the group {name}: {done:?}"))
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}
