//! Deleting single events: a file that holds some is written anew without them.
//!
//! The new file is whole on stable storage before the catalog puts it in the place of the old
//! one, in one transaction; so a crash leaves the one or the other registered, and the next
//! start removes the other. The old one goes as soon as nobody reads it.
//!
//! The events that stay are written in pieces of bounded size, which are then made one file as
//! in compaction. So nothing of what is deleted is carried over: neither values, nor the names
//! of fields that only deleted events had, nor anything that is kept about columns.

use crate::compact::written;
use crate::read::{FileBytes, Overlap, StoredFile};
use crate::storage::Storage;
use crate::store::blocking;
use crate::terms::Index;
use crate::{Error, EventStore, Result, encode, layout, merge, writing};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use cresset_catalog::port::FileEntry;
use cresset_model::event::LoggedEvent;
use cresset_model::{Entropy, Event, ObjectId, Timestamp};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Size of the events that are written at a time, in the measure of `Event::size`.
const PIECE_BYTES: usize = 32 << 20;
/// Their number: a row group of the piece.
const PIECE_ROWS: usize = encode::GROUP_ROWS;

/// Tells by `seq` and event whether it is deleted.
pub type Doomed = Arc<dyn Fn(u64, &Event) -> bool + Send + Sync>;

/// Which events of a file are looked at, and what of them.
#[derive(Clone)]
pub struct DeleteFrom {
    /// Event time after the first moment and up to the second.
    pub range: (Timestamp, Timestamp),
    /// The fields that `doomed` asks for.
    pub fields: BTreeSet<String>,
    /// Which of them go.
    pub doomed: Doomed,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletedFrom {
    /// It holds no such event.
    Untouched,
    /// It is no longer registered: its events have expired or stand in another file.
    Gone,
    /// So many events were deleted.
    Some {
        /// The number of events.
        events: u64,
        /// The file that took its place, if any event is left.
        by: Option<FileEntry>,
        /// The path of the old file, which is [there](EventStore::still_there) until nobody
        /// reads it.
        old: String,
    },
}

impl EventStore {
    /// The number of events of a file that [`EventStore::delete_from`] would delete.
    pub async fn count_doomed(&self, file: &FileEntry, which: &DeleteFrom) -> Result<u64> {
        let (opener, which) = (self.opener(file), which.clone());
        blocking(move || Ok(kept(&opener()?, &which)?.1)).await
    }

    /// Deletes events of a registered file.
    ///
    /// # Errors
    ///
    /// As of reading and writing; then the file is as it was.
    pub async fn delete_from(&self, file: &FileEntry, which: &DeleteFrom) -> Result<DeletedFrom> {
        // Compaction would put the events of the same file elsewhere meanwhile.
        let _alone = self.rewriting.lock().await;
        let (opener, which) = (self.opener(file), which.clone());
        let rewrite = Rewrite {
            storage: Arc::clone(&self.storage),
            entropy: Arc::clone(&self.entropy),
            max_columns: self.settings.max_columns,
            file: file.clone(),
        };
        let made = blocking(move || {
            let opened = opener()?;
            let (kept, events) = kept(&opened, &which)?;
            let by = match events {
                0 => None,
                _ => rewrite.without(&opened, &kept)?,
            };
            Ok((events, by))
        });
        let (events, by) = match made.await {
            Err(Error::Missing { .. }) if !self.is_registered(file).await? => {
                return Ok(DeletedFrom::Gone);
            }
            made => made?,
        };
        if events == 0 {
            return Ok(DeletedFrom::Untouched);
        }
        let registered = match &by {
            Some(by) => self.catalog.replace_files(&[file.id], by).await,
            None if self.is_registered(file).await? => {
                self.catalog.unregister_files(&[file.id]).await
            }
            None => return Ok(DeletedFrom::Gone),
        };
        if let Err(error) = registered {
            if let Some(by) = by {
                self.discard(by.path).await?;
            }
            return match error {
                cresset_catalog::Error::NotFound { .. } => Ok(DeletedFrom::Gone),
                error => Err(error.into()),
            };
        }
        let old = file.path.clone();
        self.leaving.add(vec![old.clone()]);
        metrics::counter!("cresset_store_events_deleted_total").increment(events);
        Ok(DeletedFrom::Some { events, by, old })
    }

    /// Opens a file on another thread.
    fn opener(&self, file: &FileEntry) -> impl FnOnce() -> Result<StoredFile> + Send + 'static {
        let (storage, shapes) = (Arc::clone(&self.storage), Arc::clone(&self.shapes));
        let file = file.clone();
        move || StoredFile::open(&*storage, &file, Some(&shapes))
    }
}

/// The rows of each group that stay, and the number of those that do not.
fn kept(file: &StoredFile, which: &DeleteFrom) -> Result<(Vec<BooleanBuffer>, u64)> {
    let (mut groups, mut doomed) = (Vec::new(), 0);
    for group in 0..file.groups() {
        let rows = file.rows(group);
        let asked = match file.overlap(group, which.range) {
            Overlap::None => BooleanBuffer::new_unset(rows),
            Overlap::Whole => BooleanBuffer::new_set(rows),
            Overlap::Part => file.within(group, which.range)?,
        };
        if asked.count_set_bits() == 0 {
            groups.push(BooleanBuffer::new_set(rows));
            continue;
        }
        let mut stays = Vec::with_capacity(asked.count_set_bits());
        for events in file.events(group, &asked, Some(&which.fields))? {
            stays.extend(
                events?
                    .iter()
                    .map(|(seq, event)| !(which.doomed)(*seq, event)),
            );
        }
        doomed += stays.iter().filter(|stays| !**stays).count() as u64;
        let mut stays = stays.into_iter();
        let mut kept = BooleanBufferBuilder::new(rows);
        for asked in &asked {
            kept.append(!asked || stays.next().unwrap_or(true));
        }
        groups.push(kept.finish());
    }
    Ok((groups, doomed))
}

/// A file that is written anew.
struct Rewrite {
    storage: Arc<dyn Storage>,
    entropy: Arc<dyn Entropy>,
    max_columns: usize,
    file: FileEntry,
}

/// What is known of the events that stay.
struct Extent {
    rows: u64,
    times: (Timestamp, Timestamp),
    seqs: (u64, u64),
}

impl Rewrite {
    /// Writes the rows that stay to a new file; `None` if there are none.
    fn without(&self, opened: &StoredFile, kept: &[BooleanBuffer]) -> Result<Option<FileEntry>> {
        if kept.iter().all(|rows| rows.count_set_bits() == 0) {
            return Ok(None);
        }
        // Its retention counts from when the old one was written.
        let id = ObjectId::generate(written(self.file.id), &*self.entropy);
        let mut pieces = Pieces {
            rewrite: self,
            written: Vec::new(),
            events: Vec::new(),
            bytes: 0,
            extent: Extent {
                rows: 0,
                times: (Timestamp::MAX, Timestamp::MIN),
                seqs: (u64::MAX, 0),
            },
        };
        pieces.fill(opened, kept)?;
        pieces.join(id).map(Some)
    }

    /// Where the file is, for people.
    fn place(&self) -> PathBuf {
        self.storage.root().join(&self.file.path)
    }
}

/// The events that stay, on their way through files without names.
struct Pieces<'a> {
    rewrite: &'a Rewrite,
    written: Vec<StoredFile>,
    events: Vec<LoggedEvent>,
    bytes: usize,
    extent: Extent,
}

impl Pieces<'_> {
    fn fill(&mut self, opened: &StoredFile, kept: &[BooleanBuffer]) -> Result<()> {
        for (group, rows) in kept.iter().enumerate() {
            if rows.count_set_bits() == 0 {
                continue;
            }
            for events in opened.events(group, rows, None)? {
                for (seq, event) in events? {
                    self.push(seq, event)?;
                }
            }
        }
        let expected: usize = kept.iter().map(BooleanBuffer::count_set_bits).sum();
        if self.extent.rows == expected as u64 {
            return Ok(());
        }
        Err(Error::Damaged {
            path: self.rewrite.place(),
            reason: format!("{} of {expected} events were read", self.extent.rows),
        })
    }

    fn push(&mut self, seq: u64, event: Event) -> Result<()> {
        let extent = &mut self.extent;
        extent.rows += 1;
        extent.times.0 = extent.times.0.min(event.log_ts);
        extent.times.1 = extent.times.1.max(event.log_ts);
        extent.seqs = (extent.seqs.0.min(seq), extent.seqs.1.max(seq));
        self.bytes += event.size();
        self.events.push(LoggedEvent {
            seq,
            repo: self.rewrite.file.repo.as_str().into(),
            event: event.into(),
        });
        if self.bytes < PIECE_BYTES && self.events.len() < PIECE_ROWS {
            return Ok(());
        }
        self.write_piece()
    }

    fn write_piece(&mut self) -> Result<()> {
        let events = std::mem::take(&mut self.events);
        self.bytes = 0;
        let (file, place) = (self.rewrite.storage.scratch()?, self.rewrite.place());
        let file = encode::encode(
            &events,
            self.rewrite.max_columns,
            &mut Index::default(),
            file,
        )
        .map_err(|e| writing::encode_error(&place, e))?;
        let bytes = FileBytes::new(file).map_err(layout::io_error(&place))?;
        self.written.push(StoredFile::of(place, bytes, None)?);
        Ok(())
    }

    /// Makes all of them the file of that id.
    fn join(&mut self, id: ObjectId) -> Result<FileEntry> {
        let rewrite = self.rewrite;
        let folder = layout::folder(&rewrite.file.repo, self.extent.times.0);
        let path = layout::file(&folder, id);
        if !self.written.is_empty() && !self.events.is_empty() {
            self.write_piece()?;
        }
        let (pieces, events) = (&self.written, &self.events);
        let fill = |file, path: &Path| {
            let failed = |error| writing::encode_error(path, error);
            if pieces.is_empty() {
                let index = &mut Index::default();
                return encode::encode(events, rewrite.max_columns, index, file).map_err(failed);
            }
            Ok(merge::merge(pieces, rewrite.max_columns, file, &failed)?.0)
        };
        let written = rewrite.storage.write(&path, Box::new(fill))?;
        Ok(FileEntry {
            id,
            repo: rewrite.file.repo.clone(),
            path,
            rows: self.extent.rows,
            bytes: written.bytes,
            crc32: Some(written.crc32),
            min_log_ts: self.extent.times.0,
            max_log_ts: self.extent.times.1,
            min_seq: self.extent.seqs.0,
            max_seq: self.extent.seqs.1,
        })
    }
}
