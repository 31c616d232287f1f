//! Making few large files of many small ones.
//!
//! A flush writes what arrived in half a minute. Searches and compression want larger files:
//! each file costs a search the same again, and texts that occur in many rows stand once in
//! each row group. Files are made one if their events are in the same span of time, as in a flush.

use crate::read::StoredFile;
use crate::slices::{Cell, cell};
use crate::storage::Storage;
use crate::store::blocking;
use crate::{Error, EventStore, Result, layout, merge, writing};
use cresset_catalog::port::FileEntry;
use cresset_model::{Duration, ObjectId, Timestamp};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Files of fewer rows are small.
const SMALL: u64 = 1 << 18;
/// Most rows of a file that is made.
const MAX_ROWS: u64 = 1 << 20;
/// So many small files are made one at once, and at most…
const MANY: usize = 24;
/// …so many: memory is needed for the footers of all.
const MOST: usize = 64;
/// Fewer wait for more that long, and until the largest is not more than half of them: so each
/// event is written anew a few times and not with every flush.
const PATIENCE: Duration = Duration::minutes(1);

/// Whether there is time to make large files of small ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// It is done as soon as it is of use.
    Now,
    /// Other work is more urgent: only what else would become too much is done.
    Later,
}

impl EventStore {
    /// Makes one file of some small ones, if there are enough; returns how many, so that the
    /// caller goes on until it is 0. A file that does not read stays as it is.
    pub async fn compact(&self) -> Result<usize> {
        self.compact_with(Haste::Now).await
    }

    /// The same while other work is more urgent: only what else would become too much is done.
    pub async fn compact_little(&self) -> Result<usize> {
        self.compact_with(Haste::Later).await
    }

    async fn compact_with(&self, haste: Haste) -> Result<usize> {
        let _alone = self.rewriting.lock().await;
        let files = self
            .catalog
            .files(&[], Timestamp::MIN, Timestamp::MAX)
            .await?;
        let Some(chosen) = choose(&files, &self.spoiled.lock(), self.clock.now(), haste) else {
            return Ok(0);
        };
        let written = chosen.iter().map(|f| written(f.id)).max();
        let id = ObjectId::generate(written.unwrap_or_default(), &*self.entropy);
        let (storage, max_columns) = (self.storage.clone(), self.settings.max_columns);
        let inputs = chosen.clone();
        let started = std::time::Instant::now();
        let made = blocking(move || make(&*storage, id, &inputs, max_columns)).await;
        let made = match made {
            Ok(made) => made,
            Err(error @ (Error::Damaged { .. } | Error::Missing { .. })) => {
                self.set_apart(&chosen, &error).await?;
                return Ok(chosen.len());
            }
            Err(error) => return Err(error),
        };
        let ids: Vec<ObjectId> = chosen.iter().map(|f| f.id).collect();
        match self.catalog.replace_files(&ids, &made).await {
            Ok(()) => {}
            Err(error) => {
                self.discard(made.path).await?;
                return match error {
                    cresset_catalog::Error::NotFound { .. } => Ok(0),
                    error => Err(error.into()),
                };
            }
        }
        self.leaving
            .add(chosen.iter().map(|f| f.path.clone()).collect());
        metrics::histogram!("cresset_store_compact_seconds")
            .record(started.elapsed().as_secs_f64());
        metrics::counter!("cresset_store_files_compacted_total").increment(chosen.len() as u64);
        tracing::debug!(
            files = chosen.len(),
            rows = made.rows,
            "made one event file of several"
        );
        Ok(chosen.len())
    }

    /// Removes the files that expired or whose places others took, as soon as nobody reads them.
    /// What cannot be removed now is tried again the next time.
    pub async fn remove_replaced(&self) -> Result<()> {
        let free = self.leaving.free();
        if free.is_empty() {
            return Ok(());
        }
        let (storage, leaving) = (self.storage.clone(), Arc::clone(&self.leaving));
        blocking(move || {
            for path in &free {
                match storage.remove(path) {
                    Ok(()) => leaving.removed(path),
                    Err(error) if leaving.kept(path) => {
                        tracing::warn!(%error, "an event file that left stays for now");
                    }
                    Err(_) => {}
                }
            }
            Ok(())
        })
        .await
    }

    /// How many of these files, which left, are still there.
    pub fn still_there(&self, files: &[String]) -> usize {
        self.leaving.count(files)
    }

    /// Removes a file that was written and is not registered.
    pub(crate) async fn discard(&self, path: String) -> Result<()> {
        self.leaving.add(vec![path]);
        self.remove_replaced().await
    }

    /// Looks after files of which one did not read.
    async fn set_apart(&self, chosen: &[FileEntry], error: &Error) -> Result<()> {
        let (Error::Damaged { path, .. } | Error::Missing { path }) = error else {
            return Ok(());
        };
        let found = chosen.iter().find(|f| self.root().join(&f.path) == *path);
        // Any of them, if it is not known which: or it would be tried for ever.
        if let Some(file) = found.or(chosen.first())
            // Else expired meanwhile.
            && self.examine(file, error).await?.is_some()
        {
            self.spoiled.lock().insert(file.id);
        }
        Ok(())
    }
}

/// When a file was written, or the newest of those that it was made of: its retention counts
/// from then.
pub(crate) fn written(id: ObjectId) -> Timestamp {
    let [a, b, c, d, ..] = *id.bytes();
    Timestamp::from_secs(i64::from(u32::from_be_bytes([a, b, c, d])))
}

/// The files to be made one, if any: the most that are of one repo and one span of time.
fn choose(
    files: &[FileEntry],
    spoiled: &HashSet<ObjectId>,
    now: Timestamp,
    haste: Haste,
) -> Option<Vec<FileEntry>> {
    let mut cells: BTreeMap<(&str, Cell), Vec<&FileEntry>> = BTreeMap::new();
    let small = |f: &&FileEntry| f.rows < SMALL && !spoiled.contains(&f.id);
    for file in files.iter().filter(small) {
        if let Some(cell) = cell(file.min_log_ts, file.max_log_ts) {
            cells.entry((&file.repo, cell)).or_default().push(file);
        }
    }
    // With whether more would be too much.
    let mut groups: Vec<(Vec<&FileEntry>, bool)> = Vec::new();
    for mut files in cells.into_values() {
        files.sort_by_key(|f| (f.min_log_ts, f.id));
        let (mut group, mut rows): (Vec<&FileEntry>, u64) = (Vec::new(), 0);
        for file in files {
            if rows + file.rows > MAX_ROWS || group.len() >= MOST {
                groups.push((std::mem::take(&mut group), true));
                rows = 0;
            }
            rows += file.rows;
            group.push(file);
        }
        groups.push((group, false));
    }
    let old = |group: &Vec<&FileEntry>| {
        let rows: u64 = group.iter().map(|f| f.rows).sum();
        let largest = group.iter().map(|f| f.rows).max().unwrap_or(0);
        let waited = group.iter().all(|f| now.since(written(f.id)) >= PATIENCE);
        waited && group.len() > 1 && rows >= 2 * largest
    };
    let ready = |(group, is_full): &(Vec<&FileEntry>, bool)| match haste {
        Haste::Now => group.len() >= MANY || old(group),
        Haste::Later => *is_full,
    };
    let ready = groups.into_iter().filter(ready).map(|(group, _)| group);
    let most = ready.max_by_key(Vec::len)?;
    Some(most.into_iter().cloned().collect())
}

fn make(
    storage: &dyn Storage,
    id: ObjectId,
    inputs: &[FileEntry],
    max_columns: usize,
) -> Result<FileEntry> {
    let opened: Vec<StoredFile> = inputs
        .iter()
        .map(|f| StoredFile::open(storage, f, None))
        .collect::<Result<_>>()?;
    let min_log_ts = inputs
        .iter()
        .map(|f| f.min_log_ts)
        .min()
        .unwrap_or_default();
    let repo = inputs.first().map_or("", |f| f.repo.as_str());
    let path = layout::file(&layout::folder(repo, min_log_ts), id);
    let mut rows = 0;
    let fill = |file, path: &Path| {
        let failed = |error| writing::encode_error(path, error);
        let (file, written) = merge::merge(&opened, max_columns, file, &failed)?;
        rows = written;
        Ok(file)
    };
    let written = storage.write(&path, Box::new(fill))?;
    let expected: u64 = inputs.iter().map(|f| f.rows).sum();
    if rows != expected {
        storage.remove(&path)?;
        return Err(Error::Damaged {
            path: storage.root().join(path),
            reason: format!("{rows} of {expected} events were read"),
        });
    }
    Ok(FileEntry {
        id,
        repo: repo.to_owned(),
        path,
        rows,
        bytes: written.bytes,
        crc32: Some(written.crc32),
        min_log_ts,
        max_log_ts: inputs
            .iter()
            .map(|f| f.max_log_ts)
            .max()
            .unwrap_or_default(),
        min_seq: inputs.iter().map(|f| f.min_seq).min().unwrap_or_default(),
        max_seq: inputs.iter().map(|f| f.max_seq).max().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(n: u8, repo: &str, days: (i64, i64), rows: u64, written: i64) -> FileEntry {
        let mut id = [0; 12];
        id[..4].copy_from_slice(&(written as u32).to_be_bytes());
        id[11] = n;
        // Counted from a Monday.
        let day = |n: i64| Timestamp(0) + Duration::days(n + 4);
        FileEntry {
            id: ObjectId::from_bytes(id),
            repo: repo.to_owned(),
            path: String::new(),
            rows,
            bytes: 1,
            min_log_ts: day(days.0),
            max_log_ts: day(days.1),
            min_seq: 1,
            max_seq: 2,
            crc32: None,
        }
    }

    #[test]
    fn small_files_of_one_span_and_repo() {
        let check = |files: &[FileEntry], now: i64, expect: &[u8]| {
            let chosen = choose(
                files,
                &HashSet::new(),
                Timestamp::from_secs(now),
                Haste::Now,
            );
            let found: Vec<u8> = chosen.iter().flatten().map(|f| f.id.bytes()[11]).collect();
            assert_eq!(found, expect);
        };
        let few = [
            file(1, "a", (0, 2), 10, 0),
            file(2, "b", (0, 2), 10, 0),
            file(3, "a", (1, 6), 10, 0),
            file(4, "a", (5, 8), 10, 0),
            file(5, "a", (1, 2), SMALL, 0),
            file(6, "a", (0, 30), 10, 0),
        ];
        check(&few, 59, &[]);
        check(&few, 60, &[1, 3]);
        let uneven = [file(1, "a", (0, 2), 50, 0), file(2, "a", (0, 2), 49, 0)];
        check(&uneven, 60, &[]);
        let many: Vec<FileEntry> = (0..MANY as u8)
            .map(|n| file(n, "a", (0, 2), 10, 0))
            .collect();
        let all: Vec<u8> = (0..MANY as u8).collect();
        check(&many, 0, &all);
        check(&many[1..], 0, &[]);
        let spoiled = HashSet::from([many[0].id]);
        assert!(choose(&many, &spoiled, Timestamp(0), Haste::Now).is_none());
        let large: Vec<FileEntry> = (0..MANY as u8)
            .map(|n| file(n, "a", (0, 2), SMALL - 1, 0))
            .collect();
        check(&large, 600, &[20, 21, 22, 23]);
        let later = |files: &[FileEntry]| {
            let now = Timestamp::from_secs(600);
            choose(files, &HashSet::new(), now, Haste::Later).map(|chosen| chosen.len())
        };
        let most: Vec<FileEntry> = (0..=MOST as u8)
            .map(|n| file(n, "a", (0, 2), 10, 0))
            .collect();
        assert_eq!(later(&many), None);
        assert_eq!(later(&most[1..]), None);
        assert_eq!(later(&most), Some(MOST));
        assert_eq!(later(&large[..4]), None);
        assert_eq!(later(&large[..5]), Some(4));
    }
}
