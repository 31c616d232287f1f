//! `ExportLogsServiceRequest` as JSON.
//!
//! Names are in lowerCamelCase, numbers of 64 bits texts or numbers, ids hexadecimal, bytes
//! base64. Unknown names are passed over.

use super::super::pieces::elements;
use super::super::{Each, Fault};
use super::record::{Around, Record, Scope};
use super::value::{Any, Room};
use crate::ndjson::has_too_many_values;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::ops::ControlFlow;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    resource_logs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scope_logs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    #[serde(borrow)]
    log_records: Option<&'a RawValue>,
}

/// Hands every record to `each`. The error says why the body is no request.
pub(in super::super) fn json(text: &[u8], each: Each<'_>) -> Result<(), String> {
    let text = String::from_utf8_lossy(text);
    let request: Request<'_> = read(&text)?;
    for resource in elements(request.resource_logs) {
        if of_resource(resource?, each)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn of_resource(text: &str, each: Each<'_>) -> Result<ControlFlow<()>, String> {
    let logs: ResourceLogs<'_> = read(text)?;
    let resource = object(logs.resource.map_or("{}", RawValue::get))?;
    let around = Around::of_resource(attributes(&resource, &mut Room::default())?);
    for scope in elements(logs.scope_logs) {
        let logs: ScopeLogs<'_> = read(scope?)?;
        let scope = object(logs.scope.map_or("{}", RawValue::get))?;
        let around = around.within(Scope {
            name: text_of(&scope, "name"),
            version: text_of(&scope, "version"),
            attributes: attributes(&scope, &mut Room::default())?,
        });
        for text in elements(logs.log_records) {
            let record = text.and_then(record).map_err(Fault::unreadable);
            if each(record.map(|record| record.entry(&around))).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    if has_too_many_values(text.as_bytes()) {
        return Err("too many values".to_owned());
    }
    match read(text)? {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Map::new()),
        _ => Err("an object is expected".to_owned()),
    }
}

fn record(text: &str) -> Result<Record, String> {
    let (object, mut room) = (object(text)?, Room::default());
    Ok(Record {
        time: number(&object, "timeUnixNano"),
        observed: number(&object, "observedTimeUnixNano"),
        severity_number: number(&object, "severityNumber") as i64,
        severity_text: text_of(&object, "severityText"),
        body: match object.get("body") {
            Some(body) => any(body, &mut room, 0)?,
            None => Any::Nothing,
        },
        attributes: attributes(&object, &mut room)?,
        dropped_attributes: number(&object, "droppedAttributesCount"),
        flags: number(&object, "flags"),
        trace_id: text_of(&object, "traceId"),
        span_id: text_of(&object, "spanId"),
        event_name: text_of(&object, "eventName"),
    })
}

fn text_of(object: &Map<String, Value>, name: &str) -> String {
    let text = object.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// A whole number, or the text of one; 0 if there is none.
fn number(object: &Map<String, Value>, name: &str) -> u64 {
    let number = match object.get(name) {
        Some(Value::Number(n)) => n.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    number.unwrap_or(0)
}

fn attributes(object: &Map<String, Value>, room: &mut Room) -> Result<Vec<(String, Any)>, String> {
    pairs(object.get("attributes"), room, 0)
}

fn pairs(
    list: Option<&Value>,
    room: &mut Room,
    depth: usize,
) -> Result<Vec<(String, Any)>, String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_object)
        .map(|pair| {
            let value = pair.get("value").unwrap_or(&Value::Null);
            Ok((text_of(pair, "key"), any(value, room, depth)?))
        })
        .collect()
}

fn any(value: &Value, room: &mut Room, depth: usize) -> Result<Any, String> {
    room.take(depth)?;
    let Some((kind, value)) = value.as_object().and_then(|object| object.iter().next()) else {
        return Ok(Any::Nothing);
    };
    let text = || {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    Ok(match kind.as_str() {
        "boolValue" => value.as_bool().map_or_else(|| Any::Text(text()), Any::Bool),
        "intValue" => text().parse().map_or_else(|_| Any::Text(text()), Any::Int),
        "doubleValue" => text()
            .parse()
            .map_or_else(|_| Any::Text(text()), Any::float),
        "arrayValue" => {
            let values = value.get("values").and_then(Value::as_array);
            let values = values.into_iter().flatten();
            let values = values.map(|value| any(value, room, depth + 1));
            Any::List(values.collect::<Result<_, _>>()?)
        }
        "kvlistValue" => Any::Map(pairs(value.get("values"), room, depth + 1)?),
        // Bytes are base64 already.
        "stringValue" | "bytesValue" => Any::Text(text()),
        _ => Any::Nothing,
    })
}
