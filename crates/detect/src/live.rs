//! One rule, event by event.

use crate::decide::{Fired, counts_after, resumed};
use crate::probe::{Point, Probe};
use crate::rule::CompiledRule;
use crate::slots::{earliest_open, slot_end, slot_start};
use crate::window::Window;
use cresset_model::event::LoggedEvent;
use cresset_model::incident::{RuleState, Verdict};
use cresset_model::{Duration, Timestamp};
use cresset_query::ListLookup;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Stretches of points kept apart before they are merged.
const MAX_PENDING: usize = 4_096;
/// Slots whose notes are kept while nobody takes them.
const MAX_NOTES: usize = 256;

/// What is known of one slot of a live rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotNote {
    /// What came of it so far.
    pub verdict: Verdict,
    /// Most rows seen.
    pub rows: u64,
    /// Time spent on exact runs, in microseconds.
    pub duration_us: u64,
    /// True if events were dropped because a limit was reached.
    pub limited: bool,
}

impl Default for SlotNote {
    fn default() -> Self {
        Self {
            verdict: Verdict::Quiet,
            rows: 0,
            duration_us: 0,
            limited: false,
        }
    }
}

/// What became of an event that was shown to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// Counted for its own slot.
    InTime,
    /// Dated in the future; it counts at its arrival.
    Ahead,
    /// Its slot was closed already; it counts from the earliest open moment on.
    Late,
}

/// A live rule with its window: show it events as they arrive, then [`settle`](Self::settle).
#[derive(Debug)]
pub struct LiveRule {
    rule: Arc<CompiledRule>,
    lateness: Duration,
    window: Window,
    state: RuleState,
    fired: BTreeSet<Timestamp>,
    notes: BTreeMap<Timestamp, SlotNote>,
    /// Stretches of points that may meet the condition: from a point, up to an excluded time.
    pending: Vec<(Point, Timestamp)>,
    /// Moments to look at that are no event's.
    moments: BTreeSet<Timestamp>,
    now: Timestamp,
    /// Runs of the query since [`LiveRule::take_runs`].
    runs: u64,
}

impl LiveRule {
    /// A rule with an empty window. `grace` is the server's part of the lateness,
    /// the rule's delay is added.
    pub fn new(rule: Arc<CompiledRule>, grace: Duration, state: RuleState) -> Self {
        let lateness = grace + rule.delay();
        Self {
            fired: fired_slots(&state).collect(),
            rule,
            lateness,
            window: Window::default(),
            state,
            notes: BTreeMap::new(),
            pending: Vec::new(),
            moments: BTreeSet::new(),
            now: Timestamp::MIN,
            runs: 0,
        }
    }

    /// The rule.
    pub fn rule(&self) -> &Arc<CompiledRule> {
        &self.rule
    }

    /// What the rule remembers.
    pub fn state(&self) -> &RuleState {
        &self.state
    }

    /// Notes that slots up to `slot` have a record.
    pub fn set_evaluated_to(&mut self, slot: Timestamp) {
        self.state.evaluated_to = self.state.evaluated_to.max(Some(slot));
    }

    /// Takes back what the rule remembers of the future, see [`resumed`]. To be called when
    /// everything up to the present has been seeded; `now` is at least the last arrival.
    pub fn resume(&mut self, now: Timestamp) {
        let state = std::mem::take(&mut self.state);
        self.state = resumed(&self.rule, state, now.max(self.now));
        self.fired.extend(fired_slots(&self.state));
    }

    /// Slots that fired before, so that they do not again.
    pub fn mark_fired(&mut self, slots: impl IntoIterator<Item = Timestamp>) {
        self.fired.extend(slots);
    }

    /// Events in the window.
    pub fn held(&self) -> usize {
        self.window.len()
    }

    /// Groups in the window.
    pub fn groups(&self) -> usize {
        self.window.groups()
    }

    /// How long after its end a slot stays open.
    pub fn lateness(&self) -> Duration {
        self.lateness
    }

    /// Event time after which events still matter at `now`.
    pub fn needed_after(&self, now: Timestamp) -> Timestamp {
        let interval = self.rule.interval();
        let open = slot_start(earliest_open(now, self.lateness, interval), interval);
        open + Duration(1) - self.rule.range()
    }

    /// [`needed_after`](Self::needed_after) as of the last event seen.
    pub fn needed_since_last(&self) -> Timestamp {
        self.needed_after(self.now)
    }

    /// Takes a stored event in without looking for a firing. It must match the filter.
    pub fn seed(&mut self, event: &LoggedEvent) {
        self.window.add(&self.rule, event);
        self.now = self.now.max(event.event.col_ts());
    }

    /// [`seed`](Self::seed) for events in the order in which they count, which is also the clock.
    pub(crate) fn seed_in_order(&mut self, event: &LoggedEvent) {
        self.window.add(&self.rule, event);
        self.advance(self.rule.counts_at(&event.event));
    }

    /// Takes in an event that matches the filter and arrived at `now`.
    pub fn observe(&mut self, event: &LoggedEvent, now: Timestamp) -> Observed {
        self.advance(now);
        let interval = self.rule.interval();
        let open_from = slot_start(earliest_open(self.now, self.lateness, interval), interval);
        let ts = self.rule.counts_at(&event.event);
        let added = self.window.add(&self.rule, event);
        if ts > open_from {
            let slot = slot_end(ts, interval);
            let alone = self.window.newest().is_none_or(|newest| newest <= ts);
            let decided = alone && self.fired.contains(&slot);
            if added && !decided && self.window.may_pass(&self.rule, ts) {
                self.await_check(Point { ts, seq: event.seq }, ts + self.rule.range());
            }
            let ahead = event.event.log_ts() > ts;
            return if ahead {
                Observed::Ahead
            } else {
                Observed::InTime
            };
        }
        let first_open = open_from + Duration(1);
        if added && ts > first_open - self.rule.range() && self.window.may_pass(&self.rule, ts) {
            self.moments.insert(first_open);
            self.await_check(
                Point {
                    ts: first_open,
                    seq: 0,
                },
                ts + self.rule.range(),
            );
        }
        Observed::Late
    }

    /// Looks at one moment in the next [`settle`](Self::settle), as if an event stood there.
    pub fn look_at(&mut self, moment: Timestamp) {
        self.moments.insert(moment);
    }

    /// Moves the rule's clock; it never goes back.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.pending.is_empty() && self.moments.is_empty() {
            self.forget_the_past();
        }
    }

    /// Forgets what no slot needs that is open at `past` or later. The rule's own clock
    /// stays: only arrivals move it, so that a replay sees the same times.
    pub fn forget_before(&mut self, past: Timestamp) {
        if self.pending.is_empty() && self.moments.is_empty() {
            self.window.forget(&self.rule, self.needed_after(past));
        }
    }

    /// Forgets what no open slot needs. Only when nothing is pending: a point that
    /// waits for [`settle`](Self::settle) may be of a slot that has closed meanwhile.
    fn forget_the_past(&mut self) {
        let open = earliest_open(self.now, self.lateness, self.rule.interval());
        let needed = self.needed_after(self.now);
        let floor = counts_after(&self.rule, &self.state, open, needed);
        self.window.forget(&self.rule, floor);
        if self.fired.first().is_some_and(|slot| *slot < open) {
            self.fired = self.fired.split_off(&open);
        }
    }

    /// Drops the `n` oldest events, because a limit was reached, and notes it
    /// in the present slot.
    pub fn shed(&mut self, n: usize) {
        self.window.shed(&self.rule, n);
        let slot = slot_end(self.now, self.rule.interval());
        self.note(slot).limited = true;
    }

    /// Looks at every point that may meet the condition and returns the firings, in
    /// order of their slots.
    pub fn settle(&mut self, lists: &dyn ListLookup) -> Vec<Fired> {
        if self.pending.is_empty() && self.moments.is_empty() {
            return Vec::new();
        }
        let points = self.take_points();
        let interval = self.rule.interval();
        let mut firings = Vec::new();
        for of_slot in points.chunk_by(|a, b| slot_end(a.ts, interval) == slot_end(b.ts, interval))
        {
            let Some(slot) = of_slot.first().map(|p| slot_end(p.ts, interval)) else {
                continue;
            };
            if !self.fired.contains(&slot) {
                firings.extend(self.settle_slot(slot, of_slot, lists));
            }
        }
        self.forget_the_past();
        firings
    }

    /// Runs of the query over the window since the last call.
    pub fn take_runs(&mut self) -> u64 {
        std::mem::take(&mut self.runs)
    }

    /// Microseconds spent on exact runs of the slot that ends at `slot`.
    pub fn spent(&self, slot: Timestamp) -> u64 {
        self.notes.get(&slot).map_or(0, |note| note.duration_us)
    }

    /// Notes of slots that ended at or before `end`, oldest first; they are forgotten.
    pub fn take_notes(&mut self, end: Timestamp) -> BTreeMap<Timestamp, SlotNote> {
        let later = self.notes.split_off(&(end + Duration(1)));
        std::mem::replace(&mut self.notes, later)
    }

    fn settle_slot(
        &mut self,
        slot: Timestamp,
        points: &[Point],
        lists: &dyn ListLookup,
    ) -> Option<Fired> {
        let started = std::time::Instant::now();
        let interval = self.rule.interval();
        let open = earliest_open(self.now, self.lateness, interval);
        // Points of slots that have closed meanwhile are settled one slot after the other.
        let settled = slot_start(open.min(slot), interval);
        let probe = Probe {
            rule: &self.rule,
            entries: self.window.ordered(),
            state: &self.state,
            settled,
            lists,
        };
        let sighting = probe.first_hit(points);
        let spent = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.runs += sighting.runs;
        let note = self.note(slot);
        note.rows = note.rows.max(sighting.rows);
        note.duration_us = note.duration_us.saturating_add(spent);
        if sighting.throttled {
            note.verdict = Verdict::Throttled;
        }
        let fired = *sighting.fired?;
        note.verdict = Verdict::Fired;
        self.fired.insert(slot);
        self.state = fired.state.clone();
        Some(fired)
    }

    fn note(&mut self, slot: Timestamp) -> &mut SlotNote {
        while self.notes.len() >= MAX_NOTES && !self.notes.contains_key(&slot) {
            self.notes.pop_first();
        }
        self.notes.entry(slot).or_default()
    }

    fn await_check(&mut self, from: Point, until: Timestamp) {
        if self.pending.len() >= MAX_PENDING {
            self.merge_pending();
        }
        self.pending.push((from, until));
    }

    /// Joins stretches that overlap. If that does not help, all become one: looking
    /// at more points than needed costs time but changes nothing.
    fn merge_pending(&mut self) {
        self.pending.sort_unstable();
        let mut merged: Vec<(Point, Timestamp)> = Vec::new();
        for (from, until) in self.pending.drain(..) {
            match merged.last_mut() {
                Some((_, end)) if from.ts <= *end => *end = until.max(*end),
                _ => merged.push((from, until)),
            }
        }
        if merged.len() > MAX_PENDING / 2
            && let (Some(first), Some(last)) = (merged.first(), merged.last())
        {
            merged = vec![(first.0, last.1)];
        }
        self.pending = merged;
    }

    /// All points of the pending stretches in order, once each.
    fn take_points(&mut self) -> Vec<Point> {
        self.merge_pending();
        let moments = std::mem::take(&mut self.moments);
        let mut points: Vec<Point> = moments
            .into_iter()
            .map(|ts| Point { ts, seq: u64::MAX })
            .collect();
        let stretches = std::mem::take(&mut self.pending);
        let entries = self.window.ordered();
        for (from, until) in stretches {
            let begin = entries.partition_point(|e| e.at < from);
            let reached = entries.get(begin..).unwrap_or_default();
            points.extend(reached.iter().map(|e| e.at).take_while(|p| p.ts < until));
        }
        points.sort_unstable();
        points.dedup();
        points
    }
}

/// Slots that fired, as far as they are remembered.
fn fired_slots(state: &RuleState) -> impl Iterator<Item = Timestamp> + '_ {
    state
        .fired_before
        .iter()
        .copied()
        .chain(state.last_fired_slot)
}

#[cfg(test)]
#[path = "live/tests.rs"]
mod tests;
