//! Failures in a row, and registrations that are not what they seem.

use super::*;
use async_trait::async_trait;
use cresset_catalog::port::{FileEntry, FilesTotal};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_catalog::{Error, Result};
use cresset_model::{Entropy, ObjectId};
use parking_lot::Mutex;

#[test]
fn pauses_grow_and_end() {
    let mut failures = Failures::default();
    assert_eq!(failures.pause(), None);
    let error = FlushError::Log(cresset_eventlog::Error::Closed);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        failures.add(&error);
        pauses.push(failures.pause().unwrap().as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    failures.ended();
    assert_eq!(failures.pause(), None);
}

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(7);
    }
}

/// What happens to a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// An earlier try, which was given up, commits right after the place was read.
    Overtaken,
    /// It commits and reports a failure.
    Belied,
    /// It does not commit.
    Failed,
}

/// A catalog with one fault to come.
struct Faulty {
    catalog: SqliteCatalog,
    fault: Mutex<Option<Fault>>,
    /// What the earlier try registers.
    earlier: FlushCommit,
    tries: Mutex<Vec<Result<()>>>,
}

impl Faulty {
    fn meets(&self, fault: Fault) -> bool {
        self.fault.lock().take_if(|f| *f == fault).is_some()
    }
}

#[async_trait]
impl Files for Faulty {
    async fn register_flush(&self, commit: FlushCommit) -> Result<()> {
        if self.meets(Fault::Failed) {
            return Err(Error::Refused("no space".into()));
        }
        let result = self.catalog.register_flush(commit).await;
        if self.meets(Fault::Belied) {
            return Err(Error::Refused("no answer".into()));
        }
        let told = result.as_ref().map_err(|e| Error::Refused(e.to_string()));
        self.tries.lock().push(told.copied());
        result
    }

    async fn cursor(&self, consumer: &str) -> Result<u64> {
        let read = self.catalog.cursor(consumer).await;
        if self.meets(Fault::Overtaken) {
            self.catalog.register_flush(self.earlier.clone()).await?;
        }
        read
    }

    async fn files(
        &self,
        repos: &[String],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<FileEntry>> {
        self.catalog.files(repos, from, to).await
    }

    async fn files_total(&self, repos: &[String]) -> Result<FilesTotal> {
        self.catalog.files_total(repos).await
    }

    async fn unregister_files(&self, ids: &[ObjectId]) -> Result<()> {
        self.catalog.unregister_files(ids).await
    }

    async fn replace_files(&self, ids: &[ObjectId], by: &FileEntry) -> Result<()> {
        self.catalog.replace_files(ids, by).await
    }

    async fn set_cursor(&self, consumer: &str, seq: u64) -> Result<()> {
        self.catalog.set_cursor(consumer, seq).await
    }

    async fn batch_keys(&self, since: Timestamp) -> Result<Vec<(String, String, u64, u64)>> {
        self.catalog.batch_keys(since).await
    }

    async fn prune_batch_keys(&self, before: Timestamp) -> Result<()> {
        self.catalog.prune_batch_keys(before).await
    }
}

/// A file with events 1..=10.
fn commit() -> FlushCommit {
    let file = FileEntry {
        id: ObjectId::from_bytes([1; 12]),
        repo: "r".into(),
        path: "r/1.parquet".into(),
        rows: 10,
        bytes: 1_000,
        min_log_ts: Timestamp(1),
        max_log_ts: Timestamp(2),
        min_seq: 1,
        max_seq: 10,
        crc32: None,
    };
    FlushCommit {
        files: vec![file],
        flushed_to: 10,
        batch_keys: Vec::new(),
    }
}

#[tokio::test]
async fn a_registration_counts_if_it_happened_and_only_then() {
    let check = async |fault: Fault, expect: &str| {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        Sealer::generate_file(&key, &Fixed).unwrap();
        let sealer = Sealer::load_file(&key).unwrap();
        let path = folder.path().join("catalog.db");
        let faulty = Faulty {
            catalog: SqliteCatalog::open(&path, sealer).await.unwrap(),
            fault: Mutex::new(Some(fault)),
            earlier: commit(),
            tries: Mutex::default(),
        };
        let mut state = State {
            unregistered: Some(commit()),
            ..State::default()
        };
        let told = match state.register(&faulty).await {
            Ok(()) => "registered".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told, expect, "{fault:?}");
        assert_eq!(*faulty.fault.lock(), None, "{fault:?} was not met");
        // Only what did not happen is tried again.
        let failed = fault == Fault::Failed;
        assert_eq!(state.unregistered.is_some(), failed, "{fault:?}");
        state.register(&faulty).await.unwrap();
        assert!(state.unregistered.is_none(), "{fault:?}");
        let refused = faulty.tries.lock().iter().filter(|t| t.is_err()).count();
        assert_eq!(refused, usize::from(fault == Fault::Overtaken), "{fault:?}");
        // Whatever happened, it happened once.
        let files = faulty.files(&[], Timestamp::MIN, Timestamp::MAX).await;
        assert_eq!(files.unwrap(), commit().files, "{fault:?}");
        assert_eq!(faulty.cursor(STORE_CURSOR).await.unwrap(), 10, "{fault:?}");
    };
    check(Fault::Overtaken, "registered").await;
    check(Fault::Belied, "registered").await;
    check(Fault::Failed, "no space").await;
}
