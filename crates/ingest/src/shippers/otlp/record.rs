//! A log record of either encoding, and the entry that becomes of it.

use super::super::{Entry, Text, Time};
use super::value::Any;
use cresset_model::{FieldName, Timestamp, Value};
use std::borrow::Cow;

/// What the resource and the scope of a record say.
#[derive(Debug, Clone, Default)]
pub(super) struct Around {
    pub(super) fields: Vec<(FieldName, Value)>,
}

impl Around {
    /// The same, and before it what a scope says of itself.
    pub(super) fn within(&self, scope: Scope) -> Self {
        let mut fields = Vec::new();
        put_text("scope.name", &scope.name, &mut fields);
        put_text("scope.version", &scope.version, &mut fields);
        put_all(scope.attributes, &mut fields);
        fields.extend_from_slice(&self.fields);
        Self { fields }
    }

    /// What a resource says of itself.
    pub(super) fn of_resource(attributes: Vec<(String, Any)>) -> Self {
        let mut fields = Vec::new();
        put_all(attributes, &mut fields);
        Self { fields }
    }

    /// The program that wrote the records, which selects the signatures.
    fn program(&self) -> Option<&str> {
        let found = self.fields.iter().find(|(name, _)| name == "service.name");
        match found {
            Some((_, Value::Str(name))) => Some(name.as_str()),
            _ => None,
        }
    }
}

/// An instrumentation scope.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) attributes: Vec<(String, Any)>,
}

/// A log record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Nanoseconds since the epoch; 0 if unknown, like the next.
    pub(super) time: u64,
    pub(super) observed: u64,
    pub(super) severity_number: i64,
    pub(super) severity_text: String,
    pub(super) body: Any,
    pub(super) attributes: Vec<(String, Any)>,
    pub(super) dropped_attributes: u64,
    pub(super) flags: u64,
    /// Hexadecimal.
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) event_name: String,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            time: 0,
            observed: 0,
            severity_number: 0,
            severity_text: String::new(),
            body: Any::Nothing,
            attributes: Vec::new(),
            dropped_attributes: 0,
            flags: 0,
            trace_id: String::new(),
            span_id: String::new(),
            event_name: String::new(),
        }
    }
}

impl Record {
    pub(super) fn entry(self, around: &Around) -> Entry<'_> {
        let mut fields = Vec::with_capacity(self.attributes.len() + around.fields.len() + 4);
        let named = match self.severity_number {
            1..=24 => SEVERITIES[(self.severity_number as usize - 1) / 4],
            _ => "",
        };
        let severity = Some(self.severity_text.as_str()).filter(|text| !text.is_empty());
        put_text("severity", severity.unwrap_or(named), &mut fields);
        for (name, number) in [
            ("severity_number", self.severity_number),
            ("trace_flags", self.flags as i64),
            ("dropped_attributes_count", self.dropped_attributes as i64),
        ] {
            if number != 0 {
                fields.push((name.into(), Value::Int(number)));
            }
        }
        // All zeros stand for none.
        for (name, id) in [("trace_id", &self.trace_id), ("span_id", &self.span_id)] {
            if id.bytes().any(|b| b != b'0') {
                fields.push((name.into(), id.to_ascii_lowercase().into()));
            }
        }
        put_text("event_name", &self.event_name, &mut fields);
        put_all(self.attributes, &mut fields);
        fields.extend_from_slice(&around.fields);
        let text = match self.body {
            Any::Text(text) => Text::Line(Cow::Owned(text.into_bytes())),
            Any::Nothing => Text::Line(Cow::Borrowed(b"")),
            Any::Map(_) => Text::Object(Cow::Owned(self.body.to_json().to_string().into_bytes())),
            other => Text::Line(Cow::Owned(other.to_json().to_string().into_bytes())),
        };
        let time = match (self.time, self.observed) {
            (0, 0) => None,
            (0, seen) => Some(Time::Seen(nanos(seen))),
            (time, _) => Some(Time::At(nanos(time))),
        };
        Entry {
            time,
            program: around.program().map(Cow::Borrowed),
            fields,
            ..Entry::of(text)
        }
    }
}

/// Names of four numbers each, from 1.
const SEVERITIES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

const fn nanos(n: u64) -> Timestamp {
    Timestamp((n / 1_000) as i64)
}

fn put_text(name: &str, text: &str, fields: &mut Vec<(FieldName, Value)>) {
    if !text.is_empty() {
        fields.push((name.into(), text.into()));
    }
}

fn put_all(attributes: Vec<(String, Any)>, fields: &mut Vec<(FieldName, Value)>) {
    for (name, value) in attributes {
        value.put(&name, fields);
    }
}
