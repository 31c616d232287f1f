//! The quick reader of JSON objects: from text to fields at once.
//!
//! It takes what is in order and simple, as almost all events are, and leaves the rest to
//! `serde_json`: pairs of surrogates, numbers beyond 18 digits, arrays in arrays, what is nested too
//! deep, and what is no JSON. So it never says why it refuses. Quicker than a reader for any type,
//! because texts without escapes are copied once and from where they stand.

use super::Sink;
use super::element::Element;
use cresset_model::Value;
use std::borrow::Cow;

/// Nobody sees why the quick reader refuses.
type Refused = serde::de::value::Error;

/// Most digits of whole numbers that are read here: so many never overflow.
const DIGITS: usize = 18;

/// Puts the object that `text` is into the sink; false if the other reader has to.
pub(super) fn read(text: &str, sink: &mut Sink<'_>) -> bool {
    let mut json = Json { text, at: 0 };
    let read = json.object(sink, 0);
    read.is_some() && json.peek().is_none()
}

enum Number {
    Whole(i64),
    Fraction(f64),
}

struct Json<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Json<'t> {
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
            let name = self.string()?;
            if depth > 0 {
                sink.path.push('.');
            }
            sink.path.push_str(&name);
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
                return sink.put_text::<Refused>(text).ok();
            }
            b'{' => return self.object(sink, depth),
            b'[' => return self.array(sink),
            b'n' => return self.word("null"),
            b't' => self.word("true").map(|()| Value::Bool(true))?,
            b'f' => self.word("false").map(|()| Value::Bool(false))?,
            _ => match self.number()? {
                Number::Whole(n) => Value::Int(n),
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
                Number::Fraction(n) => Element::Float(n),
            },
        })
    }

    fn number(&mut self) -> Option<Number> {
        let start = self.at;
        let negative = self.byte()? == b'-';
        self.at += usize::from(negative);
        let first = self.at;
        let mut whole = 0_i64;
        while let Some(digit) = self.digit() {
            whole = whole.wrapping_mul(10).wrapping_add(digit);
        }
        let digits = self.at - first;
        let zero = self.text.as_bytes().get(first) == Some(&b'0');
        if digits == 0 || digits > DIGITS || zero && digits > 1 {
            return None;
        }
        if !matches!(self.byte(), Some(b'.' | b'e' | b'E')) {
            // `-0` is a fraction.
            let sign = if negative { -1 } else { 1 };
            return (!negative || whole != 0).then_some(Number::Whole(sign * whole));
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

    fn digit(&mut self) -> Option<i64> {
        let digit = self.byte()?.wrapping_sub(b'0');
        (digit < 10).then(|| {
            self.at += 1;
            i64::from(digit)
        })
    }

    fn string(&mut self) -> Option<Cow<'t, str>> {
        self.take(b'"')?;
        let (start, mut escapes) = (self.at, 0);
        loop {
            self.at = special(self.text.as_bytes(), self.at)?;
            match self.byte()? {
                b'"' => break,
                b'\\' => {
                    escapes += 1;
                    self.at += 2;
                }
                // As it stands, a control character is no JSON.
                _ => return None,
            }
        }
        let written = self.text.get(start..self.at)?;
        self.at += 1;
        if escapes == 0 {
            return Some(Cow::Borrowed(written));
        }
        unescaped(written, escapes).map(Cow::Owned)
    }
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

/// What a text with so many escapes says.
fn unescaped(written: &str, escapes: usize) -> Option<String> {
    let mut text = String::with_capacity(written.len().saturating_sub(escapes));
    let mut rest = written;
    while let Some(place) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(rest.get(..place)?);
        let escape = *rest.as_bytes().get(place + 1)?;
        rest = rest.get(place + 2..)?;
        text.push(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let digits = rest.get(..4)?;
                rest = rest.get(4..)?;
                // Without the sign that numbers may have elsewhere.
                let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
                let number = u32::from_str_radix(digits, 16)
                    .ok()
                    .filter(|_| hexadecimal)?;
                char::from_u32(number)?
            }
            _ => return None,
        });
    }
    text.push_str(rest);
    // Escapes of six characters may be most of it, and events count by their lengths.
    text.shrink_to_fit();
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::{Flat, Limits};
    use super::*;
    use crate::IngestSettings;

    fn quick(text: &str) -> Option<Flat> {
        let limits = Limits::from(&IngestSettings::default());
        let mut sink = Sink::new(&limits);
        read(text, &mut sink).then_some(sink.flat)
    }

    #[test]
    fn what_is_simple_is_read_here() {
        let check = |text: &str, expect: &[(&str, Value)]| {
            let flat = quick(text).unwrap_or_else(|| panic!("{text} was left to the other"));
            let expect: Vec<_> = expect
                .iter()
                .map(|(n, v)| ((*n).into(), v.clone()))
                .collect();
            assert_eq!(flat.fields, expect, "{text}");
        };
        check(" { } \n", &[]);
        check(r#"{"a":"b"}"#, &[("a", "b".into())]);
        check(
            r#"{"a" : -12 , "b":[ ], "c":null,"d":true,"e":0}"#,
            &[
                ("a", (-12).into()),
                ("d", Value::Bool(true)),
                ("e", 0.into()),
            ],
        );
        check(
            r#"{"a":{"b":{"c":1}},"d":1.5e3}"#,
            &[("a.b.c", 1.into()), ("d", Value::Float(1500.0))],
        );
        check(
            r#"{"a\"b":"C:\\x\r\n\u00e9\t\/","l":["x","\u0041",1,false,null]}"#,
            &[
                ("a\"b", "C:\\x\r\né\t/".into()),
                (
                    "l",
                    Value::List(vec!["x".into(), "A".into(), "1".into(), "false".into()]),
                ),
            ],
        );
        let long = "é".repeat(1_000) + "\\" + &"x".repeat(999);
        let text = serde_json::json!({"long": long}).to_string();
        check(&text, &[("long", long.as_str().into())]);
    }

    #[test]
    fn what_is_not_is_left_to_the_other() {
        for text in [
            "",
            "{",
            "}",
            "[]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":1e}"#,
            r#"{"a":-}"#,
            r#"{"a":-0}"#,
            r#"{"a":+1}"#,
            r#"{"a":1e999}"#,
            r#"{"a":1.7976931348623158e308}"#,
            r#"{"a":1234567890123456789}"#,
            r#"{"a":tru}"#,
            r#"{"a":1} x"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u+123"}"#,
            r#"{"a":"\ud83d\ude00"}"#,
            r#"{"a":"\"}"#,
            r#"{"a":[[]]}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[{}]}"#,
            "{\"a\":\"\u{1}\"}",
            "{\"a\":\"b",
            "{\"a\":\"b\n\"}",
        ] {
            assert!(quick(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut bytes = [b'x'; 20];
                bytes[place] = byte;
                let expect = matches!(byte, b'"' | b'\\' | 0..0x20).then_some(place);
                assert_eq!(special(&bytes, 0), expect, "{byte} at {place}");
                assert_eq!(special(&bytes, place), expect);
            }
        }
    }
}
