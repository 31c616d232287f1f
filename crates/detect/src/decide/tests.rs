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
        rows: values.iter().map(row).collect(),
    }
}

fn at(minute: i64, result: &ResultSet) -> Hit<'_> {
    let window_to = Timestamp::from_secs(60 * minute);
    Hit {
        slot_end: window_to,
        window_from: window_to - Duration::minutes(10),
        window_to,
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
        hold_back(&mut state, values, now, now + Duration::minutes(60));
    }
    assert_eq!(state.throttled.len(), MAX_HELD_BACK);
    assert!(state.throttled.contains_key("2-0"), "the newest stay");
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
