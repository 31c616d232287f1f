//! `PushRequest{1 streams{1 labels, 2 entries{1 timestamp{1 seconds, 2 nanos}, 2 line,
//! 3 structured metadata{1 name, 2 value}}}}`, after the snappy block is expanded.

use super::super::wire::{Broken, Fields, Wire};
use super::super::{Each, Entry, Fault, Text, Time};
use super::{labels, program};
use crate::ndjson::Limits;
use cresset_model::{FieldName, Timestamp, Value};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Hands every line to `each`. The error says that the rest cannot be told apart.
pub(in super::super) fn protobuf(
    message: &[u8],
    limits: &Limits,
    each: Each<'_>,
) -> Result<(), String> {
    for field in Fields::of(message) {
        let field = field.map_err(told)?;
        if let (1, Wire::Bytes(stream)) = field
            && lines(stream, limits, each).map_err(told)?.is_break()
        {
            break;
        }
    }
    Ok(())
}

fn told(error: Broken) -> String {
    error.to_string()
}

fn lines(stream: &[u8], limits: &Limits, each: Each<'_>) -> Result<ControlFlow<()>, Broken> {
    // The labels may come after the lines.
    let mut text = Cow::Borrowed("{}");
    for field in Fields::of(stream) {
        if let (1, Wire::Bytes(labels)) = field? {
            text = String::from_utf8_lossy(labels);
        }
    }
    let labels = labels::read(&text);
    for field in Fields::of(stream) {
        if let (2, Wire::Bytes(line)) = field? {
            let entry = entry(line, &labels, limits).map_err(Fault::unreadable);
            if each(entry).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn entry<'a>(
    message: &'a [u8],
    labels: &'a [(FieldName, Value)],
    limits: &Limits,
) -> Result<Entry<'a>, String> {
    let (mut line, mut time, mut fields) = (&b""[..], None, Vec::new());
    for field in Fields::of(message) {
        match field.map_err(told)? {
            (1, Wire::Bytes(stamp)) => time = Some(moment(stamp).map_err(told)?),
            (2, Wire::Bytes(text)) => line = text,
            (3, Wire::Bytes(_)) if fields.len() >= limits.fields => {
                return Err(format!("more than {} fields", limits.fields));
            }
            (3, Wire::Bytes(pair)) => fields.push(metadata(pair).map_err(told)?),
            _ => {}
        }
    }
    fields.extend_from_slice(labels);
    Ok(Entry {
        time: time.map(Time::At),
        program: program(labels).map(Cow::Borrowed),
        fields,
        ..Entry::of(Text::Line(Cow::Borrowed(line)))
    })
}

/// `google.protobuf.Timestamp`.
fn moment(message: &[u8]) -> Result<Timestamp, Broken> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::of(message) {
        match field? {
            (1, Wire::Varint(n)) => seconds = n.cast_signed(),
            (2, Wire::Varint(n)) => nanos = n.cast_signed(),
            _ => {}
        }
    }
    let micros = seconds.saturating_mul(1_000_000);
    Ok(Timestamp(micros.saturating_add(nanos.div_euclid(1_000))))
}

fn metadata(message: &[u8]) -> Result<(FieldName, Value), Broken> {
    let (mut name, mut value) = (Cow::default(), Cow::default());
    for field in Fields::of(message) {
        match field? {
            (1, Wire::Bytes(text)) => name = String::from_utf8_lossy(text),
            (2, Wire::Bytes(text)) => value = String::from_utf8_lossy(text),
            _ => {}
        }
    }
    Ok((FieldName::from(name), Value::str(value)))
}
