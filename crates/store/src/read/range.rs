//! Stretches of rows of a file, and what its columns hold, for those who write it anew.

use super::shape::Own;
use super::{BATCH_ROWS, StoredFile, events, guarded};
use crate::Result;
use crate::columns::{Kinds, OVERFLOW};
use crate::overflow;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use cresset_model::{Event, Value};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// Some columns of neighbouring rows.
pub(crate) struct RangeBatch<'f> {
    file: &'f StoredFile,
    batch: RecordBatch,
}

impl RangeBatch<'_> {
    pub(crate) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.file.path
    }

    /// A column by its name in the file.
    pub(crate) fn column(&self, name: &str) -> Option<&ArrayRef> {
        self.batch.column_by_name(name)
    }

    /// The rows as events of these fields.
    pub(crate) fn events(&self, fields: &BTreeSet<String>) -> Result<Vec<(u64, Event)>> {
        guarded(&self.file.path, || {
            events::of(&self.batch, &self.file.shape, Some(fields))
        })
    }
}

/// A field's column.
pub(crate) struct FieldColumn<'f> {
    pub(crate) field: &'f str,
    kind: DataType,
    /// Whether values of several kinds share it.
    pub(crate) mixed: bool,
    /// Rows that have a value, roughly.
    pub(crate) rows: u64,
    /// Whole numbers at the bounds of what it holds.
    bounds: Option<(i64, i64)>,
}

impl FieldColumn<'_> {
    /// Adds the kinds of its values, or more.
    pub(crate) fn kinds_into(&self, kinds: &mut Kinds) {
        match &self.kind {
            DataType::Int64 => {
                let (min, max) = self.bounds.unwrap_or((i64::MIN, i64::MAX));
                kinds.add_int(min);
                kinds.add_int(max);
            }
            DataType::Float64 => {
                kinds.float = true;
                kinds.int |= self.mixed;
            }
            DataType::Boolean => kinds.bool = true,
            DataType::List(_) => {
                kinds.list = true;
                kinds.text |= self.mixed;
            }
            _ => {
                kinds.text = true;
                kinds.bool |= self.mixed;
            }
        }
    }
}

impl StoredFile {
    /// The columns of fields.
    pub(crate) fn field_columns(&self) -> impl Iterator<Item = FieldColumn<'_>> {
        self.shape
            .field_roots()
            .map(|(field, root, mixed)| FieldColumn {
                field,
                kind: self.shape.kind(root),
                mixed,
                rows: self.shape.rows_with(root),
                bounds: self.shape.bounds(root),
            })
    }

    /// Bytes that so many rows of the column of a field take in memory, roughly.
    pub(crate) fn column_bytes(&self, field: &str, rows: usize) -> u64 {
        self.shape.column_bytes(field, rows)
    }

    /// The same of the terms of `msg`.
    pub(crate) fn terms_bytes(&self, rows: usize) -> u64 {
        self.shape.terms_bytes(rows)
    }

    /// Shows each value that stands in the overflow column.
    pub(crate) fn overflowing(&self, take: &mut dyn FnMut(&str, &Value)) -> Result<()> {
        if !self.shape.overflows(None) {
            return Ok(());
        }
        // No field has such a name, so that nothing but the overflow is read.
        let none = BTreeSet::from(["\0".to_owned()]);
        for batch in self.range(0..self.all_rows(), Own::NONE, &none)? {
            let Some(array) = batch.column(OVERFLOW) else {
                continue;
            };
            guarded(&self.path, || {
                let wrong = || format!("column {OVERFLOW} does not read");
                let texts = array.as_string_opt::<i32>().ok_or_else(wrong)?;
                for text in texts.iter().flatten() {
                    let object: serde_json::Map<String, serde_json::Value> =
                        serde_json::from_str(text).map_err(|_| wrong())?;
                    for (name, json) in &object {
                        take(name, &overflow::from_json(json).ok_or_else(wrong)?);
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Whether a file made of this one and others can have the terms of `msg`.
    pub(crate) fn gives_terms(&self) -> bool {
        let mut columns = self.shape.field_roots();
        self.shape.has_terms() || !columns.any(|(field, ..)| field == "msg")
    }

    /// The row groups that some of these rows are in.
    pub(crate) fn groups_of(&self, rows: &Range<usize>) -> Vec<usize> {
        let (mut groups, mut begin) = (Vec::new(), 0);
        for group in 0..self.groups() {
            let end = begin + self.rows(group);
            if !rows.is_empty() && begin < rows.end && end > rows.start {
                groups.push(group);
            }
            begin = end;
        }
        groups
    }

    fn all_rows(&self) -> usize {
        (0..self.groups()).map(|group| self.rows(group)).sum()
    }

    /// Neighbouring rows of the file, with some of our own columns and those of `fields`.
    pub(crate) fn range(
        &self,
        rows: Range<usize>,
        own: Own,
        fields: &BTreeSet<String>,
    ) -> Result<Vec<RangeBatch<'_>>> {
        let groups = self.groups_of(&rows);
        let Some(first) = groups.first() else {
            return Ok(Vec::new());
        };
        let first: usize = (0..*first).map(|group| self.rows(group)).sum();
        let total = groups.iter().map(|group| self.rows(*group)).sum();
        let here = rows.start - first..rows.end - first;
        let selection = RowSelection::from_consecutive_ranges(std::iter::once(here), total);
        let overflow = self.shape.overflows(Some(fields));
        let roots = self.shape.roots(None, Some(fields), own, overflow);
        let projection = self.shape.projection(&roots);
        self.bytes
            .want(|| self.shape.places(&groups, &projection))?;
        let reader = guarded(&self.path, || {
            let footer = self.shape.footer.clone();
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), footer)
                .with_row_groups(groups)
                .with_projection(projection)
                .with_row_selection(selection)
                .with_batch_size(BATCH_ROWS as usize)
                .build()
                .map_err(|e| e.to_string())
        });
        let mut reader = reader.map_err(|e| self.bytes.blame(e))?;
        let mut batches = Vec::new();
        while let Some(batch) = self.next(&mut reader) {
            batches.push(RangeBatch {
                file: self,
                batch: batch?,
            });
        }
        Ok(batches)
    }
}
