//! A server's parts around a detector, on a directory that survives restarts.

use crate::rules::Happening;
use cresset_catalog::port::{
    Deliveries, Files, IncidentFilter, Incidents, NewUser, Repos, Rules, Users,
};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_detect::{DETECT_CURSOR, DetectSettings, Detector, DetectorDeps, DetectorHandle};
use cresset_eventlog::{Batch, EventLog, LocalLog, LocalLogConfig};
use cresset_model::incident::{Evaluation, Incident, IncidentStatus};
use cresset_model::notification::{DispatchOption, HttpAuth, HttpMethod, HttpNotification};
use cresset_model::repo::Repo;
use cresset_model::rule::RuleSpec;
use cresset_model::{Duration, Entropy, ManualClock, ObjectId, SecretString, Timestamp};
use cresset_search::{
    Flusher, FlusherSettings, ListCache, SearchSettings, Searcher, StoreSearcher,
};
use cresset_store::EventStore;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Counts instead of drawing: ids must differ, nothing else matters.
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(8) {
            let bytes = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

pub(crate) struct Server {
    pub(crate) catalog: Arc<SqliteCatalog>,
    pub(crate) log: Arc<LocalLog>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) searcher: Arc<dyn Searcher>,
    pub(crate) waked: Arc<AtomicUsize>,
    pub(crate) owner: ObjectId,
    store: Arc<EventStore>,
    lists: Arc<ListCache>,
    entropy: Arc<Counting>,
}

/// A detector that runs.
pub(crate) struct Running {
    pub(crate) handle: DetectorHandle,
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Running {
    /// Asks for a stop and waits for it.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }

    /// Ends it between two steps, wherever it is.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Fast reactions for tests.
pub(crate) fn settings() -> DetectSettings {
    DetectSettings {
        poll: Duration::millis(10),
        retry_after: Duration::millis(1),
        ..DetectSettings::default()
    }
}

impl Server {
    /// Opens or creates a server in `dir`; its clock stands at `now` seconds.
    pub(crate) async fn open(dir: &Path, now: i64, first_random: u64) -> Self {
        let entropy = Arc::new(Counting(AtomicU64::new(first_random)));
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(now)));
        let key = dir.join("key");
        let sealer = if key.exists() {
            Sealer::load_file(&key).unwrap()
        } else {
            Sealer::generate_file(&key, &*entropy).unwrap()
        };
        let catalog = SqliteCatalog::open(&dir.join("catalog.db"), sealer)
            .await
            .unwrap();
        let catalog = Arc::new(catalog);
        let stored_to = catalog.cursor(cresset_store::STORE_CURSOR).await.unwrap();
        let log = open_log(&dir.join("log"), stored_to).await;
        let log = Arc::new(log);
        let store = EventStore::open(
            dir.join("store"),
            catalog.clone(),
            clock.clone(),
            entropy.clone(),
        );
        let store = Arc::new(store.await.unwrap());
        let lists = Arc::new(ListCache::new(catalog.clone(), clock.clone()));
        let searcher = Arc::new(StoreSearcher::new(
            catalog.clone(),
            store.clone(),
            log.clone(),
            lists.clone(),
            SearchSettings::default(),
        ));
        let owner = owner(&catalog, &entropy).await;
        let waked = Arc::default();
        Self {
            catalog,
            log,
            clock,
            searcher,
            waked,
            owner,
            store,
            lists,
            entropy,
        }
    }

    /// Starts a detector.
    pub(crate) fn detect(&self) -> Running {
        self.detect_with(self.searcher.clone(), settings())
    }

    pub(crate) fn detect_with(
        &self,
        searcher: Arc<dyn Searcher>,
        settings: DetectSettings,
    ) -> Running {
        let waked = self.waked.clone();
        let deps = DetectorDeps {
            catalog: self.catalog.clone(),
            eventlog: self.log.clone(),
            searcher,
            lists: self.lists.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            waker: Arc::new(move || {
                waked.fetch_add(1, Ordering::SeqCst);
            }),
        };
        let detector = Detector::new(deps, settings);
        let handle = detector.handle();
        let (stop, shutdown) = watch::channel(false);
        Running {
            handle,
            task: tokio::spawn(detector.run(shutdown)),
            stop,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        cresset_model::Clock::now(&*self.clock)
    }

    /// Creates a rule with an HTTP notification.
    pub(crate) async fn rule(&self, name: &str, mut spec: RuleSpec) -> ObjectId {
        spec.name = name.into();
        let id = ObjectId::generate(self.now(), &*self.entropy);
        self.catalog
            .create_rule(id, self.owner, spec, self.now(), None)
            .await
            .unwrap();
        let notification = HttpNotification {
            enabled: true,
            url: SecretString::new("https://sink.example/hook"),
            protocol: "HTTPS".into(),
            method: HttpMethod::Post,
            query_string: String::new(),
            format_query: String::new(),
            body: String::new(),
            auth: HttpAuth::None,
            dispatch: DispatchOption::Auto,
            threshold: None,
        };
        self.catalog
            .put_http_notification(&[id], self.owner, &notification, self.now())
            .await
            .unwrap();
        id
    }

    /// Appends events, each repo's as one batch, and moves the clock to their arrival.
    pub(crate) async fn append(&self, happenings: &[Happening]) {
        for same_repo in happenings.chunk_by(|a, b| a.repo == b.repo) {
            let arrival = same_repo
                .iter()
                .map(|h| Timestamp::from_secs(h.arrival))
                .max();
            self.clock.set(arrival.unwrap().max(self.now()));
            let events = Arc::new(same_repo.iter().map(Happening::event).collect());
            let batch = Batch {
                repo: same_repo[0].repo.into(),
                key: None,
                events,
            };
            self.log.append(batch).await.unwrap();
        }
    }

    /// Moves all events to files and lets the log forget them.
    pub(crate) async fn flush(&self) {
        let flusher = Flusher::new(
            self.store.clone(),
            self.catalog.clone(),
            self.log.clone(),
            FlusherSettings::default(),
            Vec::new(),
            self.clock.clone(),
        );
        flusher.flush_now().await.unwrap();
    }

    /// Waits until live rules have seen everything.
    pub(crate) async fn seen(&self) {
        let head = *self.log.head().borrow();
        let done = async || self.catalog.cursor(DETECT_CURSOR).await.unwrap() >= head;
        wait_for("the detector to see all events", done).await;
    }

    /// Waits until a rule has been evaluated up to `secs`.
    pub(crate) async fn evaluated(&self, rule: ObjectId, secs: i64) {
        let done = async || {
            let state = self.catalog.rule_state(rule).await.unwrap();
            state
                .evaluated_to
                .is_some_and(|t| t >= Timestamp::from_secs(secs))
        };
        wait_for("the rule to be evaluated", done).await;
    }

    /// All incidents, by slot; each must have exactly one outbox row.
    pub(crate) async fn incidents(&self) -> Vec<Incident> {
        let filter = IncidentFilter {
            statuses: vec![
                IncidentStatus::Unresolved,
                IncidentStatus::Resolved,
                IncidentStatus::Closed,
            ],
            ..IncidentFilter::default()
        };
        // Rows before incidents, because a detector may commit more in between.
        let deliveries = self.catalog.deliveries(None, 100_000).await.unwrap();
        let mut incidents = self.catalog.incidents(&filter).await.unwrap();
        for delivery in deliveries {
            let its = incidents.iter().find(|i| i.id == delivery.incident_id);
            assert!(its.is_some(), "no incident of row {}", delivery.id);
        }
        for incident in &incidents {
            let deliveries = self.catalog.deliveries_of(incident.id).await.unwrap();
            assert_eq!(deliveries.len(), 1, "outbox rows of {}", incident.name);
        }
        incidents.sort_by(|a, b| (a.slot_end, &a.name).cmp(&(b.slot_end, &b.name)));
        incidents
    }

    /// How many incidents are a rule's.
    pub(crate) async fn fired(&self, rule: ObjectId) -> usize {
        let incidents = self.incidents().await;
        incidents.iter().filter(|i| i.rule_id == rule).count()
    }

    pub(crate) async fn evaluations(&self, rule: ObjectId) -> Vec<Evaluation> {
        let mut newest = self.catalog.evaluations(rule, 200).await.unwrap();
        newest.reverse();
        newest
    }
}

/// Opens the log as soon as the last of a killed detector's tasks has let go of it.
async fn open_log(dir: &Path, stored_to: u64) -> LocalLog {
    for _ in 0..1_000 {
        if let Ok(log) = LocalLog::open(LocalLogConfig::new(dir), stored_to, Vec::new()) {
            return log;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    LocalLog::open(LocalLogConfig::new(dir), stored_to, Vec::new()).unwrap()
}

async fn owner(catalog: &SqliteCatalog, entropy: &Counting) -> ObjectId {
    if let Some(user) = catalog.user_by_name("ann").await.unwrap() {
        return user.id;
    }
    let user = NewUser {
        id: ObjectId::generate(Timestamp(0), entropy),
        username: "ann".into(),
        email: String::new(),
        roles: vec!["administrator".into()],
        password: None,
        api_access_key: SecretString::new("0123456789abcdef0123456789abcdef"),
        created_at: Timestamp(0),
    };
    for name in ["main", "other"] {
        catalog
            .create_repo(Repo {
                name: name.into(),
                retention_days: 30_000,
            })
            .await
            .unwrap();
    }
    catalog.create_user(user).await.unwrap().id
}

/// Waits until `done` holds; panics after half a minute.
pub(crate) async fn wait_for(what: &str, done: impl AsyncFn() -> bool) {
    for _ in 0..6_000 {
        if done().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("waited too long for {what}");
}
