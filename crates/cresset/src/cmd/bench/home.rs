//! The parts of a server that take events in, store and search them, in this process and in a
//! temporary directory.

use crate::system::{SystemClock, SystemEntropy};
use anyhow::{Context, bail};
use cresset_catalog::port::{Files, Repos};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_eventlog::{EventLog, LocalLog, LocalLogConfig};
use cresset_ingest::{BodyFormat, HttpBatch, IngestSettings, Ingestor};
use cresset_model::event::LoggedEvent;
use cresset_model::repo::Repo;
use cresset_model::{Duration, Timestamp};
use cresset_query::{Limits, Plan, ResultSet};
use cresset_search::{
    Flusher, FlusherSettings, ListCache, SearchRequest, SearchSettings, Searcher, StoreSearcher,
};
use cresset_store::EventStore;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of events that are written to files at a time, as a server does.
const FLUSH_BYTES: usize = 96 << 20;
/// Most rows of one search: more than any bench stores.
const MAX_ROWS: usize = 10_000_000;

/// An event store with what belongs to it; wiped when dropped.
pub(super) struct Home {
    dir: PathBuf,
    catalog: Arc<SqliteCatalog>,
    log: Arc<LocalLog>,
    store: Arc<EventStore>,
    ingestor: Ingestor,
    flusher: Flusher,
    searcher: StoreSearcher,
}

impl Home {
    /// An empty one.
    pub(super) async fn new() -> anyhow::Result<Self> {
        let name = format!("cresset-bench-store-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
        let sealer = Sealer::generate_file(&dir.join("key"), &*entropy)?;
        let catalog = Arc::new(SqliteCatalog::open(&dir.join("catalog.db"), sealer).await?);
        let repo = Repo {
            name: "default".to_owned(),
            retention_days: 36_500,
        };
        catalog.create_repo(repo).await?;
        let log = LocalLogConfig::new(dir.join("eventlog"));
        let log = Arc::new(LocalLog::open(log, 0, Vec::new())?);
        let store = EventStore::open(
            dir.join("events"),
            catalog.clone(),
            clock.clone(),
            entropy.clone(),
        );
        let store = Arc::new(store.await?);
        let ingestor = Ingestor::new(
            log.clone(),
            catalog.clone(),
            clock.clone(),
            IngestSettings::default(),
        )?;
        let settings = SearchSettings {
            limits: Limits {
                max_rows: MAX_ROWS,
                ..Limits::default()
            },
            ..SearchSettings::default()
        };
        let lists = Arc::new(ListCache::new(catalog.clone(), clock.clone()));
        let searcher =
            StoreSearcher::new(catalog.clone(), store.clone(), log.clone(), lists, settings);
        let flusher = Flusher::new(
            store.clone(),
            catalog.clone(),
            log.clone(),
            FlusherSettings::default(),
            Vec::new(),
            clock,
        );
        Ok(Self {
            dir,
            catalog,
            log,
            store,
            ingestor,
            flusher,
            searcher,
        })
    }

    /// Takes in JSON events, one a line, and gives what became of them.
    pub(super) async fn take(&self, lines: Vec<u8>) -> anyhow::Result<Vec<LoggedEvent>> {
        let after = *self.log.head().borrow();
        let batch = HttpBatch {
            repo: "default".to_owned(),
            key: None,
            encoding: None,
            format: BodyFormat::Json,
            body: lines.into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let reply = self.ingestor.ingest_http(batch).await?;
        if let Some(refused) = reply.errors.first() {
            bail!(
                "{} events are refused, the first: {refused:?}",
                reply.rejected
            );
        }
        let events = self.log.read(after, reply.accepted as usize);
        if self.log.pending_bytes(0) > FLUSH_BYTES {
            self.flush().await?;
        }
        Ok(events)
    }

    /// Writes everything to files.
    pub(super) async fn flush(&self) -> anyhow::Result<()> {
        self.flusher.flush_now().await?;
        Ok(())
    }

    /// Makes large files of small ones until there are few, as a server does in the background.
    pub(super) async fn compact(&self) -> anyhow::Result<()> {
        while self.store.compact().await? > 0 {}
        Ok(())
    }

    /// Runs a query over all events.
    pub(super) async fn search(&self, plan: Plan, limit: usize) -> anyhow::Result<ResultSet> {
        let request = SearchRequest {
            plan: Arc::new(plan),
            repos: Vec::new(),
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            part_of: None,
            timezone: "UTC".to_owned(),
            limit,
            up_to_seq: None,
            timeout: Duration::hours(1),
        };
        Ok(self.searcher.run(request).await?)
    }

    /// How many files there are, and their bytes.
    pub(super) async fn files(&self) -> anyhow::Result<(usize, u64)> {
        let files = self.catalog.files(&[], Timestamp::MIN, Timestamp::MAX);
        let files = files.await?;
        Ok((files.len(), files.iter().map(|f| f.bytes).sum()))
    }

    /// Where the event files are.
    pub(super) fn events(&self) -> PathBuf {
        self.dir.join("events")
    }

    /// A place for another file of the bench.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
