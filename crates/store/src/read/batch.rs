//! Rows as columns.

use super::lazy::Lazy;
use super::shape::Shape;
use super::twins::Twins;
use super::{StoredFile, events, guarded};
use crate::columns::{self, COL_TS, LOG_TS, OVERFLOW, SEQ, TERMS};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use cresset_model::{Event, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;

/// Some rows of a file as columns.
#[derive(Debug)]
pub struct ColumnBatch {
    shape: Arc<Shape>,
    path: PathBuf,
    rows: usize,
    batch: RecordBatch,
    /// Columns that were not read yet.
    lazy: Option<Lazy>,
    twins: Twins,
}

/// The values of a field: whole numbers, fractions, booleans, texts, numbers of texts in a
/// dictionary or of whole numbers in one, or lists of texts. Null where the field is absent.
#[derive(Debug, Clone, Copy)]
pub struct Column<'b> {
    /// The values.
    pub values: &'b ArrayRef,
    /// Whether values of several kinds share the column: then a [whole](whole_number) fraction
    /// stands for that whole number, and one text in a list for that text.
    pub mixed: bool,
}

/// The whole number that a fraction in a mixed column stands for, if it does.
pub fn whole_number(n: f64) -> Option<i64> {
    columns::whole(n)
}

impl ColumnBatch {
    /// Columns that were read, and others that will be: all rows of these.
    pub(super) fn new(
        file: &StoredFile,
        batch: RecordBatch,
        lazy: Option<Lazy>,
    ) -> Result<Self, String> {
        let all = lazy.as_ref().map(Lazy::len);
        let found = Self {
            shape: Arc::clone(&file.shape),
            path: file.path.clone(),
            rows: all.unwrap_or_else(|| batch.num_rows()),
            twins: Twins::of(&batch, &file.shape)?,
            lazy,
            batch,
        };
        if found.batch.num_columns() > 0 && found.batch.num_rows() != found.rows {
            return Err("a column has not as many values as its row group".to_owned());
        }
        let has = |name: &str| found.batch.column_by_name(name).is_some();
        let right = (!has(SEQ) || found.own::<Int64Type>(SEQ).is_some())
            && (!has(LOG_TS) || found.times(LOG_TS).is_some())
            && (!has(COL_TS) || found.times(COL_TS).is_some());
        if right {
            Ok(found)
        } else {
            Err("one of its own columns has the wrong type".to_owned())
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The place of each row in the event log, if it was asked for.
    pub fn seqs(&self) -> &[i64] {
        self.own::<Int64Type>(SEQ).unwrap_or(&[])
    }

    /// Event time of each row, in microseconds, if it was asked for.
    pub fn log_ts(&self) -> &[i64] {
        self.times(LOG_TS).unwrap_or(&[])
    }

    /// Arrival time of each row, in microseconds, if it was asked for.
    pub fn col_ts(&self) -> &[i64] {
        self.times(COL_TS).unwrap_or(&[])
    }

    /// The rows after the first moment and up to the second.
    pub fn within(&self, (after, to): (Timestamp, Timestamp)) -> BooleanBuffer {
        let times = self.log_ts();
        BooleanBuffer::collect_bool(times.len(), |row| {
            times[row] > after.0 && times[row] <= to.0
        })
    }

    fn times(&self, name: &str) -> Option<&[i64]> {
        self.own::<TimestampMicrosecondType>(name)
    }

    fn own<T: arrow_array::ArrowPrimitiveType>(&self, name: &str) -> Option<&[T::Native]> {
        let array = self.batch.column_by_name(name)?;
        Some(array.as_primitive_opt::<T>()?.values())
    }

    /// The column of a field; `None` if no row has it, but for [those](Self::overflowing) that
    /// have it elsewhere.
    pub fn column(&self, field: &str) -> Option<Column<'_>> {
        if let Some(values) = self.twins.column(field) {
            let mixed = false;
            return Some(Column { values, mixed });
        }
        let name = columns::column_name(field);
        let values = match self.batch.column_by_name(&name) {
            Some(values) => values,
            None => self.lazy.as_ref()?.rows(&name)?,
        };
        let mixed = self.shape.is_mixed(field);
        Some(Column { values, mixed })
    }

    /// The different values of a field's column, texts or whole numbers, where these can be had
    /// without those of the rows. Some may be no row's.
    pub fn distinct(&self, field: &str) -> Option<&ArrayRef> {
        self.lazy.as_ref()?.values(&columns::column_name(field))
    }

    /// The same of the terms of `msg`.
    pub fn distinct_terms(&self) -> Option<&ArrayRef> {
        self.lazy.as_ref()?.values(TERMS)
    }

    /// The rows that have one of the [distinct](Self::distinct) values that are `known` to hold, of
    /// which there are as many.
    pub fn rows_with(&self, field: &str, known: &[bool]) -> Option<BooleanBuffer> {
        let lazy = self.lazy.as_ref()?;
        lazy.rows_with(&columns::column_name(field), known)
    }

    /// The same of the terms of `msg`.
    pub fn rows_with_terms(&self, known: &[bool]) -> Option<BooleanBuffer> {
        self.lazy.as_ref()?.rows_with(TERMS, known)
    }

    /// To be asked once the columns were: what was said of one that did not read means nothing.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Damaged`] if one did not read.
    pub fn all_read(&self) -> crate::Result<()> {
        self.lazy.as_ref().map_or(Ok(()), Lazy::failed)
    }

    /// The lines of the terms of `msg`, if they were asked for and the file has them; null where
    /// there is no `msg`.
    pub fn terms(&self) -> Option<Column<'_>> {
        let values = match self.batch.column_by_name(TERMS) {
            Some(values) => values,
            None => self.lazy.as_ref()?.rows(TERMS)?,
        };
        let mixed = false;
        Some(Column { values, mixed })
    }

    /// The rows of which some value stands elsewhere than in the columns, or in its column not
    /// exactly as it was: columns say nothing certain of them.
    pub fn overflowing(&self) -> Option<BooleanBuffer> {
        let overflow = self.batch.column_by_name(OVERFLOW).map(|array| {
            array.nulls().map_or_else(
                || BooleanBuffer::new_set(array.len()),
                |n| n.inner().clone(),
            )
        });
        let odd = match (overflow, &self.twins.odd) {
            (Some(a), Some(b)) => &a | b,
            (a, b) => a.or_else(|| b.clone())?,
        };
        (odd.count_set_bits() > 0).then_some(odd)
    }

    /// The rows that are set in `rows` as events, which have the fields that were asked for.
    /// Times and `seq` are 0 if these were not.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Damaged`] if they do not read.
    pub fn events(&self, rows: &BooleanBuffer) -> crate::Result<Vec<(u64, Event)>> {
        guarded(&self.path, || {
            let wanted = BooleanArray::new(rows.clone(), None);
            let batch = arrow_select::filter::filter_record_batch(&self.batch, &wanted)
                .map_err(|e| e.to_string())?;
            events::of(&batch, &self.shape, None)
        })
    }
}
