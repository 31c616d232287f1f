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

mod demand;
mod needs;
#[cfg(test)]
mod tests;

pub use demand::Demand;
pub use needs::Needs;

use crate::eval::fold;

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

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = Class::of_byte(byte as u8);
        byte += 1;
    }
    classes
};

/// A word that is being read, as its term.
#[derive(Debug, Default)]
struct Word {
    term: Vec<u8>,
    /// Letters in a row up to here.
    letters: usize,
    /// Whether one of them is beyond `f`.
    beyond: bool,
    after_digit: bool,
    kept: bool,
}

impl Word {
    fn clear(&mut self) {
        self.term.clear();
        (self.letters, self.beyond) = (0, false);
        (self.after_digit, self.kept) = (false, false);
    }

    /// Takes note of a character of the word; whether it stands in the term.
    fn note(&mut self, class: Class) -> bool {
        let digit = class == Class::Digit;
        let repeated = digit && self.after_digit;
        self.after_digit = digit;
        if matches!(class, Class::Hex | Class::Letter) {
            self.letters += 1;
            self.beyond |= class == Class::Letter;
            self.kept |= self.beyond && self.letters >= RUN;
        } else {
            (self.letters, self.beyond) = (0, false);
        }
        !repeated
    }

    /// Ends the word, if there is one.
    fn end(&mut self, take: &mut impl FnMut(&[u8])) {
        if self.kept {
            take(&self.term);
        }
        if !self.term.is_empty() {
            self.clear();
        }
    }
}

/// Shows each term of a text in UTF-8, as often as it stands there.
pub fn each_term(text: &str, mut take: impl FnMut(&[u8])) {
    let mut word = Word::default();
    if text.is_ascii() {
        for byte in text.bytes() {
            match CLASSES[usize::from(byte)] {
                Class::Other => word.end(&mut take),
                class => {
                    if word.note(class) {
                        let digit = class == Class::Digit;
                        let c = if digit {
                            b'0'
                        } else {
                            byte.to_ascii_lowercase()
                        };
                        word.term.push(c);
                    }
                }
            }
        }
    } else {
        for c in fold(text).chars() {
            match Class::of(c) {
                Class::Other => word.end(&mut take),
                class => {
                    if word.note(class) {
                        let c = if class == Class::Digit { '0' } else { c };
                        let term = c.encode_utf8(&mut [0; 4]).as_bytes().to_owned();
                        word.term.extend(term);
                    }
                }
            }
        }
    }
    word.end(&mut take);
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
