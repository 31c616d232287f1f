use super::*;
use crate::testing::{rule, spec};
use cresset_model::Value;
use cresset_model::rule::ConditionOption;
use cresset_query::QueryKind;

fn rows(field: &str, values: &[&str]) -> ResultSet {
    let row = |v: &&str| ResultRow {
        fields: vec![(field.into(), Value::str(v))],
    };
    ResultSet {
        kind: QueryKind::Simple,
        columns: Vec::new(),
        grouping: Vec::new(),
        total: values.len() as u64,
        truncated: false,
        aggregated: 0,
        missing: Vec::new(),
        additions: Vec::new(),
        looked_at: Default::default(),
        rows: values.iter().map(row).collect(),
    }
}

fn at(minute: i64, result: &ResultSet) -> Hit<'_> {
    let window_to = Timestamp::from_secs(60 * minute);
    Hit {
        slot_end: window_to,
        window_from: window_to - Duration::minutes(10),
        window_to,
        since: window_to,
        settled: window_to,
        result,
    }
}

#[test]
fn the_condition_compares_the_number_of_rows() {
    let check = |option, value, found: &[&str], fires: bool| {
        let mut spec = spec("user=*");
        spec.incident_condition.condition_option = option;
        spec.incident_condition.condition_value = value;
        let decision = decide(
            &rule(spec),
            &RuleState::default(),
            at(10, &rows("user", found)),
        );
        assert_eq!(
            matches!(decision, Decision::Fired(_)),
            fires,
            "{option:?} {value} {found:?}"
        );
        assert_eq!(decision.rows(), found.len() as u64);
    };
    check(ConditionOption::GreaterThan, 1, &["a"], false);
    check(ConditionOption::GreaterThan, 1, &["a", "b"], true);
    check(ConditionOption::LessThan, 1, &[], true);
    check(ConditionOption::Equals, 0, &[], true);
    check(ConditionOption::NotEqual, 1, &["a"], false);
}

#[test]
fn a_value_is_held_back_for_the_throttling_range() {
    let mut spec = spec("user=*");
    spec.search_params.throttling_enabled = true;
    spec.search_params.throttling_field = "user".into();
    spec.search_params.throttling_time_range = 30;
    let rule = rule(spec);
    let mut state = RuleState::default();
    let mut check = |minute: i64, found: &[&str], fires: bool| match decide(
        &rule,
        &state,
        at(minute, &rows("user", found)),
    ) {
        Decision::Fired(fired) => {
            assert!(fires, "{minute} {found:?}");
            state = fired.state;
        }
        decision => {
            assert!(!fires, "{minute} {found:?}");
            assert_eq!(
                decision,
                Decision::Throttled {
                    rows: found.len() as u64
                }
            );
        }
    };
    check(0, &["ann"], true);
    check(10, &["ann"], false);
    check(20, &["ann", "bob"], true); // bob is new; ann is held back anew
    check(40, &["ann"], false);
    check(49, &["bob", "ann"], false);
    check(50, &["ann"], true);
    assert_eq!(state.throttled.len(), 1, "bob was let go and is forgotten");
}

#[test]
fn a_missing_throttling_field_counts_as_the_empty_value() {
    let mut spec = spec("user=*");
    spec.search_params.throttling_enabled = true;
    spec.search_params.throttling_field = "host".into();
    spec.search_params.throttling_time_range = 5;
    let Decision::Fired(fired) = decide(
        &rule(spec),
        &RuleState::default(),
        at(0, &rows("user", &["ann"])),
    ) else {
        panic!("fires");
    };
    assert_eq!(fired.state.throttled.keys().collect::<Vec<_>>(), [""]);
}

#[test]
fn held_back_values_are_bounded() {
    let mut state = RuleState::default();
    for minute in 0..3 {
        let values = (0..6_000).map(|i| format!("{minute}-{i}")).collect();
        let now = Timestamp::from_secs(60 * minute);
        hold_back(&mut state, values, now, Duration::minutes(60), now);
    }
    assert_eq!(state.throttled.len(), MAX_HELD_BACK);
    assert!(state.throttled.contains_key("2-0"), "the newest stay");
}

#[test]
fn long_values_are_held_back_in_few_bytes() {
    let mut spec = spec("user=*");
    spec.search_params.throttling_enabled = true;
    spec.search_params.throttling_field = "user".into();
    spec.search_params.throttling_time_range = 30;
    let rule = rule(spec);
    // Alike for as long as is readable, and letters of two bytes at each offset of the cut.
    let long = |n: usize| format!("{}{}{n}", "x".repeat(n % 2), "ä".repeat(20_000));
    let values: Vec<String> = (0..1_000).map(long).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let found = rows("user", &values);
    let Decision::Fired(fired) = decide(&rule, &RuleState::default(), at(0, &found)) else {
        panic!("fires");
    };
    assert_eq!(fired.state.throttled.len(), 1_000, "all differ");
    let bytes = serde_json::to_string(&fired.state).unwrap().len();
    assert!(bytes < 400 * 1_000, "{bytes}");
    let again = decide(&rule, &fired.state, at(1, &rows("user", &values[7..8])));
    assert_eq!(again, Decision::Throttled { rows: 1 });
    let other = long(1_000);
    let other = decide(&rule, &fired.state, at(1, &rows("user", &[&other])));
    assert!(matches!(other, Decision::Fired(_)), "{other:?}");
    // What is remembered is not the value that looks like it.
    let remembered = fired.state.throttled.keys().next().unwrap();
    let posing = decide(&rule, &fired.state, at(1, &rows("user", &[remembered])));
    assert!(matches!(posing, Decision::Fired(_)), "{posing:?}");
    assert_eq!(
        resumed(&rule, fired.state.clone(), at(0, &found).window_to),
        fired.state
    );
}

#[test]
fn what_is_remembered_of_disorder_is_bounded() {
    let mut spec = spec("user=*");
    spec.search_params.flush_on_trigger = true;
    let rule = rule(spec);
    let mut state = RuleState::default();
    for minute in (0..150).rev() {
        let values = (0..100).map(|i| format!("{i}")).collect();
        let now = Timestamp::from_secs(60 * minute);
        hold_back(&mut state, values, now, Duration::ZERO, Timestamp::MIN);
    }
    let held: usize = state.held_before.values().map(Vec::len).sum();
    assert!(held > MAX_HELD_BACK / 4, "{held}");
    assert!(held <= MAX_HELD_BACK, "{held}");
    assert_eq!(state.throttled.len(), 100);

    let found = rows("user", &["ann"]);
    let unsettled = |minute| Hit {
        settled: Timestamp::MIN,
        ..at(minute, &found)
    };
    state.fired_before = (0..MAX_FIRED_BEFORE as i64).map(Timestamp).collect();
    note_fired(&mut state, &rule, &unsettled(2));
    note_fired(&mut state, &rule, &unsettled(1));
    assert_eq!(state.fired_before.len(), MAX_FIRED_BEFORE);
    let minute = |n: i64| Timestamp::from_secs(60 * n);
    assert_eq!(state.fired_before.last(), Some(&minute(1)));
    assert_eq!(state.last_fired_slot, Some(minute(2)));
    note_fired(&mut state, &rule, &at(3, &found));
    assert_eq!(state.fired_before, [], "nothing before is open");
}

#[test]
fn nothing_is_remembered_of_the_future() {
    let mut spec = spec("user=*");
    spec.search_params.flush_on_trigger = true;
    spec.search_params.throttling_enabled = true;
    spec.search_params.throttling_field = "user".into();
    spec.search_params.throttling_time_range = 5;
    let rule = rule(spec);
    let secs = Timestamp::from_secs;
    let check = |last_fired: i64, let_go: i64, present: i64, kept: (i64, i64)| {
        let state = RuleState {
            last_fired_slot: Some(secs(last_fired)),
            throttled: [("ann".to_owned(), secs(let_go))].into(),
            ..RuleState::default()
        };
        let state = resumed(&rule, state, secs(present));
        let got = (state.last_fired_slot, state.throttled["ann"]);
        assert_eq!(
            got,
            (Some(secs(kept.0)), secs(kept.1)),
            "{last_fired} at {present}"
        );
    };
    check(600, 700, 630, (600, 700));
    check(1_200, 990, 630, (1_200, 990)); // the present slot
    check(1_200, 990, 590, (1_200, 950)); // within the skew
    check(1_800, 700, 630, (600, 700));
    check(4_070_908_800, 4_070_908_800, 630, (600, 990));
}

#[test]
fn rows_are_cut_to_the_limit_but_counted() {
    let mut spec = spec("user=*");
    spec.search_params.limit = 2;
    let found = rows("user", &["a", "b", "c"]);
    let Decision::Fired(fired) = decide(&rule(spec), &RuleState::default(), at(0, &found)) else {
        panic!("fires");
    };
    assert_eq!((fired.rows.len(), fired.rows_count), (2, 3));
}

#[test]
fn risks_of_rows_are_combined() {
    let check = |field: &str, function, levels: &[&str], expect| {
        let found = rows(field, levels).rows;
        assert_eq!(
            risk(Risk::Medium, function, &found),
            expect,
            "{function:?} {levels:?}"
        );
    };
    check("risk", RiskFunction::Max, &["low", "HIGH"], Risk::High);
    check(
        "risk_level",
        RiskFunction::Min,
        &["critical", "high", "unknown"],
        Risk::High,
    );
    check("risk", RiskFunction::Avg, &["low", "medium"], Risk::Medium);
    check(
        "risk",
        RiskFunction::Avg,
        &["low", "low", "medium"],
        Risk::Low,
    );
    check(
        "risk",
        RiskFunction::Avg,
        &["critical", "critical"],
        Risk::Critical,
    );
    check("risk", RiskFunction::Max, &["", "none"], Risk::Medium);
    check("user", RiskFunction::Max, &["critical"], Risk::Medium);
}
