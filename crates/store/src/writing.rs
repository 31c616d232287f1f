//! Writing event files.

use crate::encode::Source;
use crate::slices::Slice;
use crate::storage::Storage;
use crate::terms::Index;
use crate::{Error, Result, encode, layout};
use cresset_catalog::port::FileEntry;
use cresset_model::ObjectId;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Files written at the same time: most of the time of a small one is waiting for
/// the disk, and events of past years become many small ones. Each takes memory for
/// all of its columns.
const WRITERS: usize = 2;

/// What was found in texts of earlier files: later ones have the same words.
#[derive(Debug, Default)]
pub(crate) struct Indexes(Mutex<Vec<Index>>);

impl Indexes {
    fn take(&self) -> Index {
        self.0.lock().pop().unwrap_or_default()
    }

    fn keep(&self, mut index: Index) {
        index.shrink();
        let mut kept = self.0.lock();
        if kept.len() < WRITERS {
            kept.push(index);
        }
    }
}

/// Writes a file per slice, in the order of the slices; after an error, none.
pub(crate) fn write_all(
    storage: &dyn Storage,
    slices: &[(ObjectId, Slice)],
    max_columns: usize,
    indexes: &Indexes,
) -> Result<Vec<FileEntry>> {
    let source = Source::of(slices.iter().flat_map(|(_, slice)| &slice.events));
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut done = Vec::new();
        let mut index = indexes.take();
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((id, slice)) = slices.get(at) else {
                break;
            };
            let file = write_one(storage, *id, (slice, &source), max_columns, &mut index);
            failed.fetch_or(file.is_err(), Ordering::Relaxed);
            done.push((at, file));
        }
        indexes.keep(index);
        done
    };
    let mut done = if slices.len() > 1 {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..WRITERS.min(slices.len()))
                .map(|_| scope.spawn(work))
                .collect();
            let joined = threads.into_iter().map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            joined.flatten().collect()
        })
    } else {
        work()
    };
    done.sort_unstable_by_key(|(at, _)| *at);
    let (mut files, mut first_error) = (Vec::with_capacity(done.len()), None);
    for (_, file) in done {
        match file {
            Ok(file) => files.push(file),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let Some(error) = first_error else {
        return Ok(files);
    };
    for file in &files {
        // What stays is removed at the next start.
        let _ = storage.remove(&file.path);
    }
    Err(error)
}

fn write_one(
    storage: &dyn Storage,
    id: ObjectId,
    (slice, source): (&Slice, &Source<'_>),
    max_columns: usize,
    index: &mut Index,
) -> Result<FileEntry> {
    let path = layout::file(&layout::folder(&slice.repo, slice.min_log_ts), id);
    let fill = |file, path: &Path| {
        let events = &slice.events;
        encode::encode_packed(source, events, max_columns, index, file)
            .map_err(|e| encode_error(path, e))
    };
    let written = storage.write(&path, Box::new(fill))?;
    Ok(FileEntry {
        id,
        repo: slice.repo.to_string(),
        path,
        rows: slice.events.len() as u64,
        bytes: written.bytes,
        crc32: Some(written.crc32),
        min_log_ts: slice.min_log_ts,
        max_log_ts: slice.max_log_ts,
        min_seq: slice.min_seq,
        max_seq: slice.max_seq,
    })
}

/// A full disk comes out of the Parquet writer as an error of the outer world.
pub(crate) fn encode_error(path: &Path, error: parquet::errors::ParquetError) -> Error {
    let reason = match error {
        parquet::errors::ParquetError::External(source) => match source.downcast() {
            Ok(source) => {
                return Error::Io {
                    path: path.to_owned(),
                    source: *source,
                };
            }
            Err(other) => other.to_string(),
        },
        other => other.to_string(),
    };
    Error::Encode {
        path: path.to_owned(),
        reason,
    }
}
