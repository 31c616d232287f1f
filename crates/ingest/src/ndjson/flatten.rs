//! From JSON text to fields without a tree in between: the hot path of the ingest.

mod element;
mod quick;

use self::element::{Element, ElementSeed};
use super::array::string_end;
use super::names::{Marks, keep_last_of_equal};
use crate::IngestSettings;
use compact_str::ToCompactString;
use cresset_model::{FieldName, Value};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Fields that most events have room for without growing, with those that the server adds.
const USUAL_FIELDS: usize = 44;

/// Most values in one item, in arrays and objects together. A value of two bytes takes
/// up to a hundred while it is read, so the length of the text does not bound memory.
const MAX_VALUES: usize = 250_000;
/// What an object or array counts as: the first node of a map takes over 600 bytes.
const OPENER_VALUES: usize = 8;

/// How large an event may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most fields.
    pub fields: usize,
    /// Longest name in bytes.
    pub name_bytes: usize,
    /// Longest value in bytes.
    pub value_bytes: usize,
    /// Levels of nesting that become dotted names.
    pub depth: usize,
}

impl From<&IngestSettings> for Limits {
    fn from(s: &IngestSettings) -> Self {
        Self {
            fields: s.max_fields,
            name_bytes: s.max_name_bytes,
            value_bytes: s.max_value_bytes,
            depth: s.max_depth,
        }
    }
}

/// A flattened object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flat {
    /// Every leaf under its dotted name, each name once.
    pub fields: Vec<(FieldName, Value)>,
    /// Names of the fields whose values were cut.
    pub cut: Vec<FieldName>,
}

/// Flattens one JSON object.
///
/// - Nested objects become dotted names; an empty name becomes `_`.
/// - `null` and empty arrays are absent. An array of scalars becomes a list of
///   texts; an array that holds an object or an array, and an object deeper than
///   the limit, becomes JSON text.
/// - Of two equal names the later value counts.
/// - A whole number beyond 64 bits with sign, which no `Value` holds, stays text.
///
/// The error is a sentence for the sender.
pub fn flatten(text: &str, limits: &Limits) -> Result<Flat, String> {
    flatten_marked(text, limits).map(|(flat, _)| flat)
}

/// [`flatten`], with the marks of the names.
pub(crate) fn flatten_marked(text: &str, limits: &Limits) -> Result<(Flat, Marks), String> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err("each item must be a JSON object".to_owned());
    }
    if has_too_many_values(text.as_bytes()) {
        return Err(format!(
            "more than {MAX_VALUES} values, where an object or array counts as {OPENER_VALUES}"
        ));
    }
    let mut sink = Sink::new(limits);
    if !quick::read(text, &mut sink) {
        sink = Sink::new(limits);
        slowly(text, &mut sink)?;
    }
    let mut flat = sink.flat;
    let names = keep_last_of_equal(&mut flat.fields);
    Ok((flat, names))
}

/// Has the last word on what is JSON, and a sentence for what is not.
fn slowly(text: &str, sink: &mut Sink<'_>) -> Result<(), String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = ValueSeed { sink, depth: 0 }.deserialize(&mut json);
    read.and_then(|()| json.end()).map_err(|e| describe(&e))
}

/// Whether a JSON text has more values than are read: counts commas and opening brackets
/// outside strings, as far as [`MAX_VALUES`].
pub(crate) fn has_too_many_values(text: &[u8]) -> bool {
    if text.len() <= MAX_VALUES / OPENER_VALUES {
        return false;
    }
    let (mut at, mut values) = (0, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b',' => values += 1,
            b'{' | b'[' => values += OPENER_VALUES,
            b'"' => match string_end(text, at + 1) {
                Some(end) => at = end,
                // A string without an end is the parser's to complain about.
                None => return false,
            },
            _ => {}
        }
        if values > MAX_VALUES {
            return true;
        }
        at += 1;
    }
    false
}

/// serde_json counts lines within the item; only the column helps.
fn describe(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason);
    format!("{reason} (column {})", e.column())
}

struct Sink<'l> {
    flat: Flat,
    path: String,
    limits: &'l Limits,
}

impl<'l> Sink<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            flat: Flat {
                fields: Vec::with_capacity(USUAL_FIELDS),
                cut: Vec::new(),
            },
            path: String::new(),
            limits,
        }
    }

    fn put<E: Error>(&mut self, value: Value) -> Result<(), E> {
        if self.flat.fields.len() >= self.limits.fields {
            return Err(E::custom(format_args!(
                "more than {} fields",
                self.limits.fields
            )));
        }
        if self.path.len() > self.limits.name_bytes {
            let limit = self.limits.name_bytes;
            return Err(E::custom(format_args!(
                "a field name is longer than {limit} bytes"
            )));
        }
        let name = if self.path.is_empty() {
            "_"
        } else {
            &self.path
        };
        self.flat.fields.push((FieldName::from(name), value));
        Ok(())
    }

    fn put_text<E: Error>(&mut self, text: Cow<'_, str>) -> Result<(), E> {
        if text.len() <= self.limits.value_bytes {
            return self.put(Value::Str(match text {
                Cow::Borrowed(text) => text.into(),
                Cow::Owned(mut text) => {
                    text.shrink_to_fit();
                    text.into()
                }
            }));
        }
        let kept = &text[..text.floor_char_boundary(self.limits.value_bytes)];
        self.put(Value::Str(kept.into()))?;
        if let Some((name, _)) = self.flat.fields.last() {
            self.flat.cut.push(name.clone());
        }
        Ok(())
    }

    fn put_elements<E: Error>(&mut self, elements: Vec<Element>) -> Result<(), E> {
        if elements.iter().any(|e| matches!(e, Element::Json(_))) {
            let array: Vec<_> = elements.into_iter().map(Element::into_json).collect();
            return self.put_text(serde_json::Value::Array(array).to_string().into());
        }
        let mut left = self.limits.value_bytes;
        let mut texts = Vec::with_capacity(elements.len());
        let mut cut = false;
        for text in elements.into_iter().filter_map(Element::into_text) {
            cut |= text.len() > left;
            if cut {
                break;
            }
            left -= text.len();
            texts.push(text);
        }
        if texts.is_empty() && !cut {
            return Ok(());
        }
        self.put(Value::List(texts))?;
        if cut && let Some((name, _)) = self.flat.fields.last() {
            self.flat.cut.push(name.clone());
        }
        Ok(())
    }
}

/// Reads any value into the sink under the sink's path.
struct ValueSeed<'s, 'l> {
    sink: &'s mut Sink<'l>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.sink.put_text(text.into())
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<(), E> {
        self.sink.put(Value::Bool(b))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<(), E> {
        self.sink.put(Value::Int(n))
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<(), E> {
        self.sink.put(whole_number(n))
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<(), E> {
        self.sink.put(Value::Float(n))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.depth > self.limits().depth {
            let tree = serde_json::Value::deserialize(MapAccessDeserializer::new(map))?;
            return self.sink.put_text(tree.to_string().into());
        }
        let base = self.sink.path.len();
        while map
            .next_key_seed(KeySeed {
                path: &mut self.sink.path,
                nested: self.depth > 0,
            })?
            .is_some()
        {
            map.next_value_seed(ValueSeed {
                sink: &mut *self.sink,
                depth: self.depth + 1,
            })?;
            self.sink.path.truncate(base);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element_seed(ElementSeed)? {
            elements.push(element);
        }
        self.sink.put_elements(elements)
    }
}

impl ValueSeed<'_, '_> {
    const fn limits(&self) -> &Limits {
        self.sink.limits
    }
}

/// Appends a name to the path.
struct KeySeed<'s> {
    path: &'s mut String,
    nested: bool,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        if self.nested {
            self.path.push('.');
        }
        self.path.push_str(name);
        Ok(())
    }
}

fn whole_number(n: u64) -> Value {
    i64::try_from(n).map_or_else(|_| Value::Str(n.to_compact_string()), Value::Int)
}

#[cfg(test)]
mod tests;
