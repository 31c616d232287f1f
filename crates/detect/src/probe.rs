//! Exact evaluation over a stretch of matching events.
//!
//! A live-able query can only gain rows when its window gains events. So a
//! window that is wider than those of several points of evaluation stands for
//! all of them: if its rows do not meet the condition, no point's rows do. That
//! keeps the number of runs small where a cheap test says "perhaps" too often.

use crate::decide::{Decision, Fired, Hit, counts_after, decide};
use crate::rule::CompiledRule;
use crate::slots::slot_end;
use cresset_model::incident::RuleState;
use cresset_model::{Event, Timestamp};
use cresset_query::ListLookup;
use std::sync::Arc;

/// A place among events: by the moment at which they count, then by order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// Event time at which an event counts, see [`CompiledRule::counts_at`].
    pub(crate) ts: Timestamp,
    /// Order of arrival; [`u64::MAX`] for a moment after all events of that time.
    pub(crate) seq: u64,
}

/// A matching event in a window.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its place.
    pub(crate) at: Point,
    /// Its group, which only the window understands.
    pub(crate) group: u32,
    /// The event.
    pub(crate) event: Arc<Event>,
}

/// What came of looking at several points of one slot.
#[derive(Debug, Default)]
pub(crate) struct Sighting {
    /// The first firing found.
    pub(crate) fired: Option<Box<Fired>>,
    /// Whether some point was throttled.
    pub(crate) throttled: bool,
    /// Most rows seen.
    pub(crate) rows: u64,
    /// Runs of the query.
    pub(crate) runs: u64,
}

/// A rule over matching events in order.
pub(crate) struct Probe<'a> {
    pub(crate) rule: &'a CompiledRule,
    pub(crate) entries: &'a [Entry],
    pub(crate) state: &'a RuleState,
    /// See [`Hit::settled`].
    pub(crate) settled: Timestamp,
    pub(crate) lists: &'a dyn ListLookup,
}

impl Probe<'_> {
    /// The first of `points` (ascending, all of one slot) at which the rule fires.
    pub(crate) fn first_hit(&self, points: &[Point]) -> Sighting {
        let mut sighting = Sighting::default();
        if let Some((first, rest)) = points.split_first() {
            // Mostly the first candidate is the right one.
            self.search(&[*first], &mut sighting);
            if sighting.fired.is_none() {
                self.search(rest, &mut sighting);
            }
        }
        sighting
    }

    fn search(&self, points: &[Point], sighting: &mut Sighting) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        let decision = self.run(*first, *last);
        sighting.runs += 1;
        match decision {
            Decision::Quiet { rows } => sighting.rows = sighting.rows.max(rows),
            Decision::Throttled { rows } if points.len() == 1 || self.throttles_monotonically() => {
                sighting.rows = sighting.rows.max(rows);
                sighting.throttled = true;
            }
            Decision::Fired(fired) if points.len() == 1 => {
                sighting.rows = sighting.rows.max(fired.rows_count);
                sighting.fired = Some(fired);
            }
            Decision::Throttled { .. } | Decision::Fired(_) => {
                let (left, right) = points.split_at(points.len() / 2);
                self.search(left, sighting);
                if sighting.fired.is_none() {
                    self.search(right, sighting);
                }
            }
        }
    }

    /// The decision over the union of the windows of all points from `first` to `last`.
    fn run(&self, first: Point, last: Point) -> Decision {
        let slot = slot_end(last.ts, self.rule.interval());
        let from = counts_after(self.rule, self.state, slot, first.ts - self.rule.range());
        let begin = self.entries.partition_point(|e| e.at.ts <= from);
        let end = self.entries.partition_point(|e| e.at <= last);
        let mut executor = {
            let context = self.rule.context(self.lists, last.ts);
            self.rule.plan().executor(context)
        };
        for entry in self.entries.get(begin..end).unwrap_or_default() {
            executor.push_matched(&entry.event);
        }
        let result = executor.finish();
        let hit = Hit {
            slot_end: slot,
            window_from: last.ts - self.rule.range(),
            window_to: last.ts,
            since: first.ts,
            settled: self.settled,
            result: &result,
        };
        decide(self.rule, self.state, hit)
    }

    /// Whether a wider window can only have more values of the throttling field.
    /// The field of a group qualifies, an aggregate that grows does not.
    fn throttles_monotonically(&self) -> bool {
        let field = &self.rule.params().throttling_field;
        self.rule.is_simple()
            || self
                .rule
                .live()
                .is_some_and(|live| live.group_by.contains(field))
    }
}
