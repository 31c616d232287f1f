//! From columns to events.

use super::shape::Shape;
use super::twins;
use crate::columns::{self, COL_TS, LOG_TS, OVERFLOW, SEQ, TERMS};
use crate::overflow;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_schema::DataType;
use cresset_model::{Event, FieldName, Timestamp, Value};
use std::collections::BTreeSet;

/// The rows of a batch as events with `seq`, with these fields; all for `None`.
pub(super) fn of(
    batch: &RecordBatch,
    shape: &Shape,
    fields: Option<&BTreeSet<String>>,
) -> Result<Vec<(u64, Event)>, String> {
    let wrong = |name: &str| format!("column {name} has the wrong type");
    let seqs = own::<Int64Type>(batch, SEQ)?;
    let log_ts = own::<TimestampMicrosecondType>(batch, LOG_TS)?;
    let col_ts = own::<TimestampMicrosecondType>(batch, COL_TS)?;
    let at = |numbers: &[i64], row: usize| numbers.get(row).copied().unwrap_or(0);
    let mut events: Vec<(u64, Event)> = (0..batch.num_rows())
        .map(|row| {
            let event = Event::new(Timestamp(at(log_ts, row)), Timestamp(at(col_ts, row)));
            (at(seqs, row) as u64, event)
        })
        .collect();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        match field.name().as_str() {
            SEQ | LOG_TS | COL_TS | OVERFLOW | TERMS => {}
            name => {
                let field = columns::field_name(name);
                add_column(&mut events, field, array, shape.is_mixed(field))
                    .ok_or_else(|| wrong(name))?;
            }
        }
    }
    if let Some(array) = batch.column_by_name(OVERFLOW) {
        let read = fields.map(|fields| shape.reach(fields));
        add_overflow(&mut events, array, shape, read.as_deref())?;
    }
    if let Some(fields) = fields {
        for (_, event) in &mut events {
            twins::trim(event, fields);
        }
    }
    Ok(events)
}

/// One of our own columns; nothing if it was not asked for.
fn own<'b, T: ArrowPrimitiveType<Native = i64>>(
    batch: &'b RecordBatch,
    name: &str,
) -> Result<&'b [i64], String> {
    let Some(array) = batch.column_by_name(name) else {
        return Ok(&[]);
    };
    let numbers = array.as_primitive_opt::<T>();
    Ok(numbers
        .ok_or_else(|| format!("column {name} has the wrong type"))?
        .values())
}

/// Puts the values of one column into the events; `None` if its type is not one of ours.
fn add_column(
    events: &mut [(u64, Event)],
    name: &str,
    array: &ArrayRef,
    mixed: bool,
) -> Option<()> {
    let name = FieldName::from(name);
    match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive_opt::<Int64Type>()?;
            put(events, &name, array, |row| {
                Some(Value::Int(values.value(row)))
            })
        }
        DataType::Float64 => {
            let values = array.as_primitive_opt::<Float64Type>()?;
            put(events, &name, array, |row| {
                let n = values.value(row);
                let int = if mixed { columns::whole(n) } else { None };
                Some(int.map_or(Value::Float(n), Value::Int))
            })
        }
        DataType::Boolean => {
            let values = array.as_boolean_opt()?;
            put(events, &name, array, |row| {
                Some(Value::Bool(values.value(row)))
            })
        }
        DataType::Dictionary(..) => {
            let numbers = array.as_dictionary_opt::<Int32Type>()?;
            let texts = numbers.values().as_string_opt::<i32>()?;
            put(events, &name, array, |row| {
                Some(Value::str(texts.value(numbers.key(row)?)))
            })
        }
        DataType::Utf8 => {
            let values = array.as_string_opt::<i32>()?;
            put(events, &name, array, |row| {
                Some(Value::str(values.value(row)))
            })
        }
        DataType::List(_) => {
            let values = array.as_list_opt::<i32>()?;
            put(events, &name, array, |row| {
                let items = values.value(row);
                let items = items.as_string_opt::<i32>()?;
                if mixed && items.len() == 1 {
                    return Some(Value::str(items.value(0)));
                }
                Some(Value::List(
                    (0..items.len()).map(|i| items.value(i).into()).collect(),
                ))
            })
        }
        _ => None,
    }
}

fn put(
    events: &mut [(u64, Event)],
    name: &FieldName,
    array: &ArrayRef,
    value: impl Fn(usize) -> Option<Value>,
) -> Option<()> {
    let mut add = |row: usize| {
        events
            .get_mut(row)?
            .1
            .fields
            .push((name.clone(), value(row)?));
        Some(())
    };
    match array.nulls() {
        Some(nulls) => nulls.valid_indices().try_for_each(&mut add),
        None => (0..array.len()).try_for_each(&mut add),
    }
}

fn add_overflow(
    events: &mut [(u64, Event)],
    array: &ArrayRef,
    shape: &Shape,
    fields: Option<&BTreeSet<String>>,
) -> Result<(), String> {
    let wrong = || format!("column {OVERFLOW} does not read");
    let texts = array.as_string_opt::<i32>().ok_or_else(wrong)?;
    let wanted = |name: &str| fields.is_none_or(|fields| fields.contains(name));
    for (row, (_, event)) in events.iter_mut().enumerate() {
        if texts.is_null(row) {
            continue;
        }
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(texts.value(row)).map_err(|_| wrong())?;
        for (name, json) in object.iter().filter(|(name, _)| wanted(name)) {
            let value = overflow::from_json(json).ok_or_else(wrong)?;
            if shape.is_mixed(name) {
                // Instead of what the mixed column gave.
                event.set(name, value);
            } else {
                event.fields.push((name.as_str().into(), value));
            }
        }
    }
    Ok(())
}
