//! Columns from several readers beside each other, in the order of the file.

use super::{StoredFile, guarded};
use crate::Result;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use std::sync::Arc;

/// Columns of some rows of a row group.
pub(super) struct Parts<'f> {
    file: &'f StoredFile,
    /// Those that were read as chunks.
    chunks: Vec<(usize, ArrayRef)>,
    /// Those that the library reads.
    pub(super) others: Vec<usize>,
}

impl<'f> Parts<'f> {
    /// All by the library.
    pub(super) fn all(file: &'f StoredFile, others: Vec<usize>) -> Self {
        let chunks = Vec::new();
        Self {
            file,
            chunks,
            others,
        }
    }

    pub(super) const fn file(&self) -> &'f StoredFile {
        self.file
    }

    /// Reads a column of a row group, whole or the rows that are set.
    pub(super) fn add(
        &mut self,
        group: usize,
        root: usize,
        rows: Option<&BooleanBuffer>,
    ) -> Result<()> {
        let chunk = self.file.read_chunk(group, root)?;
        let array = guarded(&self.file.path, || {
            let array = chunk.rows(rows)?;
            let time = matches!(self.file.shape.kind(root), DataType::Timestamp(..));
            match array.as_primitive_opt::<Int64Type>() {
                Some(numbers) if time => {
                    let times = numbers.reinterpret_cast::<TimestampMicrosecondType>();
                    Ok(Arc::new(times) as ArrayRef)
                }
                _ => Ok(array),
            }
        });
        let array = array.map_err(|e| self.file.bytes.blame(e))?;
        self.chunks.push((root, array));
        Ok(())
    }

    /// The next rows. Those of chunks come at once, and perhaps alone; for `empty` even if there
    /// are no columns.
    pub(super) fn next(
        &mut self,
        reader: Option<&mut ParquetRecordBatchReader>,
        empty: bool,
    ) -> Option<Result<RecordBatch>> {
        let read = match reader {
            Some(reader) => match self.file.next(reader)? {
                Ok(batch) if self.chunks.is_empty() => return Some(Ok(batch)),
                Ok(batch) => Some(batch),
                Err(error) => return Some(Err(error)),
            },
            None if self.chunks.is_empty() && !empty => return None,
            None => None,
        };
        let mut all = std::mem::take(&mut self.chunks);
        let columns = read
            .iter()
            .flat_map(|batch| batch.columns().iter().cloned());
        all.extend(self.others.iter().copied().zip(columns));
        all.sort_by_key(|(root, _)| *root);
        let field = |(root, array): &(usize, ArrayRef)| {
            Field::new(self.file.shape.name(*root), array.data_type().clone(), true)
        };
        let schema = Schema::new(all.iter().map(field).collect::<Vec<_>>());
        let columns: Vec<ArrayRef> = all.into_iter().map(|(_, array)| array).collect();
        // As many as the columns have, if there are any.
        let rows = columns.first().map_or(0, |column| column.len());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Some(guarded(&self.file.path, || {
            RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
                .map_err(|e| e.to_string())
        }))
    }
}
