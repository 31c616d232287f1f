//! Numbers and truth values, which filters write as text.

use super::{Op, Pattern};
use std::ops::RangeInclusive;

/// The whole numbers of which a comparison with a value is true, possibly none.
///
/// The value is decimal: a sign, digits, a point and more digits, of any length; every
/// number is compared exactly. None if it is not a number, or the operator compares none.
pub fn range(op: Op, value: &str) -> Option<RangeInclusive<i64>> {
    let (floor, whole) = floor(value)?;
    // Bounds beyond every i64 are those that no number or all numbers pass.
    let at_most = |most: i128| bounded(i128::from(i64::MIN), most);
    let at_least = |least: i128| bounded(least, i128::from(i64::MAX));
    Some(match op {
        Op::Equal if whole => bounded(floor, floor),
        Op::Equal => bounded(1, 0),
        Op::Greater => at_least(floor + 1),
        Op::GreaterOrEqual => at_least(if whole { floor } else { floor + 1 }),
        Op::Less => at_most(if whole { floor - 1 } else { floor }),
        Op::LessOrEqual => at_most(floor),
        _ => return None,
    })
}

fn bounded(least: i128, most: i128) -> RangeInclusive<i64> {
    let (low, high) = (i128::from(i64::MIN), i128::from(i64::MAX));
    if least > most || least > high || most < low {
        return RangeInclusive::new(1, 0);
    }
    least.max(low) as i64..=most.min(high) as i64
}

/// The greatest whole number that is not above the value, no farther out than just beyond
/// the range of i64, and whether the value is that number.
fn floor(value: &str) -> Option<(i128, bool)> {
    let (negative, digits) = match value.trim().split_at_checked(1) {
        Some(("-", rest)) => (true, rest),
        Some(("+", rest)) => (false, rest),
        _ => (false, value.trim()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    if fraction.is_empty() && digits.contains('.') {
        return None;
    }
    let beyond = i128::from(i64::MAX) + 2;
    let size = whole
        .bytes()
        .fold(0, |n: i128, b| (n * 10 + i128::from(b - b'0')).min(beyond));
    let is_whole = fraction.bytes().all(|b| b == b'0');
    Some(match (negative, is_whole) {
        (false, _) => (size, is_whole),
        (true, true) => (-size, true),
        (true, false) => (-size - 1, false),
    })
}

/// The truth value that a text stands for: `true`, `false`, `1` or `0`.
pub fn as_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") || text == "1" {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") || text == "0" {
        Some(false)
    } else {
        None
    }
}

/// Whether a column of numbers can be asked this. Stars and `~` look at the digits.
pub(super) fn fits(op: Op, value: &Pattern) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || c == '-';
    let is_digits = || value.parts().iter().all(|part| part.chars().all(is_digit));
    match (op.excluded().unwrap_or(op), value.literal()) {
        (Op::Is(_), _) => true,
        (Op::Contains, _) | (Op::Equal, None) => is_digits(),
        (op, Some(text)) => range(op, text).is_some(),
        (_, None) => false,
    }
}
