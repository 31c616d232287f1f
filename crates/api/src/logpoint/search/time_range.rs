//! The forms of `time_range` (spec/logpoint-api.md §5.2).

use cresset_model::user::{DateFormat, User};
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

/// How a user writes times.
#[derive(Debug, Clone)]
pub(super) struct Custom {
    pub(super) zone: TimeZone,
    pub(super) dates: DateFormat,
}

impl Custom {
    pub(super) fn of(user: &User) -> Self {
        Self {
            zone: TimeZone::get(&user.timezone).unwrap_or(TimeZone::UTC),
            dates: user.date_format,
        }
    }

    /// What is accepted, for error messages.
    fn forms(&self) -> String {
        let date = |day: &str| {
            let format = self.dates.as_str().replace("%Y", "2026");
            format.replace("%m", "01").replace("%d", day)
        };
        format!(
            "time_range must be [from, to] in seconds since 1970, \"Last 24 hours\" (minutes, \
             hours, days, weeks, months or years), or \"{} 00:00:00 To {} 11:30:00 PM\"",
            date("30"),
            date("31")
        )
    }
}

/// Reads a time range. Texts are in the user's time zone and date format.
pub(super) fn parse(value: &Value, now: Timestamp, custom: &Custom) -> Result<Window, String> {
    let window = match value {
        Value::Array(ends) => epochs(ends),
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            match text.strip_prefix("last ") {
                Some(span) => relative(span.trim(), now, &custom.zone),
                None => absolute(&text, custom),
            }
        }
        _ => None,
    };
    let window = window.ok_or_else(|| custom.forms())?;
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

fn absolute(text: &str, custom: &Custom) -> Option<Window> {
    let (from, to) = text.split_once(" to ")?;
    Some(inclusive(
        moment(from.trim(), custom, End::First)?,
        moment(to.trim(), custom, End::Last)?,
    ))
}

/// Which end of a range a moment is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// A date as the user writes it, then perhaps a time: `13:00:00`, `13:00`, `1:00 pm`, `01:00:00pm`.
fn moment(text: &str, custom: &Custom, end: End) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let (date, clock, half) = (words.next()?, words.next(), words.next());
    if words.next().is_some() {
        return None;
    }
    let (clock, half) = match (clock.unwrap_or("0:00"), half) {
        (clock, None) if clock.ends_with(['m']) => {
            let at = clock.len().checked_sub(2)?;
            (clock.get(..at)?, clock.get(at..))
        }
        given => given,
    };
    let date = date_of(date, custom.dates)?;
    let civil = DateTime::from_parts(date, time_of(clock, half)?);
    let found = custom.zone.to_ambiguous_zoned(civil);
    // An hour that the clocks repeat belongs to the range both times.
    let zoned = match end {
        End::First => found.compatible(),
        End::Last => found.later(),
    };
    let zoned = zoned.ok()?;
    Some(Timestamp(zoned.timestamp().as_microsecond()))
}

/// A date with `/`, `-` or `.` between its parts. One that begins with the year cannot be
/// misread, so it is accepted whatever the user's format is.
fn date_of(text: &str, format: DateFormat) -> Option<Date> {
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let [first, _, _] = parts[..] else {
        return None;
    };
    let year_first = first.len() == 4;
    let (mut year, mut month, mut day) = (None, None, None);
    let format = if year_first {
        DateFormat::default()
    } else {
        format
    };
    for (letter, part) in format.order().zip(parts) {
        match letter {
            'Y' => year = part.parse().ok().filter(|_| part.len() == 4),
            'm' => month = part.parse().ok(),
            _ => day = part.parse().ok(),
        }
    }
    Date::new(year?, month?, day?).ok()
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
mod tests;
