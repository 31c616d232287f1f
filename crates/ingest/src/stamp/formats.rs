//! The spellings of a time.

use super::{Civil, Stamp};

/// Reads a time at the start of `text`: the stamp and its length in bytes.
///
/// Understood are RFC 3339 and its relatives with a blank, a slash, a comma or no
/// zone, syslog stamps with and without a year, `ctime` as Apache's error log has
/// it, Apache's access log, and mail dates.
pub(crate) fn take(text: &str) -> Option<(Stamp, usize)> {
    let scan = Scan {
        bytes: text.as_bytes(),
        at: 0,
    };
    match scan.bytes.first()? {
        b'0'..=b'9' => iso(scan)
            .or_else(|| access_log(scan))
            .or_else(|| mail(scan)),
        b'A'..=b'Z' => named(scan),
        _ => None,
    }
}

/// Reads a text that is a date and nothing else.
pub(crate) fn date(text: &str) -> Option<Civil> {
    let mut s = Scan {
        bytes: text.as_bytes(),
        at: 0,
    };
    let (year, month, day) = s.iso_date()?;
    s.at_end()
        .then(|| checked(year, month, day, (0, 0, 0, 0)))?
}

/// Hour, minute, second, microseconds.
type Time = (u8, u8, u8, u32);

fn checked(year: i32, month: u8, day: u8, (hour, minute, second, micros): Time) -> Option<Civil> {
    let civil = Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        micros,
    };
    civil.is_valid().then_some(civil)
}

/// `2024-05-06T07:08:09.123+02:00`
fn iso(mut s: Scan<'_>) -> Option<(Stamp, usize)> {
    let (year, month, day) = s.iso_date()?;
    if !matches!(s.next()?, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let time = s.time()?;
    let civil = checked(year, month, day, time)?;
    Some((s.zoned(civil), s.at))
}

/// `06/May/2024:07:08:09 +0200`
fn access_log(mut s: Scan<'_>) -> Option<(Stamp, usize)> {
    let day = s.digits(2)?;
    s.byte(b'/')?;
    let month = s.month()?;
    s.byte(b'/')?;
    let year = s.digits(4)?;
    s.byte(b':')?;
    let time = s.time()?;
    let civil = checked(year.cast_signed(), month, day as u8, time)?;
    Some((s.zoned(civil), s.at))
}

/// `6 May 2024 07:08:09 GMT`
fn mail(mut s: Scan<'_>) -> Option<(Stamp, usize)> {
    let day = s.day()?;
    s.byte(b' ')?;
    let month = s.month()?;
    s.byte(b' ')?;
    let year = s.digits(4)?;
    s.byte(b' ')?;
    let time = s.time()?;
    let civil = checked(year.cast_signed(), month, day, time)?;
    Some((s.zoned(civil), s.at))
}

/// What starts with the name of a month or a weekday.
fn named(mut s: Scan<'_>) -> Option<(Stamp, usize)> {
    let weekday = s.weekday();
    if weekday && s.byte(b',').is_some() {
        s.byte(b' ')?;
        return mail(s);
    }
    if weekday {
        s.byte(b' ')?;
    }
    let month = s.month()?;
    s.byte(b' ')?;
    let day = s.day()?;
    s.byte(b' ')?;
    let early_year = s.year_before_time();
    let time = s.time()?;
    let late_year = || {
        let mut ahead = s;
        ahead.byte(b' ')?;
        Some((ahead.digits(4)?, ahead.at))
    };
    let (year, end) = match early_year {
        Some(year) => (Some(year), s.at),
        None if weekday => late_year().map_or((None, s.at), |(year, end)| (Some(year), end)),
        None => (None, s.at),
    };
    match year {
        Some(year) => {
            let civil = checked(year.cast_signed(), month, day, time)?;
            s.at = end;
            Some((s.zoned(civil), s.at))
        }
        // A leap year accepts every day that any year has.
        None => Some((Stamp::Yearless(checked(2000, month, day, time)?), end)),
    }
}

#[derive(Clone, Copy)]
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn next(&mut self) -> Option<u8> {
        let b = self.peek()?;
        self.at += 1;
        Some(b)
    }

    fn byte(&mut self, b: u8) -> Option<()> {
        (self.peek()? == b).then(|| self.at += 1)
    }

    fn digits(&mut self, n: usize) -> Option<u32> {
        let slice = self.bytes.get(self.at..self.at + n)?;
        let mut value = 0;
        for b in slice {
            if !b.is_ascii_digit() {
                return None;
            }
            value = value * 10 + u32::from(b - b'0');
        }
        self.at += n;
        Some(value)
    }

    /// One or two digits, or a blank and one digit.
    fn day(&mut self) -> Option<u8> {
        if self.peek()? == b' ' {
            self.at += 1;
        }
        self.digits(2).or_else(|| self.digits(1)).map(|d| d as u8)
    }

    fn month(&mut self) -> Option<u8> {
        let n = match self.bytes.get(self.at..self.at + 3)? {
            b"Jan" => 1,
            b"Feb" => 2,
            b"Mar" => 3,
            b"Apr" => 4,
            b"May" => 5,
            b"Jun" => 6,
            b"Jul" => 7,
            b"Aug" => 8,
            b"Sep" => 9,
            b"Oct" => 10,
            b"Nov" => 11,
            b"Dec" => 12,
            _ => return None,
        };
        self.at += 3;
        Some(n)
    }

    fn weekday(&mut self) -> bool {
        let found = matches!(
            self.bytes.get(self.at..self.at + 3),
            Some(b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun")
        );
        if found {
            self.at += 3;
        }
        found
    }

    /// `2024 ` before a time, as Cisco writes it.
    fn year_before_time(&mut self) -> Option<u32> {
        let mut ahead = *self;
        let year = ahead.digits(4)?;
        ahead.byte(b' ')?;
        *self = ahead;
        Some(year)
    }

    fn iso_date(&mut self) -> Option<(i32, u8, u8)> {
        let year = self.digits(4)?.cast_signed();
        let separator = self.next()?;
        if !matches!(separator, b'-' | b'/') {
            return None;
        }
        let month = self.digits(2)? as u8;
        self.byte(separator)?;
        let day = self.digits(2)? as u8;
        Some((year, month, day))
    }

    fn time(&mut self) -> Option<Time> {
        let hour = self.digits(2)? as u8;
        self.byte(b':')?;
        let minute = self.digits(2)? as u8;
        self.byte(b':')?;
        let second = self.digits(2)? as u8;
        Some((hour, minute, second, self.fraction()))
    }

    /// Microseconds; digits after the sixth are read and dropped.
    fn fraction(&mut self) -> u32 {
        let mut ahead = *self;
        if !matches!(ahead.next(), Some(b'.' | b',')) {
            return 0;
        }
        let (mut micros, mut scale) = (0, 100_000);
        let start = ahead.at;
        while let Some(b @ b'0'..=b'9') = ahead.peek() {
            micros += u32::from(b - b'0') * scale;
            scale /= 10;
            ahead.at += 1;
        }
        if ahead.at > start {
            *self = ahead;
        }
        micros
    }

    /// Applies the zone that follows, if one does.
    fn zoned(&mut self, civil: Civil) -> Stamp {
        let mut ahead = *self;
        let _ = ahead.byte(b' ');
        match ahead.offset_seconds() {
            Some(offset) => {
                *self = ahead;
                Stamp::Instant(civil.utc_micros() - i64::from(offset) * 1_000_000)
            }
            None => Stamp::Local(civil),
        }
    }

    fn offset_seconds(&mut self) -> Option<i32> {
        for name in [&b"UTC"[..], b"GMT", b"Z", b"z"] {
            if self.bytes[self.at..].starts_with(name) {
                let end = self.at + name.len();
                if self.bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
                    return None;
                }
                self.at = end;
                return Some(0);
            }
        }
        let sign = match self.next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours = self.digits(2)?;
        let mut ahead = *self;
        let _ = ahead.byte(b':');
        let minutes = match ahead.digits(2) {
            Some(minutes) => {
                *self = ahead;
                minutes
            }
            None => 0,
        };
        (hours <= 23 && minutes <= 59).then(|| sign * (hours * 3_600 + minutes * 60).cast_signed())
    }
}
