//! Functions of one field: parts of a time in the context's time zone, letter case.

use crate::ast::Function;
use cresset_model::Timestamp;
use cresset_model::Value;
use jiff::tz::TimeZone;

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

/// The begin of the span of `width` seconds that holds `at`, in seconds. Spans
/// are aligned to local midnight.
pub(crate) fn bucket(at: Timestamp, width: i64, zone: &TimeZone) -> i64 {
    let seconds = at.secs();
    let offset = jiff::Timestamp::from_second(seconds)
        .map_or(0, |moment| i64::from(zone.to_offset(moment).seconds()));
    let local = seconds.saturating_add(offset);
    local
        .div_euclid(width)
        .saturating_mul(width)
        .saturating_sub(offset)
}
