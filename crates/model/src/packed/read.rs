//! Values as they stand in the packed form.

use crate::{Timestamp, Value};
use compact_str::CompactString;

pub(super) const TEXT: u8 = 0;
pub(super) const WHOLE: u8 = 1;
pub(super) const FRACTION: u8 = 2;
pub(super) const FALSE: u8 = 3;
pub(super) const TRUE: u8 = 4;
pub(super) const LIST: u8 = 5;

/// A value where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'p> {
    /// Text.
    Str(&'p str),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Several texts.
    List(Texts<'p>),
}

impl ValueRef<'_> {
    /// The value by itself.
    pub fn to_value(self) -> Value {
        match self {
            Self::Str(text) => Value::Str(text.into()),
            Self::Int(n) => Value::Int(n),
            Self::Float(n) => Value::Float(n),
            Self::Bool(b) => Value::Bool(b),
            Self::List(texts) => Value::List(texts.iter().map(CompactString::from).collect()),
        }
    }

    /// What it adds to [`crate::Event::size`].
    pub(super) fn size(self) -> usize {
        match self {
            Self::Str(text) => text.len(),
            Self::List(texts) => texts.iter().map(Value::size_of_item).sum(),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) => 0,
        }
    }
}

/// The texts of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Texts<'p> {
    count: usize,
    /// Read before, so that each is there.
    bytes: &'p [u8],
}

impl<'p> Texts<'p> {
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'p str> {
        let mut source = Source(self.bytes);
        (0..self.count).map_while(move |_| source.text())
    }
}

/// Bytes that are read from the front. What is not there, or makes no sense, is `None`.
pub(super) struct Source<'p>(pub(super) &'p [u8]);

impl<'p> Source<'p> {
    pub(super) fn number(&mut self) -> Option<u64> {
        // Most are of one byte.
        let (first, rest) = self.0.split_first()?;
        if *first < 0x80 {
            self.0 = rest;
            return Some(u64::from(*first));
        }
        let mut n = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            n |= bits << shift;
            if *byte < 0x80 {
                return Some(n);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let n = self.number()?;
        Some((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
    }

    pub(super) fn time(&mut self, before: Timestamp) -> Option<Timestamp> {
        Some(Timestamp(before.0.wrapping_add(self.signed()?)))
    }

    pub(super) fn text(&mut self) -> Option<&'p str> {
        let len = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    pub(super) fn value(&mut self) -> Option<ValueRef<'p>> {
        let (kind, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match *kind {
            TEXT => ValueRef::Str(self.text()?),
            WHOLE => ValueRef::Int(self.signed()?),
            FRACTION => {
                let (bits, rest) = self.0.split_first_chunk()?;
                self.0 = rest;
                ValueRef::Float(f64::from_bits(u64::from_le_bytes(*bits)))
            }
            FALSE => ValueRef::Bool(false),
            TRUE => ValueRef::Bool(true),
            LIST => ValueRef::List(self.texts()?),
            _ => return None,
        })
    }

    fn texts(&mut self) -> Option<Texts<'p>> {
        let count = usize::try_from(self.number()?).ok()?;
        let bytes = self.0;
        for _ in 0..count {
            self.text()?;
        }
        Some(Texts { count, bytes })
    }
}
