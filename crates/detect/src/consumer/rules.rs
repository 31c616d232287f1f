//! Taking over rules that are new or have changed.

use super::{Run, Stop};
use crate::commit::{evaluation, record};
use crate::detector::{is_stopped, let_others_go_on};
use crate::records::begins;
use crate::rule::CompiledRule;
use crate::ruleset::Runner;
use crate::seeding::{Memories, Moment, seed};
use crate::slots::{slot_end, slot_start};
use cresset_model::ObjectId;
use cresset_model::incident::{EvaluationMode, Verdict};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Rules whose memories are read at once.
const SEEDED_AT_ONCE: usize = 500;

impl Run<'_> {
    /// Takes over what changed about rules; rules that did not change keep their windows.
    pub(super) async fn take_rules(&mut self, at_start: bool) -> Result<(), Stop> {
        self.changed.mark_unchanged();
        let changes = self.rules.since(Runner::Live, self.place);
        let mut different = Vec::new();
        for (id, rule) in changes.rules {
            let known = self.known.get(&id);
            match rule.filter(|rule| rule.is_live()) {
                None if known.is_some() => self.forget(id),
                Some(rule) if known.is_none_or(|known| !Arc::ptr_eq(known, &rule)) => {
                    different.push(rule);
                }
                _ => {}
            }
        }
        let mut activated = Vec::new();
        for some in different.chunks(SEEDED_AT_ONCE) {
            let moment = Moment::after(self.deps, self.at);
            let mut memories = Memories::read(self.deps, self.settings, some, moment).await?;
            for rule in some {
                if is_stopped(&self.shutdown) {
                    return Err(Stop::Asked);
                }
                if self.seed_rule(rule, &mut memories, at_start).await? {
                    activated.push(rule.id());
                }
                let_others_go_on().await;
            }
        }
        if !activated.is_empty() {
            self.settle_activated(&activated).await?;
        }
        self.place = changes.place;
        self.figures
            .rules_version
            .store(changes.version, Ordering::Relaxed);
        Ok(())
    }

    fn forget(&mut self, id: ObjectId) {
        self.known.remove(&id);
        self.recorded.remove(&id);
        if let Some(engine) = self.engine.as_mut() {
            engine.remove(id);
        }
    }

    /// Seeds a rule. True if it begins to run now and is to be looked at.
    async fn seed_rule(
        &mut self,
        rule: &Arc<CompiledRule>,
        memories: &mut Memories,
        at_start: bool,
    ) -> Result<bool, Stop> {
        let moment = Moment::after(self.deps, self.at);
        let present = moment.present;
        let mut live = seed(self.deps, self.settings, rule, memories, moment).await?;
        let slot = slot_end(present, rule.interval());
        let before = slot_start(slot, rule.interval());
        let begins = if at_start {
            begins(live.state(), rule)
        } else {
            // What changed about its owner alone does not make a rule look back.
            let same = |known: &Arc<CompiledRule>| {
                let (known, rule) = (known.rule(), rule.rule());
                known.version == rule.version && known.activated_at == rule.activated_at
            };
            !self.known.get(&rule.id()).is_some_and(same)
        };
        let recorded = live
            .state()
            .evaluated_to
            .filter(|_| !begins)
            .unwrap_or(before);
        if begins {
            live.look_at(present);
            live.set_evaluated_to(before);
        }
        self.recorded.insert(rule.id(), recorded.min(before));
        self.known.insert(rule.id(), Arc::clone(rule));
        if let Some(engine) = self.engine.as_mut() {
            engine.put(live);
        }
        Ok(begins)
    }

    /// Looks at the present windows of rules that begin to run, and records it.
    async fn settle_activated(&mut self, activated: &[ObjectId]) -> Result<(), Stop> {
        let firings = self.evaluate(Vec::new()).await?;
        let fired: Vec<ObjectId> = firings.iter().map(|f| f.rule).collect();
        self.commit_firings(firings, self.at).await?;
        let now = self.deps.clock.now();
        let (mut evaluations, mut states) = (Vec::new(), Vec::new());
        for id in activated.iter().filter(|id| !fired.contains(id)) {
            let Some(live) = self.engine.as_mut().and_then(|e| e.get_mut(*id)) else {
                continue;
            };
            let slot = slot_end(now, live.rule().interval());
            let verdict = Verdict::Quiet;
            evaluations.push(evaluation(
                live.rule(),
                EvaluationMode::Live,
                slot,
                now,
                verdict,
            ));
            states.push((*id, live.state().clone()));
        }
        Ok(record(self.deps, &evaluations, &states).await?)
    }
}
