//! The decision over the rows of one evaluation, shared by all three ways to run a rule.

use crate::rule::CompiledRule;
use crate::slots::{CLOCK_SKEW, slot_end, slot_start};
use cresset_model::incident::{Row, RuleState};
use cresset_model::rule::{Risk, RiskFunction};
use cresset_model::{Duration, Timestamp};
use cresset_query::{ResultRow, ResultSet};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Most values that a rule holds back; beyond, those let go first are forgotten.
const MAX_HELD_BACK: usize = 10_000;
/// Most slots that fired and are remembered for flushing; beyond, the oldest are forgotten.
const MAX_FIRED_BEFORE: usize = 10_000;
/// Longest value that is remembered as it is, in bytes; and how much of a longer one is.
const MAX_VALUE: usize = 256;
/// Bytes of the hash that stands for the rest.
const HASH_BYTES: usize = 16;
/// Longest value as it is remembered.
const LONGEST_REMEMBERED: usize = MAX_VALUE + '…'.len_utf8() + 2 * HASH_BYTES;

/// Rows found at one moment of event time.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// End of the slot.
    pub slot_end: Timestamp,
    /// Start (excluded) of the window.
    pub window_from: Timestamp,
    /// End (included) of the window.
    pub window_to: Timestamp,
    /// `window_to`, or an earlier time if the rows stand for those of several windows, of which
    /// the first ends here.
    pub since: Timestamp,
    /// No firing is decided any more at or before this moment of event time.
    pub settled: Timestamp,
    /// What the query gave over the window, not cut.
    pub result: &'a ResultSet,
}

/// A firing without what only the runtime knows: id, time of detection, owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired {
    /// End of the slot.
    pub slot_end: Timestamp,
    /// Start (excluded) of the window.
    pub window_from: Timestamp,
    /// End (included) of the window.
    pub window_to: Timestamp,
    /// Rows kept.
    pub rows: Vec<Row>,
    /// Rows found.
    pub rows_count: u64,
    /// The incident's risk.
    pub risk: Risk,
    /// True if the query met a limit, so that rows may be missing.
    pub truncated: bool,
    /// What the rule remembers from now on.
    pub state: RuleState,
}

/// What came of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The condition held.
    Fired(Box<Fired>),
    /// The condition held, but every value is held back.
    Throttled {
        /// Rows found.
        rows: u64,
    },
    /// The condition did not hold.
    Quiet {
        /// Rows found.
        rows: u64,
    },
}

impl Decision {
    /// Rows found.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Fired(fired) => fired.rows_count,
            Self::Throttled { rows } | Self::Quiet { rows } => *rows,
        }
    }
}

/// Start (excluded) of what still counts in a window of the slot ending at `slot`: `from`, or
/// the end of the last earlier slot that fired if the rule flushes.
pub fn counts_after(
    rule: &CompiledRule,
    state: &RuleState,
    slot: Timestamp,
    from: Timestamp,
) -> Timestamp {
    if !rule.flushes() {
        return from;
    }
    let fired = state
        .fired_before
        .iter()
        .copied()
        .chain(state.last_fired_slot);
    let flushed = fired.filter(|end| *end < slot).max();
    from.max(flushed.unwrap_or(from))
}

/// What a rule remembers when it begins to run at `present`. Nothing of it lies in the future,
/// where only a longer interval or range before a change, or a clock set back, can have put it:
/// that would keep the rule silent until then.
pub fn resumed(rule: &CompiledRule, mut state: RuleState, present: Timestamp) -> RuleState {
    let present = present.max(state.evaluated_to.unwrap_or(present));
    let interval = rule.interval();
    let open = slot_end(present + CLOCK_SKEW, interval);
    let begun = slot_start(slot_end(present, interval), interval);
    let begin = |slot: Timestamp| if slot > open { begun } else { slot };
    state.last_fired_slot = state.last_fired_slot.map(begin);
    state
        .fired_before
        .iter_mut()
        .for_each(|slot| *slot = begin(*slot));
    state.fired_before.dedup();
    let latest = present + CLOCK_SKEW + throttling_range(rule);
    state.throttled = std::mem::take(&mut state.throttled)
        .into_iter()
        .map(|(value, let_go)| {
            let long = value.len() > LONGEST_REMEMBERED;
            let value = if long { shortened(value) } else { value };
            (value, let_go.min(latest))
        })
        .collect();
    state.held_before.retain(|_, times| {
        times.retain(|let_go| *let_go <= latest);
        !times.is_empty()
    });
    state
}

fn throttling_range(rule: &CompiledRule) -> Duration {
    Duration::minutes(i64::from(rule.params().throttling_time_range))
}

/// Decides over the rows of one evaluation: condition, throttling, risk.
pub fn decide(rule: &CompiledRule, state: &RuleState, hit: Hit<'_>) -> Decision {
    let condition = &rule.rule().spec.incident_condition;
    let total = hit.result.total;
    if !condition
        .condition_option
        .holds(total, condition.condition_value)
    {
        return Decision::Quiet { rows: total };
    }
    let mut next = state.clone();
    let params = rule.params();
    if params.throttling_enabled {
        let values = throttle_values(&params.throttling_field, &hit.result.rows);
        let range = throttling_range(rule);
        if values
            .iter()
            .all(|value| is_held(state, value, &hit, range))
        {
            return Decision::Throttled { rows: total };
        }
        hold_back(&mut next, values, hit.window_to, range, hit.settled);
    }
    note_fired(&mut next, rule, &hit);
    let kept = hit
        .result
        .rows
        .iter()
        .take(rule.rows_kept())
        .map(ResultRow::to_json)
        .collect();
    Decision::Fired(Box::new(Fired {
        slot_end: hit.slot_end,
        window_from: hit.window_from,
        window_to: hit.window_to,
        rows: kept,
        rows_count: total,
        risk: risk(condition.risk, condition.aggregate, &hit.result.rows),
        truncated: hit.result.truncated,
        state: next,
    }))
}

/// Remembers that the slot fired; of the earlier ones, those after which a slot may still be
/// decided before the next that fired.
fn note_fired(state: &mut RuleState, rule: &CompiledRule, hit: &Hit<'_>) {
    let latest = state.last_fired_slot.max(Some(hit.slot_end));
    if rule.flushes() {
        let fired = &mut state.fired_before;
        fired.extend(state.last_fired_slot);
        fired.push(hit.slot_end);
        forget_settled(fired, |slot| slot > hit.settled);
        fired.pop();
        let excess = fired.len().saturating_sub(MAX_FIRED_BEFORE);
        fired.drain(..excess);
    }
    state.last_fired_slot = latest;
}

/// Sorts times and drops each that is followed by one that is not `open` any more, and so
/// stands for it wherever something is still to be decided.
fn forget_settled(times: &mut Vec<Timestamp>, open: impl Fn(Timestamp) -> bool) {
    times.sort_unstable();
    times.dedup();
    let first = times.partition_point(|t| !open(*t)).saturating_sub(1);
    times.drain(..first);
}

/// Whether a value is held back at all times from `hit.since` to `hit.window_to` by one firing.
fn is_held(state: &RuleState, value: &str, hit: &Hit<'_>, range: Duration) -> bool {
    let covers = |let_go: &Timestamp| *let_go > hit.window_to && *let_go - range <= hit.since;
    state.throttled.get(value).is_some_and(covers)
        || state
            .held_before
            .get(value)
            .is_some_and(|times| times.iter().any(covers))
}

/// The values of `field` over the rows, [`shortened`]; a row without it, and no row at all,
/// count as the empty value.
fn throttle_values(field: &str, rows: &[ResultRow]) -> BTreeSet<String> {
    let value = |row: &ResultRow| row.value(field).map(|v| shortened(v.text().into_owned()));
    let mut values: BTreeSet<String> = rows
        .iter()
        .map(|row| value(row).unwrap_or_default())
        .collect();
    if values.is_empty() {
        values.insert(String::new());
    }
    values
}

/// A value as it is remembered: of a long one its beginning and its hash. That is longer than
/// any value that is kept as it is, so no value can pass for another.
fn shortened(mut value: String) -> String {
    if value.len() > MAX_VALUE {
        let digest = ring::digest::digest(&ring::digest::SHA256, value.as_bytes());
        value.truncate(value.floor_char_boundary(MAX_VALUE));
        value.push('…');
        for byte in digest.as_ref().iter().take(HASH_BYTES) {
            // Writing to a string cannot fail.
            let _ = write!(value, "{byte:02x}");
        }
    }
    value
}

/// Holds values back for `range` after `at`. Firings do not come in the order of event time, so
/// that a value may be held back for several stretches; those before `settled` are forgotten.
fn hold_back(
    state: &mut RuleState,
    values: BTreeSet<String>,
    at: Timestamp,
    range: Duration,
    settled: Timestamp,
) {
    let RuleState {
        throttled,
        held_before,
        ..
    } = state;
    throttled.retain(|_, let_go| *let_go > settled);
    held_before.retain(|_, times| times.last().is_some_and(|let_go| *let_go > settled));
    for value in values {
        let mut times = held_before.remove(&value).unwrap_or_default();
        times.extend(throttled.get(&value));
        times.push(at + range);
        forget_settled(&mut times, |let_go| let_go - range > settled);
        let latest = times.pop().unwrap_or(at + range);
        if !times.is_empty() {
            held_before.insert(value.clone(), times);
        }
        throttled.insert(value, latest);
    }
    if throttled.len() > MAX_HELD_BACK {
        let mut times: Vec<Timestamp> = throttled.values().copied().collect();
        times.sort_unstable();
        let cut = times[times.len() - MAX_HELD_BACK];
        throttled.retain(|_, let_go| *let_go >= cut);
        // Many values may share the cut's time; which of them go does not matter.
        while throttled.len() > MAX_HELD_BACK {
            throttled.pop_last();
        }
        held_before.retain(|value, _| throttled.contains_key(value));
    }
    while held_before.values().map(Vec::len).sum::<usize>() > MAX_HELD_BACK {
        held_before
            .values_mut()
            .for_each(|times| drop(times.drain(..times.len().div_ceil(2))));
        held_before.retain(|_, times| !times.is_empty());
    }
}

const LEVELS: [Risk; 4] = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];

/// The rule's risk, or that of the rows combined if any row carries a known one.
fn risk(of_rule: Risk, function: RiskFunction, rows: &[ResultRow]) -> Risk {
    let (mut least, mut most, mut sum, mut count) = (usize::MAX, 0, 0_usize, 0_usize);
    for level in rows.iter().filter_map(row_level) {
        least = least.min(level);
        most = most.max(level);
        sum += level;
        count += 1;
    }
    if count == 0 {
        return of_rule;
    }
    let level = match function {
        RiskFunction::Min => least,
        RiskFunction::Max => most,
        RiskFunction::Avg => (2 * sum + count) / (2 * count),
    };
    LEVELS[level.min(LEVELS.len() - 1)]
}

fn row_level(row: &ResultRow) -> Option<usize> {
    let named = |field: &str| {
        let text = row.value(field)?.text();
        LEVELS
            .iter()
            .position(|l| l.as_str().eq_ignore_ascii_case(text.trim()))
    };
    named("risk").or_else(|| named("risk_level"))
}

#[cfg(test)]
#[path = "decide/tests.rs"]
mod tests;
