//! A row as a line of JSON.

use super::super::Row;

/// The row, with the types that its fields have. Control characters beyond those that JSON
/// escapes anyway are escaped, too: some terminals obey them.
pub(super) fn line(row: &Row) -> serde_json::Result<String> {
    let text = serde_json::to_string(row)?;
    if !text.contains(obeyed) {
        return Ok(text);
    }
    let escaped = |c: char| {
        if obeyed(c) {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    };
    Ok(text.chars().map(escaped).collect())
}

const fn obeyed(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn types_stay_and_nothing_is_obeyed() {
        let row =
            json!({"n": 7, "r": 0.25, "ok": true, "l": ["a"], "s": "\u{1b}[31m\u{9b}2J\u{7f}é"});
        let line = line(row.as_object().unwrap()).unwrap();
        assert!(!line.contains(char::is_control), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), row);
    }
}
