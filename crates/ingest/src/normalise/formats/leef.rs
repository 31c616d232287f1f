//! LEEF: `LEEF:1.0|Vendor|Product|Version|EventID|` and pairs between tabs;
//! `LEEF:2.0|Vendor|Product|Version|EventID|^|` and pairs between what the last part
//! says: one character, or its code in hexadecimal digits (`0x5E`, `x5E`).
//!
//! There are no escapes; the first `=` of a pair divides it. Source: IBM, LEEF event
//! components. Many senders of 2.0 leave out the delimiter with its `|`, and relays turn
//! tabs into blanks or `#011`.

use super::cef::split as split_at_names;
use super::{DEVICE, MAX_PAIRS, number_or_text, put_pairs, stamp_of};
use crate::found::Found;
use crate::signature::pairs::PairNames;
use crate::stamp::Reader;
use cresset_model::Value;
use std::borrow::Cow;

/// Fields that hold the time of the event.
const TIMES: [&str; 1] = ["devTime"];

pub(super) fn read(
    text: &str,
    names: &PairNames,
    times: Reader<'_>,
    found: &mut Found,
) -> Result<(), String> {
    let mut parts = text.trim_start().splitn(6, '|');
    let version = parts.next().unwrap_or("").trim();
    let head: Vec<&str> = parts.by_ref().take(4).map(str::trim).collect();
    let ([device @ .., event_id], Some(rest)) = (head.as_slice(), parts.next()) else {
        return Err("fewer than five | in the head".to_owned());
    };
    if !version.starts_with(['1', '2']) {
        return Err(format!("{version:?} is no version of LEEF"));
    }
    found.put("norm_id", Value::str("LEEF"));
    for (field, value) in DEVICE.iter().zip(device) {
        found.put(field, Value::str(value));
    }
    found.put("event_id", number_or_text(event_id));
    let (delimiter, attributes) = if version.starts_with('2') {
        delimiter(rest)
    } else {
        ('\t', rest)
    };
    let attributes = if delimiter == '\t' && !attributes.contains('\t') {
        Cow::Owned(attributes.replace("#011", "\t"))
    } else {
        Cow::Borrowed(attributes)
    };
    let pairs = pairs(&attributes, delimiter);
    let pairs = || pairs.iter().map(|(name, value)| (*name, value.as_ref()));
    stamp_of(&TIMES, pairs(), times, found);
    if let Some((_, severity)) = pairs().find(|(name, value)| *name == "sev" && !value.is_empty()) {
        found.set("severity", number_or_text(severity));
    }
    put_pairs(pairs().filter(|(name, _)| *name != "sev"), names, found);
    Ok(())
}

/// The delimiter that `rest` begins with, and what follows its `|`.
fn delimiter(rest: &str) -> (char, &str) {
    let Some((word, after)) = rest.split_once('|') else {
        return ('\t', rest);
    };
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (None, _) => ('\t', after),
        (Some(c), None) => (c, after),
        _ => {
            let digits = word
                .strip_prefix("0x")
                .or_else(|| word.strip_prefix('x'))
                .filter(|digits| digits.len() <= 4);
            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            match code.and_then(char::from_u32) {
                Some(c) => (c, after),
                // The first pair, of which the `|` is a part.
                None => ('\t', rest),
            }
        }
    }
}

/// The pairs of `text`.
fn pairs(text: &str, delimiter: char) -> Vec<(&str, Cow<'_, str>)> {
    if !text.contains(delimiter) {
        // One pair, or tabs that have become blanks.
        return split_at_names(text);
    }
    let pair = |text| {
        let (name, value) = str::split_once(text, '=')?;
        let name = name.trim();
        // Text with a `=` in it is no pair.
        (!name.is_empty() && !name.contains(' ')).then(|| (name, Cow::Borrowed(value.trim())))
    };
    text.split(delimiter)
        .filter_map(pair)
        .take(MAX_PAIRS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters() {
        let check =
            |rest: &str, expect: (char, &str)| assert_eq!(delimiter(rest), expect, "{rest}");
        check("^|a=1^b=2", ('^', "a=1^b=2"));
        check("|a=1\tb=2", ('\t', "a=1\tb=2"));
        check("0x5E|a=1", ('^', "a=1"));
        check("x09|a=1", ('\t', "a=1"));
        check("§|a=1", ('§', "a=1"));
        check("cat=x|y\tb=2", ('\t', "cat=x|y\tb=2"));
        check("a=1\tb=2", ('\t', "a=1\tb=2"));
        check("0xZZ|a", ('\t', "0xZZ|a"));
        check("", ('\t', ""));
    }

    #[test]
    fn attributes() {
        let check = |text: &str, delimiter: char, expect: &[(&str, &str)]| {
            let found = pairs(text, delimiter);
            let found: Vec<_> = found.iter().map(|(n, v)| (*n, v.as_ref())).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("a=1\tb=x y=z\t", '\t', &[("a", "1"), ("b", "x y=z")]);
        check("^a=1^b=2", '^', &[("a", "1"), ("b", "2")]);
        check("a=1 2 b=3", '\t', &[("a", "1 2"), ("b", "3")]);
        check("url=http://h/?a=1", '\t', &[("url", "http://h/?a=1")]);
        check("some text a=1\tb=2", '\t', &[("b", "2")]);
        check("", '\t', &[]);
    }
}
