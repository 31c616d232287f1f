//! An event log and repos in memory, for tests.

use async_trait::async_trait;
use cresset_catalog::port::Repos;
use cresset_eventlog::{Appended, Batch, Error, EventLog, Result};
use cresset_ingest::{IngestSettings, Ingestor};
use cresset_model::event::LoggedEvent;
use cresset_model::repo::Repo;
use cresset_model::{Event, ManualClock, Timestamp};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::watch;

/// The present of the tests.
pub(crate) const NOW: &str = "2024-06-01T00:00:00Z";

pub(crate) fn utc(text: &str) -> Timestamp {
    let t: jiff::Timestamp = text.parse().unwrap();
    Timestamp(t.as_microsecond())
}

/// An event log that refuses when told.
pub(crate) struct MemoryLog {
    events: Mutex<Vec<LoggedEvent>>,
    keys: Mutex<HashMap<(Arc<str>, String), Appended>>,
    /// What the next appends are refused with, after so many that are not.
    refusals: Mutex<(usize, VecDeque<Error>)>,
    appends: Mutex<Vec<usize>>,
    max_batch: usize,
    /// Held by whoever keeps appends waiting.
    gate: Arc<tokio::sync::Mutex<()>>,
    head: watch::Sender<u64>,
}

impl MemoryLog {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_max_batch(usize::MAX)
    }

    pub(crate) fn with_max_batch(max_batch: usize) -> Arc<Self> {
        Arc::new(Self {
            events: Mutex::default(),
            keys: Mutex::default(),
            refusals: Mutex::default(),
            appends: Mutex::default(),
            max_batch,
            gate: Arc::default(),
            head: watch::Sender::new(0),
        })
    }

    /// The next appends fail like this, one each.
    pub(crate) fn refuse(&self, errors: impl IntoIterator<Item = Error>) {
        self.refuse_after(0, errors);
    }

    /// The same, after a number of appends that succeed.
    pub(crate) fn refuse_after(&self, good: usize, errors: impl IntoIterator<Item = Error>) {
        let mut refusals = self.refusals.lock();
        refusals.0 = good;
        refusals.1.extend(errors);
    }

    fn refusal(&self) -> Option<Error> {
        let mut refusals = self.refusals.lock();
        if refusals.0 > 0 {
            refusals.0 -= 1;
            return None;
        }
        refusals.1.pop_front()
    }

    /// Keeps appends waiting until the result is dropped.
    pub(crate) fn hold(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.gate).try_lock_owned().unwrap()
    }

    /// Sizes of the batches stored, in events.
    pub(crate) fn appends(&self) -> Vec<usize> {
        self.appends.lock().clone()
    }

    pub(crate) fn events(&self) -> Vec<(String, Event)> {
        let events = self.events.lock();
        events
            .iter()
            .map(|e| (e.repo.to_string(), e.event.as_ref().clone()))
            .collect()
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.events
            .lock()
            .iter()
            .map(|e| e.event.msg().into_owned())
            .collect()
    }

    /// Waits until `count` events are stored.
    pub(crate) async fn wait_for(&self, count: u64) {
        let mut head = self.head.subscribe();
        let waited = tokio::time::timeout(
            std::time::Duration::from_secs(30),
            head.wait_for(|h| *h >= count),
        );
        waited
            .await
            .expect("the events arrive")
            .expect("the log lives");
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, batch: Batch) -> Result<Appended> {
        drop(self.gate.lock().await);
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        let bytes: usize = batch.events.events().map(|event| event.size()).sum();
        if bytes > self.max_batch {
            return Err(Error::BatchTooLarge {
                bytes,
                limit: self.max_batch,
            });
        }
        let mut events = self.events.lock();
        let first_seq = events.len() as u64 + 1;
        let appended = Appended {
            first_seq,
            count: batch.events.len() as u64,
            duplicate: false,
        };
        if let Some(key) = batch.key {
            let mut keys = self.keys.lock();
            if let Some(earlier) = keys.get(&(Arc::clone(&batch.repo), key.clone())) {
                return Ok(Appended {
                    duplicate: true,
                    ..*earlier
                });
            }
            keys.insert((Arc::clone(&batch.repo), key), appended);
        }
        self.appends.lock().push(batch.events.len());
        for (seq, event) in (first_seq..).zip(batch.events.events().cloned()) {
            let repo = Arc::clone(&batch.repo);
            events.push(LoggedEvent {
                seq,
                repo,
                event: event.into(),
            });
        }
        self.head.send_replace(events.len() as u64);
        Ok(appended)
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn read(&self, after: u64, max: usize) -> Vec<LoggedEvent> {
        let events = self.events.lock();
        events
            .iter()
            .filter(|e| e.seq > after)
            .take(max)
            .cloned()
            .collect()
    }

    fn pending_bytes(&self, after: u64) -> usize {
        self.events
            .lock()
            .iter()
            .filter(|e| e.seq > after)
            .map(|e| e.event.size())
            .sum()
    }

    fn batch_keys(&self, after: u64) -> Vec<(String, String, u64, u64)> {
        let keys = self.keys.lock();
        let newer = keys.iter().filter(|(_, a)| a.first_seq > after);
        newer
            .map(|((r, k), a)| (r.to_string(), k.clone(), a.first_seq, a.count))
            .collect()
    }

    async fn trim(&self, upto: u64) -> Result<()> {
        self.events.lock().retain(|e| e.seq > upto);
        Ok(())
    }

    async fn close(&self) {}
}

/// Repos that can be added to.
#[derive(Default)]
pub(crate) struct MemoryRepos(Mutex<Vec<Repo>>);

#[async_trait]
impl Repos for MemoryRepos {
    async fn create_repo(&self, repo: Repo) -> cresset_catalog::Result<()> {
        self.0.lock().push(repo);
        Ok(())
    }

    async fn repos(&self) -> cresset_catalog::Result<Vec<Repo>> {
        Ok(self.0.lock().clone())
    }

    async fn set_retention(&self, name: &str, days: u32) -> cresset_catalog::Result<()> {
        self.0
            .lock()
            .iter_mut()
            .filter(|r| r.name == name)
            .for_each(|r| r.retention_days = days);
        Ok(())
    }
}

/// An ingestor over `log` with the repo `default`.
pub(crate) async fn ingestor(log: &Arc<MemoryLog>, settings: IngestSettings) -> Arc<Ingestor> {
    ingestor_at(log, settings, Arc::new(ManualClock::at(utc(NOW)))).await
}

pub(crate) async fn ingestor_at(
    log: &Arc<MemoryLog>,
    settings: IngestSettings,
    clock: Arc<ManualClock>,
) -> Arc<Ingestor> {
    let repos = Arc::new(MemoryRepos::default());
    let repo = Repo {
        name: "default".to_owned(),
        retention_days: 30,
    };
    repos.create_repo(repo).await.unwrap();
    ingestor_of(log, settings, clock, repos)
}

pub(crate) fn ingestor_of(
    log: &Arc<MemoryLog>,
    settings: IngestSettings,
    clock: Arc<ManualClock>,
    repos: Arc<MemoryRepos>,
) -> Arc<Ingestor> {
    let log: Arc<MemoryLog> = Arc::clone(log);
    Arc::new(Ingestor::new(log, repos, clock, settings).unwrap())
}
