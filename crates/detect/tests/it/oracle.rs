//! The definition of detection, written down without any cleverness.

use cresset_detect::CompiledRule;
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, Timestamp};
use cresset_query::{NoLists, ResultSet};
use std::collections::{BTreeMap, BTreeSet};

/// A firing: slot, window end, number of rows.
pub(crate) type Firing = (Timestamp, Timestamp, u64);

/// Evaluates the slots that end in `first..=last` over `events`, in any order.
pub(crate) fn firings(
    rule: &CompiledRule,
    events: &[LoggedEvent],
    first: Timestamp,
    last: Timestamp,
) -> Vec<Firing> {
    let mut events: Vec<&LoggedEvent> = events.iter().filter(|e| rule.covers(&e.repo)).collect();
    events.sort_by_key(|e| (moment(rule, e), e.seq));
    let mut memory = Memory::default();
    let mut fired = Vec::new();
    let mut slot = first;
    while slot <= last {
        for (at, seq) in points(rule, &events, slot) {
            let window: Vec<_> = events
                .iter()
                .filter(|e| (moment(rule, e), e.seq) <= (at, seq))
                .collect();
            let result = run(rule, &window, memory.after(rule, at));
            if memory.fires(rule, slot, at, &result) {
                fired.push((slot, at, result.total));
                break;
            }
        }
        slot = slot + rule.interval();
    }
    fired
}

/// When an event counts: a live rule takes one that is dated over a minute after its arrival
/// as if it had happened then.
pub(crate) fn moment(rule: &CompiledRule, event: &LoggedEvent) -> Timestamp {
    let (log, arrival) = (event.event.log_ts, event.event.col_ts);
    if rule.is_live() && log > arrival + Duration::seconds(60) {
        arrival
    } else {
        log
    }
}

/// The points at which a rule is looked at in a slot.
fn points(rule: &CompiledRule, events: &[&LoggedEvent], slot: Timestamp) -> Vec<(Timestamp, u64)> {
    if !rule.is_live() {
        return vec![(slot, u64::MAX)];
    }
    let start = slot - rule.interval();
    let inside = |e: &&&LoggedEvent| moment(rule, e) > start && moment(rule, e) <= slot;
    let matching = |e: &&&LoggedEvent| rule.matches(&e.event, &NoLists);
    events
        .iter()
        .filter(inside)
        .filter(matching)
        .map(|e| (moment(rule, e), e.seq))
        .collect()
}

fn run(rule: &CompiledRule, events: &[&&LoggedEvent], after: Timestamp) -> ResultSet {
    let context = cresset_query::Context {
        range: rule.range(),
        ..cresset_query::Context::bare()
    };
    let mut executor = rule.plan().executor(context);
    for event in events.iter().filter(|e| moment(rule, e) > after) {
        executor.push(&event.event);
    }
    executor.finish()
}

#[derive(Default)]
struct Memory {
    last: Option<Timestamp>,
    held: BTreeMap<String, Timestamp>,
}

impl Memory {
    fn after(&self, rule: &CompiledRule, at: Timestamp) -> Timestamp {
        let from = at - rule.range();
        match self.last {
            Some(last) if rule.flushes() => from.max(last),
            _ => from,
        }
    }

    fn fires(
        &mut self,
        rule: &CompiledRule,
        slot: Timestamp,
        at: Timestamp,
        result: &ResultSet,
    ) -> bool {
        let spec = &rule.rule().spec;
        let condition = spec.incident_condition;
        if !condition
            .condition_option
            .holds(result.total, condition.condition_value)
        {
            return false;
        }
        if spec.search_params.throttling_enabled {
            let field = &spec.search_params.throttling_field;
            let mut values: BTreeSet<String> = BTreeSet::new();
            for row in &result.rows {
                values.insert(
                    row.value(field)
                        .map(|v| v.text().into_owned())
                        .unwrap_or_default(),
                );
            }
            if result.rows.is_empty() {
                values.insert(String::new());
            }
            if values
                .iter()
                .all(|v| self.held.get(v).is_some_and(|until| *until > at))
            {
                return false;
            }
            let span = i64::from(spec.search_params.throttling_time_range);
            for value in values {
                self.held.insert(value, at + Duration::minutes(span));
            }
        }
        self.last = Some(slot);
        true
    }
}
