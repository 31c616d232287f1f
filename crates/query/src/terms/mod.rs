//! Terms of a text: what an index keeps of it.
//!
//! The terms are the words of the folded text, each run of digits written as one `0`, so that
//! `C:\Users\bob17` has the terms `users` and `bob0`. Words are made of letters, digits and `_`.
//! Those without three letters in a row of which one is beyond `f` have no term: identifiers,
//! numbers and times, of which there is a new one in every event, and by which nobody could
//! find many events at once.
//!
//! Texts of machines differ in numbers mostly. So few sets of terms serve many events: those
//! of 65,536 real Windows events have 4,000 to 11,000 different ones, and take 4 to 6 bytes per
//! event in a column with a dictionary.
//!
//! A *vocabulary* is the line of all terms of many texts: what it lacks, none of them has, which
//! [`Needs`] says of a whole filter.
//!
//! The *line* of a text is the set of its terms in order, each with a space on both sides:
//! ` bob0 users `. [`Demand`] says what a condition asks of it.

mod ascii;
mod demand;
mod needs;
#[cfg(test)]
mod tests;

pub use demand::Demand;
pub use needs::Needs;

use crate::eval::fold;
use ascii::{each_of_ascii, is_beyond};

/// Letters in a row that make a term.
const RUN: usize = 3;

/// What a byte of ASCII text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Other,
    /// `a` to `f`, which identifiers are written with too.
    Hex,
    /// Any other letter.
    Letter,
    Digit,
    Underscore,
}

impl Class {
    const fn of_byte(byte: u8) -> Self {
        match byte {
            b'a'..=b'f' | b'A'..=b'F' => Self::Hex,
            b'g'..=b'z' | b'G'..=b'Z' => Self::Letter,
            b'0'..=b'9' => Self::Digit,
            b'_' => Self::Underscore,
            _ => Self::Other,
        }
    }

    fn of(c: char) -> Self {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => Self::of_byte(byte),
            _ if c.is_alphabetic() => Self::Letter,
            _ if c.is_alphanumeric() => Self::Digit,
            _ => Self::Other,
        }
    }
}

/// How much of a word is known to make a term of it.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    /// Letters in a row up to here.
    letters: usize,
    /// Whether one of them is beyond `f`.
    beyond: bool,
    kept: bool,
}

impl Run {
    const fn note(&mut self, class: Class) {
        if matches!(class, Class::Hex | Class::Letter) {
            self.letters += 1;
            self.beyond |= matches!(class, Class::Letter);
            self.kept |= self.beyond && self.letters >= RUN;
        } else {
            (self.letters, self.beyond) = (0, false);
        }
    }
}

/// Whether a text may have terms, by a look that costs little: false for numbers, times, addresses
/// and identifiers.
pub fn may_have_terms(text: &str) -> bool {
    // Without a branch for each byte, so that the compiler looks at many at once.
    let tell = |bytes: &[u8]| {
        let tells = |byte: &u8| is_beyond(*byte) | !byte.is_ascii();
        bytes.iter().fold(false, |may, byte| may | tells(byte))
    };
    let (chunks, rest) = text.as_bytes().as_chunks::<16>();
    chunks.iter().any(|chunk| tell(chunk)) || tell(rest)
}

/// Shows each term of a text in UTF-8, as often as it stands there.
pub fn each_term(text: &str, take: impl FnMut(&[u8])) {
    if text.is_ascii() {
        each_of_ascii(text.as_bytes(), take);
    } else {
        each_of_any(&fold(text), take);
    }
}

fn each_of_any(folded: &str, mut take: impl FnMut(&[u8])) {
    let mut term = String::new();
    for word in folded.split(|c| Class::of(c) == Class::Other) {
        let mut run = Run::default();
        term.clear();
        for c in word.chars() {
            let class = Class::of(c);
            run.note(class);
            if class != Class::Digit {
                term.push(c);
            } else if !term.ends_with('0') {
                term.push('0');
            }
        }
        if run.kept {
            take(term.as_bytes());
        }
    }
}

/// The line of terms, each given once and in order.
pub fn line<'t>(terms: impl IntoIterator<Item = &'t str>) -> String {
    let mut line = String::from(" ");
    for term in terms {
        line.push_str(term);
        line.push(' ');
    }
    line
}
