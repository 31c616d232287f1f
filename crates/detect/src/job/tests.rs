use super::*;
use crate::testing;
use proptest::prelude::*;

const GRACE: Duration = Duration::seconds(10);
const FIRST_WAIT: Duration = Duration::seconds(1);
/// The rule's interval in seconds.
const I: i64 = 600;

fn job() -> Job {
    let mut job = Job::new(Arc::new(testing::rule(testing::spec("user=ann"))), false);
    job.state = Some(RuleState::default());
    job
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// Fails until the slot is passed over; returns the time after.
fn pass_over(job: &mut Job, mut now: Timestamp) -> Timestamp {
    for _ in 0..100 {
        match job.turn(now, GRACE) {
            Some(turn) => {
                if let (_, Some(over)) = job.failed(turn, now, FIRST_WAIT, 3) {
                    job.passed_over(over);
                    return now;
                }
            }
            None => now = now + Duration::seconds(1),
        }
    }
    panic!("never passed over");
}

fn gaps(job: &Job) -> Vec<i64> {
    let state = job.state.as_ref().unwrap();
    state.gaps.iter().map(|g| g.slot_end.secs()).collect()
}

#[test]
fn a_gap_waits_behind_due_slots_and_is_tried_when_there_are_none() {
    let mut job = job();
    let now = pass_over(&mut job, at(10 * I - 100));
    assert_eq!(gaps(&job), [0]);
    let state = job.state.clone().unwrap();
    for k in 1..10 {
        let turn = job.turn(now, GRACE).unwrap();
        assert_eq!(turn, Turn::Next(at(k * I)));
        let next = turn.state_after(&state, job.state.clone().unwrap());
        job.done(turn, next);
    }
    assert_eq!(job.turn(now, GRACE), None, "the gap's wait is not over");
    let later = now + Duration::seconds(8);
    assert_eq!(job.turn(later, GRACE), Some(Turn::Gap(at(0))));
    let state = job.state.clone().unwrap();
    let filled = Turn::Gap(at(0)).state_after(&state, state.clone());
    assert_eq!(filled.evaluated_to, Some(at(9 * I)), "its place stays");
    job.done(Turn::Gap(at(0)), filled);
    assert_eq!(gaps(&job), [0; 0]);
    assert_eq!(job.turn(later, GRACE), None);
}

#[test]
fn gaps_take_turns_ever_more_rarely() {
    let mut job = job();
    let mut now = at(I + 15);
    now = pass_over(&mut job, now);
    now = pass_over(&mut job, now);
    assert_eq!(gaps(&job), [0, I]);
    let mut seen = Vec::new();
    let mut waits = Vec::new();
    let mut last = now;
    // The next slot is never reached in this test, so that only gaps have their turn.
    job.state.as_mut().unwrap().evaluated_to = Some(at(1_000_000 * I));
    while seen.len() < 20 {
        if let Some(turn) = job.turn(now, GRACE) {
            seen.push(turn.slot().secs());
            waits.push(now.since(last));
            last = now;
            let (told, over) = job.failed(turn, now, FIRST_WAIT, 3);
            assert_eq!(over, None);
            assert!(told.starts_with("a gap could not be filled"), "{told}");
        }
        now = now + Duration::seconds(1);
    }
    assert_eq!(seen[..4], [0, I, 0, I]);
    assert_eq!(waits.last(), Some(&LONGEST_GAP_WAIT));
    assert!(waits.windows(2).all(|w| w[0] <= w[1]), "{waits:?}");
}

#[test]
fn with_too_many_gaps_nothing_more_is_passed_over() {
    let mut job = job();
    let gap = |k: i64| Gap {
        slot_end: at(-k * I),
        last_fired_slot: None,
        rows_told: None,
    };
    job.state.as_mut().unwrap().gaps = (0..MAX_GAPS as i64).rev().map(|k| gap(k + 1)).collect();
    let mut now = at(20);
    for _ in 0..50 {
        let turn = job.turn(now, GRACE);
        if let Some(turn @ Turn::Next(slot)) = turn {
            assert_eq!(slot, at(0));
            assert_eq!(job.failed(turn, now, FIRST_WAIT, 3).1, None);
        }
        now = now + Duration::minutes(5);
    }
    assert_eq!(gaps(&job).len(), MAX_GAPS);
}

#[test]
fn a_gap_is_decided_by_what_was_remembered_then() {
    let fired = |secs: i64| Some(at(secs));
    let state = RuleState {
        last_fired_slot: fired(5 * I),
        evaluated_to: fired(6 * I),
        gaps: vec![Gap {
            slot_end: at(3 * I),
            last_fired_slot: fired(I),
            rows_told: None,
        }],
        ..RuleState::default()
    };
    let turn = Turn::Gap(at(3 * I));
    let mut decided = turn.state_before(&state);
    assert_eq!(decided.last_fired_slot, fired(I));
    decided.last_fired_slot = fired(3 * I);
    let after = turn.state_after(&state, decided);
    assert_eq!(after.last_fired_slot, fired(5 * I));
    assert_eq!(after.evaluated_to, fired(6 * I));
    assert_eq!(after.gaps, []);
}

#[test]
fn a_state_without_gaps_is_read() {
    let old = r#"{"last_fired_slot":null,"evaluated_to":600000000,"throttled":{}}"#;
    let state: RuleState = serde_json::from_str(old).unwrap();
    assert_eq!(state.gaps, []);
    assert_eq!(serde_json::to_string(&state).unwrap(), old);
}

proptest! {
    /// Whatever fails, in the end each slot was evaluated once, and none is left out.
    #[test]
    fn every_slot_is_evaluated_once(fails in proptest::collection::vec(any::<bool>(), 0..200)) {
        const SLOTS: i64 = 12;
        let mut job = job();
        let mut fails = fails.into_iter();
        let mut evaluated = Vec::new();
        let mut now = at(0);
        while now < at(100 * 3_600) {
            now = now + Duration::seconds(20);
            let Some(turn) = job.turn(now, GRACE) else {
                continue;
            };
            if turn.slot() > at(SLOTS * I) {
                job.done(turn, turn.state_after(&job.state.clone().unwrap(), job.state.clone().unwrap()));
                continue;
            }
            if fails.next().unwrap_or(false) {
                if let (_, Some(over)) = job.failed(turn, now, FIRST_WAIT, 2) {
                    job.passed_over(over);
                }
            } else {
                evaluated.push(turn.slot().secs() / I);
                let state = job.state.clone().unwrap();
                job.done(turn, turn.state_after(&state, turn.state_before(&state)));
            }
        }
        evaluated.sort_unstable();
        prop_assert_eq!(evaluated, (0..=SLOTS).collect::<Vec<_>>());
    }
}
