//! Words and phrases of the raw text.

use super::fold::fold;
use super::pattern::{find_ascii, is_as_ascii};
use super::watch::Watch;
use regex::{Regex, RegexBuilder};

/// Most memory of a compiled wildcard word, in bytes.
const REGEX_SIZE: usize = 1 << 20;

/// A word or phrase to be found in the raw text.
///
/// A word or phrase is found where it stands in `msg` as it is written, letter
/// case ignored, and does not begin or end inside a longer word: `fail` is found
/// in `login fail` and `fail:`, not in `failed`. Letters, digits and `_` form
/// words. A `*` at its begin or end lifts that side's condition (`fail*` is found
/// in `failed`); any other `*` stands for characters of one token, that is,
/// without white space, and `?` for one such character: `user?` is found where some
/// `userX` is, so in `users` and in `user:name`, not in `username`.
#[derive(Debug, Clone)]
pub enum Words {
    /// Found in every text.
    Any,
    /// A literal text.
    Plain {
        /// The folded text.
        needle: Box<str>,
        /// Must not follow a letter, digit or `_`.
        bound_start: bool,
        /// Must not be followed by one.
        bound_end: bool,
    },
    /// With inner wildcards.
    Wild(Regex),
}

/// The word has too many wildcards to be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooComplex;

impl Words {
    /// Compiles a word or phrase as it stands in a query.
    pub(crate) fn new(text: &str) -> Result<Self, TooComplex> {
        let inner = text.trim_matches('*');
        if inner.is_empty() {
            return Ok(Self::Any);
        }
        let bound_start = !text.starts_with('*') && inner.starts_with(is_word_char);
        let bound_end = !text.ends_with('*') && inner.ends_with(is_word_char);
        if !inner.contains(['*', '?']) {
            return Ok(Self::Plain {
                needle: fold(inner).into(),
                bound_start,
                bound_end,
            });
        }
        let start_open = text.starts_with('*');
        let end_open = text.ends_with('*');
        let last = inner.chars().count() - 1;
        let mut regex = String::with_capacity(inner.len() * 2 + 16);
        let edge = |bound: bool| if bound { r"\b" } else { "" };
        regex.push_str(edge(bound_start));
        for (i, c) in inner.chars().enumerate() {
            match c {
                '*' => regex.push_str(r"\S*"),
                '?' => regex.push_str(match (i == 0 && !start_open, i == last && !end_open) {
                    (false, false) => r"\S",
                    (true, false) => r"(?:\b\w|[^\w\s])",
                    (false, true) => r"(?:\w\b|[^\w\s])",
                    (true, true) => r"(?:\b\w\b|[^\w\s])",
                }),
                c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        regex.push_str(edge(bound_end));
        RegexBuilder::new(&regex)
            .case_insensitive(true)
            .size_limit(REGEX_SIZE)
            .dfa_size_limit(REGEX_SIZE)
            .build()
            .map(Self::Wild)
            .map_err(|_| TooComplex)
    }

    /// Whether the word stands in `msg`.
    pub fn matches_text(&self, msg: &str) -> bool {
        self.text_within(msg, &Watch::never())
    }

    /// [`Words::matches_text`] until `watch` says otherwise.
    pub(crate) fn text_within(&self, msg: &str, watch: &Watch<'_>) -> bool {
        if watch.spend(msg.len()) {
            return false;
        }
        match self {
            Self::Any => true,
            Self::Plain {
                needle,
                bound_start,
                bound_end,
            } if is_as_ascii(msg, needle) => {
                let find = |from: usize| find_ascii(&msg.as_bytes()[from..], needle.as_bytes());
                let bounds = (*bound_start, *bound_end);
                bounded(msg, needle.len(), bounds, find, watch)
            }
            Self::Plain {
                needle,
                bound_start,
                bound_end,
            } => {
                let msg = fold(msg);
                let find = |from: usize| msg[from..].find(&**needle);
                let bounds = (*bound_start, *bound_end);
                bounded(&msg, needle.len(), bounds, find, watch)
            }
            Self::Wild(regex) => regex.is_match(msg),
        }
    }
}

/// Whether some place that `find` gives keeps the conditions on its two sides.
fn bounded(
    text: &str,
    len: usize,
    (start_bound, end_bound): (bool, bool),
    find: impl Fn(usize) -> Option<usize>,
    watch: &Watch<'_>,
) -> bool {
    let mut from = 0;
    while let Some(found) = find(from) {
        if watch.spend(found + len) {
            return false;
        }
        let start = from + found;
        let before = text[..start].chars().next_back();
        let after = text[start + len..].chars().next();
        let start_ok = !start_bound || !before.is_some_and(is_word_char);
        let end_ok = !end_bound || !after.is_some_and(is_word_char);
        if start_ok && end_ok {
            return true;
        }
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
