//! Times as logs write them.
//!
//! [`take`] reads a time at the start of a text, [`Reader`] turns it into a
//! [`Timestamp`] with a zone and, for stamps without a year, the present.

mod civil;
mod formats;
#[cfg(test)]
mod tests;

pub(crate) use civil::{Civil, Zone};
pub(crate) use formats::take;

use cresset_model::{Timestamp, Value};

/// First microsecond of the year 1.
const MIN_MICROS: i64 = -62_135_596_800_000_000;
/// Last microsecond of the year 9999.
const MAX_MICROS: i64 = 253_402_300_799_999_999;
/// Seconds since the epoch beyond the year 9999: a larger number counts something finer.
const SECONDS_END: i64 = 253_402_300_800;
/// Numbers below are rather durations or counters, where a field's name leaves it open.
const AMBIGUOUS_BELOW: f64 = 1e8;

/// A time before its zone and year are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// Microseconds since the epoch, from a stamp with a zone.
    Instant(i64),
    /// A wall clock somewhere.
    Local(Civil),
    /// A wall clock without a year; `Civil::year` means nothing.
    Yearless(Civil),
}

/// What a field that should hold a time holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A time.
    Time(Timestamp),
    /// Something that should be a time and is none.
    Unreadable,
    /// Something that is not meant as one.
    Other,
}

/// What is needed to make sense of a stamp.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// Zone of stamps that name none.
    pub(crate) zone: &'a Zone,
    /// The present; a yearless stamp takes the year nearest to it.
    pub(crate) now: Timestamp,
}

impl Reader<'_> {
    /// The moment of `stamp`, if it lies in the years 1 to 9999.
    pub(crate) fn resolve(&self, stamp: Stamp) -> Option<Timestamp> {
        match stamp {
            Stamp::Instant(micros) => in_range(micros),
            Stamp::Local(civil) => self.zone.micros(&civil).and_then(in_range),
            Stamp::Yearless(civil) => self.nearest(civil),
        }
    }

    /// Reads a whole text: a stamp, a date or a number since the epoch.
    pub(crate) fn text(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim();
        if let Some((stamp, len)) = take(text)
            && len == text.len()
        {
            return self.resolve(stamp);
        }
        if let Some(civil) = formats::date(text) {
            return self.resolve(Stamp::Local(civil));
        }
        match text.parse::<i64>() {
            Ok(n) => integer(n),
            Err(_) => cresset_model::event::parse_number(text).and_then(float),
        }
    }

    /// Reads the value of a field that should hold a time. An `ambiguous` field that
    /// holds a small number is about something else.
    pub(crate) fn value(&self, value: &Value, ambiguous: bool) -> Reading {
        let number = match value {
            Value::Int(n) => Some(*n as f64),
            Value::Float(n) => Some(*n),
            Value::Str(s) if ambiguous => cresset_model::event::parse_number(s.trim()),
            _ => None,
        };
        if ambiguous && number.is_some_and(|n| n.abs() < AMBIGUOUS_BELOW) {
            return Reading::Other;
        }
        let time = match value {
            Value::Str(s) => self.text(s),
            Value::Int(n) => integer(*n),
            Value::Float(n) => float(*n),
            Value::Bool(_) | Value::List(_) => None,
        };
        time.map_or(Reading::Unreadable, Reading::Time)
    }

    fn nearest(&self, civil: Civil) -> Option<Timestamp> {
        let this_year = civil::year_of(self.now.0);
        // 29 February has a year only now and then, at worst eight years away.
        [1, 8].into_iter().find_map(|span| {
            (this_year - span..=this_year + span)
                .filter_map(|year| {
                    let civil = Civil { year, ..civil };
                    civil
                        .is_valid()
                        .then(|| self.zone.micros(&civil).and_then(in_range))?
                })
                .min_by_key(|t| t.0.abs_diff(self.now.0))
        })
    }
}

/// The moment, if it lies in the years 1 to 9999.
pub(crate) fn in_range(micros: i64) -> Option<Timestamp> {
    (MIN_MICROS..=MAX_MICROS)
        .contains(&micros)
        .then_some(Timestamp(micros))
}

/// Seconds, milliseconds, microseconds or nanoseconds since the epoch, by size.
fn integer(n: i64) -> Option<Timestamp> {
    let size = n.unsigned_abs();
    let end = SECONDS_END.unsigned_abs();
    let micros = if size < end {
        n.checked_mul(1_000_000)?
    } else if size < end * 1_000 {
        n.checked_mul(1_000)?
    } else if size < end * 1_000_000 {
        n
    } else {
        n.div_euclid(1_000)
    };
    in_range(micros)
}

fn float(n: f64) -> Option<Timestamp> {
    let end = SECONDS_END as f64;
    let scale = if n.abs() < end {
        1e6
    } else if n.abs() < end * 1e3 {
        1e3
    } else if n.abs() < end * 1e6 {
        1.0
    } else {
        1e-3
    };
    in_range((n * scale).round() as i64)
}
