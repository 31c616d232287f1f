//! The event store.

use crate::leaving::{Leaving, Reading};
use crate::local::LocalFolder;
use crate::read::{Shapes, StoredFile};
use crate::scan::{self, Wanted};
use crate::slices::{Slice, slices};
use crate::storage::Storage;
use crate::writing::{Indexes, write_all};
use crate::{Error, Result, layout, quarantine};
use cresset_catalog::Catalog;
use cresset_catalog::port::FileEntry;
use cresset_model::event::LoggedEvent;
use cresset_model::{Clock, Duration, Entropy, Event, ObjectId, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What can be set about a store.
#[derive(Debug, Clone, Copy)]
pub struct StoreSettings {
    /// Most columns of a file; rarer fields share one column, which search reads as well.
    pub max_columns: usize,
    /// Memory for what is known of files that were read, in bytes.
    pub max_shape_bytes: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            max_columns: 800,
            max_shape_bytes: 64 << 20,
        }
    }
}

/// Event files, of which the catalog knows.
///
/// Files are written once and never changed. A file counts from the moment that the
/// catalog registers it, and may be deleted from the moment that it no longer does.
pub struct EventStore {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: StoreSettings,
    pub(crate) shapes: Arc<Shapes>,
    pub(crate) leaving: Arc<Leaving>,
    indexes: Arc<Indexes>,
    /// Files that could not be read when they were to be made one with others.
    pub(crate) spoiled: Mutex<HashSet<ObjectId>>,
    /// Held while events go from registered files to others.
    pub(crate) rewriting: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for EventStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStore")
            .field("root", &self.root())
            .finish_non_exhaustive()
    }
}

impl EventStore {
    /// Opens the store in a local folder, which is created if need be, with usual settings.
    pub async fn open(
        root: PathBuf,
        catalog: Arc<dyn Catalog>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        Self::open_with(root, catalog, clock, entropy, StoreSettings::default()).await
    }

    /// [`EventStore::open`] with other settings.
    pub async fn open_with(
        root: PathBuf,
        catalog: Arc<dyn Catalog>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: StoreSettings,
    ) -> Result<Self> {
        let storage = Arc::new(LocalFolder::new(root));
        Self::open_in(storage, catalog, clock, entropy, settings).await
    }

    /// Opens the store in any storage.
    ///
    /// Removes files that are not registered: what was being written when the process
    /// died (its events are still in the event log), and what it had no time to delete.
    /// With an empty catalog they are moved to a folder `.unregistered` instead,
    /// because then they may be all that is left.
    pub async fn open_in(
        storage: Arc<dyn Storage>,
        catalog: Arc<dyn Catalog>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: StoreSettings,
    ) -> Result<Self> {
        let registered = catalog.files(&[], Timestamp::MIN, Timestamp::MAX).await?;
        let fresh = registered.is_empty() && catalog.cursor(STORE_CURSOR).await? == 0;
        let mut registered: HashSet<String> = registered.into_iter().map(|f| f.path).collect();
        registered.extend(quarantine::paths(&*catalog).await?);
        let cleared = Arc::clone(&storage);
        blocking(move || clear(&*cleared, &registered, fresh)).await?;
        Ok(Self {
            storage,
            catalog,
            clock,
            entropy,
            settings,
            shapes: Arc::new(Shapes::new(settings.max_shape_bytes)),
            leaving: Arc::default(),
            indexes: Arc::default(),
            spoiled: Mutex::default(),
            rewriting: tokio::sync::Mutex::default(),
        })
    }

    /// Writes events to new files, by repo and time, and puts them on stable storage.
    /// The files do not count before [`cresset_catalog::port::Files::register_flush`].
    /// On an error, nothing is left behind.
    pub async fn write(&self, events: &[LoggedEvent]) -> Result<Vec<FileEntry>> {
        let now = self.clock.now();
        let slices: Vec<(ObjectId, Slice)> = slices(events)
            .into_iter()
            .map(|slice| (ObjectId::generate(now, &*self.entropy), slice))
            .collect();
        let (storage, max_columns) = (Arc::clone(&self.storage), self.settings.max_columns);
        let started = std::time::Instant::now();
        let indexes = Arc::clone(&self.indexes);
        let files = blocking(move || write_all(&*storage, &slices, max_columns, &indexes)).await?;
        metrics::histogram!("cresset_store_write_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("cresset_store_files_written_total").increment(files.len() as u64);
        metrics::counter!("cresset_store_written_bytes_total")
            .increment(files.iter().map(|f| f.bytes).sum());
        Ok(files)
    }

    /// Gives the events of `file` with event time in `range` (after the first moment, up
    /// to the second) to `on_event`, by event time then `seq`, until it breaks.
    /// With `columns`, events have only these fields.
    pub async fn scan(
        &self,
        file: &FileEntry,
        range: (Timestamp, Timestamp),
        columns: Option<&BTreeSet<String>>,
        on_event: &mut (dyn FnMut(u64, Event) -> ControlFlow<()> + Send),
    ) -> Result<()> {
        let (storage, shapes) = (Arc::clone(&self.storage), Arc::clone(&self.shapes));
        let (file, columns) = (file.clone(), columns.cloned());
        let (sender, mut batches) = tokio::sync::mpsc::channel::<Vec<(u64, Event)>>(2);
        let reader = tokio::task::spawn_blocking(move || {
            let file = StoredFile::open(&*storage, &file, Some(&shapes))?;
            let wanted = Wanted {
                range,
                fields: columns.as_ref(),
            };
            let mut batch = Vec::with_capacity(SCAN_BATCH);
            scan::scan(&file, &wanted, &mut |seq, event| {
                batch.push((seq, event));
                if batch.len() < SCAN_BATCH {
                    return ControlFlow::Continue(());
                }
                let full = std::mem::replace(&mut batch, Vec::with_capacity(SCAN_BATCH));
                // The receiver is gone when the caller wants no more.
                sender
                    .blocking_send(full)
                    .map_or(ControlFlow::Break(()), ControlFlow::Continue)
            })?;
            let _ = sender.blocking_send(batch);
            Ok(())
        });
        while let Some(batch) = batches.recv().await {
            for (seq, event) in batch {
                if on_event(seq, event).is_break() {
                    return Ok(());
                }
            }
        }
        reader.await.map_err(|e| Error::Thread(e.to_string()))?
    }

    /// Opens an event file for reading, which blocks the calling thread.
    pub fn open_file(&self, file: &FileEntry) -> Result<StoredFile> {
        StoredFile::open(&*self.storage, file, Some(&self.shapes))
    }

    /// [`EventStore::scan`] on the calling thread, which it blocks.
    pub fn scan_blocking(
        &self,
        file: &FileEntry,
        range: (Timestamp, Timestamp),
        columns: Option<&BTreeSet<String>>,
        on_event: &mut dyn FnMut(u64, Event) -> ControlFlow<()>,
    ) -> Result<()> {
        scan::scan(
            &self.open_file(file)?,
            &Wanted {
                range,
                fields: columns,
            },
            on_event,
        )
    }

    /// Unregisters files whose events are all older than their repo's retention, and removes
    /// them as soon as nobody reads them; returns how many. Files of unknown repos stay.
    ///
    /// Age counts from event time, but for events from the future from when their file
    /// was written: else one wrong clock would fill the disk for ever.
    pub async fn enforce_retention(&self) -> Result<u64> {
        let now = self.clock.now();
        let mut expired = Vec::new();
        for repo in self.catalog.repos().await? {
            let oldest = now - Duration::days(i64::from(repo.retention_days));
            let files = self
                .catalog
                .files(&[repo.name], Timestamp::MIN, Timestamp::MAX)
                .await?;
            expired.extend(files.into_iter().filter(|f| age_from(f) < oldest));
        }
        if expired.is_empty() {
            return Ok(0);
        }
        let ids: Vec<ObjectId> = expired.iter().map(|f| f.id).collect();
        self.catalog.unregister_files(&ids).await?;
        let removed = expired.len() as u64;
        self.leaving
            .add(expired.into_iter().map(|f| f.path).collect());
        self.remove_replaced().await?;
        metrics::counter!("cresset_store_files_expired_total").increment(removed);
        tracing::info!(files = removed, "removed event files past their retention");
        Ok(removed)
    }

    /// Keeps the files that are registered now, even if they expire or others take their
    /// places, until what is returned is dropped. Whoever reads files asks for it before the
    /// catalog.
    pub fn reading(&self) -> Reading {
        self.leaving.reading()
    }

    /// The folder of the store, or the bucket as a URL, for people.
    pub fn root(&self) -> &Path {
        self.storage.root()
    }
}

/// Name of the event log's cursor up to which events are in files.
pub const STORE_CURSOR: &str = "store";

/// Events that a background thread hands over at a time.
const SCAN_BATCH: usize = 1_024;

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::Thread(e.to_string()))?
}

/// The moment that a file's retention counts from.
pub(crate) fn age_from(file: &FileEntry) -> Timestamp {
    let [a, b, c, d, ..] = *file.id.bytes();
    let written = Timestamp::from_secs(i64::from(u32::from_be_bytes([a, b, c, d])));
    file.max_log_ts.min(written)
}

fn clear(storage: &dyn Storage, registered: &HashSet<String>, fresh: bool) -> Result<()> {
    let found = storage.list()?;
    let orphans: Vec<&String> = found.iter().filter(|p| !registered.contains(*p)).collect();
    for path in &orphans {
        if fresh {
            storage.rename(path, &layout::aside(layout::SET_ASIDE, path))?;
        } else {
            storage.remove(path)?;
        }
    }
    let files = orphans.len();
    if fresh && files > 0 {
        tracing::warn!(
            files,
            folder = layout::SET_ASIDE,
            "the catalog is empty but there were event files; moved them aside"
        );
    } else if files > 0 {
        tracing::info!(files, "removed unregistered event files");
    }
    Ok(())
}
