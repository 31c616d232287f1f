//! Counting rows by the values of columns.

use super::value;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_buffer::BooleanBuffer;
use cresset_model::{Event, FieldName, Timestamp, Value};
use cresset_query::{Context, Counting};
use cresset_store::{Column, ColumnBatch, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// First row, event and number of rows of a combination.
type Counted = (usize, Event, u64);

/// So many combinations are counted in places of their own, more by hash.
const PLACES: usize = 1 << 16;
/// So few have places even for fewer rows.
const FEW: usize = 1 << 10;

/// Counts the rows of a batch that are set in `rows`: an event for each combination that
/// occurs, with the latest event time if it was asked for, and how many rows have it, in the order
/// of their first rows. Rows that lack one of the fields count nowhere.
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
    batch.all_read()?;
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
    if rows.count_set_bits() == 0 {
        return Vec::new();
    }
    let kinds: Vec<Kinds<'_>> = columns.iter().map(|c| Kinds::of(*c, &rows)).collect();
    let names: Vec<FieldName> = counting
        .fields
        .iter()
        .map(|f| FieldName::from(*f))
        .collect();
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
        for tally in Tally::of(&kinds, &rows, from..to) {
            let mut event = Event::new(at(tally.last), at(tally.last));
            for (name, column) in names.iter().zip(&columns) {
                if let Some(value) = value(*column, tally.first) {
                    event.fields.push((name.clone(), value));
                }
            }
            counted.push((tally.first, event, tally.rows));
        }
        from = to;
    }
    counted
}

/// A number for each row of a column, the same for equal values and for no others.
struct Kinds<'b> {
    by_row: Cow<'b, [i32]>,
    /// Beyond the largest.
    len: usize,
}

impl<'b> Kinds<'b> {
    fn of(column: Column<'b>, rows: &BooleanBuffer) -> Self {
        if let Some(numbered) = column.values.as_dictionary_opt::<Int32Type>() {
            return Self {
                by_row: Cow::Borrowed(numbered.keys().values()),
                len: numbered.values().len(),
            };
        }
        if let Some(numbers) = column.values.as_primitive_opt::<Int64Type>() {
            let numbers = numbers.values();
            return Self::by_hash(rows, |row| numbers[row]);
        }
        if let Some(texts) = column.values.as_string_opt::<i32>() {
            return Self::by_hash(rows, |row| texts.value(row));
        }
        Self::by_hash(rows, |row| value(column, row).map(|v| key(&v)))
    }

    fn by_hash<K: std::hash::Hash + Eq>(rows: &BooleanBuffer, key: impl Fn(usize) -> K) -> Self {
        let mut known: HashMap<K, i32> = HashMap::new();
        let mut by_row = vec![0; rows.len()];
        for row in rows.set_indices() {
            let next = known.len() as i32;
            by_row[row] = *known.entry(key(row)).or_insert(next);
        }
        Self {
            by_row: Cow::Owned(by_row),
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

/// The rows of a combination.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    first: usize,
    last: usize,
    rows: u64,
}

impl Tally {
    fn take(&mut self, row: usize) {
        if self.rows == 0 {
            self.first = row;
        }
        self.last = row;
        self.rows += 1;
    }

    /// Those of each combination that occurs in a range, in no order.
    fn of(kinds: &[Kinds<'_>], rows: &BooleanBuffer, range: Range<usize>) -> Vec<Self> {
        let here = rows.slice(range.start, range.len());
        if here.count_set_bits() == range.len() {
            return Self::among(kinds, range.clone(), range.len());
        }
        let here = here.set_indices().map(|row| row + range.start);
        Self::among(kinds, here, range.len())
    }

    fn among(kinds: &[Kinds<'_>], rows: impl Iterator<Item = usize>, most: usize) -> Vec<Self> {
        let combinations = kinds
            .iter()
            .try_fold(1_usize, |all, kinds| all.checked_mul(kinds.len.max(1)));
        let place = |row: usize| {
            kinds.iter().fold(0, |place: usize, k| {
                place.wrapping_mul(k.len.max(1)) + k.by_row[row] as usize
            })
        };
        let Some(combinations) = combinations else {
            // More than there are numbers: told apart by all their parts.
            let mut known: HashMap<Vec<i32>, Self> = HashMap::new();
            for row in rows {
                let parts = kinds.iter().map(|k| k.by_row[row]).collect();
                known.entry(parts).or_default().take(row);
            }
            return known.into_values().collect();
        };
        // Not more places than are worth to be looked through for so many rows.
        if combinations > PLACES.min(most.max(FEW)) {
            let mut known: HashMap<usize, Self> = HashMap::new();
            for row in rows {
                known.entry(place(row)).or_default().take(row);
            }
            return known.into_values().collect();
        }
        let mut places = vec![Self::default(); combinations];
        match kinds {
            [only] => rows.for_each(|row| places[only.by_row[row] as usize].take(row)),
            _ => rows.for_each(|row| places[place(row)].take(row)),
        }
        places.retain(|tally| tally.rows > 0);
        places
    }
}
