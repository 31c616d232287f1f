//! Columns that are read when they are asked for: first their different values, then those of
//! each row.

use super::chunk::{self, Chunk};
use super::shape::Shape;
use super::{BATCH_BYTES, StoredFile, guarded};
use crate::{Error, Result};
use arrow_array::ArrayRef;
use arrow_buffer::BooleanBuffer;
use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::statistics::Statistics;
use std::cell::{OnceCell, RefCell};

/// Columns of a row group that nobody may ask for.
#[derive(Debug)]
pub(super) struct Lazy {
    file: StoredFile,
    group: usize,
    columns: Vec<Asked>,
    /// Why one of them did not read.
    failed: RefCell<Option<Error>>,
}

#[derive(Debug)]
struct Asked {
    name: String,
    root: usize,
    chunk: OnceCell<Option<Chunk>>,
    rows: OnceCell<Option<ArrayRef>>,
}

impl Shape {
    /// Whether a column of a row group is one that is read as a [`Chunk`]: of texts that each row
    /// has of its own no more than fit in memory.
    pub(super) fn is_chunk(&self, group: usize, root: usize) -> bool {
        self.chunk(group, root).is_some_and(|chunk| {
            let small = chunk.uncompressed_size().unsigned_abs() <= BATCH_BYTES;
            chunk::is_of_ours(chunk) && (by_number(chunk) || small && chunk::is_direct(chunk))
        })
            // Its texts are wanted as such.
            && self.overflow != Some(root)
    }
}

impl Lazy {
    /// No column yet.
    pub(super) fn new(file: &StoredFile, group: usize) -> Self {
        Self {
            file: file.clone(),
            group,
            columns: Vec::new(),
            failed: RefCell::default(),
        }
    }

    /// Adds a column by its name in the file.
    pub(super) fn add(&mut self, name: &str, root: usize) {
        self.columns.push(Asked {
            name: name.to_owned(),
            root,
            chunk: OnceCell::new(),
            rows: OnceCell::new(),
        });
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.file.rows(self.group)
    }

    /// The different values of a column; `None` for no column, one whose rows have a value each, or
    /// one that does not read.
    pub(super) fn values(&self, name: &str) -> Option<&ArrayRef> {
        self.chunk(self.asked(name)?)?.values()
    }

    /// The value of each row.
    pub(super) fn rows(&self, name: &str) -> Option<&ArrayRef> {
        let asked = self.asked(name)?;
        let rows = asked.rows.get_or_init(|| {
            let chunk = self.chunk(asked)?;
            let rows = guarded(&self.file.path, || chunk.rows(None));
            self.noted(rows.map_err(|e| self.file.bytes.blame(e)))
        });
        rows.as_ref()
    }

    /// The rows whose [different](Self::values) values are `known` to hold.
    pub(super) fn rows_with(&self, name: &str, known: &[bool]) -> Option<BooleanBuffer> {
        let chunk = self.chunk(self.asked(name)?)?;
        let rows = guarded(&self.file.path, || chunk.rows_with(known));
        self.noted(rows.map_err(|e| self.file.bytes.blame(e)))
    }

    /// What did not read, if something did not.
    pub(super) fn failed(&self) -> Result<()> {
        self.failed.borrow_mut().take().map_or(Ok(()), Err)
    }

    fn asked(&self, name: &str) -> Option<&Asked> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn chunk<'a>(&self, asked: &'a Asked) -> Option<&'a Chunk> {
        let chunk = asked
            .chunk
            .get_or_init(|| self.noted(self.read(asked.root)));
        chunk.as_ref()
    }

    fn read(&self, root: usize) -> Result<Chunk> {
        self.file.read_chunk(self.group, root)
    }

    fn noted<T>(&self, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.failed.borrow_mut().replace(error))
            .ok()
    }
}

impl StoredFile {
    pub(super) fn read_chunk(&self, group: usize, root: usize) -> Result<Chunk> {
        let read = guarded(&self.path, || {
            let chunk = self.shape.chunk(group, root);
            let chunk = chunk.ok_or("it has a column less than its footer says")?;
            let rows = self.rows(group);
            if all_absent(chunk) {
                return Ok(Chunk::empty(chunk, rows));
            }
            let (start, len) = chunk.byte_range();
            let bytes = self.bytes.get_bytes(start, len as usize);
            Chunk::read(bytes.map_err(|e| e.to_string())?, chunk, rows)
        });
        read.map_err(|e| self.bytes.blame(e))
    }
}

/// Whether no row has a value.
pub(super) fn all_absent(chunk: &ColumnChunkMetaData) -> bool {
    let absent = chunk.statistics().and_then(Statistics::null_count_opt);
    let rows = chunk.num_values().unsigned_abs();
    absent.is_some_and(|absent| rows > 0 && absent == rows)
}

/// Whether all values of a column are numbers of its dictionary.
pub(super) fn by_number(chunk: &ColumnChunkMetaData) -> bool {
    all_absent(chunk)
        || chunk.dictionary_page_offset().is_some()
            && chunk.page_encoding_stats_mask().is_some_and(|mask| {
                mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY)
            })
}
