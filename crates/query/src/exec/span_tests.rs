//! Where the spans of `timechart` begin.

use super::tests::event;
use crate::{Context, compile};
use cresset_model::Duration;

/// The instants of local times, from `from` on, with the hours that pass between them.
#[track_caller]
fn check_spans(zone: &str, every: &str, events: &[&str], expect: &[(&str, i64)]) {
    let timezone = jiff::tz::TimeZone::get(zone).unwrap();
    let plan = compile(&format!(
        "| timechart count() as c every {every} order by log_ts"
    ))
    .unwrap();
    let ctx = Context {
        timezone,
        ..Context::bare()
    };
    let mut executor = plan.executor(ctx);
    let secs = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    for at in events {
        executor.push(&event(secs(at), ""));
    }
    let rows = executor.finish().rows;
    let found: Vec<(i64, i64)> = rows
        .iter()
        .map(|r| {
            (
                r.value("log_ts").unwrap().number().unwrap() as i64,
                r.value("c").unwrap().number().unwrap() as i64,
            )
        })
        .collect();
    let expect: Vec<(i64, i64)> = expect.iter().map(|(at, n)| (secs(at), *n)).collect();
    assert_eq!(found, expect, "{zone} {every}");
}

#[test]
fn spans_keep_to_the_local_clock() {
    // 2025-03-30, 02:00 became 03:00; 2025-10-26, 03:00 became 02:00.
    let spring = [
        "2025-03-30T00:30+01:00",
        "2025-03-30T12:00+02:00",
        "2025-03-31T00:00+02:00",
    ];
    check_spans(
        "Europe/Berlin",
        "1 day",
        &spring,
        &[("2025-03-30T00:00+01:00", 2), ("2025-03-31T00:00+02:00", 1)],
    );
    check_spans(
        "Europe/Berlin",
        "6 hours",
        &[
            "2025-03-30T01:00+01:00",
            "2025-03-30T05:59+02:00",
            "2025-03-30T06:00+02:00",
        ],
        &[("2025-03-30T00:00+01:00", 2), ("2025-03-30T06:00+02:00", 1)],
    );
    check_spans(
        "Europe/Berlin",
        "1 hour",
        &[
            "2025-03-30T01:59+01:00",
            "2025-03-30T03:00+02:00",
            "2025-03-30T03:59+02:00",
        ],
        &[("2025-03-30T01:00+01:00", 1), ("2025-03-30T03:00+02:00", 2)],
    );
    let autumn = [
        "2025-10-26T02:30+02:00",
        "2025-10-26T02:30+01:00",
        "2025-10-26T23:59+01:00",
    ];
    check_spans(
        "Europe/Berlin",
        "1 day",
        &autumn,
        &[("2025-10-26T00:00+02:00", 3)],
    );
    check_spans(
        "Europe/Berlin",
        "1 hour",
        &autumn[..2],
        &[("2025-10-26T02:00+02:00", 1), ("2025-10-26T02:00+01:00", 1)],
    );
    check_spans(
        "Europe/Berlin",
        "2 hours",
        &autumn[..2],
        &[("2025-10-26T02:00+02:00", 2)],
    );
    check_spans(
        "Europe/Berlin",
        "30 minutes",
        &[
            "2025-10-26T02:29+02:00",
            "2025-10-26T02:30+02:00",
            "2025-10-26T02:00+01:00",
        ],
        &[
            ("2025-10-26T02:00+02:00", 1),
            ("2025-10-26T02:30+02:00", 1),
            ("2025-10-26T02:00+01:00", 1),
        ],
    );
    // No clock showed midnight: 2024-04-26, 00:00 became 01:00.
    check_spans(
        "Africa/Cairo",
        "1 day",
        &["2024-04-26T01:30+03:00", "2024-04-26T20:00+03:00"],
        &[("2024-04-26T01:00+03:00", 2)],
    );
    // Half an hour: 2024-10-06, 02:00 became 02:30.
    check_spans(
        "Australia/Lord_Howe",
        "1 hour",
        &["2024-10-06T01:45+10:30", "2024-10-06T02:40+11:00"],
        &[("2024-10-06T01:00+10:30", 1), ("2024-10-06T02:30+11:00", 1)],
    );
    check_spans(
        "UTC",
        "7 days",
        &["1970-01-07T23:59Z", "1969-12-31T23:00Z"],
        &[("1969-12-25T00:00Z", 1), ("1970-01-01T00:00Z", 1)],
    );
}

/// The spans that a chart chooses over so much time.
#[test]
fn spans_suit_the_time_looked_at() {
    let check = |range: Duration, expect: Duration| {
        let plan = compile("| timechart count() as c order by log_ts").unwrap();
        let mut executor = plan.executor(Context {
            range,
            ..Context::bare()
        });
        let width = expect.0 / 1_000_000;
        // The last second of a span, and the first one of the next.
        for at in [10 * width - 1, 10 * width] {
            executor.push(&event(at, ""));
        }
        let result = executor.finish();
        assert_eq!(result.grouping, ["log_ts"]);
        let begins: Vec<f64> = result
            .rows
            .iter()
            .map(|r| r.value("log_ts").unwrap().number().unwrap())
            .collect();
        let expect = [9.0 * width as f64, 10.0 * width as f64];
        assert_eq!(begins, expect, "{range:?}");
    };
    let (minutes, hours, days) = (Duration::minutes, Duration::hours, Duration::days);
    check(Duration::ZERO, minutes(1));
    check(minutes(30), minutes(1));
    check(minutes(31), minutes(5));
    check(hours(1), minutes(5));
    check(hours(4), minutes(10));
    check(hours(6), minutes(15));
    check(hours(12), minutes(30));
    check(hours(24), hours(1));
    check(days(2), hours(2));
    check(days(3), hours(3));
    check(days(7), hours(6));
    check(days(10), hours(12));
    check(days(30), days(1));
    check(days(365), days(30));
    check(Duration(i64::MAX), days(30));
}
