//! The quick reader of JSON objects: from text to fields at once.
//!
//! It takes what is in order and simple, as almost all events are, and leaves the rest to
//! `serde_json`: pairs of surrogates, numbers beyond 64 bits, arrays in arrays, what is nested too
//! deep, and what is no JSON. So it never says why it refuses. Quicker than a reader for any type,
//! because texts without escapes are copied once and from where they stand, and others are read
//! once.

use super::element::Element;
use super::{Sink, whole_number};
use cresset_model::Value;
use std::cell::Cell;

/// Nobody sees why the quick reader refuses.
type Refused = serde::de::value::Error;

/// Most digits of whole numbers that never overflow.
const DIGITS: usize = 19;

/// Longest text without its escapes whose room is kept for the next event.
const KEPT_BYTES: usize = 1 << 16;

thread_local! {
    /// Room for texts without their escapes: made anew, it would grow with each event.
    static UNESCAPED: Cell<String> = const { Cell::new(String::new()) };
}

/// Puts the object that `text` is into the sink; false if the other reader has to.
pub(super) fn read(text: &str, sink: &mut Sink<'_>) -> bool {
    let mut json = Json {
        text,
        at: 0,
        unescaped: UNESCAPED.take(),
    };
    let read = json.object(sink, 0).is_some() && json.peek().is_none();
    if json.unescaped.capacity() <= KEPT_BYTES {
        UNESCAPED.set(json.unescaped);
    }
    read
}

enum Number {
    Whole(i64),
    /// Beyond what a value holds.
    Large(u64),
    Fraction(f64),
}

struct Json<'t> {
    text: &'t str,
    at: usize,
    unescaped: String,
}

impl Json<'_> {
    /// The byte here.
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        rest.starts_with(word).then(|| self.at += word.len())
    }

    fn object(&mut self, sink: &mut Sink<'_>, depth: usize) -> Option<()> {
        if depth > sink.limits.depth {
            return None;
        }
        let base = sink.path.len();
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            if depth > 0 {
                sink.path.push('.');
            }
            sink.path.push_str(self.string()?);
            self.take(b':')?;
            self.value(sink, depth + 1)?;
            sink.path.truncate(base);
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn value(&mut self, sink: &mut Sink<'_>, depth: usize) -> Option<()> {
        let value = match self.peek()? {
            b'"' => {
                let text = self.string()?;
                return sink.put_text::<Refused>(text.into()).ok();
            }
            b'{' => return self.object(sink, depth),
            b'[' => return self.array(sink),
            b'n' => return self.word("null"),
            b't' => self.word("true").map(|()| Value::Bool(true))?,
            b'f' => self.word("false").map(|()| Value::Bool(false))?,
            _ => match self.number()? {
                Number::Whole(n) => Value::Int(n),
                Number::Large(n) => whole_number(n),
                Number::Fraction(n) => Value::Float(n),
            },
        };
        sink.put::<Refused>(value).ok()
    }

    fn array(&mut self, sink: &mut Sink<'_>) -> Option<()> {
        let mut elements = Vec::new();
        self.take(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
        } else {
            loop {
                elements.push(self.element()?);
                match self.peek()? {
                    b',' => self.at += 1,
                    b']' => break self.at += 1,
                    _ => return None,
                }
            }
        }
        sink.put_elements::<Refused>(elements).ok()
    }

    fn element(&mut self) -> Option<Element> {
        Some(match self.peek()? {
            b'"' => Element::Str(self.string()?.into()),
            b'n' => self.word("null").map(|()| Element::Null)?,
            b't' => self.word("true").map(|()| Element::Bool(true))?,
            b'f' => self.word("false").map(|()| Element::Bool(false))?,
            _ => match self.number()? {
                Number::Whole(n) => Element::Int(n),
                Number::Large(n) => Element::UInt(n),
                Number::Fraction(n) => Element::Float(n),
            },
        })
    }

    fn number(&mut self) -> Option<Number> {
        let start = self.at;
        let negative = self.byte()? == b'-';
        self.at += usize::from(negative);
        let first = self.at;
        let mut whole = 0_u64;
        while let Some(digit) = self.digit() {
            whole = whole.wrapping_mul(10).wrapping_add(digit);
        }
        let digits = self.at - first;
        let zero = self.text.as_bytes().get(first) == Some(&b'0');
        if digits == 0 || digits > DIGITS + 1 || zero && digits > 1 {
            return None;
        }
        if !matches!(self.byte(), Some(b'.' | b'e' | b'E')) {
            if digits > DIGITS {
                whole = self.text.get(first..self.at)?.parse().ok()?;
            }
            return whole_of(negative, whole);
        }
        self.fraction()?;
        let text = self.text.get(start..self.at)?;
        let number: f64 = text.parse().ok()?;
        // What is close to the largest one, `serde_json` may refuse.
        (number.abs() < 1e308).then_some(Number::Fraction(number))
    }

    /// What stands behind the whole part of a number.
    fn fraction(&mut self) -> Option<()> {
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<()> {
        self.digit()?;
        while self.digit().is_some() {}
        Some(())
    }

    fn digit(&mut self) -> Option<u64> {
        let digit = self.byte()?.wrapping_sub(b'0');
        (digit < 10).then(|| {
            self.at += 1;
            u64::from(digit)
        })
    }

    /// The text of the string here, which begins behind white space.
    fn string(&mut self) -> Option<&str> {
        self.take(b'"')?;
        let start = self.at;
        self.at = special(self.text.as_bytes(), start)?;
        if self.byte()? == b'"' {
            self.at += 1;
            return self.text.get(start..self.at - 1);
        }
        self.unescaped.clear();
        let mut from = start;
        loop {
            self.unescaped.push_str(self.text.get(from..self.at)?);
            match self.byte()? {
                b'"' => break,
                b'\\' => {
                    let said = self.escape()?;
                    self.unescaped.push(said);
                }
                // As it stands, a control character is no JSON.
                _ => return None,
            }
            from = self.at;
            self.at = special(self.text.as_bytes(), from)?;
        }
        self.at += 1;
        Some(&self.unescaped)
    }

    /// What the escape here says.
    fn escape(&mut self) -> Option<char> {
        let escape = *self.text.as_bytes().get(self.at + 1)?;
        self.at += 2;
        Some(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                // Without the sign that numbers may have elsewhere.
                let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
                let number = u32::from_str_radix(digits, 16).ok();
                char::from_u32(number.filter(|_| hexadecimal)?)?
            }
            _ => return None,
        })
    }
}

/// A whole number with its sign; `None` if no 64 bits hold it.
fn whole_of(negative: bool, whole: u64) -> Option<Number> {
    if negative {
        // `-0` is a fraction.
        let number = 0_i64.checked_sub_unsigned(whole).filter(|n| *n != 0);
        return number.map(Number::Whole);
    }
    Some(i64::try_from(whole).map_or(Number::Large(whole), Number::Whole))
}

/// Where the next quote, backslash or control character stands.
fn special(bytes: &[u8], from: usize) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = EACH << 7;
    // Marks the first byte that is 0, and perhaps others behind it.
    const fn zero(word: u64) -> u64 {
        word.wrapping_sub(EACH) & !word & HIGH
    }
    let mut at = from;
    let mut rest = bytes.get(from..)?;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(EACH * 0x20) & !word & HIGH;
        let quote = zero(word ^ (EACH * u64::from(b'"')));
        let backslash = zero(word ^ (EACH * u64::from(b'\\')));
        let found = control | quote | backslash;
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += size_of::<u64>();
        rest = behind;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    rest.iter().position(is_special).map(|place| at + place)
}

#[cfg(test)]
mod tests;
