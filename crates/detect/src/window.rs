//! The matching events of one live rule that may still matter.

use crate::groups::{Counting, Groups};
use crate::probe::{Entry, Point};
use crate::rule::{CompiledRule, LiveCount};
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, Timestamp};
use cresset_query::Measure;
use std::collections::VecDeque;

/// Matching events by the moment at which they count and by arrival, counted per group.
#[derive(Debug, Default)]
pub(crate) struct Window {
    entries: VecDeque<Entry>,
    groups: Groups,
    /// Events at or before this moment are gone and are not taken in.
    floor: Option<Timestamp>,
}

impl Window {
    /// Takes an event in; false if it is too old to matter.
    pub(crate) fn add(&mut self, rule: &CompiledRule, event: &LoggedEvent) -> bool {
        let at = Point {
            ts: rule.counts_at(&event.event),
            seq: event.seq,
        };
        if self.floor.is_some_and(|floor| at.ts <= floor) {
            return false;
        }
        let place = self.entries.partition_point(|e| e.at < at);
        if self.entries.get(place).is_some_and(|e| e.at == at) {
            return false;
        }
        let group = match counting(rule) {
            Some((_, c)) => self.groups.add(&event.event, at.ts, c),
            None => 0,
        };
        let entry = Entry {
            at,
            group,
            event: event.event.alone(),
        };
        self.entries.insert(place, entry);
        true
    }

    /// Whether the condition may hold at a point from `at` on, up to the last point
    /// that an event at `at` reaches.
    pub(crate) fn may_pass(&self, rule: &CompiledRule, at: Timestamp) -> bool {
        let Some((live, c)) = counting(rule) else {
            return true;
        };
        let newest = self.entries.back().map_or(at, |e| e.at.ts);
        let reach = at + rule.range() - Duration(1);
        self.groups
            .may_pass(at, reach.min(newest).max(at), live.groups, c)
    }

    /// Forgets everything at or before `floor`, and does not take it in again.
    pub(crate) fn forget(&mut self, rule: &CompiledRule, floor: Timestamp) {
        self.floor = self.floor.max(Some(floor));
        while self.entries.front().is_some_and(|e| e.at.ts <= floor) {
            let dropped = self.entries.pop_front();
            self.uncount(rule, dropped);
        }
    }

    /// Drops the `n` oldest events.
    pub(crate) fn shed(&mut self, rule: &CompiledRule, n: usize) {
        for _ in 0..n {
            let dropped = self.entries.pop_front();
            self.uncount(rule, dropped);
        }
    }

    fn uncount(&mut self, rule: &CompiledRule, dropped: Option<Entry>) {
        if let (Some(entry), Some((_, c))) = (dropped, counting(rule)) {
            self.groups
                .remove(entry.group, &entry.event, entry.at.ts, c);
        }
    }

    /// Number of events.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// All events in order.
    pub(crate) fn ordered(&mut self) -> &[Entry] {
        self.entries.make_contiguous()
    }

    /// Event time of the newest event.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.entries.back().map(|e| e.at.ts)
    }
}

/// What is counted, or `None` if only the executor can tell.
fn counting(rule: &CompiledRule) -> Option<(&LiveCount, Counting<'_>)> {
    let live = rule.live().filter(|live| live.measure != Measure::Any)?;
    let counting = Counting {
        group_by: &live.group_by,
        measure: &live.measure,
        threshold: live.threshold,
        range: rule.range(),
    };
    Some((live, counting))
}
