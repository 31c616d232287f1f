//! Spans of whole minutes, written as `10m`, `1h`, `30d` or `1d12h`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;
/// Longest span that a text may name, in minutes: a hundred years.
const MOST: u64 = 36_525 * DAY;

/// A span of whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Minutes(pub u64);

impl Minutes {
    /// Whether it is no time at all.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Days, hours below 24 and minutes below 60.
    pub fn parts(self) -> (u32, u32, u32) {
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        (
            small(self.0 / DAY),
            small(self.0 % DAY / HOUR),
            small(self.0 % HOUR),
        )
    }

    /// Reads `10m`, `1h`, `30d` or several of them in a row.
    pub fn parse(text: &str) -> Option<Self> {
        let mut total = 0_u64;
        let mut number = None::<u64>;
        for c in text.trim().chars() {
            if let Some(digit) = c.to_digit(10) {
                let tens = number.unwrap_or(0).checked_mul(10)?;
                number = Some(tens.checked_add(u64::from(digit))?);
                continue;
            }
            let unit = match c {
                'm' => 1,
                'h' => HOUR,
                'd' => DAY,
                _ => return None,
            };
            total = total.checked_add(number.take()?.checked_mul(unit)?)?;
        }
        let named = number.is_none() && !text.trim().is_empty();
        (named && total <= MOST).then_some(Self(total))
    }
}

impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n > 0 && n.is_multiple_of(DAY) => write!(f, "{}d", n / DAY),
            n if n > 0 && n.is_multiple_of(HOUR) => write!(f, "{}h", n / HOUR),
            n => write!(f, "{n}m"),
        }
    }
}

impl Serialize for Minutes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no span; write whole minutes, hours or days such as 10m, 1h, 30d"
            ))
        })
    }
}
