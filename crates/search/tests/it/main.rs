//! Searches and flushes over a real catalog, event log and store.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod agree;
mod concurrent;
mod delete;
mod feed;
mod fickle;
mod flush;
mod looked_at;
mod lost;
mod once;
mod pages;
mod power_loss;
mod search;

use cresset_catalog::port::Files;
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_eventlog::{Batch, EventLog, LocalLog, LocalLogConfig};
use cresset_model::{Clock, Duration, Entropy, Event, ManualClock, Timestamp};
use cresset_search::{
    Flusher, FlusherSettings, ListCache, SearchRequest, SearchSettings, StoreSearcher,
};
use cresset_store::{EventStore, LocalFolder, STORE_CURSOR, Storage, StoreSettings};
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

/// 2026-01-01.
const START: Timestamp = Timestamp::from_secs(1_767_225_600);

/// A data folder, which outlives the server that works on it.
struct Home {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    entropy: Arc<Counting>,
    store: StoreSettings,
    storage: Arc<dyn Storage>,
}

/// A running server's parts.
struct Server {
    catalog: Arc<SqliteCatalog>,
    log: Arc<LocalLog>,
    store: Arc<EventStore>,
    lists: Arc<ListCache>,
    searcher: StoreSearcher,
    flusher: Flusher,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Arc::new(Counting::default());
        Sealer::generate_file(&folder.path().join("key"), &*entropy).unwrap();
        let storage = Arc::new(LocalFolder::new(folder.path().join("events")));
        Self {
            folder,
            clock: Arc::new(ManualClock::at(START)),
            entropy,
            storage,
            store: StoreSettings::default(),
        }
    }

    fn events(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    async fn start(&self) -> Server {
        self.start_with(&[], FlusherSettings::default(), SearchSettings::default())
            .await
    }

    async fn start_with(
        &self,
        consumers: &[&str],
        flushing: FlusherSettings,
        searching: SearchSettings,
    ) -> Server {
        let sealer = Sealer::load_file(&self.folder.path().join("key")).unwrap();
        let path = self.folder.path().join("catalog.db");
        let catalog = Arc::new(SqliteCatalog::open(&path, sealer).await.unwrap());
        let stored = catalog.cursor(STORE_CURSOR).await.unwrap();
        let keys = catalog.batch_keys(Timestamp::MIN).await.unwrap();
        let config = LocalLogConfig::new(self.folder.path().join("log"));
        let log = Arc::new(LocalLog::open(config, stored, keys).unwrap());
        let clock: Arc<dyn Clock> = self.clock.clone();
        let store = EventStore::open_in(
            self.storage.clone(),
            catalog.clone(),
            clock.clone(),
            self.entropy.clone(),
            self.store,
        );
        let store = Arc::new(store.await.unwrap());
        let lists = Arc::new(ListCache::new(catalog.clone(), clock.clone()));
        let searcher = StoreSearcher::new(
            catalog.clone(),
            store.clone(),
            log.clone(),
            lists.clone(),
            searching,
        );
        let consumers = consumers.iter().map(|c| (*c).to_owned()).collect();
        let flusher = Flusher::new(
            store.clone(),
            catalog.clone(),
            log.clone(),
            flushing,
            consumers,
            clock.clone(),
        );
        Server {
            catalog,
            log,
            store,
            lists,
            searcher,
            flusher,
        }
    }
}

impl Server {
    async fn append(&self, repo: &str, events: Vec<Event>) {
        let batch = Batch {
            repo: repo.into(),
            key: None,
            events: Arc::new(events.into()),
        };
        self.log.append(batch).await.unwrap();
    }

    async fn stop(self) {
        self.log.close().await;
        self.catalog.close().await;
    }
}

/// An event with the field `n`, which tells it from all others of a test.
fn event(n: i64, log_ts: Timestamp) -> Event {
    let mut event = Event::new(log_ts, START);
    event.set("msg", format!("event number {n}"));
    event.set("n", n);
    event.set("parity", if n % 2 == 0 { "even" } else { "odd" });
    event
}

/// A search of everything.
fn request(query: &str) -> SearchRequest {
    let plan = cresset_query::compile(query)
        .unwrap_or_else(|d| panic!("{}", d.iter().map(|d| d.render(query)).collect::<String>()));
    SearchRequest {
        plan: Arc::new(plan),
        repos: Vec::new(),
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        part_of: None,
        timezone: "UTC".into(),
        limit: 0,
        up_to_seq: None,
        timeout: Duration::seconds(60),
    }
}
