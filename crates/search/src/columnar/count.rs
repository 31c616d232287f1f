//! Counting rows by the values of columns.

use super::value;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_buffer::BooleanBuffer;
use cresset_model::{Event, FieldName, Timestamp, Value};
use cresset_query::{Context, Counting};
use cresset_store::{Column, ColumnBatch, Result};
use std::collections::HashMap;

/// First row, event and number of rows of a combination.
type Counted = (usize, Event, u64);

/// So many combinations are counted in places of their own, more by hash.
const PLACES: usize = 1 << 16;

/// Counts the rows of a batch that are set in `rows`: an event for each combination that
/// occurs, with the latest event time if it was asked for, and how many rows have it, in the order of their first
/// rows. Rows that lack one of the fields count nowhere.
pub(crate) fn count(
    counting: &Counting<'_>,
    batch: &ColumnBatch,
    rows: &BooleanBuffer,
    ctx: &Context<'_>,
) -> Result<Vec<(Event, u64)>> {
    let odd = batch.overflowing().map(|odd| &odd & rows);
    let even = odd
        .as_ref()
        .map_or_else(|| rows.clone(), |odd| rows & &!odd);
    let mut counted = even_rows(counting, batch, &even, ctx);
    if let Some(odd) = odd {
        let events = batch.events(&odd)?.into_iter();
        let alone = odd.set_indices().zip(events);
        counted.extend(alone.map(|(row, (_, event))| (row, event, 1)));
    }
    counted.sort_by_key(|(row, ..)| *row);
    Ok(counted
        .into_iter()
        .map(|(_, event, times)| (event, times))
        .collect())
}

/// Those of which all values stand in the columns.
fn even_rows(
    counting: &Counting<'_>,
    batch: &ColumnBatch,
    rows: &BooleanBuffer,
    ctx: &Context<'_>,
) -> Vec<Counted> {
    let mut columns = Vec::new();
    let mut rows = rows.clone();
    for field in &counting.fields {
        // Nobody has it.
        let Some(column) = batch.column(field) else {
            return Vec::new();
        };
        rows = super::present(column, &rows);
        columns.push(column);
    }
    let kinds: Vec<Kinds> = columns.iter().map(|c| Kinds::of(*c, &rows)).collect();
    let times = batch.log_ts();
    let at = |row: usize| Timestamp(times.get(row).copied().unwrap_or_default());
    let mut counted = Vec::new();
    let mut from = 0;
    while from < rows.len() {
        let span = counting.span(at(from), ctx);
        // Rows are in order of time, and spans follow each other.
        let within = |t: &i64| counting.span(Timestamp(*t), ctx) == span;
        let to = if !counting.has_spans() || within(&at(rows.len() - 1).0) {
            rows.len()
        } else {
            from + times[from..].partition_point(within)
        };
        let tally = Tally::of(&kinds, &rows, from..to);
        for (first, last, times_seen) in tally {
            let mut event = Event::new(at(last), at(last));
            for (field, column) in counting.fields.iter().zip(&columns) {
                if let Some(value) = value(*column, first) {
                    event.fields.push((FieldName::from(*field), value));
                }
            }
            counted.push((first, event, times_seen));
        }
        from = to;
    }
    counted
}

/// A number for each row of a column, the same for equal values and for no others.
struct Kinds {
    by_row: Vec<u32>,
    /// Beyond the largest.
    len: usize,
}

impl Kinds {
    fn of(column: Column<'_>, rows: &BooleanBuffer) -> Self {
        if let Some(numbered) = column.values.as_dictionary_opt::<Int32Type>() {
            let by_row = numbered.keys().values().iter().map(|n| *n as u32).collect();
            let len = numbered.values().len();
            return Self { by_row, len };
        }
        if let Some(numbers) = column.values.as_primitive_opt::<Int64Type>() {
            let numbers = numbers.values();
            return Self::by_hash(rows, |row| numbers[row]);
        }
        Self::by_hash(rows, |row| value(column, row).map(|v| key(&v)))
    }

    fn by_hash<K: std::hash::Hash + Eq>(rows: &BooleanBuffer, key: impl Fn(usize) -> K) -> Self {
        let mut known: HashMap<K, u32> = HashMap::new();
        let mut by_row = vec![0; rows.len()];
        for row in rows.set_indices() {
            let next = known.len() as u32;
            by_row[row] = *known.entry(key(row)).or_insert(next);
        }
        Self {
            by_row,
            len: known.len(),
        }
    }
}

/// Tells apart what a chart tells apart, and more: the kind of a value counts too.
fn key(value: &Value) -> String {
    match value {
        Value::List(items) => format!("{items:?}"),
        value => format!("{value:?}"),
    }
}

/// First row, last row and number of rows of each combination, in the order of first rows.
struct Tally;

impl Tally {
    fn of(
        kinds: &[Kinds],
        rows: &BooleanBuffer,
        range: std::ops::Range<usize>,
    ) -> Vec<(usize, usize, u64)> {
        let combinations = kinds
            .iter()
            .try_fold(1_usize, |all, kinds| all.checked_mul(kinds.len.max(1)));
        let place = |row: usize| {
            kinds.iter().fold(0_u64, |place, k| {
                place.wrapping_mul(k.len.max(1) as u64) + u64::from(k.by_row[row])
            })
        };
        let here = rows.slice(range.start, range.len());
        let here = here.set_indices().map(|row| row + range.start);
        let mut found: Vec<(usize, usize, u64)> = Vec::new();
        let mut take = |slot: &mut u32, row: usize| {
            if *slot == 0 {
                found.push((row, row, 0));
                *slot = found.len() as u32;
            }
            if let Some((_, last, times)) = found.get_mut(*slot as usize - 1) {
                *last = row;
                *times += 1;
            }
        };
        match combinations {
            Some(few) if few <= PLACES => {
                let mut slots = vec![0_u32; few];
                for row in here {
                    take(&mut slots[place(row) as usize], row);
                }
            }
            Some(_) => {
                let mut slots: HashMap<u64, u32> = HashMap::new();
                for row in here {
                    take(slots.entry(place(row)).or_insert(0), row);
                }
            }
            // More combinations than there are numbers: told apart by all their parts.
            None => {
                let mut slots: HashMap<Vec<u32>, u32> = HashMap::new();
                for row in here {
                    let parts = kinds.iter().map(|k| k.by_row[row]).collect();
                    take(slots.entry(parts).or_insert(0), row);
                }
            }
        }
        found
    }
}
