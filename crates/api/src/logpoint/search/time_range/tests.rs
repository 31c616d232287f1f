use super::*;
use serde_json::json;

/// 2024-03-31T12:00:00Z; in Berlin summer time began that night.
const NOW: i64 = 1_711_886_400;

fn check(value: Value, zone: &str, expected: Option<(i64, i64)>) {
    check_format(value, zone, "%Y/%m/%d", expected);
}

fn check_format(value: Value, zone: &str, format: &str, expected: Option<(i64, i64)>) {
    let custom = Custom {
        zone: TimeZone::get(zone).unwrap(),
        dates: format.parse().unwrap(),
    };
    let found = parse(&value, Timestamp::from_secs(NOW), &custom).ok();
    assert_eq!(
        found.map(|w| (w.to_wire()[0], w.to_wire()[1])),
        expected,
        "{value}"
    );
}

#[test]
fn relative_forms() {
    let last = |text: &str, seconds: i64| {
        check(json!(text), "UTC", Some((NOW - seconds, NOW)));
    };
    last("Last hour", 3600);
    last("Last 1 hour", 3600);
    last("LAST 24 HOURS", 86400);
    last("last 10 minutes", 600);
    last("Last 1 minutes", 60);
    last("Last 30 days", 30 * 86400);
    last("Last 365 days", 365 * 86400);
    last("  Last   2  weeks ", 14 * 86400);
    last("Last 1 month", 31 * 86400); // 31 March minus a month is 29 February
    last("Last year", 366 * 86400);
    last("Last 30 seconds", 30);
}

#[test]
fn calendar_months_follow_the_users_zone() {
    // Noon in Berlin was 11:00 UTC before summer time.
    check(
        json!("Last 1 month"),
        "Europe/Berlin",
        Some((NOW - 31 * 86400 + 3600, NOW)),
    );
}

#[test]
fn absolute_forms() {
    let day = (1_344_729_600, 1_344_902_400);
    check(
        json!([1_714_986_600, 1_715_031_000]),
        "UTC",
        Some((1_714_986_600, 1_715_031_000)),
    );
    check(json!([1.5, 3.25]), "UTC", Some((1, 3)));
    check(json!(["10", "20"]), "UTC", Some((10, 20)));
    check(
        json!("2012/08/12 00:00:00 To 2012/08/14 00:00:00"),
        "UTC",
        Some(day),
    );
    check(
        json!("2012/08/12 12:00:00 AM To 2012/08/14 12:00:00 AM"),
        "UTC",
        Some(day),
    );
    check(json!("2012/08/12 to 2012-08-14 00:00"), "UTC", Some(day));
    check(
        json!("2012/08/12 12:00:00 PM TO 2012/08/13 11:00:00 pm"),
        "UTC",
        Some((day.0 + 43200, day.0 + 86400 + 82800)),
    );
    check(
        json!("2012/08/12 00:00:00 To 2012/08/14 00:00:00"),
        "Europe/Berlin",
        Some((day.0 - 7200, day.1 - 7200)),
    );
}

#[test]
fn what_is_refused() {
    for value in [
        json!(null),
        json!(""),
        json!("Last"),
        json!("Last 0 hours"),
        json!("Last -1 hours"),
        json!("Last 5 parsecs"),
        json!("Last 1 2 hours"),
        json!("Last 4294967295 years"),
        json!("yesterday"),
        json!([]),
        json!([1]),
        json!([2, 1]),
        json!([1, 2, 3]),
        json!([1e300, 2e300]),
        json!([null, 1]),
        json!([true, false]),
        json!("2012/13/01 00:00:00 To 2013/01/01 00:00:00"),
        json!("2012/08/12 13:00:00 PM To 2013/01/01 00:00:00"),
        json!("2012/08/12 24:00:00 To 2013/01/01 00:00:00"),
        json!("2013/01/01 00:00:00 To 2012/01/01 00:00:00"),
        json!({"from": 1}),
    ] {
        check(value, "UTC", None);
    }
}

#[test]
fn dates_in_the_users_format() {
    // 3 to 4 May 2012.
    let (from, to) = (1_336_003_200, 1_336_089_600);
    let check = |format: &str, text: &str, expected: bool| {
        let expected = expected.then_some((from, to));
        check_format(json!(text), "UTC", format, expected);
    };
    for (format, text) in [
        ("%Y/%m/%d", "2012/05/03 00:00:00 To 2012/05/04 00:00:00"),
        ("%d/%m/%Y", "03/05/2012 00:00:00 To 04/05/2012 00:00:00"),
        ("%m/%d/%Y", "05/03/2012 00:00:00 To 05/04/2012 00:00:00"),
        ("%Y-%m-%d", "2012-05-03 00:00:00 To 2012-05-04 00:00:00"),
        ("%d.%m.%Y", "3.5.2012 To 4.5.2012"),
        (
            "%m-%d-%Y",
            "05-03-2012 12:00:00 AM To 05-04-2012 12:00:00 AM",
        ),
        ("%d/%m/%Y", "03/05/2012 12:00 am to 04/05/2012 12:00:00am"),
    ] {
        check(format, text, true);
        // What begins with the year is read in every format.
        check(format, "2012/05/03 00:00:00 To 2012/05/04 00:00:00", true);
    }
    for (format, text) in [
        ("%Y/%m/%d", "03/05/2012 To 04/05/2012"),
        ("%d/%m/%Y", "05/13/2012 To 05/14/2012"),
        ("%d/%m/%Y", "03/05/12 To 04/05/12"),
        ("%m/%d/%Y", "13/03/2012 To 13/04/2012"),
        ("%m/%d/%Y", "05/03 To 05/04"),
        ("%d/%m/%Y", "03/05/2012 m To 04/05/2012 am"),
    ] {
        check(format, text, false);
    }
    check_format(
        json!("03/05/2012 02:00:00 AM To 04/05/2012 02:00:00 AM"),
        "Europe/Berlin",
        "%d/%m/%Y",
        Some((from, to)),
    );
}

#[test]
fn the_message_shows_the_users_format() {
    let custom = Custom {
        zone: TimeZone::UTC,
        dates: "%d.%m.%Y".parse().unwrap(),
    };
    let refused = parse(&json!("yesterday"), Timestamp::from_secs(NOW), &custom).unwrap_err();
    assert!(refused.contains("30.01.2026"), "{refused}");
}

/// 2026-11-01 in New York has the hour from one to two twice, 2026-03-08 that from two to three never.
#[test]
fn hours_that_the_clocks_repeat_or_leave_out() {
    let zone = "America/New_York";
    let utc = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let twice = json!("2026/11/01 01:00:00 To 2026/11/01 01:59:59");
    let both = (utc("2026-11-01T05:00:00Z"), utc("2026-11-01T06:59:59Z"));
    check(twice, zone, Some(both));
    let never = json!("2026/03/08 02:00:00 To 2026/03/08 02:30:00");
    let after = (utc("2026-03-08T07:00:00Z"), utc("2026-03-08T07:30:00Z"));
    check(never, zone, Some(after));
}
