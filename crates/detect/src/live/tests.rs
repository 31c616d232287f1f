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

fn flushing(query: &str, minutes: u32) -> LiveRule {
    let mut text = spec(query);
    text.search_params.search_interval_minute = minutes;
    text.search_params.flush_on_trigger = true;
    live(text)
}

fn throttling(minutes: u32, range: u32) -> RuleSpec {
    let mut text = spec("user=*");
    text.search_params.search_interval_minute = minutes;
    text.search_params.throttling_enabled = true;
    text.search_params.throttling_field = "user".into();
    text.search_params.throttling_time_range = range;
    text
}

/// 2099-01-01.
const FAR: i64 = 4_070_908_800;

#[test]
fn an_event_of_the_future_counts_when_it_arrives_and_mutes_nobody() {
    let events = [
        (FAR, 601, "eve"),
        (1_300, 1_300, "ann"),
        (FAR + 1, 1_301, "eve"),
        (1_900, 1_900, "bob"),
        (2_500, 2_500, "eve"),
    ];
    let expected = [(1_200, 601), (1_800, 1_300), (2_400, 1_900), (3_000, 2_500)];
    assert_eq!(run(&mut flushing("user=*", 10), 1, &events), expected);
    assert_eq!(run(&mut live(throttling(10, 5)), 1, &events), expected);
}

#[test]
fn a_clock_two_hours_ahead_does_not_mute_the_others() {
    let mut rule = flushing("user=* | chart count() as cnt by user | search cnt>=2", 10);
    let mut events = Vec::new();
    for slot in 1..=20 {
        let at = slot * 600;
        // Every other slot is only the right clocks'.
        if slot % 2 == 0 {
            events.extend([(at + 7_201, at + 1, "ahead"), (at + 7_202, at + 2, "ahead")]);
        } else {
            events.extend([(at + 1, at + 1, "right"), (at + 2, at + 2, "right")]);
        }
    }
    let expected: Vec<_> = (1..=20).map(|s| (s * 600 + 600, s * 600 + 2)).collect();
    assert_eq!(run(&mut rule, 1, &events), expected);
}

#[test]
fn a_clock_a_little_ahead_is_believed() {
    let mut rule = live(spec("user=*"));
    assert_eq!(run(&mut rule, 1, &[(650, 590, "ann")]), [(1_200, 650)]);
    assert_eq!(run(&mut rule, 2, &[(1_211, 1_150, "ann")]), []);
    let ahead = event(3, 9_999, 1_800, "ann");
    let observed = rule.observe(&ahead, Timestamp::from_secs(1_800));
    assert_eq!(observed, Observed::Ahead);
}

/// What the order of arrival does within the lateness, to a rule that remembers its firings.
#[test]
fn the_order_of_arrival_does_not_hide_a_hit() {
    let (bob, ann) = ("bob", "ann");
    let mut text = throttling(1, 1);
    text.search_params.delay_interval_minute = 10;
    let in_order = [(150, 150, bob), (630, 630, bob)];
    let in_disorder = [(630, 630, bob), (150, 631, bob), (160, 632, bob)];
    let mut throttles = live(text.clone());
    assert_eq!(run(&mut throttles, 1, &in_order), [(180, 150), (660, 630)]);
    let mut throttles = live(text);
    assert_eq!(
        run(&mut throttles, 1, &in_disorder),
        [(660, 630), (180, 150)]
    );
    // Both stretches of bob are remembered, and what was between them is free.
    let later = [
        (185, 634, bob),
        (400, 635, bob),
        (689, 690, bob),
        (690, 691, bob),
    ];
    assert_eq!(run(&mut throttles, 4, &later), [(420, 400), (720, 690)]);

    let mut flushes = flushing("user=*", 1);
    assert_eq!(
        run(&mut flushes, 1, &[(61, 61, ann), (59, 62, ann)]),
        [(120, 61), (60, 59)]
    );
    // The later slot's flush holds for the slots after it only, and still does.
    let mut flushes = flushing("user=* | chart count() as cnt | search cnt>=2", 1);
    let events = [
        (62, 62, ann),
        (63, 63, ann),
        (58, 64, ann),
        (59, 65, ann),
        (121, 121, ann),
    ];
    assert_eq!(run(&mut flushes, 1, &events), [(120, 63), (60, 59)]);
    assert_eq!(run(&mut flushes, 6, &[(122, 122, ann)]), [(180, 122)]);
}

#[test]
fn values_are_distinct_as_in_the_query() {
    let check = |query: &str, users: [&str; 2], fires: bool| {
        let mut rule = live(spec(query));
        let events = [(601, 601, users[0]), (602, 602, users[1])];
        assert_eq!(
            !run(&mut rule, 1, &events).is_empty(),
            fires,
            "{query} {users:?}"
        );
    };
    let two = "user=* | chart distinct_count(user) as c | search c>=2";
    check(two, ["JÜRGEN", "jürgen"], false);
    check(two, ["JÜRGEN", "jurgen"], true);
    let none = "user=* | chart distinct_count(host) as c | search c>=0";
    check(none, ["ann", "bob"], true);
    let more = "user=* | chart distinct_count(host) as c | search c>-1";
    check(more, ["ann", "bob"], true);
    let one = "user=* | chart distinct_count(host) as c | search c>0";
    check(one, ["ann", "bob"], false);
}

#[test]
fn a_shorter_interval_does_not_mute() {
    // With an interval of a day the slot of today has fired at 00:05.
    const DAY: i64 = 86_400;
    let state = RuleState {
        last_fired_slot: Some(Timestamp::from_secs(DAY)),
        ..RuleState::default()
    };
    let mut text = spec("user=*");
    text.search_params.search_interval_minute = 5;
    text.search_params.flush_on_trigger = true;
    let mut rule = LiveRule::new(Arc::new(crate::testing::rule(text)), GRACE, state);
    rule.seed(&event(1, 300, 300, "ann"));
    rule.resume(Timestamp::from_secs(3_600));
    rule.look_at(Timestamp::from_secs(3_600));
    assert!(rule.settle(&NoLists).is_empty(), "flushed when it fired");
    let events = [(3_610, 3_610, "ann"), (4_000, 4_000, "ann")];
    assert_eq!(run(&mut rule, 2, &events), [(3_900, 3_610), (4_200, 4_000)]);
}
