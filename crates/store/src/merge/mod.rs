//! Several files made one: the same events in the same order, in larger row groups.
//!
//! A row group of the new file takes a stretch of neighbouring rows from each of the old ones,
//! because all are in order of event time. Its columns are read, put together and written a
//! bundle at a time, so that memory is needed for one bundle of one row group, however large
//! the files are.

mod census;
mod gather;

use crate::columns::{self, COL_TS, Kind, LOG_TS, SEQ};
use crate::encode::{self, Extra, GROUP_ROWS};
use crate::read::{Own, StoredFile};
use crate::terms;
use crate::{Error, Result};
use arrow_array::ArrayRef;
use arrow_schema::Schema;
use census::{Census, Settled};
use cresset_model::Value;
use gather::Sources;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use std::collections::BTreeSet;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

/// Rough size of the columns of a row group that are held at a time.
const BUNDLE_BYTES: u64 = 16 << 20;

/// Writes the events of all `inputs` to `sink`, which is given back with
/// the number of rows. `failed` tells what went wrong with the sink.
pub(crate) fn merge(
    inputs: &[StoredFile],
    max_columns: usize,
    sink: File,
    failed: &dyn Fn(ParquetError) -> Error,
) -> Result<(File, u64)> {
    let order = Order::of(inputs)?;
    let census = Census::of(inputs, max_columns)?;
    let columns = census.columns.iter().map(|c| (c.field.as_str(), c.kind));
    let with_terms = |c: &Settled| columns::has_terms(&c.field, c.kind, c.mixed);
    let extra = Extra {
        overflow: census.has_overflow(),
        terms: census.columns.iter().any(with_terms) && inputs.iter().all(StoredFile::gives_terms),
    };
    let schema = Arc::new(encode::schema(columns, extra));
    let mixed = census.columns.iter().filter(|c| c.mixed);
    let properties = encode::properties(mixed.map(|c| c.field.as_str()), order.rows.len());
    let writer = properties.and_then(|properties| {
        ArrowWriter::try_new(sink, Arc::clone(&schema), Some(properties.build()))
    });
    let (mut file, factory) = writer
        .and_then(ArrowWriter::into_serialized_writer)
        .map_err(failed)?;
    let (mut places, mut vocabularies) = (vec![0; inputs.len()], Vec::new());
    for (number, rows) in order.rows.chunks(GROUP_ROWS).enumerate() {
        let stretches = stretches(&mut places, rows);
        let group = Group {
            inputs,
            rows,
            stretches: &stretches,
            census: &census,
            schema: &schema,
            extra,
        };
        let writers = factory.create_column_writers(number).map_err(failed)?;
        let written = group.write(writers, failed)?;
        vocabularies.push(group.vocabulary()?);
        let mut target = file.next_row_group().map_err(failed)?;
        for column in written {
            let chunk = column.close().map_err(failed)?;
            chunk.append_to_row_group(&mut target).map_err(failed)?;
        }
        target.close().map_err(failed)?;
    }
    let mut write = |packed: &[u8]| {
        let at = file.bytes_written() as u64;
        file.write_all(packed).map(|()| at)
    };
    let written = terms::write_all(&vocabularies, &mut write, |error| error);
    let written = written.map_err(|error| failed(encode::sink_error(error)))?;
    file.append_key_value_metadata(KeyValue::new(terms::PLACES.to_owned(), written));
    let rows = order.rows.len() as u64;
    Ok((file.into_inner().map_err(failed)?, rows))
}

/// The order of the rows of all inputs: by event time, then `seq`.
struct Order {
    /// The input of each row. Rows of one input keep their order.
    rows: Vec<u32>,
}

impl Order {
    fn of(inputs: &[StoredFile]) -> Result<Self> {
        let own = Own {
            col_ts: false,
            ..Own::ALL
        };
        let mut keys: Vec<(i64, i64, u32)> = Vec::new();
        for (number, input) in (0..).zip(inputs) {
            for group in 0..input.groups() {
                for batch in input.columns(group, None, own, &BTreeSet::new(), &BTreeSet::new())? {
                    let batch = batch?;
                    let times = batch.log_ts().iter().zip(batch.seqs());
                    keys.extend(times.map(|(time, seq)| (*time, *seq, number)));
                }
            }
        }
        // Stable, and quick where long stretches are in order already.
        keys.sort_by_key(|(time, seq, _)| (*time, *seq));
        let rows = keys.into_iter().map(|(.., input)| input).collect();
        Ok(Self { rows })
    }
}

/// The rows that each input gives to a row group, from where the last group ended.
fn stretches(places: &mut [usize], rows: &[u32]) -> Vec<Range<usize>> {
    let begins = places.to_vec();
    for input in rows {
        if let Some(place) = places.get_mut(*input as usize) {
            *place += 1;
        }
    }
    begins
        .into_iter()
        .zip(places)
        .map(|(begin, end)| begin..*end)
        .collect()
}

/// Columns that are read together, with their places.
#[derive(Default)]
struct Bundle<'a> {
    columns: Vec<(usize, &'a Settled)>,
    /// Their rough size in memory.
    bytes: u64,
}

impl Bundle<'_> {
    /// So many of `rows` are read at a time: of a single large column not all.
    fn rows_at_a_time(&self, rows: usize) -> usize {
        let pieces = self.bytes.div_ceil(BUNDLE_BYTES).max(1);
        rows.div_ceil(pieces as usize).max(1)
    }
}

/// A row group that is being made.
struct Group<'a> {
    inputs: &'a [StoredFile],
    /// The input of each row.
    rows: &'a [u32],
    stretches: &'a [Range<usize>],
    census: &'a Census,
    schema: &'a Schema,
    extra: Extra,
}

impl Group<'_> {
    /// Fills the writers of all columns.
    fn write(
        &self,
        mut writers: Vec<ArrowColumnWriter>,
        failed: &dyn Fn(ParquetError) -> Error,
    ) -> Result<Vec<ArrowColumnWriter>> {
        let mut put = |place: usize, array: &ArrayRef| {
            let (Some(writer), Some(field)) =
                (writers.get_mut(place), self.schema.fields().get(place))
            else {
                return Ok(());
            };
            let leaves = compute_leaves(field, array).map_err(failed)?;
            leaves
                .iter()
                .try_for_each(|leaf| writer.write(leaf))
                .map_err(failed)
        };
        let own = self.sources(Own::ALL, &BTreeSet::new())?;
        for (place, name) in [SEQ, LOG_TS, COL_TS].into_iter().enumerate() {
            put(place, &own.own(name)?)?;
        }
        drop(own);
        for bundle in self.bundles() {
            let names = bundle
                .columns
                .iter()
                .map(|(_, c)| c.field.clone())
                .collect();
            let mut places: Vec<usize> = self.stretches.iter().map(|s| s.start).collect();
            for rows in self.rows.chunks(bundle.rows_at_a_time(self.rows.len())) {
                let stretches = stretches(&mut places, rows);
                let sources = Sources::read(self.inputs, &stretches, rows, Own::NONE, &names)?;
                for (place, column) in &bundle.columns {
                    put(*place, &sources.column(&column.field, column.kind)?)?;
                }
            }
        }
        if self.extra.overflow {
            self.odd(&mut put)?;
        }
        if self.extra.terms {
            let place = self.schema.fields().len() - 1;
            let mut places: Vec<usize> = self.stretches.iter().map(|s| s.start).collect();
            let inputs = self.inputs.iter().zip(self.stretches);
            let bundle = Bundle {
                bytes: inputs.map(|(i, rows)| i.terms_bytes(rows.len())).sum(),
                columns: Vec::new(),
            };
            for rows in self.rows.chunks(bundle.rows_at_a_time(self.rows.len())) {
                let stretches = stretches(&mut places, rows);
                put(place, &Sources::terms_of(self.inputs, &stretches, rows)?)?;
            }
        }
        Ok(writers)
    }

    /// The terms of all row groups that give rows to this one; `None` if one does not tell.
    fn vocabulary(&self) -> Result<Option<String>> {
        let mut found = Vec::new();
        for (input, rows) in self.inputs.iter().zip(self.stretches) {
            for group in input.groups_of(rows) {
                let Some(vocabulary) = input.vocabulary(group)? else {
                    return Ok(None);
                };
                found.push(vocabulary);
            }
        }
        Ok(terms::union(found.into_iter()))
    }

    fn sources(&self, own: Own, fields: &BTreeSet<String>) -> Result<Sources<'_>> {
        Sources::read(self.inputs, self.stretches, self.rows, own, fields)
    }

    /// The columns that can be taken as they are, with their places, in bundles.
    fn bundles(&self) -> Vec<Bundle<'_>> {
        let (mut bundles, mut bundle) = (Vec::new(), Bundle::default());
        // Our own columns come first.
        for (place, column) in (3..).zip(&self.census.columns) {
            if column.mixed {
                continue;
            }
            let inputs = self.inputs.iter().zip(self.stretches);
            let size: u64 = inputs
                .map(|(input, rows)| input.column_bytes(&column.field, rows.len()))
                .sum();
            if bundle.bytes + size > BUNDLE_BYTES && !bundle.columns.is_empty() {
                bundles.push(std::mem::take(&mut bundle));
            }
            bundle.bytes += size;
            bundle.columns.push((place, column));
        }
        bundles.push(bundle);
        bundles
    }

    /// The columns of several kinds, and the overflow, value by value.
    fn odd(&self, put: &mut dyn FnMut(usize, &ArrayRef) -> Result<()>) -> Result<()> {
        let events = self
            .sources(Own::ALL, &self.census.odd)?
            .events(&self.census.odd)?;
        let mut overflow: Vec<(u32, &str, &Value)> = Vec::new();
        let mut cells: Vec<Vec<(u32, &Value)>> = vec![Vec::new(); self.census.columns.len()];
        for (row, event) in (0..).zip(&events) {
            for (name, value) in &event.fields {
                let column = self.census.place(name);
                let kind = column
                    .and_then(|at| self.census.columns.get(at))
                    .map(|c| c.kind);
                if let Some(cells) = column.and_then(|at| cells.get_mut(at)) {
                    cells.push((row, value));
                }
                if kind.is_none_or(|kind: Kind| !columns::reads_back(kind, value)) {
                    overflow.push((row, name, value));
                }
            }
        }
        let rows = 0..events.len() as u32;
        for ((place, column), cells) in (3..).zip(&self.census.columns).zip(cells) {
            if column.mixed {
                put(place, &encode::column_array(column.kind, &cells, &rows))?;
            }
        }
        let last = 3 + self.census.columns.len();
        put(last, &encode::overflow_array(&overflow, &rows))
    }
}

#[cfg(test)]
mod tests;
