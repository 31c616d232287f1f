//! The right side of `in [..]`: exact values by hash, patterns one by one.

use super::fold::{eq_folded, fold_char};
use super::number::Num;
use super::pattern::Pattern;
use cresset_model::Value;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

/// Several values and patterns, one of which must match.
#[derive(Debug, Clone, Default)]
pub struct ValueSet {
    /// Folded exact texts.
    exact: Vec<Box<str>>,
    /// Places in `exact` by the hash of the text.
    by_hash: HashMap<u64, Vec<u32>>,
    /// Exact values that are numbers.
    numbers: HashSet<(bool, i128)>,
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
                    set.numbers.extend(number.map(Num::key));
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
        match value {
            Value::Str(s) => self.matches_text(s),
            Value::List(items) => items.iter().any(|i| self.matches_text(i)),
            Value::Bool(b) => self.matches_text(if *b { "true" } else { "false" }),
            Value::Int(_) | Value::Float(_) => {
                Num::of(value).is_some_and(|n| self.numbers.contains(&n.key()))
                    || self.patterns.iter().any(|p| p.matches(value))
            }
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        self.has_exact(text)
            || (!self.numbers.is_empty()
                && Num::parse(text).is_some_and(|n| self.numbers.contains(&n.key())))
            || self.patterns.iter().any(|p| p.matches_text(text))
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
