//! The same events give the same incidents: live, scheduled, in backtest, and by definition.

use crate::oracle;
use crate::rules::{Happening, arrived, compiled, spec};
use cresset_detect::backtest::Backtest;
use cresset_detect::decide::{Decision, Fired};
use cresset_detect::engine::{LiveEngine, WindowLimits};
use cresset_detect::live::LiveRule;
use cresset_detect::schedule::{Span, due_at, evaluate};
use cresset_detect::slots::{next_slot_end, slot_end};
use cresset_detect::{CompiledRule, Mode};
use cresset_model::event::LoggedEvent;
use cresset_model::incident::RuleState;
use cresset_model::rule::{ConditionOption, RuleSpec};
use cresset_model::{Duration, Timestamp};
use cresset_query::NoLists;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use std::sync::Arc;

const GRACE: Duration = Duration::seconds(10);

fn term() -> impl Strategy<Value = String> {
    let term = select(vec![
        "user=ann",
        "user=BOB",
        "user=c*",
        "user=*",
        "-user=bob",
        "user!=ann",
        "host=web?",
        "-host=*",
        "size>=3",
        "size<2",
        "size=2",
        "user IN [ann, cat]",
        "host IN [\"web*\", db]",
        "-(user=ann size>1)",
        "(user=ann or user=bob host=db)",
    ]);
    term.prop_map(str::to_owned)
}

fn filter() -> impl Strategy<Value = String> {
    let join = (vec(term(), 1..4), select(vec![" ", " or ", " and "]));
    prop_oneof![4 => join.prop_map(|(terms, by)| terms.join(by)), 1 => Just("user=*".to_owned())]
}

/// What follows the filter; the number of each is inserted for `N`.
const TAILS: [&str; 19] = [
    "",
    "",
    "| chart count() as cnt by user | search cnt>=N",
    "| chart count() as cnt by user | search cnt>=N",
    "| chart count() as cnt by user, host | search cnt>N",
    "| chart count() as cnt | search cnt>N",
    "| chart count() as cnt by user",
    "| chart distinct_count(host) as d by user | search d>=N",
    "| chart distinct_count(user) as d | search d>N",
    "| chart max(size) as m by user | search m>N",
    "| chart count() as cnt by user | search cnt>=N user=a*",
    "| chart count() as cnt by user | search cnt>=N | order by cnt desc",
    "| search size>=N",
    "| fields user, host",
    "| chart count() as cnt by user | search cnt<N",
    "| chart avg(size) as a by user | search a>N",
    "| chart sum(size) as s by host | search s>=N",
    "| chart min(size) as m by user | search m<N",
    "| chart count() as cnt by user | search cnt=N",
];

fn condition() -> impl Strategy<Value = (ConditionOption, u64)> {
    use ConditionOption::{
        Equals, EqualsTo, GreaterThan, LessEqual, LessThan, MoreEqual, NotEqual,
    };
    let any = (
        select(vec![
            EqualsTo, Equals, LessEqual, LessThan, NotEqual, MoreEqual,
        ]),
        0..3_u64,
    );
    prop_oneof![
        3 => Just((GreaterThan, 0)),
        2 => (Just(GreaterThan), 0..4_u64),
        1 => (Just(MoreEqual), 1..4_u64),
        2 => any,
    ]
}

fn rule_text() -> impl Strategy<Value = RuleSpec> {
    let shape = (filter(), select(TAILS.to_vec()), 1..5_u32, condition());
    let times = (1..4_u32, 1..4_u32, 0..2_u32, prop::bool::weighted(0.25));
    let throttling = option::weighted(
        0.35,
        (select(vec!["user", "host", "cnt", "none"]), 0..9_u32),
    );
    (shape, times, throttling, prop::bool::ANY).prop_map(|(shape, times, throttling, one_repo)| {
        let (filter, tail, n, (option, value)) = shape;
        let (interval, ranges, delay, flush) = times;
        let query = format!("{filter} {}", tail.replace('N', &n.to_string()));
        let mut spec = spec(query.trim(), interval, interval * ranges);
        spec.incident_condition.condition_option = option;
        spec.incident_condition.condition_value = value;
        spec.search_params.delay_interval_minute = delay;
        spec.search_params.flush_on_trigger = flush;
        if one_repo {
            spec.search_params.repos = vec!["127.0.0.1:5504/main".into()];
        }
        if let Some((field, minutes)) = throttling {
            spec.search_params.throttling_enabled = true;
            spec.search_params.throttling_field = field.into();
            spec.search_params.throttling_time_range = minutes;
        }
        spec
    })
}

/// Log time in seconds within 15 minutes, delay of arrival, and what the event says.
fn happening() -> impl Strategy<Value = Happening> {
    let users = select(vec!["ann", "Ann", "bob", "cat"]);
    let hosts = select(vec!["web1", "web2", "db"]);
    let risks = select(vec!["low", "critical", "odd"]);
    let fields = (
        option::weighted(0.9, users),
        option::weighted(0.8, hosts),
        option::weighted(0.8, 0..6_i64),
        option::weighted(0.2, risks),
        select(vec!["main", "main", "main", "other"]),
    );
    (-300..600_i64, -3..70_i64, fields).prop_map(|(log, delay, (user, host, size, risk, repo))| {
        Happening {
            log,
            arrival: log + delay,
            user,
            host,
            size,
            risk,
            repo,
        }
    })
}

/// Bursts as well as scattered events.
fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let burst = (vec(happening(), 1..25), -300..600_i64).prop_map(|(mut events, at)| {
        for event in &mut events {
            let delay = event.arrival - event.log;
            event.log = at + event.log.rem_euclid(50);
            event.arrival = event.log + delay;
        }
        events
    });
    let bursts = vec(burst, 0..3).prop_map(|b| b.concat());
    // Dense events often have a late one that decides.
    let density = select(vec![1, 3, 8]);
    (vec(happening(), 0..40), bursts, density).prop_map(|(mut events, burst, density)| {
        events.extend(burst);
        for event in &mut events {
            let delay = event.arrival - event.log;
            event.log /= density;
            event.arrival = event.log + delay;
        }
        events
    })
}

struct Run {
    rule: Arc<CompiledRule>,
    events: Vec<LoggedEvent>,
    first: Timestamp,
    last: Timestamp,
}

impl Run {
    fn new(rule: Arc<CompiledRule>, happenings: &[Happening]) -> Self {
        let interval = rule.interval();
        let times = || happenings.iter().map(|h| Timestamp::from_secs(h.log));
        let first = slot_end(times().min().unwrap_or_default(), interval);
        let last = slot_end(times().max().unwrap_or_default() + rule.range(), interval);
        Self {
            rule,
            events: arrived(happenings),
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
        events.sort_by_key(|e| (e.event.log_ts, e.seq));
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

/// All of a firing but what is remembered of slots evaluated.
fn whole(fired: &[Fired]) -> Vec<Fired> {
    let mut fired = fired.to_vec();
    fired.sort_by_key(|f| f.slot_end);
    fired
}

fn in_order(happenings: &[Happening]) -> Vec<Happening> {
    let mut sorted = happenings.to_vec();
    sorted.sort_by_key(|h| h.log);
    sorted.iter_mut().for_each(|h| h.arrival = h.log);
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
