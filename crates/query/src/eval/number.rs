//! Numbers as they are compared: whole numbers exactly, others as floats.

use cresset_model::Value;
use cresset_model::event::parse_number;
use std::cmp::Ordering;

/// So many decimal digits are told apart by floats.
const EXACT_DIGITS: usize = 15;
/// Beyond this, whole numbers are floats.
const WHOLE: f64 = 1e38;

/// A number in one form per value, so that equal numbers are equal here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Num {
    /// A whole number below 1e38.
    Int(i128),
    /// Any other finite number.
    Float(f64),
}

impl Num {
    /// The number that a text is: decimal, with sign, fraction and exponent.
    pub fn parse(text: &str) -> Option<Self> {
        let first = text.bytes().next()?;
        if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
            return None;
        }
        if text.len() <= 38
            && let Ok(n) = text.parse::<i128>()
        {
            return Some(Self::Int(n));
        }
        parse_number(text).map(Self::from_f64)
    }

    /// The number that a text is for `=`, by which different texts are taken for the
    /// same only if no digit is lost: whole numbers, and fractions of at most 15 digits.
    /// A text with an exponent is none: `1e2` and `0e462` are as often parts of a hash.
    pub fn exact(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimal = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !decimal(whole) || !decimal(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        if !fraction.is_empty() {
            let exact = whole.trim_start_matches('0').len() + fraction.len() <= EXACT_DIGITS;
            return parse_number(text).filter(|_| exact).map(Self::from_f64);
        }
        if whole.is_empty() {
            return Some(Self::Int(0));
        }
        let sign = text.len() - digits.len();
        let number: i128 = text[..sign + whole.len()].parse().ok()?;
        (number.unsigned_abs() < WHOLE as u128).then_some(Self::Int(number))
    }

    /// The number that a float is.
    pub fn from_f64(n: f64) -> Self {
        if n.fract() == 0.0 && n.abs() < WHOLE {
            Self::Int(n as i128)
        } else {
            Self::Float(n)
        }
    }

    /// The number that a value is; numeric text counts.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Int(n) => Some(Self::Int(i128::from(*n))),
            Value::Float(n) => Some(Self::from_f64(*n)),
            Value::Str(s) => Self::parse(s),
            Value::Bool(_) | Value::List(_) => None,
        }
    }

    /// Whether floats tell it from its neighbours among the whole numbers.
    pub(crate) fn is_small(self) -> bool {
        match self {
            Self::Int(n) => n.unsigned_abs() <= 1 << 53,
            Self::Float(n) => n.abs() <= 9e15,
        }
    }

    /// As a float, rounded if need be.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(n) => n,
        }
    }

    /// As a value: a whole number if it fits.
    pub fn to_value(self) -> Value {
        match self {
            Self::Int(n) => i64::try_from(n).map_or(Value::Float(n as f64), Value::Int),
            Self::Float(n) => Value::Float(n),
        }
    }

    /// A total order.
    pub fn order(self, other: Self) -> Ordering {
        let exact = match (self, other) {
            (Self::Int(a), Self::Int(b)) => return a.cmp(&b),
            (Self::Int(_), Self::Float(_)) => Ordering::Less,
            (Self::Float(_), Self::Int(_)) => Ordering::Greater,
            (Self::Float(_), Self::Float(_)) => Ordering::Equal,
        };
        self.as_f64().total_cmp(&other.as_f64()).then(exact)
    }

    /// Bits that are equal for equal numbers.
    pub(crate) fn key(self) -> (bool, i128) {
        match self {
            Self::Int(n) => (false, n),
            Self::Float(n) => (true, i128::from(n.to_bits())),
        }
    }
}
