//! The parts of a server, built from adapters and joined through ports.

use super::places::MaxMind;
use super::{bucket, health};
use crate::config::{Config, NodeRole, Smtp, SmtpMode};
use anyhow::Context;
use cresset_api::{ApiSettings, AppState, Messages};
use cresset_catalog::Catalog;
use cresset_catalog::port::{Files, Repos};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_detect::{DETECT_CURSOR, DetectSettings, Detector, DetectorDeps, DetectorHandle};
use cresset_eventlog::{EventLog, LocalLog, LocalLogConfig, RealDisk, Resume};
use cresset_fleet::{FleetSearcher, Members};
use cresset_ingest::{IngestSettings, Ingestor, SetupError, read_signatures};
use cresset_model::instance::Instance;
use cresset_model::{Clock, Duration, Entropy, SecretString};
use cresset_notify::retry::RetrySchedule;
use cresset_notify::{EgressGuard, HttpSettings, NotifySettings, SmtpSettings, Worker};
use cresset_search::{
    Deleter, Deletions, Flusher, FlusherSettings, ListCache, ListFeeder, SearchSessions,
    SearchSettings, Searcher, SessionSettings, StoreSearcher,
};
use cresset_store::{EventStore, STORE_CURSOR, StoreSettings};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use std::sync::Arc;

/// Most memory of the events of one body, in bytes.
const MAX_BATCH: usize = 32 << 20;
/// How long batch keys are remembered.
const KEEP_KEYS: Duration = Duration::hours(48);

/// Everything that runs in a server.
pub(super) struct Parts {
    catalog: Arc<dyn Catalog>,
    pub(super) log: Arc<LocalLog>,
    pub(super) store: Arc<EventStore>,
    searcher: Arc<dyn Searcher>,
    sessions: Arc<SearchSessions>,
    deletions: Deletions,
    pub(super) ingestor: Arc<Ingestor>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    flusher: Flusher,
    pub(super) members: Members,
    detector: Mutex<Option<Detector>>,
    detector_handle: Option<DetectorHandle>,
    worker: Mutex<Option<Worker>>,
}

impl Parts {
    /// Opens the stores and builds the parts that the node's roles ask for.
    pub(super) async fn build(
        config: &Config,
        catalog: Arc<SqliteCatalog>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        url: &str,
    ) -> anyhow::Result<Self> {
        let has = |role| config.roles.contains(&role);
        let log = Arc::new(
            open_log(
                config,
                catalog.as_ref(),
                clock.as_ref(),
                has(NodeRole::Detect),
            )
            .await?,
        );
        let repos: Arc<dyn Repos> = Arc::clone(&catalog) as Arc<dyn Repos>;
        let catalog: Arc<dyn Catalog> = catalog;
        let store = EventStore::open_in(
            bucket::storage(config, clock.now(), entropy.as_ref()).await?,
            Arc::clone(&catalog),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            StoreSettings::default(),
        )
        .await?;
        let store = Arc::new(store);
        let lists = ListCache::new(Arc::clone(&catalog), Arc::clone(&clock));
        let lists = Arc::new(match MaxMind::open(config)? {
            Some(places) => lists.with_places(Arc::new(places)),
            None => lists,
        });
        let members = instances(config, &catalog, &clock);
        let here = Arc::new(StoreSearcher::new(
            Arc::clone(&catalog),
            Arc::clone(&store),
            Arc::clone(&log) as Arc<dyn EventLog>,
            Arc::clone(&lists),
            SearchSettings {
                max_concurrent: config.max_searches,
                max_bytes: config.max_search_bytes,
                limits: cresset_query::Limits {
                    max_rows: config.max_search_rows,
                    ..cresset_query::Limits::default()
                },
                ..SearchSettings::default()
            },
        ));
        let searcher = FleetSearcher::new(here, members.clone(), config.max_search_bytes);
        let searcher: Arc<dyn Searcher> = Arc::new(ListFeeder::new(
            Arc::new(searcher),
            Arc::clone(&catalog),
            Arc::clone(&clock),
        ));
        let sessions = Arc::new(SearchSessions::new(
            Arc::clone(&searcher),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            SessionSettings {
                running: config.max_searches,
                running_per_user: config.searches_per_user,
                sessions: config.search_queue,
                sessions_per_user: config.search_queue_per_user,
                ..SessionSettings::default()
            },
        ));
        let ingestor = Arc::new(Ingestor::new(
            Arc::clone(&log) as Arc<dyn EventLog>,
            repos,
            Arc::clone(&clock),
            ingest_settings(config)?,
        )?);
        let consumers = if has(NodeRole::Detect) {
            vec![DETECT_CURSOR.to_owned()]
        } else {
            Vec::new()
        };
        let flusher = Flusher::new(
            Arc::clone(&store),
            Arc::clone(&catalog),
            Arc::clone(&log) as Arc<dyn EventLog>,
            FlusherSettings {
                max_age: config.flush_age,
                max_bytes: config.flush_size,
                keep_keys: KEEP_KEYS,
            },
            consumers,
            Arc::clone(&clock),
        );
        let deleter = Deleter::new(
            Arc::clone(&catalog),
            Arc::clone(&store),
            Arc::clone(&log) as Arc<dyn EventLog>,
            Arc::clone(&lists),
            flusher.clone(),
            // By then every search has ended.
            config.search_timeout,
        );
        let deletions = Deletions::new(
            deleter,
            Arc::clone(&catalog),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        );
        let worker = if has(NodeRole::Notify) {
            let settings = notify_settings(config, url)?;
            Some(Worker::new(
                Arc::clone(&catalog),
                settings,
                Arc::clone(&clock),
                Arc::clone(&entropy),
            )?)
        } else {
            None
        };
        let waker = worker.as_ref().map(Worker::handle);
        let detector = has(NodeRole::Detect).then(|| {
            let deps = DetectorDeps {
                catalog: Arc::clone(&catalog),
                eventlog: Arc::clone(&log) as Arc<dyn EventLog>,
                searcher: Arc::clone(&searcher),
                lists,
                clock: Arc::clone(&clock),
                entropy: Arc::clone(&entropy),
                waker: Arc::new(move || {
                    if let Some(waker) = &waker {
                        waker.wake();
                    }
                }),
            };
            let settings = DetectSettings {
                grace: config.grace,
                timeout: config.search_timeout,
                attempts: 8,
                ..DetectSettings::default()
            };
            Detector::new(deps, settings)
        });
        let detector_handle = detector.as_ref().map(Detector::handle);
        Ok(Self {
            catalog,
            log,
            store,
            searcher,
            sessions,
            deletions,
            ingestor,
            clock,
            entropy,
            flusher,
            members,
            detector: Mutex::new(detector),
            detector_handle,
            worker: Mutex::new(worker),
        })
    }

    /// The flusher; its clones are one.
    pub(super) fn flusher(&self) -> Flusher {
        self.flusher.clone()
    }

    /// The detector, for the task that runs it.
    pub(super) fn take_detector(&self) -> Option<Detector> {
        self.detector.lock().take()
    }

    /// The notification worker, for the task that runs it.
    pub(super) fn take_worker(&self) -> Option<Worker> {
        self.worker.lock().take()
    }

    /// What the HTTP interface borrows.
    pub(super) fn app_state(
        &self,
        config: &Config,
        url: &str,
        own_nodes: Vec<String>,
        metrics: PrometheusHandle,
    ) -> AppState {
        let (handle, log, max_tail) = (
            self.detector_handle.clone(),
            Arc::clone(&self.log),
            config.max_tail,
        );
        let changed = self.detector_handle.clone();
        let members = self.members.clone();
        AppState {
            catalog: Arc::clone(&self.catalog),
            searcher: Arc::clone(&self.searcher),
            sessions: Arc::clone(&self.sessions),
            deletions: self.deletions.clone(),
            ingestor: Arc::clone(&self.ingestor),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            settings: ApiSettings {
                server_name: config.name.clone(),
                repo_ip: config.node_ip.clone(),
                repo_port: config.node_port,
                own_nodes,
                token_max_lifetime: Some(config.max_token_lifetime),
                token_leeway: config.clock_leeway,
                max_body_bytes: config.max_request,
                max_ingest_body_bytes: config.max_body,
                max_ingest_in_flight_bytes: config.max_in_flight,
                request_timeout: config.request_timeout,
                max_search_time: config.search_timeout,
                max_search_rows: config.max_search_rows,
                refuse_replays: config.refuse_replays,
                v1_auth_failure: config.v1_auth_failure,
                strict_put: config.strict_put,
                basic: config.basic,
                quota: config.quota,
                knows_places: config.geoip_places.is_some() || config.geoip_networks.is_some(),
                ..ApiSettings::default()
            },
            metrics,
            readiness: Arc::new(move || {
                health::readiness(handle.as_ref(), log.pending_bytes(0), max_tail)
            }),
            on_rules_changed: Arc::new(move || {
                if let Some(detector) = &changed {
                    detector.rules_changed();
                }
            }),
            on_instances_changed: Arc::new(move || members.changed()),
            messages: messages(config, url),
            rule_mode: Arc::new(cresset_detect::told_mode),
        }
    }

    /// Closes the event log, after everything that appends has ended.
    pub(super) async fn close(&self) {
        self.log.close().await;
    }
}

/// What the HTTP interface borrows from the part that writes messages.
fn messages(config: &Config, url: &str) -> Messages {
    let link = cresset_notify::template::Link {
        public_url: url.to_owned(),
        server_name: config.name.clone(),
    };
    Messages {
        check_template: Arc::new(|source| {
            cresset_notify::template::check(source).map_err(|error| error.to_string())
        }),
        check_logo: Arc::new(cresset_notify::logo::check),
        incident_view: Arc::new(move |incident, rule| {
            cresset_notify::render::incident_view(incident, rule, &link)
        }),
    }
}

/// The registered instances, reached through the egress guard.
fn instances(config: &Config, catalog: &Arc<dyn Catalog>, clock: &Arc<dyn Clock>) -> Members {
    let guard = Arc::new(EgressGuard::new(config.egress_allow.clone()));
    let connect = move |instance: &Instance| {
        cresset_notify::peer_client(&guard, instance).map_err(|error| error.to_string())
    };
    Members::new(Arc::clone(catalog), Arc::clone(clock), Box::new(connect))
}

async fn open_log(
    config: &Config,
    catalog: &SqliteCatalog,
    clock: &dyn Clock,
    detects: bool,
) -> anyhow::Result<LocalLog> {
    let stored = catalog.cursor(STORE_CURSOR).await?;
    let detected = if detects {
        catalog.cursor(DETECT_CURSOR).await?
    } else {
        stored
    };
    let resume = Resume {
        stored_to: stored.min(detected),
        issued_to: stored.max(detected),
        known_keys: catalog.batch_keys(clock.now() - KEEP_KEYS).await?,
    };
    let settings = LocalLogConfig {
        segment_bytes: config.segment,
        max_tail_bytes: config.max_tail,
        max_batch_bytes: config.max_tail / 2,
        ..LocalLogConfig::new(config.data_dir.join("eventlog"))
    };
    Ok(
        tokio::task::spawn_blocking(move || LocalLog::resume(settings, resume, Arc::new(RealDisk)))
            .await??,
    )
}

/// What the configuration says about the intake, with the operator's signatures.
pub(crate) fn ingest_settings(config: &Config) -> Result<IngestSettings, SetupError> {
    let signatures = match &config.signatures {
        Some(folder) => read_signatures(folder)?,
        None => Vec::new(),
    };
    Ok(IngestSettings {
        signatures,
        max_body_bytes: config.max_body,
        max_expanded_bytes: config.max_expanded,
        max_line_bytes: config.max_line,
        // What takes more is stored in several pieces, each of which the log must take.
        max_batch_bytes: MAX_BATCH.min(config.max_tail / 4),
        default_timezone: config.timezone.clone(),
        server_name: config.name.clone(),
        syslog_repo: config.syslog_repo.clone(),
        max_connections: config.syslog_connections,
        ..IngestSettings::default()
    })
}

pub(super) fn notify_settings(config: &Config, url: &str) -> anyhow::Result<NotifySettings> {
    Ok(NotifySettings {
        smtp: config.smtp.as_ref().map(smtp_settings).transpose()?,
        egress_allow: config.egress_allow.clone(),
        retry_schedule: RetrySchedule::new(config.retry_schedule.clone())?,
        public_url: url.to_owned(),
        server_name: config.name.clone(),
        concurrency: config.notify_concurrency,
        http: HttpSettings {
            total_timeout: config.http_timeout.to_std(),
            ..HttpSettings::default()
        },
        ..NotifySettings::default()
    })
}

pub(super) fn smtp_settings(smtp: &Smtp) -> anyhow::Result<SmtpSettings> {
    let password = match &smtp.password_file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("smtp.password_file: {}", path.display()))?;
            Some(SecretString::new(text.trim_end_matches(['\r', '\n'])))
        }
        None => None,
    };
    Ok(SmtpSettings {
        host: smtp.host.clone(),
        port: smtp.port,
        mode: match smtp.mode {
            SmtpMode::Starttls => cresset_notify::SmtpMode::Starttls,
            SmtpMode::Tls => cresset_notify::SmtpMode::Tls,
            SmtpMode::Plain => cresset_notify::SmtpMode::Plain,
        },
        from: smtp.from.clone(),
        user: Some(smtp.user.clone()).filter(|u| !u.is_empty()),
        password,
        ca_file: smtp.ca_file.clone(),
        timeout: smtp.timeout.to_std(),
    })
}
