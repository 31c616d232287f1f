//! Fields whose text is kept as `msg`: see [`SAME_AS_MSG`].

use super::shape::Shape;
use crate::columns;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use cresset_model::event::SAME_AS_MSG;
use cresset_model::{Event, FieldName};
use std::collections::{BTreeMap, BTreeSet};

/// The fields of a batch that are kept as `msg`.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// The column of each.
    columns: Vec<(String, ArrayRef)>,
    /// Rows of which the columns say nothing.
    pub(super) odd: Option<BooleanBuffer>,
}

impl Twins {
    pub(super) fn of(batch: &RecordBatch, shape: &Shape) -> Result<Self, String> {
        let Some(names) = batch.column_by_name(SAME_AS_MSG) else {
            return Ok(Self::default());
        };
        let msg = batch
            .column_by_name("msg")
            .filter(|_| !shape.is_mixed("msg"));
        let mut twins = Self::default();
        for (name, rows) in rows_by_name(names)? {
            let own = batch.column_by_name(&columns::column_name(&name));
            match msg {
                Some(msg) if own.is_none_or(|own| own.null_count() == own.len()) => {
                    let others = BooleanArray::new(!&rows, None);
                    let column = arrow_select::nullif::nullif(msg, &others);
                    twins
                        .columns
                        .push((name, column.map_err(|e| e.to_string())?));
                }
                _ => {
                    twins.odd = Some(match twins.odd.take() {
                        Some(odd) => &odd | &rows,
                        None => rows,
                    });
                }
            }
        }
        Ok(twins)
    }

    /// The column of a field that is kept as `msg`.
    pub(super) fn column(&self, field: &str) -> Option<&ArrayRef> {
        let found = self.columns.iter().find(|(name, _)| name == field);
        found.map(|(_, column)| column)
    }
}

/// The rows of each name that occurs.
fn rows_by_name(names: &ArrayRef) -> Result<BTreeMap<String, BooleanBuffer>, String> {
    let wrong = || format!("column {SAME_AS_MSG} has the wrong type");
    if let Some(numbered) = names.as_dictionary_opt::<Int32Type>() {
        let texts = numbered.values().as_string_opt::<i32>().ok_or_else(wrong)?;
        let numbers = numbered.keys();
        let rows = |number: usize| {
            BooleanBuffer::collect_bool(numbers.len(), |row| {
                numbers.is_valid(row) && numbers.value(row) as usize == number
            })
        };
        let named = |number: usize| (texts.value(number).to_owned(), rows(number));
        return Ok((0..texts.len()).map(named).collect());
    }
    let texts = names.as_string_opt::<i32>().ok_or_else(wrong)?;
    let present: BTreeSet<&str> = texts.iter().flatten().collect();
    let rows = |name: &str| {
        BooleanBuffer::collect_bool(texts.len(), |row| {
            texts.is_valid(row) && texts.value(row) == name
        })
    };
    Ok(present
        .into_iter()
        .map(|name| (name.to_owned(), rows(name)))
        .collect())
}

/// Leaves an event the fields that were asked for, of the two that are one.
pub(super) fn trim(event: &mut Event, fields: &BTreeSet<String>) {
    if fields.contains(SAME_AS_MSG) {
        return;
    }
    let Some(twin) = event.same_as_msg().cloned() else {
        // It was read in case that it had a twin.
        if !fields.contains("msg") {
            event.fields.retain(|(name, _)| name != "msg");
        }
        return;
    };
    let wanted = |name: &FieldName| fields.contains(name.as_str());
    match (fields.contains("msg"), wanted(&twin)) {
        (true, true) => return,
        (true, false) => {}
        (false, true) => {
            if let Some((name, _)) = event.fields.iter_mut().find(|(name, _)| name == "msg") {
                *name = twin;
            }
        }
        (false, false) => event.fields.retain(|(name, _)| name != "msg"),
    }
    event.fields.retain(|(name, _)| name != SAME_AS_MSG);
}
