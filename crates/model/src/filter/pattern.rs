//! Values of conditions: text in which `*` stands for any run of characters.

use super::Op;
use std::fmt;

/// A value. Compared without regard to case, as the module's documentation says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The texts between the stars: one more than there are stars. Only the first and
    /// the last may be empty.
    parts: Vec<String>,
}

impl Pattern {
    /// The value that is just this text.
    pub fn exactly(text: impl Into<String>) -> Self {
        Self {
            parts: vec![text.into()],
        }
    }

    /// The value in which a star stands between each text and the next.
    pub fn between_stars(parts: impl IntoIterator<Item = String>) -> Self {
        let mut parts: Vec<String> = parts.into_iter().collect();
        let last = parts.len().saturating_sub(1);
        let mut place = 0;
        // Stars in a row mean what one means.
        parts.retain(|part| {
            place += 1;
            !part.is_empty() || place == 1 || place == last + 1
        });
        if parts.is_empty() {
            parts.push(String::new());
        }
        Self { parts }
    }

    /// The texts between the stars: one more than there are stars.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// The text, if there is no star.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Whether it is a lone `*`, which every value that is there equals.
    pub fn is_any(&self) -> bool {
        self.parts.len() == 2 && self.parts.iter().all(String::is_empty)
    }

    /// The value that equals what this one is contained in.
    pub fn anywhere(&self) -> Self {
        let edge = || std::iter::once(String::new());
        Self::between_stars(edge().chain(self.parts.iter().cloned()).chain(edge()))
    }

    /// Whether a text equals the value.
    pub fn equals(&self, text: &str) -> bool {
        let text = fold(text);
        let parts: Vec<String> = self.parts.iter().map(|part| fold(part)).collect();
        let (Some((first, middle)), true) = (parts.split_first(), parts.len() > 1) else {
            return parts.first().is_some_and(|only| *only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some((last, middle)) = middle.split_last() else {
            return false;
        };
        // The first place of each is the best one: it leaves the most for the others.
        for part in middle {
            match rest.find(part.as_str()) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }

    /// Whether a text contains the value.
    pub fn is_within(&self, text: &str) -> bool {
        self.anywhere().equals(text)
    }

    /// What a text compared with the value by [`Op::Greater`] and its like gives.
    pub(super) fn compares(&self, text: &str, op: Op) -> bool {
        let Some(value) = self.literal() else {
            return false;
        };
        if self.equals(text) {
            return matches!(op, Op::GreaterOrEqual | Op::LessOrEqual);
        }
        let (text, value) = (text.to_ascii_lowercase(), value.to_ascii_lowercase());
        match op {
            Op::Greater | Op::GreaterOrEqual => text > value,
            Op::Less | Op::LessOrEqual => text < value,
            _ => false,
        }
    }
}

/// Upper-case letters that have a pair as that pair.
pub fn fold(text: &str) -> String {
    let lower = |c: char| match case_pair(c) {
        Some((lower, _)) => lower,
        None => c,
    };
    text.chars().map(lower).collect()
}

/// The lower and upper case that a character is one of. See the module's documentation.
pub fn case_pair(c: char) -> Option<(char, char)> {
    let pair = if let (lower, true) = (alone(c.to_lowercase())?, c.is_uppercase()) {
        (lower, c)
    } else if c.is_lowercase() {
        (c, alone(c.to_uppercase())?)
    } else {
        return None;
    };
    let (lower, upper) = pair;
    let each_other =
        alone(lower.to_uppercase()) == Some(upper) && alone(upper.to_lowercase()) == Some(lower);
    (lower != upper && each_other && lower.is_ascii() == upper.is_ascii()).then_some(pair)
}

fn alone(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next();
    if chars.next().is_some() { None } else { first }
}

/// Characters that mean something in a filter; a backslash before one takes that away.
/// Before any other character a backslash is itself.
pub(super) fn is_escapable(c: char) -> bool {
    matches!(
        c,
        '(' | ')'
            | '$'
            | '&'
            | '#'
            | '['
            | ']'
            | '"'
            | '\\'
            | ','
            | ':'
            | '~'
            | '|'
            | '*'
            | '!'
            | '<'
            | '>'
            | '='
    )
}

impl fmt::Display for Pattern {
    /// In quotes, as a filter holds it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for (place, part) in self.parts.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { "*" })?;
            for c in part.chars() {
                if matches!(c, '"' | '\\' | '*') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
        }
        f.write_str("\"")
    }
}
