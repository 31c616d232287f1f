//! `key=value` pairs in running text.

use crate::SetupError;
use crate::found::Found;
use cresset_model::Value;
use serde::Deserialize;
use std::collections::HashMap;

/// Most pairs taken from one text.
const MAX_PAIRS: usize = 200;
/// Longest name of a pair.
const MAX_NAME: usize = 64;
/// The data file: names of pairs, and names that pairs must not set.
const FILE: (&str, &str) = ("pairs.toml", include_str!("../../data/pairs.toml"));

/// What common names mean.
pub(crate) struct PairNames {
    names: HashMap<String, (String, bool)>,
}

/// The tables of such a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PairFile {
    text: HashMap<String, String>,
    int: HashMap<String, String>,
    reserved: Vec<String>,
}

impl From<PairFile> for PairNames {
    fn from(file: PairFile) -> Self {
        let reserved = file
            .reserved
            .into_iter()
            .map(|n| (n, (String::new(), false)));
        let texts = file.text.into_iter().map(|(n, to)| (n, (to, false)));
        let ints = file.int.into_iter().map(|(n, to)| (n, (to, true)));
        Self {
            names: reserved.chain(texts).chain(ints).collect(),
        }
    }
}

impl PairNames {
    /// The built-in names.
    pub(crate) fn built_in() -> Result<Self, SetupError> {
        Self::read_file(FILE.0, FILE.1)
    }

    /// The names of a data file.
    pub(crate) fn read_file(name: &str, text: &str) -> Result<Self, SetupError> {
        let file: PairFile = toml::from_str(text).map_err(|e| SetupError::Data {
            file: name.to_owned(),
            detail: e.to_string(),
        })?;
        Ok(file.into())
    }

    /// True if a pair may set the field `name`.
    pub(crate) fn is_free(&self, name: &str) -> bool {
        self.names.get(name).is_none_or(|(to, _)| !to.is_empty())
    }

    /// Puts the pairs of `text` into `found`; returns how many there were.
    pub(crate) fn read(&self, text: &str, found: &mut Found) -> usize {
        let mut count = 0;
        let mut from = 0;
        while count < MAX_PAIRS {
            let Some(equals) = memchr::memchr(b'=', &text.as_bytes()[from..]) else {
                break;
            };
            let equals = from + equals;
            let value_start = equals + 1;
            let Some(name) = name_before(text, from, equals) else {
                from = value_start;
                continue;
            };
            let (value, end) = value_at(text, value_start);
            self.put(name, value, found);
            count += 1;
            from = end;
        }
        count
    }

    /// Puts one pair under the name that its own stands for; none with a name that is too
    /// long for one.
    pub(crate) fn put(&self, name: &str, value: &str, found: &mut Found) {
        if name.len() > MAX_NAME {
            return;
        }
        match self.names.get(name) {
            Some((to, _)) if to.is_empty() => {}
            Some((to, true)) => {
                found.put(
                    to,
                    value.parse().map_or_else(|_| Value::str(value), Value::Int),
                );
            }
            Some((to, false)) => found.put(to, Value::str(value)),
            None => found.put(name, Value::str(value)),
        }
    }
}

/// The name between `from` and `end`, if there is one at the end of that range: a
/// letter or `_`, then also digits, `.` and `-`, after a blank, an opening or
/// separating character, or the quote of the pair before.
fn name_before(text: &str, from: usize, end: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let start = bytes[from..end]
        .iter()
        .rposition(|b| !is_name(b))
        .map_or(from, |at| from + at + 1);
    let name = text.get(start..end)?;
    let first = name.bytes().next()?;
    let boundary = start == 0
        || bytes[start - 1].is_ascii_whitespace()
        || matches!(
            bytes[start - 1],
            b',' | b';' | b'(' | b'[' | b'{' | b'|' | b'"' | b'\''
        );
    let good = boundary && name.len() <= MAX_NAME && (first.is_ascii_alphabetic() || first == b'_');
    good.then_some(name)
}

/// The value that starts at `start`, and where to look on.
fn value_at(text: &str, start: usize) -> (&str, usize) {
    let bytes = text.as_bytes();
    if let Some(quote @ (b'"' | b'\'')) = bytes.get(start).copied() {
        let mut at = start + 1;
        while let Some(found) = bytes
            .get(at..)
            .and_then(|rest| memchr::memchr2(quote, b'\\', rest))
        {
            at += found;
            if bytes[at] == quote {
                return (&text[start + 1..at], at + 1);
            }
            at += 2;
        }
    }
    let ends = |b: &u8| b.is_ascii_whitespace();
    let end = bytes[start..]
        .iter()
        .position(ends)
        .map_or(text.len(), |at| start + at);
    // `a=1,b=2` is two pairs, `a=1,2` is one.
    let end = bytes[start..end]
        .iter()
        .enumerate()
        .filter(|(_, b)| matches!(b, b',' | b';' | b'|'))
        .map(|(at, _)| start + at)
        .find(|&at| starts_pair(&text[at + 1..end]))
        .unwrap_or(end);
    (trim_closing(&text[start..end]), end)
}

/// Looks no further than a name can be long, so that many commas stay cheap.
fn starts_pair(text: &str) -> bool {
    let head = &text.as_bytes()[..text.len().min(MAX_NAME + 1)];
    let Some(equals) = memchr::memchr(b'=', head) else {
        return false;
    };
    name_before(text, 0, equals).is_some_and(|name| name.len() == equals)
}

/// Drops separators and unmatched closing brackets at the end.
fn trim_closing(value: &str) -> &str {
    let value = value.trim_end_matches([',', ';']);
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        if let Some(inner) = value.strip_suffix(close)
            && !inner.contains(open)
        {
            return inner.trim_end_matches([',', ';']);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Value)> {
        let mut found = Found::default();
        PairNames::built_in().unwrap().read(text, &mut found);
        found
            .fields
            .into_iter()
            .map(|(n, v)| (n.to_string(), v))
            .collect()
    }

    #[test]
    fn pairs() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let found: Vec<_> = read(text);
            let found: Vec<_> = found
                .iter()
                .map(|(n, v)| (n.as_str(), v.text().into_owned()))
                .collect();
            let expect: Vec<_> = expect.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("nothing here", &[]);
        check("a=1 b=two", &[("a", "1"), ("b", "two")]);
        check(
            "x: a=\"one two\" b='three four'.",
            &[("a", "one two"), ("b", "three four")],
        );
        check(
            r#"a="say \"hi\"" b=2"#,
            &[("a", r#"say \"hi\""#), ("b", "2")],
        );
        check("a=\"never closed b=2", &[("a", "\"never"), ("b", "2")]);
        check(
            "a=1,b=2;c=3, d=4",
            &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")],
        );
        check("list=1,2,3 e=5", &[("list", "1,2,3"), ("e", "5")]);
        check(
            "(uid=0) [pid=7] f=g(h)",
            &[("uid", "0"), ("pid", "7"), ("f", "g(h)")],
        );
        check("empty= dash=- x=1", &[("x", "1")]);
        check("GET /?q=1&r=2 HTTP/1.1", &[]);
        check("a==b 1x=2 -y=3 ä=4", &[("a", "=b")]);
        check("a=1 a=2", &[("a", "1")]);
        check(
            "rhost=192.0.2.7  user=root",
            &[("source_address", "192.0.2.7"), ("user", "root")],
        );
        check(
            "msg=hello label=x col_ts=7 repo_name=q",
            &[("message", "hello")],
        );
        check("a=", &[]);
        check("=", &[]);
        let long = format!("{}=1", "n".repeat(65));
        check(&long, &[]);
    }

    #[test]
    fn ports_are_numbers() {
        assert_eq!(
            read("SPT=443 dport=x"),
            [
                ("source_port".to_owned(), Value::Int(443)),
                ("destination_port".to_owned(), Value::str("x")),
            ]
        );
    }

    #[test]
    fn the_number_of_pairs_is_bounded() {
        let text: Vec<String> = (0..1_000).map(|n| format!("k{n}=v")).collect();
        assert_eq!(read(&text.join(" ")).len(), MAX_PAIRS);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a=\"'\\\\,; (ä)]{0,40}") {
            read(&text);
        }
    }
}
