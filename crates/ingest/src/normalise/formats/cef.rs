//! CEF: `CEF:0|Vendor|Product|Version|Signature|Name|Severity|key=value key=value`.
//!
//! In the head `\|` and `\\` are escapes, in the extension `\=`, `\\`, `\n` and `\r`. A
//! value runs to the blank before the next `key=`, so it may hold blanks, `|`, and a `=`
//! that no name stands before. Source: ArcSight Common Event Format, revision 25, and
//! what senders make of it.

use super::{DEVICE, MAX_PAIRS, number_or_text, put_pairs, stamp_of};
use crate::found::Found;
use crate::signature::pairs::PairNames;
use crate::stamp::Reader;
use cresset_model::Value;
use std::borrow::Cow;

/// Fields that hold the time of the event, the best first.
const TIMES: [&str; 4] = ["rt", "deviceReceiptTime", "end", "start"];
/// Longest name of a pair.
const MAX_NAME: usize = 64;

pub(super) fn read(
    text: &str,
    names: &PairNames,
    times: Reader<'_>,
    found: &mut Found,
) -> Result<(), String> {
    let Some((head, extension)) = head(text.trim_start()) else {
        return Err("fewer than six | in the head".to_owned());
    };
    let [version, device @ .., signature, name, severity] = &head;
    if version.is_empty() || !version.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{version:?} is no version of CEF"));
    }
    found.put("norm_id", Value::str("CEF"));
    for (field, value) in DEVICE.iter().zip(device) {
        found.put(field, Value::str(value));
    }
    found.put("event_id", number_or_text(signature));
    found.put("event_name", Value::str(name));
    if !severity.is_empty() {
        found.set("severity", number_or_text(severity));
    }
    let pairs = split(extension);
    let pairs = || pairs.iter().map(|(name, value)| (*name, value.as_ref()));
    stamp_of(&TIMES, pairs(), times, found);
    put_pairs(pairs(), names, found);
    Ok(())
}

/// The seven parts of the head, and the extension. Some senders leave out the last `|`.
fn head(text: &str) -> Option<([String; 7], &str)> {
    let mut parts: [String; 7] = Default::default();
    let mut part = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '|' if part == parts.len() - 1 => return Some((trimmed(parts), &text[at + 1..])),
            '|' => part += 1,
            '\\' => match chars.next() {
                Some((_, escaped @ ('|' | '\\'))) => parts[part].push(escaped),
                Some((_, other)) => parts[part].extend(['\\', other]),
                None => parts[part].push('\\'),
            },
            c => parts[part].push(c),
        }
    }
    (part == parts.len() - 1).then(|| (trimmed(parts), ""))
}

fn trimmed(parts: [String; 7]) -> [String; 7] {
    parts.map(|part| part.trim().to_owned())
}

/// The pairs of an extension, with escapes resolved.
pub(super) fn split(text: &str) -> Vec<(&str, Cow<'_, str>)> {
    let bytes = text.as_bytes();
    let mut pairs: Vec<(&str, Cow<'_, str>)> = Vec::new();
    // The name whose value is being read, and where that value starts.
    let mut open: Option<(&str, usize)> = None;
    for equals in memchr::memchr_iter(b'=', bytes) {
        let Some(start) = name_start(bytes, open.map_or(0, |(_, from)| from), equals) else {
            continue;
        };
        if let Some((name, from)) = open {
            pairs.push((name, unescape(text[from..start].trim_end())));
        }
        open = Some((&text[start..equals], equals + 1));
        if pairs.len() >= MAX_PAIRS {
            return pairs;
        }
    }
    if let Some((name, from)) = open {
        pairs.push((name, unescape(text[from..].trim_end())));
    }
    pairs
}

/// Where the name before the `=` at `equals` starts: at `from` or after a blank.
fn name_start(bytes: &[u8], from: usize, equals: usize) -> Option<usize> {
    let lowest = from.max(equals.saturating_sub(MAX_NAME + 1));
    let is_name =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'[' | b']');
    let start = bytes[lowest..equals]
        .iter()
        .rposition(|b| !is_name(b))
        .map_or(lowest, |at| lowest + at + 1);
    let first = *bytes.get(start)?;
    let bounded = start == 0 || bytes[start - 1].is_ascii_whitespace();
    (start < equals && bounded && (first.is_ascii_alphanumeric() || first == b'_')).then_some(start)
}

fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(escaped @ ('=' | '\\' | '|')) => out.push(escaped),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            // Nobody escapes a `\` in paths.
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let found = split(text);
            let found: Vec<_> = found.iter().map(|(n, v)| (*n, v.as_ref())).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("", &[]);
        check(
            "a=1 b=two words  c=3   ",
            &[("a", "1"), ("b", "two words"), ("c", "3")],
        );
        check("cs1= cs2=", &[("cs1", ""), ("cs2", "")]);
        check(
            r"request=http://h/?a=b&c=d msg=x\=y \\ z\nq|r dst=::1",
            &[
                ("request", "http://h/?a=b&c=d"),
                ("msg", "x=y \\ z\nq|r"),
                ("dst", "::1"),
            ],
        );
        check(
            r"filePath=C:\Windows\system32 a=b",
            &[("filePath", r"C:\Windows\system32"), ("a", "b")],
        );
        check("ad.x[0]=1 y=2", &[("ad.x[0]", "1"), ("y", "2")]);
        check("no pairs at all", &[]);
        check("text before a=1", &[("a", "1")]);
        check("a==b", &[("a", "=b")]);
        check("ä=1 b=ä", &[("b", "ä")]);
    }

    #[test]
    fn heads() {
        let check = |text: &str, expect: Option<([&str; 7], &str)>| {
            let found = head(text);
            let found = found
                .as_ref()
                .map(|(parts, rest)| (parts.each_ref().map(String::as_str), *rest));
            assert_eq!(found, expect, "{text}");
        };
        check(
            r"0|a\|b|c\\d|1.0|100|na=me|10|x=1|2",
            Some((["0", "a|b", r"c\d", "1.0", "100", "na=me", "10"], "x=1|2")),
        );
        check(
            "0|v|p|1|2|n|3",
            Some((["0", "v", "p", "1", "2", "n", "3"], "")),
        );
        check("0|v|p|1|2|n", None);
        check("", None);
    }

    #[test]
    fn the_number_of_pairs_is_bounded() {
        let text: Vec<String> = (0..5_000).map(|n| format!("k{n}=v")).collect();
        assert_eq!(split(&text.join(" ")).len(), MAX_PAIRS);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a=\\\\| nä0-9]{0,60}") {
            split(&text);
            head(&text);
        }
    }
}
