//! `ExportLogsServiceRequest` in the binary encoding.
//!
//! ```text
//! request  {1 resource_logs}
//! resource_logs {1 resource{1 attributes}, 2 scope_logs}
//! scope_logs    {1 scope{1 name, 2 version, 3 attributes}, 2 log_records}
//! log_record    {1 time fixed64, 2 severity_number, 3 severity_text, 5 body, 6 attributes,
//!                7 dropped_attributes_count, 8 flags fixed32, 9 trace_id, 10 span_id,
//!                11 observed_time fixed64, 12 event_name}
//! key_value{1 key, 2 value}
//! any_value{1 string, 2 bool, 3 int, 4 double, 5 array{1 values}, 6 kvlist{1 values}, 7 bytes}
//! ```

use super::super::wire::{Fields, Wire};
use super::super::{Each, Fault};
use super::record::{Around, Record, Scope};
use super::value::{Any, Room};
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Hands every record to `each`. The error says that the rest cannot be told apart.
pub(in super::super) fn protobuf(message: &[u8], each: Each<'_>) -> Result<(), String> {
    for field in Fields::of(message) {
        if let (1, Wire::Bytes(resource)) = field.map_err(told)?
            && of_resource(resource, each)?.is_break()
        {
            break;
        }
    }
    Ok(())
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn of_resource(message: &[u8], each: Each<'_>) -> Result<ControlFlow<()>, String> {
    // It may come after the records.
    let mut around = Around::default();
    for field in Fields::of(message) {
        if let (1, Wire::Bytes(resource)) = field.map_err(told)? {
            let (mut attributes, mut room) = (Vec::new(), Room::default());
            for field in Fields::of(resource) {
                if let (1, Wire::Bytes(pair)) = field.map_err(told)? {
                    attributes.push(key_value(pair, &mut room, 0)?);
                }
            }
            around = Around::of_resource(attributes);
        }
    }
    for field in Fields::of(message) {
        if let (2, Wire::Bytes(scope)) = field.map_err(told)?
            && of_scope(scope, &around, each)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn of_scope(message: &[u8], around: &Around, each: Each<'_>) -> Result<ControlFlow<()>, String> {
    let mut scope = Scope::default();
    for field in Fields::of(message) {
        if let (1, Wire::Bytes(message)) = field.map_err(told)? {
            let mut room = Room::default();
            for field in Fields::of(message) {
                match field.map_err(told)? {
                    (1, Wire::Bytes(text)) => scope.name = lossy(text),
                    (2, Wire::Bytes(text)) => scope.version = lossy(text),
                    (3, Wire::Bytes(pair)) => {
                        scope.attributes.push(key_value(pair, &mut room, 0)?);
                    }
                    _ => {}
                }
            }
        }
    }
    let around = around.within(scope);
    for field in Fields::of(message) {
        if let (2, Wire::Bytes(message)) = field.map_err(told)? {
            let record = record(message).map_err(Fault::unreadable);
            if each(record.map(|record| record.entry(&around))).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn record(message: &[u8]) -> Result<Record, String> {
    let (mut record, mut room) = (Record::default(), Room::default());
    for field in Fields::of(message) {
        match field.map_err(told)? {
            (1, Wire::Fixed64(n)) => record.time = n,
            (2, Wire::Varint(n)) => record.severity_number = n.cast_signed(),
            (3, Wire::Bytes(text)) => record.severity_text = lossy(text),
            (5, Wire::Bytes(value)) => record.body = any(value, &mut room, 0)?,
            (6, Wire::Bytes(pair)) => record.attributes.push(key_value(pair, &mut room, 0)?),
            (7, Wire::Varint(n)) => record.dropped_attributes = n,
            (8, Wire::Fixed32(n)) => record.flags = n.into(),
            (9, Wire::Bytes(id)) => record.trace_id = hex(id),
            (10, Wire::Bytes(id)) => record.span_id = hex(id),
            (11, Wire::Fixed64(n)) => record.observed = n,
            (12, Wire::Bytes(text)) => record.event_name = lossy(text),
            _ => {}
        }
    }
    Ok(record)
}

fn key_value(message: &[u8], room: &mut Room, depth: usize) -> Result<(String, Any), String> {
    room.take(depth)?;
    let (mut key, mut value) = (String::new(), Any::Nothing);
    for field in Fields::of(message) {
        match field.map_err(told)? {
            (1, Wire::Bytes(text)) => key = lossy(text),
            (2, Wire::Bytes(message)) => value = any(message, room, depth)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn any(message: &[u8], room: &mut Room, depth: usize) -> Result<Any, String> {
    room.take(depth)?;
    let mut value = Any::Nothing;
    for field in Fields::of(message) {
        // Of one-of fields the last one counts.
        value = match field.map_err(told)? {
            (1, Wire::Bytes(text)) => Any::Text(lossy(text)),
            (2, Wire::Varint(n)) => Any::Bool(n != 0),
            (3, Wire::Varint(n)) => Any::Int(n.cast_signed()),
            (4, Wire::Fixed64(bits)) => Any::float(f64::from_bits(bits)),
            (5, Wire::Bytes(array)) => {
                let mut items = Vec::new();
                for field in Fields::of(array) {
                    if let (1, Wire::Bytes(item)) = field.map_err(told)? {
                        items.push(any(item, room, depth + 1)?);
                    }
                }
                Any::List(items)
            }
            (6, Wire::Bytes(list)) => {
                let mut pairs = Vec::new();
                for field in Fields::of(list) {
                    if let (1, Wire::Bytes(pair)) = field.map_err(told)? {
                        pairs.push(key_value(pair, room, depth + 1)?);
                    }
                }
                Any::Map(pairs)
            }
            (7, Wire::Bytes(bytes)) => Any::bytes(bytes),
            _ => value,
        };
    }
    Ok(value)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
