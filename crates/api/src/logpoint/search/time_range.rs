//! The forms of `time_range` (spec/logpoint-api.md §5.2).

use cresset_model::{Duration, Timestamp};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use serde_json::Value;

/// A span of event time: after `from`, up to and including `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// What the client sees as `time_range`: whole seconds, both included.
impl Window {
    pub(super) fn to_wire(self) -> [i64; 2] {
        [(self.from + Duration(1)).secs(), self.to.secs()]
    }
}

/// What is accepted, for error messages.
const FORMS: &str = "time_range must be [from, to] in seconds since 1970, \"Last 24 hours\" \
    (minutes, hours, days, weeks, months or years), or \
    \"2026/01/31 00:00:00 To 2026/02/01 00:00:00\"";

/// Reads a time range. Texts are in the user's time zone.
pub(super) fn parse(value: &Value, now: Timestamp, zone: &TimeZone) -> Result<Window, String> {
    let window = match value {
        Value::Array(ends) => epochs(ends),
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            match text.strip_prefix("last ") {
                Some(span) => relative(span.trim(), now, zone),
                None => absolute(&text, zone),
            }
        }
        _ => None,
    };
    let window = window.ok_or(FORMS)?;
    if window.from >= window.to {
        return Err("time_range must end after it begins".to_owned());
    }
    Ok(window)
}

/// Both ends count, so the window begins just before the first second.
fn inclusive(from: Timestamp, to: Timestamp) -> Window {
    Window {
        from: from - Duration(1),
        to,
    }
}

fn epochs(ends: &[Value]) -> Option<Window> {
    let [from, to] = ends else { return None };
    Some(inclusive(epoch(from)?, epoch(to)?))
}

/// Seconds since 1970 as a number, or as the text of one.
pub(crate) fn epoch(value: &Value) -> Option<Timestamp> {
    const YEAR_10000: f64 = 253_402_300_800.0;
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => cresset_model::event::parse_number(text.trim())?,
        _ => return None,
    };
    let plausible = (-YEAR_10000..YEAR_10000).contains(&seconds);
    plausible.then(|| Timestamp((seconds * 1e6).round() as i64))
}

fn relative(span: &str, now: Timestamp, zone: &TimeZone) -> Option<Window> {
    let mut words = span.split_whitespace();
    let (first, second) = (words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    let (count, unit) = match second {
        Some(unit) => (first.parse::<u32>().ok().filter(|n| *n > 0)?, unit),
        None => (1, first),
    };
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    let count = i64::from(count);
    let from = match unit {
        "second" => now - Duration::seconds(count),
        "minute" => now - Duration::minutes(count),
        "hour" => now - Duration::hours(count),
        "day" => now - Duration::days(count),
        "week" => now - Duration::days(count.checked_mul(7)?),
        // Months and years differ in length, so they are counted on the calendar.
        "month" => back(now, Span::new().try_months(count).ok()?, zone)?,
        "year" => back(now, Span::new().try_years(count).ok()?, zone)?,
        _ => return None,
    };
    Some(Window { from, to: now })
}

fn back(now: Timestamp, span: Span, zone: &TimeZone) -> Option<Timestamp> {
    let now = jiff::Timestamp::from_microsecond(now.0).ok()?;
    let from: Zoned = now.to_zoned(zone.clone()).checked_sub(span).ok()?;
    Some(Timestamp(from.timestamp().as_microsecond()))
}

fn absolute(text: &str, zone: &TimeZone) -> Option<Window> {
    let (from, to) = text.split_once(" to ")?;
    Some(inclusive(
        moment(from.trim(), zone)?,
        moment(to.trim(), zone)?,
    ))
}

/// `2012/08/12 13:00:00`, `2012/08/12 01:00:00 pm`, `2012/08/12 13:00`, `2012/08/12`;
/// `-` between the parts of the date is fine too.
fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let (date, clock, half) = (words.next()?, words.next(), words.next());
    if words.next().is_some() {
        return None;
    }
    let civil = DateTime::from_parts(date_of(date)?, time_of(clock.unwrap_or("0:00"), half)?);
    let zoned = civil.to_zoned(zone.clone()).ok()?;
    Some(Timestamp(zoned.timestamp().as_microsecond()))
}

fn date_of(text: &str) -> Option<Date> {
    let mut parts = text.split(['/', '-']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn time_of(clock: &str, half: Option<&str>) -> Option<Time> {
    let mut parts = clock.split(':');
    let (hour, minute) = (
        parts.next()?.parse::<i8>().ok()?,
        parts.next()?.parse().ok()?,
    );
    let second = parts.next().map_or(Some(0), |text| text.parse().ok())?;
    let hour = match half {
        None => hour,
        Some("am") if (1..=12).contains(&hour) => hour % 12,
        Some("pm") if (1..=12).contains(&hour) => hour % 12 + 12,
        Some(_) => return None,
    };
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// 2024-03-31T12:00:00Z; in Berlin summer time began that night.
    const NOW: i64 = 1_711_886_400;

    fn check(value: Value, zone: &str, expected: Option<(i64, i64)>) {
        let zone = TimeZone::get(zone).unwrap();
        let found = parse(&value, Timestamp::from_secs(NOW), &zone).ok();
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
}
