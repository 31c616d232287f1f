//! Event files in a bucket of S3-compatible object storage.
//!
//! A file is made on the local disk and then stored as one object, whose name is the path of
//! the file below the prefix. What is read is fetched in ranges, into [local copies](copies),
//! and read from there: the footer first, then the columns that a search asks for.

mod bucket;
mod copies;
mod ranges;
mod told;

pub use bucket::{Bucket, S3Settings};

use crate::layout::{EVENT_FILE, io_error, is_ours, resolve};
use crate::read::Fetch;
use crate::storage::{Fill, Storage, Written};
use crate::{FileBytes, Result, checksum};
use copies::{Copies, Copy};
use cresset_model::ObjectId;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is fetched besides what is asked for, so that it begins and ends at a multiple.
const ALIGN: u64 = 64 << 10;
/// Stretches that are closer are fetched as one: a request takes as long as so many bytes.
const GAP: u64 = 256 << 10;
/// Largest piece that is fetched with one request.
const PIECE: u64 = 4 << 20;

/// A bucket with local copies of what was read.
#[derive(Debug)]
pub struct S3Storage {
    bucket: Arc<Bucket>,
    owner: ObjectId,
    copies: Arc<Copies>,
}

impl S3Storage {
    /// Takes a bucket for the files of `owner`, with at most `max_bytes` of local copies in
    /// `folder`, which is made if need be and used by no other process.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Storage`] if the bucket cannot be used or another owns its files.
    pub fn open(bucket: Bucket, owner: ObjectId, folder: PathBuf, max_bytes: u64) -> Result<Self> {
        bucket.claim(owner)?;
        Ok(Self {
            bucket: Arc::new(bucket),
            owner,
            copies: Arc::new(Copies::new(folder, max_bytes)?),
        })
    }

    fn store(&self, path: &str, file: File, place: &Path, fill: Fill<'_>) -> Result<Written> {
        let file = fill(file, place)?;
        let written = checksum::of_file(&file).map_err(io_error(place))?;
        let stored = self.bucket.upload(path, &file, written.bytes);
        if stored.is_err() {
            // It may be there although nobody said so. What stays is removed at the next start.
            let _ = self.bucket.delete(path);
        }
        stored.map(|()| written)
    }
}

impl Storage for S3Storage {
    fn root(&self) -> &Path {
        self.bucket.root()
    }

    fn present(&self) -> Result<()> {
        self.bucket.owned_by(self.owner)
    }

    fn write(&self, path: &str, fill: Fill<'_>) -> Result<Written> {
        // Not as a condition of the request itself, which not every server knows, and which
        // would refuse a second try of a request that had worked. Nobody else writes here.
        if self.bucket.exists(path)? {
            let path = self.root().join(path);
            return Err(io_error(&path)(io::ErrorKind::AlreadyExists.into()));
        }
        let (file, place) = self.copies.create()?;
        let stored = self.store(path, file, &place, fill);
        match &stored {
            // What is new is read soonest.
            Ok(written) => self.copies.adopt(path, place, written.bytes),
            Err(_) => copies::remove(&place),
        }
        stored
    }

    fn open(&self, path: &str, bytes: u64) -> Result<FileBytes> {
        resolve(self.root(), path)?;
        let (copy, file) = self.copies.open(path, bytes)?;
        let other = file.try_clone().map_err(io_error(self.root()))?;
        let from = Fetched {
            bucket: Arc::clone(&self.bucket),
            copies: Arc::clone(&self.copies),
            copy,
            file: other,
            path: path.to_owned(),
            len: bytes,
        };
        Ok(FileBytes::copy(file, bytes, Box::new(from)))
    }

    fn size(&self, path: &str) -> Result<u64> {
        self.bucket.size(path)
    }

    fn read(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        let (mut at, len) = (0, self.bucket.size(path)?);
        while at < len {
            let end = (at + PIECE).min(len);
            let piece = std::iter::once(at..end).collect();
            self.bucket.fetch(path, piece, &mut |_, bytes| {
                take(bytes);
                Ok(())
            })?;
            at = end;
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>> {
        let mut names = self.bucket.list("")?;
        names.retain(|path| {
            let name = path.rsplit('/').next().unwrap_or(path);
            is_ours(name, EVENT_FILE) && !path.split('/').any(|part| part.starts_with('.'))
        });
        Ok(names)
    }

    fn list_folder(&self, folder: &str) -> Result<Vec<String>> {
        self.bucket.list(folder)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.copies.forget(from);
        self.copies.forget(to);
        self.bucket.rename(from, to)
    }

    fn remove(&self, path: &str) -> Result<()> {
        self.copies.forget(path);
        self.bucket.delete(path)
    }

    fn scratch(&self) -> Result<File> {
        self.copies.scratch()
    }
}

/// Where the bytes of an open file come from.
#[derive(Debug)]
struct Fetched {
    bucket: Arc<Bucket>,
    copies: Arc<Copies>,
    copy: Arc<Copy>,
    file: File,
    path: String,
    len: u64,
}

impl Fetch for Fetched {
    fn fetch(&self, bytes: &[Range<u64>]) -> Result<()> {
        if self.copy.missing(bytes).is_empty() {
            return Ok(());
        }
        let wider = |range: &Range<u64>| {
            // A damaged footer may name bytes beyond the end, which are not there to be fetched.
            let start = (range.start / ALIGN * ALIGN).min(self.len);
            start
                ..range
                    .end
                    .div_ceil(ALIGN)
                    .saturating_mul(ALIGN)
                    .min(self.len)
        };
        let wanted: Vec<Range<u64>> = bytes.iter().map(wider).collect();
        let pieces = ranges::pieces(self.copy.missing(&wanted), GAP, PIECE);
        self.bucket.fetch(&self.path, pieces, &mut |at, bytes| {
            self.copies
                .add(&self.path, &self.copy, &self.file, at, bytes)
        })
    }

    fn distrust(&self) {
        self.copies.forget(&self.path);
    }
}
