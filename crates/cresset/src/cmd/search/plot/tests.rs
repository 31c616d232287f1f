//! Plots as people see them.

use super::*;
use serde_json::json;

fn rows(value: Value) -> Vec<Row> {
    serde_json::from_value(value).unwrap()
}

fn summary(kind: &str, grouping: &[&str], columns: &[&str]) -> Summary {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Summary {
        query_type: kind.to_owned(),
        grouping: names(grouping),
        columns: names(columns),
        ..Summary::default()
    }
}

fn screen(width: usize) -> Screen {
    Screen {
        width: Some(width),
        colours: false,
    }
}

#[test]
fn a_chart() {
    let chart = summary("chart", &["user", "host"], &["cnt", "ratio"]);
    let rows = rows(json!([
        {"user": "SYSTEM", "host": "DESKTOP-1.example.com", "cnt": 1_234_567, "ratio": 0.25},
        {"user": "\u{1b}[31mÄnne", "host": "日本語ホスト", "cnt": 617_283, "ratio": 12.5},
        {"user": "bob", "host": ["a", "b"], "cnt": 1, "ratio": 1},
        {"user": "", "host": "x", "cnt": 0},
    ]));
    insta::assert_snapshot!("chart", plot(&chart, &rows, screen(80)).unwrap());
    let narrow = plot(&chart, &rows, screen(64)).unwrap();
    insta::assert_snapshot!("chart_narrow", narrow);
    for line in narrow.lines() {
        assert!(width(line) <= 64, "{line}");
    }
}

#[test]
fn a_chart_of_one_number() {
    let chart = summary("chart", &[], &["count()"]);
    let rows = rows(json!([{"count()": 42}]));
    insta::assert_snapshot!("one_number", plot(&chart, &rows, screen(40)).unwrap());
}

#[test]
fn a_timechart_has_its_gaps() {
    let chart = summary("timechart", &[], &["count()"]);
    // Largest first, as a timechart without an order comes.
    let rows = rows(json!([
        {"log_ts": 1_772_442_000, "count()": 40},
        {"log_ts": 1_772_438_400, "count()": 10},
        {"log_ts": 1_772_456_400, "count()": 7},
    ]));
    insta::assert_snapshot!("timechart", plot(&chart, &rows, screen(60)).unwrap());
}

#[test]
fn a_timechart_by_groups_of_a_long_time_draws_no_gaps() {
    let chart = summary("timechart", &["user"], &["c"]);
    let rows = rows(json!([
        {"log_ts": 0, "user": "a", "c": 1},
        {"log_ts": 0, "user": "b", "c": 2},
        {"log_ts": 60, "user": "a", "c": 3},
        {"log_ts": 1_772_456_400, "user": "b", "c": 4},
    ]));
    insta::assert_snapshot!("timechart_groups", plot(&chart, &rows, screen(60)).unwrap());
}

#[test]
fn colours_are_around_bars_only() {
    let chart = summary("chart", &["u"], &["c"]);
    let rows = rows(json!([{"u": "a", "c": 2}, {"u": "b", "c": 1}]));
    let mut coloured = screen(30);
    coloured.colours = true;
    let drawn = plot(&chart, &rows, coloured).unwrap();
    let without = drawn.replace(COLOUR, "").replace(PLAIN, "");
    assert_eq!(drawn.matches(COLOUR).count(), 2);
    assert_eq!(without, plot(&chart, &rows, screen(30)).unwrap());
}

#[test]
fn what_has_no_numbers_is_no_plot() {
    let chart = summary("chart", &["u"], &["names"]);
    let texts = rows(json!([{"u": "a", "names": ["x", "y"]}]));
    assert_eq!(plot(&chart, &texts, screen(80)), None);
    assert_eq!(plot(&chart, &[], screen(80)), None);
    // The first that has them is drawn.
    let chart = summary("chart", &["u"], &["names", "c"]);
    let mixed = rows(json!([{"u": "a", "names": ["x", "y"], "c": 3}]));
    insta::assert_snapshot!("second_column", plot(&chart, &mixed, screen(50)).unwrap());
}
