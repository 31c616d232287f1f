//! What the scheduler knows of one rule, and what is to be evaluated of it next.
//!
//! A slot whose evaluation keeps failing is passed over, so that it does not hold up
//! the slots after it, and stays in [`RuleState::gaps`] until an attempt to fill it
//! succeeds. Gaps wait for their turn behind slots that are due, take turns among
//! themselves, and are tried ever more rarely. A rule with [`MAX_GAPS`] of them passes
//! over nothing more: it stays at its slot until that succeeds, so no slot is lost.

use crate::rule::CompiledRule;
use crate::schedule::{due_at, next_slot};
use cresset_model::incident::{Gap, RuleState};
use cresset_model::{Duration, Timestamp};
use std::sync::Arc;

/// Most gaps of one rule.
pub(crate) const MAX_GAPS: usize = 1_000;

/// Longest wait between attempts at the next slot.
const LONGEST_WAIT: Duration = Duration::minutes(5);
/// Longest wait between attempts to fill gaps.
const LONGEST_GAP_WAIT: Duration = Duration::hours(1);
/// The same for a rule that searches other instances, which come back without notice.
const LONGEST_FLEET_WAIT: Duration = Duration::seconds(30);

/// A slot to evaluate, named by its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// The one after the last that was evaluated or passed over.
    Next(Timestamp),
    /// One that was passed over.
    Gap(Timestamp),
}

impl Turn {
    /// The end of the slot.
    pub(crate) fn slot(self) -> Timestamp {
        match self {
            Self::Next(slot) | Self::Gap(slot) => slot,
        }
    }

    /// What the rule remembered when the slot's turn came first.
    pub(crate) fn state_before(self, state: &RuleState) -> RuleState {
        let mut before = state.clone();
        if let Self::Gap(slot) = self
            && let Some(gap) = state.gaps.iter().find(|g| g.slot_end == slot)
        {
            before.last_fired_slot = gap.last_fired_slot;
        }
        before
    }

    /// Rows that a firing in this slot has told of already, without some other instance.
    pub(crate) fn rows_told(self, state: &RuleState) -> Option<u64> {
        let Self::Gap(slot) = self else { return None };
        state.gaps.iter().find(|g| g.slot_end == slot)?.rows_told
    }

    /// As [`Self::state_after`] a firing over part of what there is: the slot stays a gap.
    pub(crate) fn state_after_part(
        self,
        state: &RuleState,
        decided: RuleState,
        rows: u64,
    ) -> RuleState {
        let last_fired_slot = self.state_before(state).last_fired_slot;
        let mut after = self.state_after(state, decided);
        after.gaps.push(Gap {
            slot_end: self.slot(),
            last_fired_slot,
            rows_told: Some(rows),
        });
        after.gaps.sort_unstable_by_key(|gap| gap.slot_end);
        after
    }

    /// What the rule remembers once the slot is evaluated: `state` is what it remembered
    /// when the evaluation began, `decided` what the decision left behind.
    pub(crate) fn state_after(self, state: &RuleState, mut decided: RuleState) -> RuleState {
        match self {
            Self::Next(slot) => decided.evaluated_to = Some(slot),
            Self::Gap(slot) => {
                decided.last_fired_slot = decided.last_fired_slot.max(state.last_fired_slot);
                decided.gaps.retain(|g| g.slot_end != slot);
            }
        }
        decided
    }
}

/// Failures in a row, and when the next attempt may be made.
#[derive(Debug, Clone, Copy)]
struct Backoff {
    failures: u32,
    not_before: Timestamp,
}

impl Backoff {
    const NONE: Self = Self {
        failures: 0,
        not_before: Timestamp::MIN,
    };

    fn failed(&mut self, now: Timestamp, first: Duration, longest: Duration) {
        self.failures = self.failures.saturating_add(1);
        let doubled = first
            .0
            .saturating_mul(1 << (self.failures.clamp(1, 20) - 1));
        self.not_before = now + Duration(doubled).min(longest);
    }
}

/// One scheduled rule.
#[derive(Debug)]
pub(crate) struct Job {
    /// The rule.
    pub(crate) rule: Arc<CompiledRule>,
    /// `None` until it has been read from the catalog.
    pub(crate) state: Option<RuleState>,
    /// Whether an evaluation is under way.
    pub(crate) running: bool,
    next: Backoff,
    gaps: Backoff,
    /// The gap that was tried last.
    tried: Timestamp,
}

impl Job {
    /// A job that has not read its state.
    pub(crate) fn new(rule: Arc<CompiledRule>, running: bool) -> Self {
        Self {
            rule,
            state: None,
            running,
            next: Backoff::NONE,
            gaps: Backoff::NONE,
            tried: Timestamp::MIN,
        }
    }

    /// When the next slot is due; `None` until the state is known.
    pub(crate) fn next_due(&self, grace: Duration) -> Option<Timestamp> {
        let state = self.state.as_ref()?;
        Some(due_at(&self.rule, next_slot(&self.rule, state), grace))
    }

    /// What may be evaluated at `now`, if anything.
    pub(crate) fn turn(&self, now: Timestamp, grace: Duration) -> Option<Turn> {
        let state = self.state.as_ref().filter(|_| !self.running)?;
        let slot = next_slot(&self.rule, state);
        if due_at(&self.rule, slot, grace) <= now && self.next.not_before <= now {
            return Some(Turn::Next(slot));
        }
        let after_tried = state.gaps.iter().find(|g| g.slot_end > self.tried);
        let gap = after_tried.or_else(|| state.gaps.first())?;
        (self.gaps.not_before <= now).then_some(Turn::Gap(gap.slot_end))
    }

    /// An evaluation was made.
    pub(crate) fn done(&mut self, turn: Turn, state: RuleState) {
        match turn {
            Turn::Next(_) => self.next = Backoff::NONE,
            Turn::Gap(_) => self.gaps = Backoff::NONE,
        }
        self.state = Some(state);
    }

    /// An evaluation failed at `now`: how a record tells it, and what the rule remembers
    /// if the slot is passed over for that.
    pub(crate) fn failed(
        &mut self,
        turn: Turn,
        now: Timestamp,
        retry_after: Duration,
        attempts: u32,
    ) -> (String, Option<RuleState>) {
        let slot = match turn {
            Turn::Next(slot) => slot,
            Turn::Gap(slot) => {
                self.tried = slot;
                let longest = if self.rule.reaches_out() {
                    LONGEST_FLEET_WAIT
                } else {
                    LONGEST_GAP_WAIT
                };
                self.gaps.failed(now, retry_after, longest);
                return (
                    "a gap could not be filled and will be tried again".into(),
                    None,
                );
            }
        };
        self.next.failed(now, retry_after, LONGEST_WAIT);
        let (failures, attempts) = (self.next.failures, attempts.max(1));
        let told = format!("attempt {failures} of {attempts}");
        let Some(state) = self.state.as_ref().filter(|_| failures >= attempts) else {
            return (told, None);
        };
        if state.gaps.len() >= MAX_GAPS {
            let told = format!("attempt {failures}, with {MAX_GAPS} gaps before it");
            return (told, None);
        }
        let mut over = state.clone();
        over.evaluated_to = Some(slot);
        over.gaps.push(Gap {
            slot_end: slot,
            last_fired_slot: state.last_fired_slot,
            rows_told: None,
        });
        let after = match attempts {
            1 => String::new(),
            more => format!(" after {more} attempts"),
        };
        let told = format!("gap: this slot was not evaluated{after} and will be filled later");
        (told, Some(over))
    }

    /// The slot was passed over, and that is recorded.
    pub(crate) fn passed_over(&mut self, state: RuleState) {
        // The gap's own attempts go on where those of the slot ended.
        self.gaps = self.next;
        self.next = Backoff::NONE;
        self.state = Some(state);
    }
}

#[cfg(test)]
#[path = "job/tests.rs"]
mod tests;
