//! Rules slot by slot over stored events.

use crate::decide::{Decision, Hit, counts_after, decide};
use crate::probe::{Entry, Point, Probe};
use crate::rule::CompiledRule;
use crate::slots::{next_slot_end, slot_end, slot_start};
use cresset_model::event::LoggedEvent;
use cresset_model::incident::RuleState;
use cresset_model::{Duration, Timestamp};
use cresset_query::{ListLookup, ResultSet};

/// Event time `(from, to]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Excluded start.
    pub from: Timestamp,
    /// Included end.
    pub to: Timestamp,
}

/// The end of the first slot that `rule` has not evaluated: the one after its last
/// evaluation, or that in which it was activated if that is later. Slots in which
/// the rule was switched off are not evaluated.
pub fn next_slot(rule: &CompiledRule, state: &RuleState) -> Timestamp {
    let interval = rule.interval();
    let since_activation = slot_end(rule.rule().activated_at, interval);
    match state.evaluated_to {
        Some(done) => next_slot_end(done, interval).max(since_activation),
        None => since_activation,
    }
}

/// When the slot that ends at `slot` may be evaluated: after its end, the server's
/// grace and the rule's delay.
pub fn due_at(rule: &CompiledRule, slot: Timestamp, grace: Duration) -> Timestamp {
    slot + grace + rule.delay()
}

/// The event time that an evaluation of the slot ending at `slot` reads.
pub fn span(rule: &CompiledRule, state: &RuleState, slot: Timestamp) -> Span {
    let first = if rule.is_live() {
        slot_start(slot, rule.interval()) - rule.range()
    } else {
        slot - rule.range()
    };
    Span {
        from: counts_after(rule, state, slot, first).min(slot),
        to: slot,
    }
}

/// Decides over the query's result at the end of a slot.
pub fn decide_slot(
    rule: &CompiledRule,
    state: &RuleState,
    slot: Timestamp,
    result: &ResultSet,
) -> Decision {
    let hit = Hit {
        slot_end: slot,
        window_from: slot - rule.range(),
        window_to: slot,
        since: slot,
        settled: settled(state, slot, rule.interval()),
        result,
    };
    decide(rule, state, hit)
}

/// See [`Hit::settled`]: slots come in order, but gaps are filled later.
fn settled(state: &RuleState, slot: Timestamp, interval: Duration) -> Timestamp {
    let earliest = state
        .gaps
        .first()
        .map_or(slot, |gap| gap.slot_end.min(slot));
    slot_start(earliest, interval)
}

/// Evaluates the slot ending at `slot` over events that match the filter, ordered by
/// event time and `seq`; events outside [`span`] do no harm.
///
/// A rule that can run live is looked at where a live run would: at its events.
pub fn evaluate(
    rule: &CompiledRule,
    state: &RuleState,
    slot: Timestamp,
    events: &[LoggedEvent],
    lists: &dyn ListLookup,
) -> Decision {
    if !rule.is_live() {
        let reach = span(rule, state, slot);
        let mut executor = rule.plan().executor(rule.context(lists, slot));
        for event in events {
            if event.event.log_ts() > reach.from && event.event.log_ts() <= reach.to {
                executor.push_matched(&event.event);
            }
        }
        return decide_slot(rule, state, slot, &executor.finish());
    }
    let mut entries: Vec<Entry> = events.iter().map(|e| entry(rule, e)).collect();
    entries.sort_by_key(|e| e.at);
    let start = slot_start(slot, rule.interval());
    let in_slot = |p: &Point| p.ts > start && p.ts <= slot;
    let points: Vec<Point> = entries.iter().map(|e| e.at).filter(in_slot).collect();
    let probe = Probe {
        rule,
        entries: &entries,
        state,
        settled: settled(state, slot, rule.interval()),
        lists,
    };
    let sighting = probe.first_hit(&points);
    match sighting.fired {
        Some(fired) => Decision::Fired(fired),
        None if sighting.throttled => Decision::Throttled {
            rows: sighting.rows,
        },
        None => Decision::Quiet {
            rows: sighting.rows,
        },
    }
}

fn entry(rule: &CompiledRule, event: &LoggedEvent) -> Entry {
    Entry {
        at: Point {
            ts: rule.counts_at(&event.event),
            seq: event.seq,
        },
        group: 0,
        event: event.event.alone(),
    }
}
