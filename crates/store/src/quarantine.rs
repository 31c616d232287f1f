//! Event files that cannot be read.
//!
//! A file that is missing, or that is not what was written, leaves the registered ones: the
//! catalog remembers it with what was lost, and what is left of it goes to the folder
//! `.quarantine` of the storage, with `~` for `/` in its name. Searches go on without it and
//! say so, until it is restored or given up. A whole file in its old place is taken back at the
//! next check.
//!
//! The catalog is changed first. A file that a crash leaves in its old place is moved by the
//! next check; one that a crash leaves in the folder after it was given up is removed by it.

use crate::layout::{self, QUARANTINE};
use crate::storage::Storage;
use crate::store::blocking;
use crate::{Error, EventStore, Result};
use crc32fast::Hasher;
use cresset_catalog::port::{AuditEntry, FileEntry, QuarantinedFile};
use cresset_catalog::{Catalog, Error as CatalogError};
use cresset_model::{Duration, ObjectId, Timestamp};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes per second that the check of all files reads.
const PACE: u64 = 32 << 20;

/// How closely [`EventStore::check_files`] looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Whether each file is there and as long as it was.
    Sizes,
    /// All bytes.
    Bytes,
}

/// What [`EventStore::check_files`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Files that are as they were written, as far as was looked and is known.
    pub whole: u64,
    /// Files that went to the quarantine.
    pub quarantined: u64,
    /// Files that came back from it.
    pub restored: u64,
}

/// How a file is found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// As it was written.
    Whole,
    /// It is there and as long as it was; more was not looked at, or is not known.
    Unknown,
    /// Not as it was written.
    Wrong {
        /// What is wrong with it.
        reason: String,
        /// Whether it is not there at all.
        missing: bool,
    },
}

impl Finding {
    fn missing() -> Self {
        Self::Wrong {
            reason: "it is missing".to_owned(),
            missing: true,
        }
    }

    fn wrong(reason: String) -> Self {
        let missing = false;
        Self::Wrong { reason, missing }
    }
}

impl EventStore {
    /// Looks after a file that gave `error` to a reader. If it is missing or not what was
    /// written, it goes to the quarantine. Returns what is lost, for people; `None` if it is no
    /// longer registered, so that its events have expired or are elsewhere.
    pub async fn examine(&self, file: &FileEntry, error: &Error) -> Result<Option<String>> {
        if !self.is_registered(file).await? {
            return Ok(None);
        }
        let found = self.find(file, Depth::Bytes, 0).await?;
        // A footer that read otherwise than it was may have read well.
        self.shapes.forget(file.id);
        let reason = match (found, error) {
            (Finding::Wrong { reason, .. }, _) => reason,
            // Without a checksum the reader's word has to do.
            (Finding::Unknown, Error::Damaged { reason, .. }) => reason.clone(),
            // The file is whole: the disk or this program failed, and may not fail again.
            (Finding::Whole | Finding::Unknown, error) => {
                tracing::error!(%error, "an event file could not be read although it is whole");
                return Ok(Some(error.to_string()));
            }
        };
        let quarantined = self.quarantine(file, reason).await?;
        Ok(quarantined.map(|file| file.to_string()))
    }

    /// Compares every file with what was written, at a pace that leaves the disk to others;
    /// takes files that are missing or damaged into the quarantine, and back what is whole
    /// again.
    pub async fn check_files(&self, depth: Depth) -> Result<Checked> {
        let mut checked = Checked {
            restored: self.take_back().await?,
            ..Checked::default()
        };
        let files = self
            .catalog
            .files(&[], Timestamp::MIN, Timestamp::MAX)
            .await?;
        for file in files {
            // For each anew, so that files that others took the places of need not wait for all.
            let reading = self.reading();
            if !self.is_registered(&file).await? {
                continue;
            }
            let found = self.find(&file, depth, PACE).await?;
            drop(reading);
            match found {
                Finding::Whole | Finding::Unknown => checked.whole += 1,
                Finding::Wrong { reason, .. } => {
                    let gone = self.quarantine(&file, reason).await?;
                    checked.quarantined += u64::from(gone.is_some());
                }
            }
        }
        metrics::counter!("cresset_store_files_checked_total").increment(checked.whole);
        Ok(checked)
    }

    /// Gives up files in quarantine whose events are older than their repo's retention.
    pub async fn expire_quarantined(&self) -> Result<u64> {
        let now = self.clock.now();
        let repos = self.catalog.repos().await?;
        let mut expired = 0;
        for lost in all(&*self.catalog).await? {
            let days = repos.iter().find(|repo| repo.name == lost.file.repo);
            let Some(days) = days.map(|repo| i64::from(repo.retention_days)) else {
                continue;
            };
            if crate::store::age_from(&lost.file) < now - Duration::days(days) {
                give_up(&self.storage, &*self.catalog, &lost, None).await?;
                expired += 1;
            }
        }
        Ok(expired)
    }

    pub(crate) async fn is_registered(&self, file: &FileEntry) -> Result<bool> {
        let repo = [file.repo.clone()];
        let now = self
            .catalog
            .files(&repo, file.min_log_ts, file.max_log_ts)
            .await?;
        Ok(now.iter().any(|known| known.id == file.id))
    }

    async fn find(&self, file: &FileEntry, depth: Depth, pace: u64) -> Result<Finding> {
        let (storage, file) = (Arc::clone(&self.storage), file.clone());
        blocking(move || find(&*storage, &file.path, &file, depth, pace)).await
    }

    /// Takes a registered file into the quarantine; `None` if it is no longer registered.
    async fn quarantine(
        &self,
        file: &FileEntry,
        reason: String,
    ) -> Result<Option<QuarantinedFile>> {
        let storage = Arc::clone(&self.storage);
        blocking(move || storage.present()).await?;
        let at = self.clock.now();
        match self.catalog.quarantine_file(file.id, &reason, at).await {
            Err(CatalogError::NotFound { .. }) => return Ok(None),
            done => done?,
        }
        let file = file.clone();
        let lost = QuarantinedFile { file, reason, at };
        tracing::error!(file = lost.file.path, "{lost}");
        metrics::counter!("cresset_store_files_quarantined_total").increment(1);
        self.shapes.forget(lost.file.id);
        let (storage, path) = (Arc::clone(&self.storage), lost.file.path.clone());
        blocking(move || set_aside(&*storage, &path)).await?;
        Ok(Some(lost))
    }

    /// Takes back what stands whole in its old place, and tidies the folder.
    async fn take_back(&self) -> Result<u64> {
        let (mut restored, mut known) = (0, HashSet::new());
        for lost in all(&*self.catalog).await? {
            // In its old place.
            let found = self.find(&lost.file, Depth::Bytes, PACE).await?;
            if found == Finding::Whole {
                let entry = AuditEntry {
                    at: self.clock.now(),
                    actor: "system".to_owned(),
                    address: String::new(),
                    action: "event_file_restored".to_owned(),
                    detail: lost.file.path.clone(),
                };
                self.catalog.restore_file(lost.file.id, entry).await?;
                tracing::info!(file = lost.file.path, "an event file is whole again");
                restored += 1;
                continue;
            }
            known.insert(aside(&lost.file.path));
            // What is left of it, if a crash came between.
            let storage = Arc::clone(&self.storage);
            blocking(move || set_aside(&*storage, &lost.file.path)).await?;
        }
        let storage = Arc::clone(&self.storage);
        blocking(move || remove_others(&*storage, &known)).await?;
        Ok(restored)
    }
}

/// Registers the file in quarantine of that id again, if it stands whole in its old place or in
/// the quarantine's folder. For who has no open store: a server may have it.
///
/// # Errors
///
/// [`Error::Missing`] if it is at neither place, [`Error::Damaged`] if it is not whole.
pub async fn restore(
    storage: Arc<dyn Storage>,
    catalog: &dyn Catalog,
    id: ObjectId,
    entry: AuditEntry,
) -> Result<QuarantinedFile> {
    let lost = one(catalog, id).await?;
    let (place, file) = (Arc::clone(&storage), lost.file.clone());
    blocking(move || put_back(&*place, &file)).await?;
    catalog.restore_file(id, entry).await?;
    // What was damaged, if a copy took its place.
    let kept = aside(&lost.file.path);
    blocking(move || storage.remove(&kept)).await?;
    Ok(lost)
}

/// Brings a file to its old place, whole.
fn put_back(storage: &dyn Storage, file: &FileEntry) -> Result<()> {
    let kept = aside(&file.path);
    let missing = Error::Missing {
        path: storage.root().join(&file.path),
    };
    let back = match storage.size(&file.path) {
        Err(Error::Missing { .. }) => false,
        size => size.map(|_| true)?,
    };
    let found = if back { &file.path } else { &kept };
    match find(storage, found, file, Depth::Bytes, 0)? {
        Finding::Wrong { missing: true, .. } => return Err(missing),
        Finding::Wrong { reason, .. } => {
            let path = storage.root().join(found);
            return Err(Error::Damaged { path, reason });
        }
        Finding::Whole | Finding::Unknown => {}
    }
    if back {
        return Ok(());
    }
    storage.rename(&kept, &file.path)
}

/// Gives up the file in quarantine of that id and removes what is left of it.
pub async fn discard(
    storage: Arc<dyn Storage>,
    catalog: &dyn Catalog,
    id: ObjectId,
    entry: AuditEntry,
) -> Result<QuarantinedFile> {
    let lost = one(catalog, id).await?;
    give_up(&storage, catalog, &lost, Some(entry)).await?;
    Ok(lost)
}

async fn give_up(
    storage: &Arc<dyn Storage>,
    catalog: &dyn Catalog,
    lost: &QuarantinedFile,
    entry: Option<AuditEntry>,
) -> Result<()> {
    catalog.forget_file(lost.file.id, entry).await?;
    let (storage, path) = (Arc::clone(storage), lost.file.path.clone());
    blocking(move || {
        storage.remove(&aside(&path))?;
        storage.remove(&path)
    })
    .await
}

async fn all(catalog: &dyn Catalog) -> Result<Vec<QuarantinedFile>> {
    let found = catalog.quarantined_files(&[], Timestamp::MIN, Timestamp::MAX);
    Ok(found.await?)
}

async fn one(catalog: &dyn Catalog, id: ObjectId) -> Result<QuarantinedFile> {
    let found = all(catalog).await?.into_iter().find(|f| f.file.id == id);
    found.ok_or_else(|| {
        Error::Catalog(CatalogError::NotFound {
            what: "event file in quarantine",
            name: id.to_string(),
        })
    })
}

/// The path of a file in the quarantine's folder.
fn aside(path: &str) -> String {
    layout::aside(QUARANTINE, path)
}

/// Compares the file at `path` with what was registered, at most so many bytes per second; 0:
/// at once.
fn find(
    storage: &dyn Storage,
    path: &str,
    file: &FileEntry,
    depth: Depth,
    pace: u64,
) -> Result<Finding> {
    match storage.size(path) {
        Err(Error::Missing { .. }) => return Ok(Finding::missing()),
        size => {
            let size = size?;
            if size != file.bytes {
                return Ok(Finding::wrong(format!(
                    "it has {size} bytes of {}",
                    file.bytes
                )));
            }
        }
    }
    let Some(crc32) = file.crc32.filter(|_| depth == Depth::Bytes) else {
        return Ok(Finding::Unknown);
    };
    let mut hasher = Hasher::new();
    let read = storage.read(path, &mut |piece| {
        hasher.update(piece);
        if pace > 0 {
            let seconds = piece.len() as f64 / pace as f64;
            std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
        }
    });
    match read {
        Err(Error::Missing { .. }) => Ok(Finding::missing()),
        // A sector that the disk cannot read.
        Err(Error::Io { source, .. }) if is_damage(&source) => {
            Ok(Finding::wrong(format!("it cannot be read: {source}")))
        }
        read => {
            read?;
            Ok(if hasher.finalize() == crc32 {
                Finding::Whole
            } else {
                Finding::wrong("its bytes have changed since it was written".to_owned())
            })
        }
    }
}

fn is_damage(error: &io::Error) -> bool {
    /// The system's number for an error of the device.
    const EIO: i32 = 5;
    error.raw_os_error() == Some(EIO)
}

/// Moves what is left of a file to the quarantine's folder.
fn set_aside(storage: &dyn Storage, path: &str) -> Result<()> {
    match storage.rename(path, &aside(path)) {
        Err(Error::Missing { .. }) => Ok(()),
        moved => moved,
    }
}

/// Removes what was given up when a crash came between.
fn remove_others(storage: &dyn Storage, known: &HashSet<String>) -> Result<()> {
    for path in storage.list_folder(QUARANTINE)? {
        if !known.contains(&path) {
            storage.remove(&path)?;
        }
    }
    Ok(())
}

/// Paths of the files in quarantine: one that came back is not removed as unregistered.
pub(crate) async fn paths(catalog: &dyn Catalog) -> Result<Vec<String>> {
    Ok(all(catalog)
        .await?
        .into_iter()
        .map(|f| f.file.path)
        .collect())
}

/// The folder, for those who tell people where to look.
pub fn quarantine_folder(root: &Path) -> PathBuf {
    root.join(QUARANTINE)
}
