//! Records of the slots of live rules, so that people see a rule run that finds nothing.

use crate::commit::evaluation;
use crate::live::{LiveRule, SlotNote};
use crate::rule::CompiledRule;
use crate::slots::{earliest_open, next_slot_end, slot_end, slot_start};
use cresset_model::incident::{Evaluation, EvaluationMode, RuleState, Verdict};
use cresset_model::{Duration, Timestamp};

/// Records of one rule written at a time; more slots closed only while nobody was running.
const RECORDS_PER_RULE: i64 = 5;

/// Whether a rule may not have run since it was activated or changed. Within the slot of the
/// change that is not known; then it begins once more, because a second look does no harm.
pub(crate) fn begins(state: &RuleState, rule: &CompiledRule) -> bool {
    let since = rule.rule().activated_at.max(rule.rule().updated_at);
    let slot = slot_end(since, rule.interval());
    state
        .evaluated_to
        .is_none_or(|done| done <= slot_start(slot, rule.interval()))
}

/// Adds records of slots that have closed since the last time. True if there were any.
pub(crate) fn close_slots(
    rule: &mut LiveRule,
    recorded: &mut Timestamp,
    now: Timestamp,
    evaluations: &mut Vec<Evaluation>,
) -> bool {
    let interval = rule.rule().interval();
    let closed = slot_start(earliest_open(now, rule.lateness(), interval), interval);
    if closed <= *recorded {
        return false;
    }
    let mut notes = rule.take_notes(closed);
    let mut slot = next_slot_end(*recorded, interval);
    let oldest = closed - Duration(interval.0.saturating_mul(RECORDS_PER_RULE - 1));
    slot = slot.max(oldest);
    while slot <= closed {
        let note = notes.remove(&slot).unwrap_or_default();
        if note.verdict != Verdict::Fired {
            evaluations.push(slot_record(rule.rule(), slot, now, &note));
        }
        slot = next_slot_end(slot, interval);
    }
    *recorded = closed;
    rule.set_evaluated_to(closed);
    true
}

fn slot_record(
    rule: &CompiledRule,
    slot: Timestamp,
    now: Timestamp,
    note: &SlotNote,
) -> Evaluation {
    let limited = || "limit reached: the oldest events of the window were dropped".to_owned();
    Evaluation {
        rows: note.rows,
        duration_us: note.duration_us,
        error: note.limited.then(limited),
        ..evaluation(rule, EvaluationMode::Live, slot, now, note.verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{rule_changed_at, spec};

    #[test]
    fn a_change_that_may_not_have_been_taken_over_begins_anew() {
        let rule = rule_changed_at(spec("user=*"), 12 * 3_600 + 300);
        let check = |evaluated_to: Option<i64>, expect: bool| {
            let state = RuleState {
                evaluated_to: evaluated_to.map(Timestamp::from_secs),
                ..RuleState::default()
            };
            assert_eq!(begins(&state, &rule), expect, "{evaluated_to:?}");
        };
        check(None, true);
        check(Some(11 * 3_600), true);
        // Recorded before the change or by it: nobody knows.
        check(Some(12 * 3_600), true);
        check(Some(12 * 3_600 + 600), false);
    }
}
