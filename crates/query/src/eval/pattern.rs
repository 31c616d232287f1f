//! Patterns of values: `*` is any run of characters, `?` is one character.

use super::fold::{eq_folded, fold};
use super::number::Num;
use super::watch::Watch;
use compact_str::format_compact;
use cresset_model::Value;
use std::borrow::Cow;
use std::cell::OnceCell;

/// Needles up to this length are sought in place, longer ones in a folded copy,
/// because only the copy can be searched in linear time.
pub(crate) const IN_PLACE: usize = 64;

/// A pattern that one value is compared with. Texts in it are folded.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// Any value: the field is there.
    Any,
    /// The text, or the number if both sides are numbers: see [`Num::exact`].
    Exact(Box<str>, Option<Num>),
    /// `text*`
    Prefix(Box<str>),
    /// `*text`
    Suffix(Box<str>),
    /// `*text*`
    Contains(Box<str>),
    /// Any other mixture.
    Glob(Glob),
}

impl Pattern {
    /// Compiles a text as it stands in a query.
    pub fn new(text: &str) -> Self {
        let folded = fold(text);
        if !folded.contains(['*', '?']) {
            return Self::Exact(folded.as_ref().into(), Num::exact(text));
        }
        let open_start = folded.starts_with('*');
        let open_end = folded.ends_with('*');
        let inner = folded.trim_matches('*');
        if inner.contains(['*', '?']) {
            return Self::Glob(Glob::new(&folded));
        }
        match (inner.is_empty(), open_start, open_end) {
            (true, ..) => Self::Any,
            (_, true, true) => Self::Contains(inner.into()),
            (_, true, false) => Self::Suffix(inner.into()),
            (_, false, _) => Self::Prefix(inner.into()),
        }
    }

    /// Whether a value matches; of several texts, one is enough.
    pub fn matches(&self, value: &Value) -> bool {
        self.matches_within(value, &Watch::never())
    }

    /// [`Pattern::matches`] until `watch` says otherwise.
    pub(crate) fn matches_within(&self, value: &Value, watch: &Watch<'_>) -> bool {
        match value {
            Value::Str(s) => self.text_within(s, watch),
            Value::List(items) => items
                .iter()
                .any(|i| watch.ended() || self.text_within(i, watch)),
            Value::Bool(b) => self.matches_text(if *b { "true" } else { "false" }),
            Value::Int(n) => match self {
                Self::Any => true,
                Self::Exact(text, number) => is_number(text, *number, Num::Int(i128::from(*n))),
                _ => self.matches_text(&format_compact!("{n}")),
            },
            Value::Float(n) => match self {
                Self::Any => true,
                Self::Exact(text, number) => is_number(text, *number, Num::from_f64(*n)),
                _ => self.matches_text(&format_compact!("{n}")),
            },
        }
    }

    /// Whether a text matches.
    pub fn matches_text(&self, text: &str) -> bool {
        self.text_within(text, &Watch::never())
    }

    /// [`Pattern::matches_text`] until `watch` says otherwise.
    pub(crate) fn text_within(&self, text: &str, watch: &Watch<'_>) -> bool {
        watch.spend(text.len());
        match self {
            Self::Any => true,
            Self::Exact(folded, number) => {
                eq_folded(text, folded) || (number.is_some() && *number == Num::exact(text))
            }
            _ if text.is_ascii() => self.matches_ascii(text.as_bytes(), watch),
            Self::Contains(needle) if is_as_ascii(text, needle) => {
                find_ascii(text.as_bytes(), needle.as_bytes()).is_some()
            }
            _ => self.matches_subject(&Subject::new(text), watch),
        }
    }

    /// Whether a text matches, for a text that is matched with many patterns. Ends
    /// early if `watch` says so.
    pub fn matches_subject(&self, subject: &Subject<'_>, watch: &Watch<'_>) -> bool {
        let text = &*subject.folded;
        match self {
            Self::Any => true,
            Self::Exact(folded, number) => {
                *text == **folded || (number.is_some() && *number == Num::exact(text))
            }
            Self::Prefix(p) => text.starts_with(&**p),
            Self::Suffix(p) => text.ends_with(&**p),
            Self::Contains(p) => {
                !watch.spend(text.len())
                    && memchr::memmem::find(text.as_bytes(), p.as_bytes()).is_some()
            }
            Self::Glob(glob) if text.is_ascii() => glob.matches_ascii(text.as_bytes(), watch),
            Self::Glob(glob) => glob.matches_chars(subject.chars(), watch),
        }
    }

    fn matches_ascii(&self, text: &[u8], watch: &Watch<'_>) -> bool {
        match self {
            Self::Any | Self::Exact(..) => true,
            Self::Prefix(p) => text
                .get(..p.len())
                .is_some_and(|t| t.eq_ignore_ascii_case(p.as_bytes())),
            Self::Suffix(p) => text
                .len()
                .checked_sub(p.len())
                .is_some_and(|at| text[at..].eq_ignore_ascii_case(p.as_bytes())),
            Self::Contains(p) => find_ascii(text, p.as_bytes()).is_some(),
            Self::Glob(glob) => glob.matches_ascii(text, watch),
        }
    }
}

/// Whether a literal is the number that a value is. The value is no text, so that an
/// exponent in the literal is one.
fn is_number(folded: &str, exact: Option<Num>, value: Num) -> bool {
    exact.or_else(|| Num::parse(folded)) == Some(value)
}

/// A text that many patterns are compared with, folded once for all of them.
#[derive(Debug)]
pub struct Subject<'t> {
    folded: Cow<'t, str>,
    /// The folded text, for globs if it is not ASCII.
    chars: OnceCell<Vec<char>>,
}

impl<'t> Subject<'t> {
    /// Folds `text`.
    pub fn new(text: &'t str) -> Self {
        Self {
            folded: fold(text),
            chars: OnceCell::new(),
        }
    }

    /// The folded text.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    fn chars(&self) -> &[char] {
        self.chars.get_or_init(|| self.folded.chars().collect())
    }
}

/// Finds the folded `needle` in ASCII text, letter case ignored.
pub(crate) fn find_ascii(text: &[u8], needle: &[u8]) -> Option<usize> {
    let last = text.len().checked_sub(needle.len())?;
    let Some((at, &rare)) = needle.iter().enumerate().max_by_key(|(_, b)| rarity(**b)) else {
        return Some(0);
    };
    if !needle.is_ascii() {
        return None;
    }
    if needle.len() > IN_PLACE {
        return memchr::memmem::find(&text.to_ascii_lowercase(), needle);
    }
    let upper = rare.to_ascii_uppercase();
    memchr::memchr2_iter(rare, upper, &text[at..=last + at])
        .find(|&start| text[start..start + needle.len()].eq_ignore_ascii_case(needle))
}

/// Whether the folded `needle` may be sought in the bytes of a text that is not ASCII as if it
/// were: nothing else in the text folds to characters of the needle.
pub(crate) fn is_as_ascii(text: &str, needle: &str) -> bool {
    // The only ones that fold to ASCII: the long s and the sign of Kelvin.
    let hidden = [('s', "\u{17f}"), ('k', "\u{212a}")];
    needle.len() <= IN_PLACE
        && needle.is_ascii()
        && hidden.iter().all(|(letter, sign)| {
            !needle.contains(*letter)
                || memchr::memmem::find(text.as_bytes(), sign.as_bytes()).is_none()
        })
}

/// How rare a byte is in log text, roughly: a search starts from the rarest.
fn rarity(byte: u8) -> u8 {
    match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b' ' => 0,
        b'c' | b'd' | b'l' | b'm' | b'p' | b'u' | b'.' | b'\\' | b'/' => 1,
        b'0'..=b'9' | b'-' | b':' | b'=' | b'"' => 2,
        b'a'..=b'z' => 3,
        _ => 4,
    }
}

/// A pattern with inner wildcards: pieces between stars, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Glob {
    /// Each piece; `None` is `?`.
    pieces: Vec<Vec<Option<char>>>,
    ascii: bool,
}

impl Glob {
    fn new(folded: &str) -> Self {
        let piece = |p: &str| p.chars().map(|c| (c != '?').then_some(c)).collect();
        let parts: Vec<&str> = folded.split('*').collect();
        let last = parts.len() - 1;
        let keep = |&(i, p): &(usize, &str)| i == 0 || i == last || !p.is_empty();
        let pieces = parts.iter().copied().enumerate().filter(keep);
        Self {
            pieces: pieces.map(|(_, p)| piece(p)).collect(),
            ascii: folded.is_ascii(),
        }
    }

    /// The literal texts between its wildcards.
    pub(crate) fn literals(&self) -> impl Iterator<Item = String> {
        let runs = self.pieces.iter().flat_map(|p| p.split(Option::is_none));
        runs.map(|run| run.iter().flatten().collect())
    }

    fn matches_ascii(&self, text: &[u8], watch: &Watch<'_>) -> bool {
        let same = |i: usize, c| text[i].to_ascii_lowercase() as char == c;
        self.ascii && self.run(text.len(), same, watch)
    }

    fn matches_chars(&self, text: &[char], watch: &Watch<'_>) -> bool {
        self.run(text.len(), |i, c| text[i] == c, watch)
    }

    /// The first and the last piece are anchored; the others match as early as
    /// possible, which leaves most room for those after them. No piece is tried twice
    /// at one place: the longest piece times `len` bounds the comparisons.
    fn run(&self, len: usize, same: impl Fn(usize, char) -> bool, watch: &Watch<'_>) -> bool {
        let fits = |piece: &[Option<char>], at: usize| {
            let fitting = |&(i, c): &(usize, &Option<char>)| c.is_none_or(|c| same(at + i, c));
            let length = piece.iter().enumerate().take_while(fitting).count();
            watch.spend(length + 1);
            length == piece.len()
        };
        let Some((first, rest)) = self.pieces.split_first() else {
            return len == 0;
        };
        let Some((last, middle)) = rest.split_last() else {
            return first.len() == len && fits(first, 0);
        };
        if first.len() + last.len() > len || !fits(first, 0) {
            return false;
        }
        let end = len - last.len();
        if !fits(last, end) {
            return false;
        }
        let mut at = first.len();
        for piece in middle {
            let Some(room) = end.checked_sub(piece.len()) else {
                return false;
            };
            match (at..=room).find(|&i| fits(piece, i) || watch.ended()) {
                Some(found) if !watch.ended() => at = found + piece.len(),
                _ => return false,
            }
        }
        true
    }
}

/// Whether a text from a list or a query, which may hold wildcards, matches a
/// value, letter case ignored. For many values, compile a [`Pattern`] once.
pub fn wildcard_match(pattern: &str, value: &str) -> bool {
    Pattern::new(pattern).matches_text(value)
}

/// The reference that patterns are tested against: short and slow.
#[cfg(test)]
pub(crate) fn naive_match(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => {
            naive_match(rest, text) || (!text.is_empty() && naive_match(pattern, &text[1..]))
        }
        (Some(('?', rest)), Some((_, tail))) => naive_match(rest, tail),
        (Some((p, rest)), Some((t, tail))) => {
            super::fold::fold_char(*p) == super::fold::fold_char(*t) && naive_match(rest, tail)
        }
        _ => false,
    }
}
