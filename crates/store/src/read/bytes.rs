//! The bytes of a file, read where they are wanted, by any number of readers at once.

use crate::{Error, Result};
use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Brings bytes of a file that is elsewhere into a local copy of it.
pub(crate) trait Fetch: Send + Sync + std::fmt::Debug {
    /// Returns once these bytes, which are within the file, are in the copy.
    fn fetch(&self, bytes: &[Range<u64>]) -> Result<()>;

    /// What is in the copy does not read: the next who opens the file gets another.
    fn distrust(&self);
}

/// An open file.
#[derive(Debug, Clone)]
pub struct FileBytes {
    file: Arc<File>,
    len: u64,
    elsewhere: Option<Arc<Elsewhere>>,
}

/// Where the bytes come from before they are in the file.
#[derive(Debug)]
struct Elsewhere {
    from: Box<dyn Fetch>,
    /// What the Parquet reader, which knows no such error, was not told.
    failed: Mutex<Option<Error>>,
}

impl FileBytes {
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self {
            file: Arc::new(file),
            len,
            elsewhere: None,
        })
    }

    /// A local copy of a file of `len` bytes, which has those that were fetched.
    pub(crate) fn copy(file: File, len: u64, from: Box<dyn Fetch>) -> Self {
        Self {
            file: Arc::new(file),
            len,
            elsewhere: Some(Arc::new(Elsewhere {
                from,
                failed: Mutex::default(),
            })),
        }
    }

    /// Says which bytes will be read: all at once they are fetched in fewer and larger pieces.
    pub(super) fn want(&self, bytes: impl FnOnce() -> Vec<Range<u64>>) -> Result<()> {
        match &self.elsewhere {
            None => Ok(()),
            Some(elsewhere) => elsewhere.from.fetch(&bytes()),
        }
    }

    /// The last bytes, which the footer is in.
    pub(super) fn want_footer(&self) -> Result<()> {
        let footer = self.len.saturating_sub(FOOTER)..self.len;
        self.want(|| vec![footer])
    }

    /// Why the file did not read: that bytes did not come, or what the reader says.
    pub(super) fn blame(&self, read: Error) -> Error {
        let Some(elsewhere) = &self.elsewhere else {
            return read;
        };
        if let Some(failed) = elsewhere.failed.lock().take() {
            return failed;
        }
        elsewhere.from.distrust();
        read
    }
}

impl Length for FileBytes {
    fn len(&self) -> u64 {
        self.len
    }
}

/// Bytes read at a time where it is not said how many will be wanted: page headers.
const AHEAD: u64 = 8 << 10;
/// Bytes in which most footers are.
const FOOTER: u64 = 64 << 10;

impl ChunkReader for FileBytes {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let len = self.len.saturating_sub(start).min(AHEAD);
        Ok(self.get_bytes(start, len as usize)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // Before there is room for what a damaged footer asks for.
        let end = start.checked_add(length as u64);
        let Some(end) = end.filter(|end| *end <= self.len) else {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} are beyond its end"
            )));
        };
        if let Some(elsewhere) = &self.elsewhere
            && let Err(error) = elsewhere.from.fetch(std::slice::from_ref(&(start..end)))
        {
            let told = ParquetError::General(error.to_string());
            *elsewhere.failed.lock() = Some(error);
            return Err(told);
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}
