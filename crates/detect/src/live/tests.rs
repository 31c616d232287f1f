use super::*;
use crate::testing::{event, rule, spec};
use cresset_model::rule::RuleSpec;
use cresset_query::NoLists;

const GRACE: Duration = Duration::seconds(10);

fn live(spec: RuleSpec) -> LiveRule {
    let rule = rule(spec);
    assert!(rule.is_live(), "{:?}", rule.mode());
    LiveRule::new(Arc::new(rule), GRACE, RuleState::default())
}

/// Shows events `(log, arrival, user)` in seconds one by one; returns `(slot_end, window_to)`.
fn run(rule: &mut LiveRule, first_seq: u64, events: &[(i64, i64, &str)]) -> Vec<(i64, i64)> {
    let mut fired = Vec::new();
    for (seq, (log, arrival, user)) in (first_seq..).zip(events) {
        rule.observe(
            &event(seq, *log, *arrival, user),
            Timestamp::from_secs(*arrival),
        );
        fired.extend(rule.settle(&NoLists));
    }
    fired
        .iter()
        .map(|f| (f.slot_end.secs(), f.window_to.secs()))
        .collect()
}

#[test]
fn a_count_fires_at_the_deciding_event_and_once_per_slot() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=3",
    ));
    let fired = run(
        &mut rule,
        1,
        &[
            (601, 601, "ann"),
            (602, 602, "bob"),
            (603, 603, "ann"),
            (604, 604, "ann"),
            (605, 605, "ann"),
        ],
    );
    assert_eq!(fired, [(1200, 604)]);
}

#[test]
fn a_window_that_still_holds_fires_again_in_the_next_slot() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=2",
    ));
    let fired = run(
        &mut rule,
        1,
        &[
            (1190, 1190, "ann"),
            (1191, 1191, "ann"),
            (1300, 1300, "bob"),
        ],
    );
    assert_eq!(fired, [(1200, 1191), (1800, 1300)]);
}

#[test]
fn flushing_forgets_the_slot_that_fired() {
    let mut text = spec("user=* | chart count() as cnt by user | search cnt>=2");
    text.search_params.flush_on_trigger = true;
    let mut rule = live(text);
    let fired = run(
        &mut rule,
        1,
        &[
            (1190, 1190, "ann"),
            (1191, 1191, "ann"),
            (1300, 1300, "ann"),
        ],
    );
    assert_eq!(fired, [(1200, 1191)]);
    assert_eq!(run(&mut rule, 4, &[(1301, 1301, "ann")]), [(1800, 1301)]);
}

#[test]
fn an_event_within_the_lateness_counts_for_its_slot() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=2",
    ));
    let fired = run(&mut rule, 1, &[(1190, 1191, "ann"), (1195, 1209, "ann")]);
    assert_eq!(fired, [(1200, 1195)]);
}

#[test]
fn an_early_event_that_arrives_late_decides_a_later_point() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=2",
    ));
    let fired = run(&mut rule, 1, &[(1204, 1204, "ann"), (1199, 1205, "ann")]);
    assert_eq!(fired, [(1800, 1204)]);
}

#[test]
fn an_event_beyond_the_lateness_counts_from_the_earliest_open_moment() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=2",
    ));
    assert_eq!(
        run(&mut rule, 1, &[(1190, 1190, "ann"), (1250, 1250, "bob")]),
        []
    );
    let late = event(3, 1191, 1260, "ann");
    assert_eq!(
        rule.observe(&late, Timestamp::from_secs(1260)),
        Observed::Late
    );
    let fired = rule.settle(&NoLists);
    assert_eq!(fired.len(), 1);
    assert_eq!(fired[0].slot_end, Timestamp::from_secs(1800));
    assert_eq!(fired[0].window_to, Timestamp::from_secs(1200) + Duration(1));
}

#[test]
fn far_too_late_events_leave_nothing() {
    let mut rule = live(spec("user=*"));
    assert_eq!(
        run(
            &mut rule,
            1,
            &[(10, 90_000, "ann"), (-90_000, 90_001, "ann")]
        ),
        []
    );
    assert_eq!(rule.held(), 0);
}

#[test]
fn the_window_does_not_grow_without_end() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=1000",
    ));
    for i in 0..20_000_i64 {
        rule.observe(&event(i as u64, i, i, "ann"), Timestamp::from_secs(i));
        rule.settle(&NoLists);
    }
    assert!(rule.held() <= 1_300, "{}", rule.held());
}

#[test]
fn distinct_values_fire() {
    let mut rule = live(spec(
        "user=* | chart distinct_count(user) as d | search d>=3",
    ));
    let fired = run(
        &mut rule,
        1,
        &[
            (601, 601, "ann"),
            (602, 602, "bob"),
            (603, 603, "ann"),
            (604, 604, "cat"),
        ],
    );
    assert_eq!(fired, [(1200, 604)]);
}

#[test]
fn chunks_do_not_change_what_fires() {
    let text = || spec("user=* | chart count() as cnt by user | search cnt>=3");
    let events: Vec<_> = (0..400_i64)
        .map(|i| (i * 37, i * 37, ["ann", "bob"][i as usize % 2]))
        .collect();
    let one_by_one = run(&mut live(text()), 1, &events);
    let mut rule = live(text());
    for (seq, (log, arrival, user)) in (1..).zip(&events) {
        rule.observe(
            &event(seq, *log, *arrival, user),
            Timestamp::from_secs(*arrival),
        );
    }
    let fired = rule.settle(&NoLists);
    let at_once: Vec<_> = fired
        .iter()
        .map(|f| (f.slot_end.secs(), f.window_to.secs()))
        .collect();
    assert_eq!(one_by_one, at_once);
    assert!(one_by_one.len() > 20);
}

#[test]
fn shedding_is_noted_and_spares_the_present() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=9",
    ));
    run(
        &mut rule,
        1,
        &[
            (700, 700, "ann"),
            (701, 701, "ann"),
            (99_999_999, 702, "ann"),
        ],
    );
    rule.shed(1);
    assert_eq!(rule.held(), 2);
    run(&mut rule, 4, &[(703, 703, "ann")]);
    let notes = rule.take_notes(Timestamp::from_secs(1200));
    assert!(notes.values().any(|n| n.limited), "{notes:?}");
}

#[test]
fn a_moment_without_event_can_be_looked_at() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=2",
    ));
    for seq in 1..=2 {
        rule.seed(&event(seq, 1_000 + seq as i64, 1_003, "ann"));
    }
    assert!(rule.settle(&NoLists).is_empty());
    rule.look_at(Timestamp::from_secs(1_100));
    let fired = rule.settle(&NoLists);
    assert_eq!(fired[0].window_to, Timestamp::from_secs(1_100));
}

/// A rule whose cheap test always says yes must not cost one run over the window per event.
#[test]
fn rows_that_never_suffice_cost_few_runs() {
    let mut rule = live(spec("user=* | chart max(size) as m by user | search m>5"));
    let mut runs = 0;
    for chunk in 0..20_i64 {
        for i in 0..1_000_i64 {
            let at = chunk * 10 + i / 100;
            let seq = (chunk * 1_000 + i) as u64;
            rule.observe(&event(seq, at, at, "ann"), Timestamp::from_secs(at));
        }
        rule.settle(&NoLists);
        runs += rule.take_runs();
    }
    assert_eq!(rule.held(), 20_000);
    assert!((20..=60).contains(&runs), "{runs}");
}

#[test]
fn a_throttled_slot_costs_few_runs() {
    let mut text = spec("user=*");
    text.search_params.throttling_enabled = true;
    text.search_params.throttling_field = "user".into();
    text.search_params.throttling_time_range = 60;
    let mut rule = live(text);
    assert_eq!(run(&mut rule, 1, &[(1, 1, "ann")]), [(600, 1)]);
    rule.take_runs();
    for i in 0..5_000_i64 {
        let at = 601 + i / 100;
        rule.observe(
            &event(i as u64 + 2, at, at, "ann"),
            Timestamp::from_secs(at),
        );
    }
    assert!(rule.settle(&NoLists).is_empty());
    assert!(rule.take_runs() <= 4);
    assert_eq!(run(&mut rule, 9_000, &[(700, 700, "bob")]), [(1200, 700)]);
}

/// The count of a wide window being held back says nothing of the counts on the way there.
#[test]
fn throttling_by_a_count_looks_at_every_point() {
    let mut text = spec("user=* | chart count() as cnt by user | search cnt>=1");
    text.search_params.throttling_enabled = true;
    text.search_params.throttling_field = "cnt".into();
    text.search_params.throttling_time_range = 600;
    let mut rule = live(text);
    let times = [590, 591, 592, 650, 1_240];
    let events: Vec<_> = times.iter().map(|t| (*t, *t, "ann")).collect();
    // Counts 1, 4 and 2 are held back from now on.
    assert_eq!(
        run(&mut rule, 1, &events),
        [(600, 590), (1200, 650), (1800, 1240)]
    );
    for (seq, at) in (10..).zip([1_900, 1_901, 1_902, 1_903]) {
        rule.observe(&event(seq, at, at, "ann"), Timestamp::from_secs(at));
    }
    let fired = rule.settle(&NoLists);
    assert_eq!(fired[0].window_to, Timestamp::from_secs(1_902));
}

#[test]
fn a_late_event_of_a_slot_that_fired_counts_for_the_next() {
    let mut rule = live(spec(
        "user=* | chart count() as cnt by user | search cnt>=3",
    ));
    let first = [(601, 601, "ann"), (602, 602, "ann"), (603, 603, "ann")];
    assert_eq!(run(&mut rule, 1, &first), [(1200, 603)]);
    let next = [(1_204, 1_204, "cat"), (1_205, 1_205, "cat")];
    assert_eq!(run(&mut rule, 4, &next), []);
    assert_eq!(run(&mut rule, 6, &[(1_199, 1_206, "cat")]), [(1800, 1_205)]);
}
