//! Elements of arrays.

use compact_str::{CompactString, ToCompactString};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// An element of an array.
pub(super) enum Element {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Str(CompactString),
    Json(serde_json::Value),
}

impl Element {
    pub(super) fn into_text(self) -> Option<CompactString> {
        Some(match self {
            Self::Null | Self::Json(_) => return None,
            Self::Bool(b) => b.to_compact_string(),
            Self::Int(n) => n.to_compact_string(),
            Self::UInt(n) => n.to_compact_string(),
            Self::Float(n) => n.to_string().into(),
            Self::Str(s) => s,
        })
    }

    pub(super) fn into_json(self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(b) => b.into(),
            Self::Int(n) => n.into(),
            Self::UInt(n) => n.into(),
            Self::Float(n) => n.into(),
            Self::Str(s) => s.as_str().into(),
            Self::Json(v) => v,
        }
    }
}

pub(super) struct ElementSeed;

impl<'de> DeserializeSeed<'de> for ElementSeed {
    type Value = Element;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Element, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ElementSeed {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Element, E> {
        Ok(Element::Null)
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<Element, E> {
        Ok(Element::Bool(b))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Element, E> {
        Ok(Element::Int(n))
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Element, E> {
        Ok(Element::UInt(n))
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<Element, E> {
        Ok(Element::Float(n))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Str(text.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
        serde_json::Value::deserialize(MapAccessDeserializer::new(map)).map(Element::Json)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Element, A::Error> {
        serde_json::Value::deserialize(SeqAccessDeserializer::new(seq)).map(Element::Json)
    }
}
