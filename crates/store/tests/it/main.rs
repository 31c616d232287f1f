//! The event store over a real catalog and a real folder.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod compact;
mod retention;
mod start;
mod write;

use cresset_catalog::port::{Files, FlushCommit};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::event::LoggedEvent;
use cresset_model::{Clock, Entropy, Event, ManualClock, Timestamp};
use cresset_store::{EventStore, Result};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Entropy that never repeats and is the same in every run.
#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buf: &mut [u8]) {
        for byte in buf.chunks_mut(8) {
            let n = self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            byte.copy_from_slice(&n.to_le_bytes()[..byte.len()]);
        }
    }
}

/// A data folder with a catalog.
struct Home {
    folder: tempfile::TempDir,
    catalog: Arc<SqliteCatalog>,
    clock: Arc<ManualClock>,
    entropy: Arc<Counting>,
}

/// 2026-01-01, when the tests' clock starts.
const START: Timestamp = Timestamp::from_secs(1_767_225_600);

impl Home {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Arc::new(Counting::default());
        let sealer = Sealer::generate_file(&folder.path().join("key"), &*entropy).unwrap();
        let catalog = SqliteCatalog::open(&folder.path().join("catalog.db"), sealer)
            .await
            .unwrap();
        let clock = Arc::new(ManualClock::at(START));
        Self {
            folder,
            catalog: Arc::new(catalog),
            clock,
            entropy,
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    async fn open(&self) -> Result<EventStore> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        EventStore::open(
            self.root(),
            self.catalog.clone(),
            clock,
            self.entropy.clone(),
        )
        .await
    }

    /// Writes and registers.
    async fn flush(&self, store: &EventStore, events: &[LoggedEvent]) {
        let files = store.write(events).await.unwrap();
        let flushed_to = events.iter().map(|e| e.seq).max().unwrap();
        let commit = FlushCommit {
            files,
            flushed_to,
            batch_keys: Vec::new(),
        };
        self.catalog.register_flush(commit).await.unwrap();
    }

    /// All files below the root, relative to it.
    fn on_disk(&self) -> Vec<String> {
        let (root, mut found) = (self.root(), Vec::new());
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&root).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}

fn event(seq: u64, repo: &str, log_ts: Timestamp) -> LoggedEvent {
    let mut event = Event::new(log_ts, START);
    event.set("msg", format!("line {seq}"));
    LoggedEvent {
        seq,
        repo: repo.into(),
        event: Arc::new(event),
    }
}
