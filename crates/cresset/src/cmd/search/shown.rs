//! Values as people read them.

use super::Row;
use crate::cmd::told::plain;
use cresset_model::Timestamp;
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Fields of whole events that come first, as far as they are there.
pub(super) const FIRST: [&str; 7] = [
    "log_ts",
    "device_name",
    "repo_name",
    "label",
    "user",
    "source_address",
    "msg",
];

/// Whether a row is a whole event, which has too many fields for a table.
pub(super) fn is_event(row: &Row) -> bool {
    row.contains_key("col_ts") && row.contains_key("log_ts")
}

/// A value on one line, without what a terminal might obey.
pub(super) fn cell(column: &str, value: &Value) -> String {
    match (column, value) {
        ("log_ts" | "col_ts", Value::Number(n)) => n.as_i64().map_or_else(
            || n.to_string(),
            |secs| Timestamp::from_secs(secs).to_rfc3339(),
        ),
        (_, Value::Null) => String::new(),
        (_, Value::String(text)) => one_line(text),
        (_, Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| cell("", item)).collect();
            items.join(", ")
        }
        (_, other) => plain(&other.to_string()),
    }
}

fn one_line(text: &str) -> String {
    if text.contains(['\n', '\r', '\t']) {
        let words: Vec<&str> = text.split_whitespace().collect();
        return plain(&words.join(" "));
    }
    plain(text)
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of a chart: thousands apart, and no more than three digits behind the point.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() || value.abs() >= 1e15 {
        return format!("{value:e}");
    }
    let thousandths = (value.abs() * 1000.0).round() as u64;
    let sign = if value < 0.0 && thousandths > 0 {
        "-"
    } else {
        ""
    };
    let whole = grouped(thousandths / 1000);
    match thousandths % 1000 {
        0 => format!("{sign}{whole}"),
        part => {
            let part = format!("{part:03}");
            format!("{sign}{whole}.{}", part.trim_end_matches('0'))
        }
    }
}

/// Columns that a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` in `room` columns, with an ellipsis where something is cut off.
pub(super) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let (mut out, mut taken) = (String::new(), 0);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if taken + wide + 1 > room {
            break;
        }
        taken += wide;
        out.push(c);
    }
    out.push('…');
    out
}

/// `text` filled up with blanks, behind it or before it.
pub(super) fn padded(text: &str, room: usize, right: bool) -> String {
    let blanks = " ".repeat(room.saturating_sub(width(text)));
    if right {
        format!("{blanks}{text}")
    } else {
        format!("{text}{blanks}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_readable() {
        let check = |value: f64, expect: &str| assert_eq!(number(value), expect);
        check(0.0, "0");
        check(-0.000_1, "0");
        check(999.0, "999");
        check(1_234_567.0, "1,234,567");
        check(-1_234.5, "-1,234.5");
        check(0.333_333, "0.333");
        check(12.999_9, "13");
        check(1e21, "1e21");
    }

    #[test]
    fn what_a_terminal_obeys_is_gone() {
        let cell = |value: Value| cell("x", &value);
        assert_eq!(cell(json!("\u{1b}[31mred\u{7}")), "\u{fffd}[31mred\u{fffd}");
        assert_eq!(cell(json!("two\r\n\tlines")), "two lines");
        assert_eq!(cell(json!(["a", "b\u{9b}"])), "a, b\u{fffd}");
        assert_eq!(cell(json!(null)), "");
        assert_eq!(cell(json!(-1.5)), "-1.5");
    }

    #[test]
    fn texts_are_cut_to_what_they_take() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(padded("日本", 6, true), "  日本");
    }
}
