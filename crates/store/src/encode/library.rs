//! Columns that the library makes: those of what is rare.

use super::arrays::{column_array, overflow_array};
use crate::columns::Kind;
use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use cresset_model::Value;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, compute_leaves};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedRowGroupWriter;
use std::io::Write;
use std::ops::Range;

pub(super) fn lacking() -> ParquetError {
    ParquetError::General("a column has no writer".to_owned())
}

/// The library's writer of a column.
pub(super) struct Library {
    writer: Box<ArrowColumnWriter>,
    field: FieldRef,
}

impl Library {
    pub(super) fn new(writer: ArrowColumnWriter, field: FieldRef) -> Self {
        let writer = Box::new(writer);
        Self { writer, field }
    }

    pub(super) fn array(&mut self, array: &ArrayRef) -> Result<()> {
        let leaves = compute_leaves(&self.field, array)?;
        leaves.iter().try_for_each(|leaf| self.writer.write(leaf))
    }

    pub(super) fn close<W: Write + Send>(
        self,
        target: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        self.writer.close()?.append_to_row_group(target)
    }
}

/// A column of such values.
pub(super) struct Others {
    library: Library,
    pub(super) kind: Kind,
    /// The row after the last one that was added.
    next: u32,
    /// Of the rows at hand, row and number of the value.
    cells: Vec<(u32, u32)>,
}

impl Others {
    /// For the rows from `first`.
    pub(super) const fn new(library: Library, kind: Kind, first: u32) -> Self {
        Self {
            library,
            kind,
            next: first,
            cells: Vec::new(),
        }
    }

    /// Adds a row; false if it has a value already.
    pub(super) fn add(&mut self, row: u32, value: u32) -> bool {
        let is_first = row >= self.next;
        if is_first {
            self.cells.push((row, value));
            self.next = row + 1;
        }
        is_first
    }

    /// Writes the rows at hand, whose values stand in `values` by their numbers.
    pub(super) fn end(&mut self, values: &[Value], rows: &Range<u32>) -> Result<()> {
        let cells = self.cells.drain(..);
        let cells = cells.filter_map(|(row, value)| Some((row, values.get(value as usize)?)));
        let cells: Vec<(u32, &Value)> = cells.collect();
        self.library.array(&column_array(self.kind, &cells, rows))
    }

    pub(super) fn close<W: Write + Send>(
        self,
        target: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        self.library.close(target)
    }
}

/// The column of what has no other.
pub(super) struct Overflow<'a> {
    library: Library,
    /// Of the rows at hand, row, name of the field and number of the value.
    cells: Vec<(u32, &'a str, u32)>,
}

impl<'a> Overflow<'a> {
    pub(super) const fn new(library: Library) -> Self {
        Self {
            library,
            cells: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, row: u32, name: &'a str, value: u32) {
        self.cells.push((row, name, value));
    }

    /// As [`Others::end`].
    pub(super) fn end(&mut self, values: &[Value], rows: &Range<u32>) -> Result<()> {
        let cells = self.cells.drain(..).filter_map(|(row, name, value)| {
            let value = values.get(value as usize)?;
            Some((row, name, value))
        });
        let cells: Vec<(u32, &str, &Value)> = cells.collect();
        self.library.array(&overflow_array(&cells, rows))
    }

    pub(super) fn close<W: Write + Send>(
        self,
        target: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        self.library.close(target)
    }
}
