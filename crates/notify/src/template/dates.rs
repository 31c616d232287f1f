//! The filters `date` and `datetime`.

use super::filters::invalid;
use super::meter::Meter;
use super::variables::Times;
use jiff::tz::TimeZone;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Value};
use std::sync::Arc;

/// Longest format, in bytes.
const MAX_FORMAT: usize = 200;
/// Longest result, in bytes; a format can ask for any padding.
const MAX_RESULT: usize = 1_000;
/// What writing one date counts besides its text, and what each byte of its format.
const DATE: u64 = 256;
const FORMAT_BYTE: u64 = 32;

/// Adds the filters to `env`. `datetime`, and `date` without arguments, write times as the
/// owner of the rule does.
pub(super) fn install(env: &mut Environment<'_>, meter: &Arc<Meter>, times: &Times) {
    let (m, own) = (Arc::clone(meter), times.clone());
    env.add_filter("datetime", move |value: &Value| {
        date(&m, value, &own.format, &own.zone)
    });
    let (m, own) = (Arc::clone(meter), times.clone());
    env.add_filter(
        "date",
        move |value: &Value, format: Option<&str>, name: Option<&str>| {
            let tz = match name.filter(|name| !name.is_empty()) {
                Some(name) => {
                    m.charge(DATE)?;
                    TimeZone::get(name).map_err(|_| invalid(format!("no time zone {name:?}")))?
                }
                None => own.zone.clone(),
            };
            date(&m, value, format.unwrap_or(&own.format), &tz)
        },
    );
}

/// Seconds since the epoch, milliseconds if they would lie after the year 5138, or
/// RFC 3339 text; anything else stays as it is, because a log's field may hold anything.
fn date(meter: &Meter, value: &Value, format: &str, tz: &TimeZone) -> Result<Value, Error> {
    if format.len() > MAX_FORMAT {
        return Err(invalid(format!(
            "the date format is longer than {MAX_FORMAT} bytes"
        )));
    }
    meter.weigh(value)?;
    meter.charge(DATE + FORMAT_BYTE * format.len() as u64)?;
    let number = match value.as_str() {
        Some(text) => cresset_model::event::parse_number(text.trim()),
        None if value.kind() == ValueKind::Number => f64::try_from(value.clone()).ok(),
        None => None,
    };
    let moment = match number {
        Some(n) if n.abs() >= 1e11 => jiff::Timestamp::from_millisecond(n as i64).ok(),
        Some(n) => jiff::Timestamp::from_microsecond((n * 1e6) as i64).ok(),
        None => value.as_str().and_then(|text| text.trim().parse().ok()),
    };
    let Some(moment) = moment else {
        return Ok(value.clone());
    };
    let text = jiff::fmt::strtime::format(format, &moment.to_zoned(tz.clone()))
        .map_err(|error| invalid(format!("date format {format:?}: {error}")))?;
    meter.charge(text.len() as u64)?;
    if text.len() > MAX_RESULT {
        return Err(invalid(format!(
            "a date is longer than {MAX_RESULT} bytes; use less padding"
        )));
    }
    Ok(Value::from(text))
}
