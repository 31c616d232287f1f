//! The decision over the rows of one evaluation, shared by all three ways to run a rule.

use crate::rule::CompiledRule;
use cresset_model::incident::{Row, RuleState};
use cresset_model::rule::{Risk, RiskFunction};
use cresset_model::{Duration, Timestamp};
use cresset_query::{ResultRow, ResultSet};
use std::collections::BTreeSet;

/// Most values that a rule holds back; beyond, those let go first are forgotten.
const MAX_HELD_BACK: usize = 10_000;

/// Rows found at one moment of event time.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// End of the slot.
    pub slot_end: Timestamp,
    /// Start (excluded) of the window.
    pub window_from: Timestamp,
    /// End (included) of the window.
    pub window_to: Timestamp,
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

/// Start (excluded) of what still counts in a window: `from`, or the end of the
/// last slot that fired if the rule flushes.
pub fn counts_after(rule: &CompiledRule, state: &RuleState, from: Timestamp) -> Timestamp {
    match state.last_fired_slot {
        Some(flushed) if rule.flushes() => from.max(flushed),
        _ => from,
    }
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
        let held = |v: &String| {
            state
                .throttled
                .get(v)
                .is_some_and(|until| *until > hit.window_to)
        };
        if values.iter().all(held) {
            return Decision::Throttled { rows: total };
        }
        let until = hit.window_to + Duration::minutes(i64::from(params.throttling_time_range));
        hold_back(&mut next, values, hit.window_to, until);
    }
    next.last_fired_slot = next.last_fired_slot.max(Some(hit.slot_end));
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

/// The values of `field` over the rows; a row without it, and no row at all,
/// count as the empty value.
fn throttle_values(field: &str, rows: &[ResultRow]) -> BTreeSet<String> {
    let value = |row: &ResultRow| row.value(field).map(|v| v.text().into_owned());
    let mut values: BTreeSet<String> = rows
        .iter()
        .map(|row| value(row).unwrap_or_default())
        .collect();
    if values.is_empty() {
        values.insert(String::new());
    }
    values
}

fn hold_back(state: &mut RuleState, values: BTreeSet<String>, now: Timestamp, until: Timestamp) {
    state.throttled.retain(|_, let_go| *let_go > now);
    for value in values {
        let let_go = state.throttled.entry(value).or_insert(until);
        *let_go = until.max(*let_go);
    }
    if state.throttled.len() > MAX_HELD_BACK {
        let mut times: Vec<Timestamp> = state.throttled.values().copied().collect();
        times.sort_unstable();
        let cut = times[times.len() - MAX_HELD_BACK];
        state.throttled.retain(|_, let_go| *let_go >= cut);
        // Many values may share the cut's time; which of them go does not matter.
        while state.throttled.len() > MAX_HELD_BACK {
            state.throttled.pop_last();
        }
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
