//! Calendar arithmetic, and zones.
//!
//! UTC and fixed offsets are computed here: it is the hot path, and jiff's range
//! ends a day before the year 9999 does. Named zones are jiff's.

use jiff::tz::TimeZone;

const DAY_MICROS: i64 = 86_400_000_000;

/// A date and time of day on some wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i32,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    /// Up to 60, because of leap seconds.
    pub(crate) second: u8,
    pub(crate) micros: u32,
}

impl Civil {
    /// True if the calendar has that day and the clock that time.
    pub(crate) fn is_valid(&self) -> bool {
        (1..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && self.day >= 1
            && self.day <= days_in_month(self.year, self.month)
            && self.hour <= 23
            && self.minute <= 59
            && self.second <= 60
    }

    /// Microseconds since the epoch if the clock shows UTC.
    pub(crate) fn utc_micros(&self) -> i64 {
        let seconds =
            i64::from(self.hour) * 3_600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days(self.year, self.month, self.day) * DAY_MICROS
            + seconds * 1_000_000
            + i64::from(self.micros)
    }
}

fn days_in_month(year: i32, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the epoch to a date of the proleptic Gregorian calendar. Years are
/// counted from March, so that the leap day is the last of its year.
fn days(year: i32, month: u8, day: u8) -> i64 {
    let y = i64::from(year) - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let months_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * months_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The year of a moment in UTC; one off at the turn of the year is good enough.
pub(crate) fn year_of(micros: i64) -> i32 {
    let days = micros.div_euclid(DAY_MICROS);
    (1970.0 + days as f64 / 365.2425).floor() as i32
}

/// A zone for wall clocks.
#[derive(Debug, Clone)]
pub(crate) struct Zone(Option<TimeZone>);

impl Zone {
    /// Coordinated universal time.
    pub(crate) const UTC: Self = Self(None);

    /// The zone of an IANA name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if matches!(name, "UTC" | "Etc/UTC" | "Z") {
            return Some(Self::UTC);
        }
        TimeZone::get(name).ok().map(|tz| Self(Some(tz)))
    }

    /// Microseconds since the epoch. A time in the gap of a clock change counts
    /// with the offset before it, a doubled time is the earlier one.
    pub(crate) fn micros(&self, civil: &Civil) -> Option<i64> {
        let Some(tz) = &self.0 else {
            return Some(civil.utc_micros());
        };
        let leap = civil.second == 60;
        let dt = jiff::civil::DateTime::new(
            i16::try_from(civil.year).ok()?,
            civil.month.cast_signed(),
            civil.day.cast_signed(),
            civil.hour.cast_signed(),
            civil.minute.cast_signed(),
            if leap { 59 } else { civil.second.cast_signed() },
            (civil.micros * 1_000).cast_signed(),
        )
        .ok()?;
        // At the very ends of jiff's range the offset is not known: UTC is nearest.
        let micros = tz
            .to_ambiguous_timestamp(dt)
            .compatible()
            .map_or_else(|_| civil.utc_micros(), jiff::Timestamp::as_microsecond);
        Some(if leap { micros + 1_000_000 } else { micros })
    }
}
