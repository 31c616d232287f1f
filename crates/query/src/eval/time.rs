//! Functions of one field: parts of a time in the context's time zone, letter case.

use crate::ast::Function;
use cresset_model::{Duration, Timestamp, Value};
use jiff::tz::{AmbiguousOffset, TimeZone};

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The name of a day counted from 1 = Sunday.
pub(crate) fn day_name(number: i64) -> &'static str {
    usize::try_from(number - 1)
        .ok()
        .and_then(|i| DAYS.get(i))
        .copied()
        .unwrap_or("")
}

/// The moment that a value stands for: seconds since the epoch, with or
/// without a fraction, or a date and time in RFC 3339.
pub(crate) fn moment(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.number() {
        let micros = seconds * 1e6;
        return (micros.abs() < 9e18).then_some(Timestamp(micros as i64));
    }
    let Value::Str(text) = value else { return None };
    let parsed: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(parsed.as_microsecond()))
}

/// A part of a time as a number; the day of the week from 1 = Sunday.
pub(crate) fn part(function: Function, value: &Value, zone: &TimeZone) -> Option<i64> {
    let moment = jiff::Timestamp::from_microsecond(moment(value)?.0).ok()?;
    let civil = zone.to_datetime(moment);
    Some(match function {
        Function::Second => i64::from(civil.second()),
        Function::Minute => i64::from(civil.minute()),
        Function::Hour => i64::from(civil.hour()),
        Function::Day => i64::from(civil.day()),
        Function::Month => i64::from(civil.month()),
        Function::DayOfWeek => i64::from(civil.weekday().to_sunday_one_offset()),
        Function::Lower | Function::Upper => return None,
    })
}

/// The value of a function, as it is shown and grouped by: days of the week by name.
pub(crate) fn call(function: Function, value: &Value, zone: &TimeZone) -> Option<Value> {
    match function {
        Function::Lower => Some(Value::from(value.text().to_lowercase())),
        Function::Upper => Some(Value::from(value.text().to_uppercase())),
        Function::DayOfWeek => part(function, value, zone).map(|n| Value::str(day_name(n))),
        _ => part(function, value, zone).map(Value::Int),
    }
}

/// Widths of spans that people expect in a chart, in seconds: 1, 5, 10, 15, 30 minutes,
/// 1, 2, 3, 6, 12 hours, 1, 7, 30 days.
const WIDTHS: [i64; 13] = [
    60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000,
];
/// Spans that a chart over time has at most, if it chooses them itself and need not be wider
/// than the widest.
const SPANS: i64 = 30;

/// The width in seconds of the spans of a chart over so much time: the least of the usual
/// ones that makes no more than 30.
pub(crate) fn width_over(range: Duration) -> i64 {
    let micros = |width: i64| width * 1_000_000;
    let fits = |width: &&i64| range.0 <= micros(**width) * SPANS;
    *WIDTHS.iter().find(fits).unwrap_or(&2_592_000)
}

/// The begin of the span of `width` seconds that holds `at`, in seconds since the epoch.
///
/// Spans begin where local clocks show a multiple of the width, counted from a midnight,
/// so that a day is from midnight to midnight although some have 23 or 25 hours. Where
/// clocks are set back, spans that divide an hour are told apart by their time, and wider
/// ones are longer.
pub(crate) fn bucket(at: Timestamp, width: i64, zone: &TimeZone) -> i64 {
    let seconds = at.secs();
    let offset = offset(seconds, zone);
    let local = seconds.saturating_add(offset);
    let begin = local.div_euclid(width).saturating_mul(width);
    let usual = begin.saturating_sub(offset);
    if 3_600 % width == 0 && self::offset(usual, zone) == offset {
        return usual;
    }
    // Beyond the years that a calendar knows, no clock is set.
    first_shown(begin, zone).unwrap_or(usual)
}

/// What local clocks are ahead of UTC at a time, in seconds.
fn offset(seconds: i64, zone: &TimeZone) -> i64 {
    jiff::Timestamp::from_second(seconds)
        .map_or(0, |moment| i64::from(zone.to_offset(moment).seconds()))
}

/// When local clocks first show a time, or pass over it; the time is written as the
/// seconds since the epoch of a clock at UTC.
fn first_shown(local: i64, zone: &TimeZone) -> Option<i64> {
    let as_utc = jiff::Timestamp::from_second(local).ok()?;
    let shown = zone.to_ambiguous_timestamp(TimeZone::UTC.to_datetime(as_utc));
    let before = match shown.offset() {
        AmbiguousOffset::Unambiguous { offset: before } | AmbiguousOffset::Fold { before, .. } => {
            before
        }
        AmbiguousOffset::Gap { after, .. } => {
            // With the later offset, the time is one shortly before the clocks are set.
            let early = local.checked_sub(i64::from(after.seconds()))?;
            let early = jiff::Timestamp::from_second(early).ok()?;
            return Some(zone.following(early).next()?.timestamp().as_second());
        }
    };
    Some(local - i64::from(before.seconds()))
}
