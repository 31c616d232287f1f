//! Reading event files: first the columns that a search decides by, then the events that it
//! wants.

mod batch;
mod bytes;
mod chunk;
mod events;
mod lazy;
mod parts;
mod pruned;
mod range;
mod runs;
mod shape;
mod shapes;
mod twins;
mod vocabulary;

pub use batch::{Column, ColumnBatch, whole_number};
pub(crate) use bytes::Fetch;
pub use bytes::FileBytes;
pub use pruned::{Fate, Pruned};
pub use shape::{Overlap, Own};

pub(crate) use range::RangeBatch;
#[cfg(test)]
pub(crate) use runs::numbers_into;
pub(crate) use shapes::Shapes;

use crate::storage::Storage;
use crate::{Error, Result};
use arrow_array::RecordBatch;
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use cresset_catalog::port::FileEntry;
use cresset_model::event::SAME_AS_MSG;
use cresset_model::{Event, ObjectId, Timestamp};
use lazy::Lazy;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::reader::Length as _;
use parts::Parts;
use shape::Shape;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are read at a time, at most, where their size matters.
const BATCH_ROWS: u64 = 8_192;
/// Rows that become events at a time, at most.
const EVENT_ROWS: u64 = 2_048;
/// Rough size of the rows that are read at a time.
const BATCH_BYTES: u64 = 8 << 20;

/// An event file that is open. It can be read to its end even if it is removed meanwhile.
#[derive(Debug, Clone)]
pub struct StoredFile {
    path: PathBuf,
    bytes: FileBytes,
    shape: Arc<Shape>,
}

impl StoredFile {
    /// Opens a file, whose shape may be known.
    pub(crate) fn open(
        storage: &dyn Storage,
        file: &FileEntry,
        known: Option<&Shapes>,
    ) -> Result<Self> {
        let path = storage.root().join(&file.path);
        let bytes = storage.open(&file.path, file.bytes)?;
        // What is known of a file may lead past that it was cut off.
        if bytes.len() != file.bytes {
            let reason = format!("it has {} bytes of {}", bytes.len(), file.bytes);
            return Err(Error::Damaged { path, reason });
        }
        Self::of(path, bytes, known.map(|shapes| (shapes, file.id)))
    }

    /// A file of the local disk.
    #[cfg(test)]
    pub(crate) fn local(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(path).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = crate::LocalFolder::new(folder).open(&name, 0)?;
        Self::of(path.to_owned(), bytes, None)
    }

    /// What the footer of an open file says, if it is not known.
    pub(crate) fn of(
        path: PathBuf,
        bytes: FileBytes,
        known: Option<(&Shapes, ObjectId)>,
    ) -> Result<Self> {
        let kept = known.and_then(|(shapes, id)| shapes.get(id));
        let shape = match kept {
            Some(shape) => shape,
            None => {
                bytes.want_footer()?;
                let read = guarded(&path, || Shape::read(&bytes));
                let shape = Arc::new(read.map_err(|e| bytes.blame(e))?);
                if let Some((shapes, id)) = known {
                    shapes.keep(id, &shape);
                }
                shape
            }
        };
        Ok(Self { path, bytes, shape })
    }

    /// The number of row groups, which are in order of event time, then `seq`.
    pub fn groups(&self) -> usize {
        self.shape.len()
    }

    /// The rows of a row group.
    pub fn rows(&self, group: usize) -> usize {
        self.shape.rows(group)
    }

    /// How much of a row group is after the first moment and up to the second.
    pub fn overlap(&self, group: usize, range: (Timestamp, Timestamp)) -> Overlap {
        self.shape.overlap(group, range)
    }

    /// The latest event time of a row group, as far as known.
    pub fn max_log_ts(&self, group: usize) -> Timestamp {
        self.shape.max_log_ts(group)
    }

    /// The largest `seq` of a row group, as far as known.
    pub fn max_seq(&self, group: usize) -> u64 {
        self.shape.max_seq(group)
    }

    /// Whether the terms of `msg` stand in a column of their own.
    pub fn has_terms(&self) -> bool {
        self.shape.has_terms()
    }

    /// Whether no event of a row group has the field; the two times are in every event.
    pub fn lacks(&self, group: usize, field: &str) -> bool {
        self.shape.lacks(group, field)
    }

    /// The rows of a row group as columns, all or those that are set: some of our own, and those of
    /// `fields` that the file has. Of values of several kinds in one column no more than the texts
    /// are certain, but for fields in `exact`, whose rows of other kinds are
    /// [told](ColumnBatch::overflowing).
    pub fn columns(
        &self,
        group: usize,
        of: Option<&BooleanBuffer>,
        own: Own,
        fields: &BTreeSet<String>,
        exact: &BTreeSet<String>,
    ) -> Result<Columns<'_>> {
        let fields = self.shape.reach(fields);
        let hidden = self.shape.hides(&fields, exact);
        // What tells that a column is not all must be there with it.
        if of.is_none()
            && !hidden
            && !fields.contains(SAME_AS_MSG)
            && let Some(columns) = self.when_asked(group, own, &fields)?
        {
            return Ok(columns);
        }
        let roots = self.shape.roots(Some(group), Some(&fields), own, hidden);
        let rows = match self.shape.bytes_per_row(group, &roots) {
            None => self.rows(group).max(1) as u64,
            Some(bytes) => (BATCH_BYTES / bytes.max(1)).clamp(16, BATCH_ROWS),
        };
        let selection = of.and_then(selection);
        Ok(Columns {
            reader: Some(self.reader(group, &roots, rows as usize, selection)?),
            parts: Parts::all(self, roots),
            lazy: None,
        })
    }

    /// All rows of a row group at once, with columns that are read when they are asked for; `None`
    /// if there are texts that each row has of its own, and too many.
    fn when_asked(
        &self,
        group: usize,
        own: Own,
        fields: &BTreeSet<String>,
    ) -> Result<Option<Columns<'_>>> {
        let shape = &self.shape;
        let roots = shape.roots(Some(group), Some(fields), own, false);
        let (chunks, others): (Vec<usize>, _) =
            roots.iter().partition(|root| shape.is_chunk(group, **root));
        if shape.bytes_per_row(group, &others).is_some() {
            return Ok(None);
        }
        // Those that may be asked for, too: one way to a bucket costs more than what it brings.
        self.want(group, &chunks)?;
        let mut parts = Parts::all(self, others);
        let mut lazy = Lazy::new(self, group);
        for root in chunks {
            if Shape::is_own(root) {
                parts.add(group, root, None)?;
            } else {
                lazy.add(shape.name(root), root);
            }
        }
        let reader = match &*parts.others {
            [] => None,
            others => Some(self.reader(group, others, self.rows(group).max(1), None)?),
        };
        Ok(Some(Columns {
            reader,
            parts,
            lazy: Some(lazy),
        }))
    }

    /// The events of a row group at the places that are set in `rows`, with `seq`, in order.
    /// They have only these fields; all for `None`.
    pub fn events<'f>(
        &'f self,
        group: usize,
        rows: &BooleanBuffer,
        fields: Option<&'f BTreeSet<String>>,
    ) -> Result<Events<'f>> {
        let reach = fields.map(|fields| self.shape.reach(fields));
        let (read, shape) = (reach.as_deref(), &self.shape);
        let roots = shape.roots(Some(group), read, Own::ALL, shape.overflows(read));
        let bytes = shape.bytes_per_row(group, &roots).unwrap_or(64);
        let at_a_time = (BATCH_BYTES / bytes.max(1)).clamp(16, EVENT_ROWS) as usize;
        let mut parts = Parts::all(self, roots);
        // What is read by chunk comes at once.
        if rows.count_set_bits() <= at_a_time {
            let roots = std::mem::take(&mut parts.others);
            self.want(group, &roots)?;
            for root in roots {
                if shape.is_chunk(group, root) {
                    parts.add(group, root, Some(rows))?;
                } else {
                    parts.others.push(root);
                }
            }
        }
        let reader = match &*parts.others {
            [] => None,
            others => Some(self.reader(group, others, at_a_time, selection(rows))?),
        };
        Ok(Events {
            fields,
            reader,
            parts,
        })
    }

    /// The rows of a row group after the first moment and up to the second.
    pub(crate) fn within(
        &self,
        group: usize,
        range: (Timestamp, Timestamp),
    ) -> Result<BooleanBuffer> {
        let mut rows = BooleanBufferBuilder::new(self.rows(group));
        let own = Own {
            log_ts: true,
            ..Own::NONE
        };
        for batch in self.columns(group, None, own, &BTreeSet::new(), &BTreeSet::new())? {
            rows.append_buffer(&batch?.within(range));
        }
        Ok(rows.finish())
    }

    /// Fetches some columns of a row group together, if the file is elsewhere.
    fn want(&self, group: usize, roots: &[usize]) -> Result<()> {
        let places = || self.shape.places(&[group], &self.shape.projection(roots));
        self.bytes.want(places)
    }

    fn reader(
        &self,
        group: usize,
        roots: &[usize],
        rows: usize,
        selection: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader> {
        self.want(group, roots)?;
        let projection = self.shape.projection(roots);
        let reader = guarded(&self.path, || {
            let footer = self.shape.footer.clone();
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), footer)
                    .with_row_groups(vec![group])
                    .with_projection(projection)
                    .with_batch_size(rows);
            let builder = match selection {
                Some(selection) => builder.with_row_selection(selection),
                None => builder,
            };
            builder.build().map_err(|e| e.to_string())
        });
        reader.map_err(|e| self.bytes.blame(e))
    }

    fn next(&self, reader: &mut ParquetRecordBatchReader) -> Option<Result<RecordBatch>> {
        let next = guarded(&self.path, || match reader.next() {
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(None),
        });
        next.map_err(|e| self.bytes.blame(e)).transpose()
    }
}

/// The rows that are set; `None` if all are.
fn selection(rows: &BooleanBuffer) -> Option<RowSelection> {
    let all = rows.count_set_bits() == rows.len();
    (!all).then(|| RowSelection::from_boolean_buffer(rows.clone()))
}

/// What a file's content gives, or that it is damaged. The Parquet reader checks most of what
/// it reads but not all: damage may also show as a panic, which must not pass for a defect of
/// the program.
fn guarded<T>(path: &Path, work: impl FnOnce() -> std::result::Result<T, String>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("its content contradicts itself".to_owned()))
        .map_err(|reason| Error::Damaged {
            path: path.to_owned(),
            reason,
        })
}

/// The rows of a row group as columns, some at a time.
pub struct Columns<'f> {
    reader: Option<ParquetRecordBatchReader>,
    parts: Parts<'f>,
    /// Columns of all rows, which then come at once.
    lazy: Option<Lazy>,
}

impl Iterator for Columns<'_> {
    type Item = Result<ColumnBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let alone = self.lazy.is_some();
        let batch = self.parts.next(self.reader.as_mut(), alone)?;
        let (file, lazy) = (self.parts.file(), self.lazy.take());
        Some(batch.and_then(|batch| guarded(&file.path, || ColumnBatch::new(file, batch, lazy))))
    }
}

/// Events of a row group, some at a time.
pub struct Events<'f> {
    fields: Option<&'f BTreeSet<String>>,
    reader: Option<ParquetRecordBatchReader>,
    parts: Parts<'f>,
}

impl Iterator for Events<'_> {
    type Item = Result<Vec<(u64, Event)>>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.parts.next(self.reader.as_mut(), false)?;
        let file = self.parts.file();
        Some(
            batch.and_then(|batch| {
                guarded(&file.path, || events::of(&batch, &file.shape, self.fields))
            }),
        )
    }
}
