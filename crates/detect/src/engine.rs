//! All live rules together: one pass over the events, which are shown only to rules that they
//! can concern.

use crate::decide::Fired;
use crate::live::{LiveRule, Observed};
use crate::rule::CompiledRule;
use cresset_model::event::LoggedEvent;
use cresset_model::{ObjectId, Timestamp};
use cresset_query::{ConditionIndex, ListLookup};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Bounds on what live rules keep in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLimits {
    /// Most events in the window of one rule.
    pub events_per_rule: usize,
    /// Most events in the windows of all rules; an event in two windows counts twice.
    pub events_total: usize,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self {
            events_per_rule: 200_000,
            events_total: 2_000_000,
        }
    }
}

/// A firing of one of the rules.
#[derive(Debug)]
pub struct RuleFired {
    /// The rule.
    pub rule: ObjectId,
    /// The firing.
    pub fired: Fired,
    /// Time spent on exact runs of its slot, in microseconds.
    pub duration_us: u64,
}

/// All live rules.
#[derive(Debug, Default)]
pub struct LiveEngine {
    rules: Vec<LiveRule>,
    places: HashMap<ObjectId, usize>,
    /// Rules by their filters: those that search every repo, and those of some repos.
    anywhere: ConditionIndex,
    by_repo: HashMap<String, ConditionIndex>,
    /// Places of rules that an event may concern; kept for its memory.
    concerned: Vec<usize>,
    touched: HashSet<usize>,
    held: usize,
    limits: WindowLimits,
    now: Timestamp,
}

impl LiveEngine {
    /// An engine without rules.
    pub fn new(limits: WindowLimits) -> Self {
        Self {
            limits,
            now: Timestamp::MIN,
            ..Self::default()
        }
    }

    /// Adds a rule, or replaces the one of that id.
    pub fn put(&mut self, rule: LiveRule) {
        let id = rule.rule().id();
        self.remove(id);
        self.held += rule.held();
        let place = self.rules.len();
        self.places.insert(id, place);
        self.touched.insert(place);
        self.file(place, rule.rule());
        self.rules.push(rule);
        self.shed();
    }

    /// Removes a rule and returns it.
    pub fn remove(&mut self, id: ObjectId) -> Option<LiveRule> {
        let place = self.places.remove(&id)?;
        let rule = self.rules.swap_remove(place);
        self.take_out(place, rule.rule());
        if let Some(moved) = self.rules.get(place).map(|moved| Arc::clone(moved.rule())) {
            self.places.insert(moved.id(), place);
            self.take_out(self.rules.len(), &moved);
            self.file(place, &moved);
        }
        self.held = self.held.saturating_sub(rule.held());
        // The last one stands at that place now.
        let moved = self.touched.remove(&self.rules.len());
        self.touched.remove(&place);
        if moved && place < self.rules.len() {
            self.touched.insert(place);
        }
        Some(rule)
    }

    /// The rule of that id.
    pub fn get_mut(&mut self, id: ObjectId) -> Option<&mut LiveRule> {
        let place = *self.places.get(&id)?;
        self.touched.insert(place);
        self.rules.get_mut(place)
    }

    /// All rules.
    pub fn rules_mut(&mut self) -> impl Iterator<Item = &mut LiveRule> {
        self.rules.iter_mut()
    }

    /// Number of rules.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Events in all windows.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Shows one event to every rule that it concerns. Its arrival time is the
    /// present; a present before that of an earlier event is taken as that one.
    pub fn feed(&mut self, event: &LoggedEvent, lists: &dyn ListLookup) {
        self.now = self.now.max(event.event.col_ts());
        let indexes = [Some(&self.anywhere), self.by_repo.get(&*event.repo)];
        let mut indexes = indexes.into_iter().flatten().filter(|i| !i.is_empty());
        let Some(first) = indexes.next() else {
            // Without a look at the event, which would unpack it.
            return;
        };
        let mut concerned = std::mem::take(&mut self.concerned);
        first.candidates(&event.event, &mut concerned);
        indexes.for_each(|index| index.candidates(&event.event, &mut concerned));
        concerned.sort_unstable();
        concerned.dedup();
        for place in concerned.drain(..) {
            let Some(rule) = self.rules.get_mut(place) else {
                continue;
            };
            if rule.rule().matches(&event.event, lists) {
                let before = rule.held();
                observe(rule, event, self.now, self.limits);
                self.held = (self.held + rule.held()).saturating_sub(before);
                self.touched.insert(place);
            }
        }
        self.concerned = concerned;
        if self.held > self.limits.events_total {
            self.shed();
        }
    }

    /// Shows one event to one rule, whose filter and repos it matches. The present of
    /// the other rules stays, because they have not seen what came before.
    pub fn feed_rule(&mut self, id: ObjectId, event: &LoggedEvent) {
        let limits = self.limits;
        if let Some(rule) = self.get_mut(id) {
            let before = rule.held();
            observe(rule, event, event.event.col_ts(), limits);
            let after = rule.held();
            self.held = (self.held + after).saturating_sub(before);
        }
        if self.held > self.limits.events_total {
            self.shed();
        }
    }

    /// Looks at all that is pending and returns the firings.
    pub fn settle(&mut self, lists: &dyn ListLookup) -> Vec<RuleFired> {
        let mut places: Vec<usize> = self.touched.drain().collect();
        places.sort_unstable();
        let mut firings = Vec::new();
        for place in places {
            if let Some(rule) = self.rules.get_mut(place) {
                let before = rule.held();
                let id = rule.rule().id();
                for fired in rule.settle(lists) {
                    let duration_us = rule.spent(fired.slot_end);
                    firings.push(RuleFired {
                        rule: id,
                        fired,
                        duration_us,
                    });
                }
                let runs = rule.take_runs();
                metrics::counter!("cresset_detect_window_runs_total").increment(runs);
                self.held = (self.held + rule.held()).saturating_sub(before);
            }
        }
        firings
    }

    /// Lets windows forget what no slot needs that is open at `past` or later.
    pub fn forget_before(&mut self, past: Timestamp) {
        for rule in &mut self.rules {
            rule.forget_before(past);
        }
        self.held = self.rules.iter().map(LiveRule::held).sum();
    }

    /// Lets events find the rule that stands at `place`.
    fn file(&mut self, place: usize, rule: &CompiledRule) {
        let filter = rule.plan().filter();
        if rule.repos().is_empty() {
            self.anywhere.insert(place, filter);
        }
        for repo in rule.repos() {
            let index = self.by_repo.entry(repo.clone()).or_default();
            index.insert(place, filter);
        }
    }

    /// Takes back what [`Self::file`] did.
    fn take_out(&mut self, place: usize, rule: &CompiledRule) {
        self.anywhere.remove(place);
        for repo in rule.repos() {
            if let Some(index) = self.by_repo.get_mut(repo) {
                index.remove(place);
                if index.is_empty() {
                    self.by_repo.remove(repo);
                }
            }
        }
    }

    /// Makes the largest windows smaller until the total is within its limit.
    fn shed(&mut self) {
        while self.held > self.limits.events_total {
            let Some(largest) = self.rules.iter_mut().max_by_key(|r| r.held()) else {
                return;
            };
            let before = largest.held();
            let excess = self.held - self.limits.events_total;
            largest.shed(excess.max(before / 10).clamp(1, before.max(1)));
            let dropped = before - largest.held();
            metrics::counter!("cresset_detect_shed_events_total").increment(dropped as u64);
            self.held -= dropped;
            if dropped == 0 {
                return;
            }
        }
    }
}

fn observe(rule: &mut LiveRule, event: &LoggedEvent, now: Timestamp, limits: WindowLimits) {
    match rule.observe(event, now) {
        Observed::InTime => {}
        Observed::Ahead => metrics::counter!("cresset_detect_ahead_events_total").increment(1),
        Observed::Late => metrics::counter!("cresset_detect_late_events_total").increment(1),
    }
    if rule.held() > limits.events_per_rule {
        // In steps, so that shedding is not repeated at every event.
        let before = rule.held();
        rule.shed(1 + limits.events_per_rule / 64);
        let dropped = before - rule.held();
        metrics::counter!("cresset_detect_shed_events_total").increment(dropped as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, rule_of_id, spec};
    use cresset_model::Duration;
    use cresset_model::incident::RuleState;
    use cresset_query::NoLists;

    #[test]
    fn what_waits_to_be_looked_at_still_does_when_another_rule_goes() {
        let id = |n: u8| ObjectId::from_bytes([n; 12]);
        // Which rules wait, which one goes, which ones wait then.
        let check = |waiting: &[u8], gone: u8, expect: &[u8]| {
            let mut engine = LiveEngine::new(WindowLimits::default());
            for n in 1..=4 {
                let rule = Arc::new(rule_of_id(id(n), spec("user=*"), 0));
                engine.put(LiveRule::new(rule, Duration::ZERO, RuleState::default()));
            }
            engine.touched.clear();
            for n in waiting {
                engine.get_mut(id(*n));
            }
            assert!(engine.remove(id(gone)).is_some());
            let mut left: Vec<ObjectId> = engine
                .touched
                .iter()
                .map(|place| engine.rules[*place].rule().id())
                .collect();
            left.sort_unstable();
            let expect: Vec<ObjectId> = expect.iter().map(|n| id(*n)).collect();
            assert_eq!(left, expect, "{waiting:?} without {gone}");
        };
        check(&[4], 1, &[4]);
        check(&[1], 1, &[]);
        check(&[1, 4], 1, &[4]);
        check(&[2, 3], 4, &[2, 3]);
        check(&[4], 4, &[]);
        check(&[1, 2, 3, 4], 2, &[1, 3, 4]);
        check(&[], 2, &[]);
    }
    #[test]
    fn an_event_reaches_the_rules_that_it_matches_and_no_others() {
        let id = |n: usize| ObjectId::from_bytes([n as u8; 12]);
        let rules = [
            ("user=ann", &[][..]),
            ("user=ann", &["default"]),
            ("user=ann", &["other"]),
            ("user=bob or user=ANN", &["other", "default"]),
            ("user=*", &[]),
            ("user=a*", &["other", "default"]),
            ("-user=ann", &[]),
            ("-user=bob", &["default"]),
            ("host=x", &[]),
        ];
        let put = |engine: &mut LiveEngine, n: usize| {
            let mut spec = spec(rules[n].0);
            spec.search_params.repos = rules[n].1.iter().map(ToString::to_string).collect();
            let rule = Arc::new(rule_of_id(id(n), spec, 0));
            engine.put(LiveRule::new(rule, Duration::ZERO, RuleState::default()));
        };
        let mut engine = LiveEngine::new(WindowLimits::default());
        let check = |engine: &mut LiveEngine, seq: i64, expected: &[usize]| {
            let held = |engine: &LiveEngine| {
                let held = engine
                    .rules
                    .iter()
                    .map(|rule| (rule.rule().id(), rule.held()));
                held.collect::<HashMap<_, _>>()
            };
            let before = held(engine);
            engine.feed(&event(seq as u64, seq, seq, "ann"), &NoLists);
            let after = held(engine);
            let got = (0..rules.len()).filter(|n| after.get(&id(*n)) != before.get(&id(*n)));
            assert_eq!(got.collect::<Vec<_>>(), expected, "event {seq}");
        };
        for n in 0..rules.len() {
            put(&mut engine, n);
        }
        check(&mut engine, 1, &[0, 1, 3, 4, 5, 7]);
        // The last one takes the place of the one that goes.
        for gone in [1, 4, 8] {
            assert!(engine.remove(id(gone)).is_some());
        }
        check(&mut engine, 2, &[0, 3, 5, 7]);
        put(&mut engine, 3);
        put(&mut engine, 1);
        check(&mut engine, 3, &[0, 1, 3, 5, 7]);
        for n in 0..rules.len() {
            engine.remove(id(n));
        }
        assert!(engine.is_empty() && engine.anywhere.is_empty() && engine.by_repo.is_empty());
    }
}
