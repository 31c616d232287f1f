//! The right side of `in [..]`: exact values by hash, patterns one by one.

use super::fold::{eq_folded, fold_char};
use super::number::Num;
use super::pattern::{Pattern, Subject};
use super::watch::Watch;
use cresset_model::Value;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

/// From so many patterns on, a text is folded once for all of them.
const MANY: usize = 4;

/// Several values and patterns, one of which must match.
#[derive(Debug, Clone, Default)]
pub struct ValueSet {
    /// Folded exact texts.
    exact: Vec<Box<str>>,
    /// Places in `exact` by the hash of the text.
    by_hash: HashMap<u64, Vec<u32>>,
    /// Exact values that are numbers: see [`Num::exact`].
    numbers: HashSet<(bool, i128)>,
    /// Other exact values that are numbers beside a value that is no text.
    inexact: HashSet<(bool, i128)>,
    /// Values with wildcards.
    patterns: Vec<Pattern>,
}

impl ValueSet {
    /// Compiles values as they stand in a query.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = Self::default();
        for value in values {
            match Pattern::new(value) {
                Pattern::Exact(folded, number) => {
                    match number {
                        Some(number) => set.numbers.extend([number.key()]),
                        None => set.inexact.extend(Num::parse(&folded).map(Num::key)),
                    }
                    set.add_exact(folded);
                }
                pattern => set.patterns.push(pattern),
            }
        }
        set
    }

    fn add_exact(&mut self, folded: Box<str>) {
        let places = self.by_hash.entry(hash(&folded)).or_default();
        if !places.iter().any(|p| self.exact[*p as usize] == folded) {
            places.push(self.exact.len() as u32);
            self.exact.push(folded);
        }
    }

    /// Whether a value that is no text is a member if and only if its text is.
    pub(super) fn judges_by_text(&self) -> bool {
        let small = |text: &str| Num::exact(text).is_none_or(Num::is_small);
        self.inexact.is_empty() && self.exact_texts().all(small)
    }

    /// The folded texts without wildcards.
    pub fn exact_texts(&self) -> impl Iterator<Item = &str> {
        self.exact.iter().map(|t| &**t)
    }

    /// The members with wildcards.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether a value is a member; of several texts, one is enough.
    pub fn matches(&self, value: &Value) -> bool {
        self.matches_within(value, &Watch::never())
    }

    /// [`ValueSet::matches`] until `watch` says otherwise.
    pub(crate) fn matches_within(&self, value: &Value, watch: &Watch<'_>) -> bool {
        match value {
            Value::Str(s) => self.text_within(s, watch),
            Value::List(items) => items
                .iter()
                .any(|i| watch.ended() || self.text_within(i, watch)),
            Value::Bool(b) => self.text_within(if *b { "true" } else { "false" }, watch),
            Value::Int(_) | Value::Float(_) => {
                let key = Num::of(value).map(Num::key);
                key.is_some_and(|k| self.numbers.contains(&k) || self.inexact.contains(&k))
                    || self.patterns.iter().any(|p| p.matches(value))
            }
        }
    }

    /// Whether a text is a member, until `watch` says otherwise.
    pub(super) fn text_within(&self, text: &str, watch: &Watch<'_>) -> bool {
        watch.spend(text.len());
        self.has_exact(text)
            || (!self.numbers.is_empty()
                && Num::exact(text).is_some_and(|n| self.numbers.contains(&n.key())))
            || self.has_pattern(text, watch)
    }

    fn has_pattern(&self, text: &str, watch: &Watch<'_>) -> bool {
        if self.patterns.len() < MANY {
            return self.patterns.iter().any(|p| p.text_within(text, watch));
        }
        let subject = Subject::new(text);
        self.patterns
            .iter()
            .any(|p| watch.spend(1) || p.matches_subject(&subject, watch))
    }

    fn has_exact(&self, text: &str) -> bool {
        if self.exact.len() <= 4 {
            return self.exact.iter().any(|e| eq_folded(text, e));
        }
        let places = self.by_hash.get(&hash(text));
        places.is_some_and(|p| p.iter().any(|i| eq_folded(text, &self.exact[*i as usize])))
    }
}

/// The hash of the folded form of `text`.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    if text.is_ascii() {
        let mut buffer = [0_u8; 64];
        for chunk in text.as_bytes().chunks(buffer.len()) {
            let part = &mut buffer[..chunk.len()];
            part.copy_from_slice(chunk);
            part.make_ascii_lowercase();
            hasher.write(part);
        }
    } else {
        let mut buffer = [0_u8; 4];
        for c in text.chars() {
            hasher.write(fold_char(c).encode_utf8(&mut buffer).as_bytes());
        }
    }
    hasher.finish()
}
