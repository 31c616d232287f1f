//! Packing.

use super::write::{put_number, put_text, put_time, put_value};
use super::{Head, Packed};
use crate::{Event, FieldName, Timestamp, Value};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::OnceLock;

/// Values of a field that are looked up before it is known whether they come again.
pub(super) const TRIAL: u32 = 32;
/// Of so many values that are looked up, one should have been there before.
const WORTH: u32 = 8;

/// Packs events one after the other.
#[derive(Default)]
pub struct Packer {
    bytes: Vec<u8>,
    heads: Vec<Head>,
    fields: Vec<Field>,
    numbers: HashMap<FieldName, u32, RandomState>,
    /// Where the fields of the event before are, in its order: events of one source look alike,
    /// and comparing a name costs much less than looking it up.
    expected: Vec<u32>,
    /// Of all fields, by the bytes of the value and the field.
    pub(super) known: HashTable<Known>,
    hasher: RandomState,
}

/// A name, and how often its values come again.
struct Field {
    name: FieldName,
    asked: u32,
    learned: u32,
    last: Option<Known>,
}

/// A value that has a number.
#[derive(Clone)]
pub(super) struct Known {
    /// Where it stands in the packed form.
    place: Range<usize>,
    hash: u64,
    field: u32,
    number: u32,
}

impl Field {
    /// Whether values come again often enough to be looked up.
    const fn repeats(&self) -> bool {
        self.asked < TRIAL || (self.asked - self.learned) * WORTH >= self.asked
    }
}

impl Packer {
    /// With room for so many packed bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer")
            .field("events", &self.len())
            .finish_non_exhaustive()
    }
}

impl Packer {
    /// Number of events so far.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Adds an event.
    pub fn push(&mut self, event: &Event) {
        let start = Head {
            log_ts: Timestamp(0),
            col_ts: Timestamp(0),
            end: 0,
        };
        let before = self.heads.last().unwrap_or(&start);
        let Event {
            log_ts,
            col_ts,
            fields,
        } = event;
        put_time(&mut self.bytes, *log_ts, before.log_ts);
        put_time(&mut self.bytes, *col_ts, before.col_ts);
        self.heads.push(Head {
            log_ts: *log_ts,
            col_ts: *col_ts,
            end: before.end + event.size() as u64,
        });
        put_number(&mut self.bytes, fields.len() as u64);
        for (at, (name, value)) in fields.iter().enumerate() {
            let field = self.put_name(at, name);
            self.put_value(field, value);
        }
    }

    /// The events so far.
    pub fn finish(mut self) -> Packed {
        // Events wait for a while, and room that they do not need counts for nobody.
        if self.bytes.capacity() > self.bytes.len() + self.bytes.len() / 8 {
            self.bytes.shrink_to_fit();
        }
        Packed {
            bytes: self.bytes,
            heads: self.heads.into(),
            unpacked: OnceLock::new(),
        }
    }

    /// Writes the name of the field at that place of an event, and gives its number.
    fn put_name(&mut self, at: usize, name: &FieldName) -> u32 {
        let is_it = |number: &u32| {
            let field = self.fields.get(*number as usize);
            field.is_some_and(|field| field.name == *name)
        };
        let expected = self.expected.get(at).copied().filter(is_it);
        let known = expected.or_else(|| self.numbers.get(name).copied());
        let number = known.unwrap_or(self.fields.len() as u32);
        put_number(&mut self.bytes, u64::from(number));
        if known.is_none() {
            put_text(&mut self.bytes, name);
            self.numbers.insert(name.clone(), number);
            self.fields.push(Field {
                name: name.clone(),
                asked: 0,
                learned: 0,
                last: None,
            });
        }
        match self.expected.get_mut(at) {
            Some(expected) => *expected = number,
            None => self.expected.push(number),
        }
        number
    }

    fn put_value(&mut self, number: u32, value: &Value) {
        let Self {
            bytes,
            fields,
            known,
            hasher,
            ..
        } = self;
        let start = bytes.len();
        bytes.push(0);
        put_value(bytes, value);
        let Some(field) = fields.get_mut(number as usize) else {
            return;
        };
        let place = start + 1..bytes.len();
        let here = &bytes[place.clone()];
        let is_here = |known: &Known| bytes[known.place.clone()] == *here;
        if let Some(last) = &field.last
            && is_here(last)
        {
            let again = u64::from(last.number);
            bytes.truncate(start);
            return put_number(bytes, again + 2);
        }
        if !field.repeats() {
            return;
        }
        field.asked += 1;
        let hash = hasher.hash_one((number, here));
        let found = known.find(hash, |known| known.field == number && is_here(known));
        if let Some(found) = found {
            let again = u64::from(found.number);
            field.last = Some(found.clone());
            bytes.truncate(start);
            return put_number(bytes, again + 2);
        }
        let new = Known {
            place,
            hash,
            field: number,
            number: field.learned,
        };
        field.learned += 1;
        field.last = Some(new.clone());
        known.insert_unique(hash, new, |known| known.hash);
        if let Some(code) = bytes.get_mut(start) {
            *code = 1;
        }
    }
}
