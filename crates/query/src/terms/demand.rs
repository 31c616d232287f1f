//! What a condition asks of the terms of a text.

use super::{Class, each_term};
use crate::eval::{Check, Expr, Pattern, Words};
use memchr::memmem::Finder;

/// What stands in the line of terms of every text that meets a condition.
#[derive(Debug)]
pub struct Demand {
    parts: Vec<Finder<'static>>,
    decides: bool,
}

impl Demand {
    /// What a condition asks of the terms of `field`; `None` if nothing.
    pub fn of(condition: &Expr, field: &str) -> Option<Self> {
        match condition {
            Expr::Words(words) if field == "msg" => Self::of_words(words),
            Expr::Test(operand, Check::Is(pattern))
                if operand.is_as_written() && operand.field() == field =>
            {
                Self::of_pattern(pattern)
            }
            _ => None,
        }
    }

    fn of_words(words: &Words) -> Option<Self> {
        match words {
            Words::Any => Some(Self::presence()),
            Words::Plain {
                needle,
                bound_start,
                bound_end,
            } => Self::literal(needle, (*bound_start, *bound_end)).or_none(),
            Words::Wild(_) => None,
        }
    }

    fn of_pattern(pattern: &Pattern) -> Option<Self> {
        let open = |text: &str| Self::literal(text, (false, false));
        let found = match pattern {
            Pattern::Any => return Some(Self::presence()),
            Pattern::Contains(text) => open(text),
            Pattern::Prefix(text) | Pattern::Suffix(text) => open(text).undecided(),
            // A number is written in several ways.
            Pattern::Exact(_, Some(_)) => return None,
            Pattern::Exact(text, None) => Self::literal(text, (true, true)).undecided(),
            Pattern::Glob(glob) => {
                let mut all = Self::presence().undecided();
                for text in glob.literals() {
                    all.parts.extend(open(&text).parts);
                }
                all
            }
        };
        found.or_none()
    }

    /// The text is there.
    const fn presence() -> Self {
        Self {
            parts: Vec::new(),
            decides: true,
        }
    }

    /// A folded literal, which may begin or end within a word unless it is bound there.
    fn literal(text: &str, (bound_start, bound_end): (bool, bool)) -> Self {
        let is_word = |c: char| Class::of(c) != Class::Other;
        let mut parts = Vec::new();
        let mut at = 0;
        for word in text.split(|c| !is_word(c)) {
            let end = at + word.len();
            let begins = at > 0 || bound_start;
            let ends = end < text.len() || bound_end;
            each_term(word, |term| {
                let mut part = Vec::with_capacity(term.len() + 2);
                part.extend(begins.then_some(b' '));
                part.extend_from_slice(term);
                part.extend(ends.then_some(b' '));
                parts.push(Finder::new(&part).into_owned());
            });
            let separator = text[end..].chars().next().map_or(0, char::len_utf8);
            at = end + separator;
        }
        let letters = |c: char| matches!(Class::of(c), Class::Hex | Class::Letter);
        Self {
            decides: !parts.is_empty() && text.chars().all(letters),
            parts,
        }
    }

    fn undecided(self) -> Self {
        Self {
            decides: false,
            ..self
        }
    }

    fn or_none(self) -> Option<Self> {
        (!self.parts.is_empty()).then_some(self)
    }

    /// Whether the condition is met by every text whose line meets the demand. By no other
    /// text it ever is.
    pub const fn decides(&self) -> bool {
        self.decides
    }

    /// Whether the line of terms of a text has what is asked for.
    pub fn met(&self, line: &str) -> bool {
        self.parts
            .iter()
            .all(|part| part.find(line.as_bytes()).is_some())
    }

    /// The texts that stand in the line.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(Finder::needle)
    }
}
