use super::*;

const DAY: i64 = 86_400;

fn reader(zone: &Zone, now: Timestamp) -> Reader<'_> {
    Reader { zone, now }
}

fn utc(text: &str) -> Timestamp {
    let t: jiff::Timestamp = text.parse().unwrap();
    Timestamp(t.as_microsecond())
}

/// `expect` is empty where nothing must be read.
fn check_in(zone: &str, now: &str, text: &str, expect: &str) {
    let zone = Zone::named(zone).unwrap();
    let found = reader(&zone, utc(now)).text(text);
    let expect = (!expect.is_empty()).then(|| utc(expect));
    assert_eq!(
        found.map(Timestamp::to_rfc3339),
        expect.map(Timestamp::to_rfc3339),
        "{text:?} at {now}"
    );
}

#[test]
fn spellings() {
    let check = |text: &str, expect: &str| check_in("UTC", "2024-06-01T00:00:00Z", text, expect);
    check("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z");
    check(
        "2024-05-06t07:08:09.123456789z",
        "2024-05-06T07:08:09.123456Z",
    );
    check("2024-05-06T07:08:09.5+02:00", "2024-05-06T05:08:09.5Z");
    check("2024-05-06 07:08:09,250", "2024-05-06T07:08:09.25Z");
    check("2024-05-06 07:08:09 +0530", "2024-05-06T01:38:09Z");
    check("2024-05-06 07:08:09-08", "2024-05-06T15:08:09Z");
    check("2024-05-06 07:08:09 UTC", "2024-05-06T07:08:09Z");
    check("2024/05/06 07:08:09", "2024-05-06T07:08:09Z");
    check("2024-05-06", "2024-05-06T00:00:00Z");
    check(" 2024-05-06T07:08:09Z ", "2024-05-06T07:08:09Z");
    check("Sun Dec 04 04:47:44 2005", "2005-12-04T04:47:44Z");
    check(
        "Fri Sep 09 10:42:29.902022 2011",
        "2011-09-09T10:42:29.902022Z",
    );
    check("06/May/2024:07:08:09 +0200", "2024-05-06T05:08:09Z");
    check("Mon, 06 May 2024 07:08:09 GMT", "2024-05-06T07:08:09Z");
    check("6 May 2024 07:08:09 -0100", "2024-05-06T08:08:09Z");
    check("May  6 07:08:09", "2024-05-06T07:08:09Z");
    check("May  6 2021 07:08:09", "2021-05-06T07:08:09Z");
    check("May 06 07:08:09.25", "2024-05-06T07:08:09.25Z");
    check("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z");
    check("1714979289", "2024-05-06T07:08:09Z");
    check("1714979289.25", "2024-05-06T07:08:09.25Z");
    check("1714979289250", "2024-05-06T07:08:09.25Z");
    check("1714979289250000", "2024-05-06T07:08:09.25Z");
    check("1714979289250000999", "2024-05-06T07:08:09.25Z");
    for bad in [
        "",
        "yesterday",
        "2024-13-06T07:08:09Z",
        "2023-02-29T00:00:00Z",
        "2024-05-06T24:00:00Z",
        "2024-05-06T07:08:09Zebra",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "nan",
        "inf",
        "1e300",
        "May 32 07:08:09",
        "2024-05-06T07:08",
        "12:30:00",
        "-",
        "٠٦/May/2024",
    ] {
        check(bad, "");
    }
}

#[test]
fn the_first_and_last_year_are_legal() {
    let zone = Zone::UTC;
    let r = reader(&zone, Timestamp(0));
    let check = |text: &str, micros: Option<i64>| {
        assert_eq!(r.text(text).map(|t| t.0), micros, "{text}");
    };
    check("0001-01-01T00:00:00Z", Some(MIN_MICROS));
    check("9999-12-31T23:59:59.999999Z", Some(MAX_MICROS));
    check("-62135596800", Some(MIN_MICROS));
    check("253402300799", Some(MAX_MICROS - 999_999));
    check("0001-01-01T00:00:00+01:00", None);
    check("9999-12-31T23:59:59-01:00", None);
    let berlin = Zone::named("Europe/Berlin").unwrap();
    let r = reader(&berlin, Timestamp(0));
    assert!(r.text("0001-01-02 00:00:00").is_some());
    assert!(r.text("9999-12-31 23:59:59").is_some());
}

#[test]
fn a_yearless_stamp_takes_the_nearest_year() {
    let check = |now, text, expect| check_in("UTC", now, text, expect);
    check(
        "2025-01-01T00:00:05Z",
        "Dec 31 23:59:58",
        "2024-12-31T23:59:58Z",
    );
    check(
        "2024-12-31T23:59:58Z",
        "Jan  1 00:00:05",
        "2025-01-01T00:00:05Z",
    );
    check(
        "2024-12-31T23:59:58Z",
        "Dec 31 23:59:58",
        "2024-12-31T23:59:58Z",
    );
    check(
        "2025-01-01T00:00:05Z",
        "Jan  1 00:00:05",
        "2025-01-01T00:00:05Z",
    );
    check(
        "2024-06-15T00:00:00Z",
        "Dec 10 06:55:46",
        "2024-12-10T06:55:46Z",
    );
    check(
        "2024-06-01T00:00:00Z",
        "Dec 10 06:55:46",
        "2023-12-10T06:55:46Z",
    );
    check(
        "2025-07-01T00:00:00Z",
        "Feb 29 12:00:00",
        "2024-02-29T12:00:00Z",
    );
    check(
        "2026-11-01T00:00:00Z",
        "Feb 29 12:00:00",
        "2028-02-29T12:00:00Z",
    );
    check(
        "2101-01-01T00:00:00Z",
        "Feb 29 12:00:00",
        "2104-02-29T12:00:00Z",
    );
}

#[test]
fn a_yearless_stamp_is_read_in_the_default_zone() {
    let new_york = |now, text, expect| check_in("America/New_York", now, text, expect);
    // Still the old year in New York when UTC is in the new one.
    new_york(
        "2025-01-01T02:00:00Z",
        "Dec 31 21:00:00",
        "2025-01-01T02:00:00Z",
    );
    new_york(
        "2024-12-31T20:00:00Z",
        "Jan  1 00:00:01",
        "2025-01-01T05:00:01Z",
    );
    let sydney = |now, text, expect| check_in("Australia/Sydney", now, text, expect);
    sydney(
        "2024-12-31T14:00:00Z",
        "Jan  1 01:00:00",
        "2024-12-31T14:00:00Z",
    );
}

#[test]
fn clock_changes() {
    let berlin = |text, expect| check_in("Europe/Berlin", "2024-06-01T00:00:00Z", text, expect);
    berlin("2024-01-15 12:00:00", "2024-01-15T11:00:00Z");
    berlin("2024-07-15 12:00:00", "2024-07-15T10:00:00Z");
    berlin("Mar 31 01:59:59", "2024-03-31T00:59:59Z");
    // In the gap: with the offset that held before.
    berlin("Mar 31 02:30:00", "2024-03-31T01:30:00Z");
    berlin("Mar 31 03:00:00", "2024-03-31T01:00:00Z");
    // Twice that night: the earlier one.
    berlin("2024-10-27 02:30:00", "2024-10-27T00:30:00Z");
    berlin("2024-07-15T12:00:00Z", "2024-07-15T12:00:00Z");
    berlin("2024-06-30 23:59:60", "2024-06-30T22:00:00Z");
}

#[test]
fn values_of_fields() {
    let zone = Zone::UTC;
    let r = reader(&zone, Timestamp::from_secs(DAY));
    let time = |secs| Reading::Time(Timestamp::from_secs(secs));
    let check = |value: Value, ambiguous, expect: Reading| {
        assert_eq!(r.value(&value, ambiguous), expect, "{value:?}");
    };
    check(Value::Int(1_714_979_289), false, time(1_714_979_289));
    check(Value::Float(1_714_979_289.0), false, time(1_714_979_289));
    check(Value::str("1970-01-01T00:00:07Z"), true, time(7));
    check(Value::Int(7), false, time(7));
    check(Value::Int(7), true, Reading::Other);
    check(Value::Float(0.25), true, Reading::Other);
    check(Value::str("0.25"), true, Reading::Other);
    check(Value::str("5 ms"), true, Reading::Unreadable);
    check(Value::Bool(true), false, Reading::Unreadable);
    check(Value::List(vec!["1".into()]), false, Reading::Unreadable);
    check(Value::Float(-1e300), false, Reading::Unreadable);
}

#[test]
fn calendar_agrees_with_jiff() {
    let start = jiff::civil::date(1, 1, 1);
    for n in (0..3_652_000).step_by(37) {
        let d = start.checked_add(jiff::Span::new().days(n)).unwrap();
        let civil = Civil {
            year: d.year().into(),
            month: d.month() as u8,
            day: d.day() as u8,
            hour: 0,
            minute: 0,
            second: 0,
            micros: 0,
        };
        assert!(civil.is_valid());
        assert_eq!(
            civil.utc_micros(),
            MIN_MICROS + i64::from(n) * DAY * 1_000_000,
            "{d}"
        );
        assert!(
            (civil::year_of(civil.utc_micros()) - civil.year).abs() <= 1,
            "{d}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(text in ".{0,40}", zone in 0..2usize) {
        let zone = Zone::named(["UTC", "Europe/Berlin"][zone]).unwrap();
        let r = reader(&zone, Timestamp::from_secs(1_700_000_000));
        let _ = r.text(&text);
        if let Some((_, len)) = take(&text) {
            assert!(text.is_char_boundary(len));
        }
    }

    #[test]
    fn reads_what_jiff_writes(secs in -62_135_596_800i64..253_402_200_000, micros in 0..1_000_000i64) {
        let t = jiff::Timestamp::from_microsecond(secs * 1_000_000 + micros).unwrap();
        let zone = Zone::UTC;
        let found = reader(&zone, Timestamp(0)).text(&t.to_string());
        assert_eq!(found, Some(Timestamp(secs * 1_000_000 + micros)));
    }
}
