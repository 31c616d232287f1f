//! The same events give the same incidents: live, scheduled, in backtest, and by definition.

use crate::oracle;
use crate::random::{happenings, rule_text};
use crate::rules::{Happening, arrived, compiled};
use cresset_detect::backtest::Backtest;
use cresset_detect::decide::{Decision, Fired};
use cresset_detect::engine::{LiveEngine, WindowLimits};
use cresset_detect::live::LiveRule;
use cresset_detect::schedule::{Span, due_at, evaluate};
use cresset_detect::slots::{next_slot_end, slot_end};
use cresset_detect::{CompiledRule, Mode};
use cresset_model::event::LoggedEvent;
use cresset_model::incident::RuleState;
use cresset_model::{Duration, Timestamp};
use cresset_query::NoLists;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::BTreeSet;
use std::sync::Arc;

const GRACE: Duration = Duration::seconds(10);

struct Run {
    rule: Arc<CompiledRule>,
    events: Vec<LoggedEvent>,
    first: Timestamp,
    last: Timestamp,
}

impl Run {
    fn new(rule: Arc<CompiledRule>, happenings: &[Happening]) -> Self {
        let interval = rule.interval();
        let events = arrived(happenings);
        let times = || events.iter().map(|e| oracle::moment(&rule, e));
        let first = slot_end(times().min().unwrap_or_default(), interval);
        let last = slot_end(times().max().unwrap_or_default() + rule.range(), interval);
        Self {
            rule,
            events,
            first,
            last,
        }
    }

    fn live(&self, chunk: usize) -> Vec<Fired> {
        if !self.rule.is_live() {
            return self.on_time();
        }
        let id = self.rule.id();
        let mut engine = LiveEngine::new(WindowLimits::default());
        engine.put(LiveRule::new(
            Arc::clone(&self.rule),
            GRACE,
            RuleState::default(),
        ));
        let mut fired = Vec::new();
        for events in self.events.chunks(chunk) {
            events.iter().for_each(|e| engine.feed(e, &NoLists));
            fired.extend(engine.settle(&NoLists));
        }
        assert!(engine.remove(id).is_some());
        assert_eq!(engine.held(), 0);
        fired.into_iter().map(|f| f.fired).collect()
    }

    /// Slots are evaluated when they are due, over what has arrived by then.
    fn on_time(&self) -> Vec<Fired> {
        let mut state = RuleState::default();
        let mut fired = Vec::new();
        let mut slot = self.first;
        for arrived in 0..=self.events.len() {
            let now = self
                .events
                .get(arrived)
                .map_or(Timestamp::MAX, |e| e.event.col_ts);
            while slot <= self.last && due_at(&self.rule, slot, GRACE) < now {
                self.evaluate(&mut state, slot, &self.events[..arrived], &mut fired);
                slot = slot + self.rule.interval();
            }
        }
        fired
    }

    fn scheduled(&self) -> Vec<Fired> {
        let mut state = RuleState::default();
        let mut fired = Vec::new();
        let mut slot = self.first;
        while slot <= self.last {
            self.evaluate(&mut state, slot, &self.events, &mut fired);
            slot = slot + self.rule.interval();
        }
        fired
    }

    fn evaluate(
        &self,
        state: &mut RuleState,
        slot: Timestamp,
        events: &[LoggedEvent],
        fired: &mut Vec<Fired>,
    ) {
        let events = self.matching(events);
        let decision = evaluate(&self.rule, state, slot, &events, &NoLists);
        if let Decision::Fired(one) = decision {
            *state = one.state.clone();
            fired.push(*one);
        }
    }

    fn matching(&self, events: &[LoggedEvent]) -> Vec<LoggedEvent> {
        let concerned =
            |e: &&LoggedEvent| self.rule.covers(&e.repo) && self.rule.matches(&e.event, &NoLists);
        let mut events: Vec<LoggedEvent> = events.iter().filter(concerned).cloned().collect();
        events.sort_by_key(|e| (self.rule.counts_at(&e.event), e.seq));
        events
    }

    fn backtest(&self) -> Vec<Fired> {
        let slots = Span {
            from: self.first - Duration(1),
            to: self.last,
        };
        assert_eq!(next_slot_end(slots.from, self.rule.interval()), self.first);
        let mut run = Backtest::new(Arc::clone(&self.rule), slots);
        self.matching(&self.events)
            .iter()
            .for_each(|e| run.push(e, &NoLists));
        run.finish(&NoLists)
    }
}

fn slots(fired: &[Fired]) -> Vec<Timestamp> {
    let mut slots: Vec<_> = fired.iter().map(|f| f.slot_end).collect();
    slots.sort_unstable();
    slots
}

/// All of a firing but what is remembered only for events out of order.
fn whole(fired: &[Fired]) -> Vec<Fired> {
    let mut fired = fired.to_vec();
    fired.sort_by_key(|f| f.slot_end);
    for one in &mut fired {
        one.state.fired_before.clear();
        one.state.held_before.clear();
        one.state
            .throttled
            .retain(|_, let_go| *let_go > one.window_to);
    }
    fired
}

/// Every event arrives when it counts, so those dated far ahead keep their arrival.
fn in_order(happenings: &[Happening]) -> Vec<Happening> {
    let mut sorted = happenings.to_vec();
    sorted
        .iter_mut()
        .filter(|h| h.log <= h.arrival + 60)
        .for_each(|h| h.arrival = h.log);
    sorted.sort_by_key(|h| h.arrival);
    sorted
}

/// Arrival within the lateness of the event's slot.
fn in_time(rule: &CompiledRule, happenings: &[Happening]) -> Vec<Happening> {
    let lateness = (GRACE + rule.delay()).0 / 1_000_000;
    let mut limited = happenings.to_vec();
    limited
        .iter_mut()
        .for_each(|h| h.arrival = h.arrival.min(h.log + lateness));
    limited
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn three_ways_one_meaning(spec in rule_text(), events in happenings(), chunk in 1..40_usize) {
        let rule = compiled(spec);
        let orderly = rule.flushes() || rule.rule().spec.search_params.throttling_enabled;
        let happenings = if orderly { in_order(&events) } else { in_time(&rule, &events) };
        let run = Run::new(Arc::clone(&rule), &happenings);
        let by_definition = oracle::firings(&rule, &run.events, run.first, run.last);
        let expected: Vec<Timestamp> = by_definition.iter().map(|f| f.0).collect();
        prop_assert_eq!(slots(&run.live(chunk)), expected.clone(), "live");
        prop_assert_eq!(slots(&run.scheduled()), expected.clone(), "scheduled");
        prop_assert_eq!(slots(&run.backtest()), expected, "backtest");
    }

    #[test]
    fn in_event_order_the_incidents_are_the_same(
        spec in rule_text(), events in happenings(), chunk in 1..40_usize,
    ) {
        let rule = compiled(spec);
        let run = Run::new(Arc::clone(&rule), &in_order(&events));
        let by_definition = oracle::firings(&rule, &run.events, run.first, run.last);
        let scheduled = whole(&run.scheduled());
        let found: Vec<oracle::Firing> =
            scheduled.iter().map(|f| (f.slot_end, f.window_to, f.rows_count)).collect();
        prop_assert_eq!(found, by_definition, "by definition");
        prop_assert_eq!(whole(&run.live(chunk)), scheduled.clone(), "live");
        prop_assert_eq!(whole(&run.backtest()), scheduled, "backtest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// A rule that flushes or throttles decides by what has fired already, so the order of
    /// arrival may move its incidents. It makes none in a slot that does not meet the condition,
    /// and where it makes none one of the others is the reason.
    #[test]
    fn disorder_hides_nothing(
        mut spec in rule_text(), events in happenings(), chunk in 1..40_usize,
    ) {
        let params = &mut spec.search_params;
        params.flush_on_trigger |= !params.throttling_enabled;
        let (flushes, throttles) = (params.flush_on_trigger, params.throttling_enabled);
        let held = Duration::minutes(i64::from(params.throttling_time_range));
        let mut without = spec.clone();
        without.search_params.flush_on_trigger = false;
        without.search_params.throttling_enabled = false;
        let (rule, without) = (compiled(spec), compiled(without));
        prop_assume!(rule.is_live());
        let run = Run::new(Arc::clone(&rule), &in_time(&rule, &events));
        let met = oracle::firings(&without, &run.events, run.first, run.last);
        let met: BTreeSet<Timestamp> = met.iter().map(|f| f.0).collect();
        let fired = run.live(chunk);
        let found: BTreeSet<Timestamp> = fired.iter().map(|f| f.slot_end).collect();
        prop_assert_eq!(found.len(), fired.len(), "one per slot");
        prop_assert!(found.is_subset(&met), "{:?} {:?}", found, met);
        for slot in met.difference(&found) {
            let start = *slot - rule.interval();
            let is_reason = |f: &Fired| {
                let flushed = f.slot_end < *slot && f.slot_end > start - rule.range();
                let throttled = f.window_to <= *slot && f.window_to + held > start;
                flushes && flushed || throttles && throttled
            };
            prop_assert!(fired.iter().any(is_reason), "nothing in {:?}: {:?}", slot, found);
        }
    }
}

/// The strategy must reach both kinds of rules, and both must fire now and then,
/// or the properties above say nothing.
#[test]
fn the_random_rules_cover_both_modes() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut live, mut live_fired, mut scheduled, mut scheduled_fired) = (0, 0, 0, 0);
    for _ in 0..200 {
        let spec = rule_text().new_tree(&mut runner).unwrap().current();
        let events = happenings().new_tree(&mut runner).unwrap().current();
        let rule = compiled(spec);
        let run = Run::new(Arc::clone(&rule), &in_order(&events));
        let fired = usize::from(!run.scheduled().is_empty());
        match rule.mode() {
            Mode::Live => {
                live += 1;
                live_fired += fired;
            }
            Mode::Scheduled { reason } => {
                assert!(!reason.is_empty());
                scheduled += 1;
                scheduled_fired += fired;
            }
        }
    }
    assert!(live > 60 && scheduled > 30, "{live} {scheduled}");
    assert!(
        live_fired > 20 && scheduled_fired > 20,
        "{live_fired} {scheduled_fired}"
    );
}
