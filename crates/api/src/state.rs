//! What handlers work with.

use crate::auth::{Failures, Guesses, LastUses, Replays};
use crate::budget::Budget;
use crate::logicmonitor::Quotas;
use crate::logpoint::search::LiveSearches;
use crate::messages::Messages;
use cresset_auth::quota::Limits;
use cresset_auth::throttle::ThrottleSettings;
use cresset_catalog::Catalog;
use cresset_catalog::port::{AuditEntry, RuleWithOwner};
use cresset_ingest::Ingestor;
use cresset_model::incident::EvaluationMode;
use cresset_model::instance::Nodes;
use cresset_model::{Clock, Duration, Entropy, ObjectId, Timestamp};
use cresset_query::Macros;
use cresset_search::{Deletions, MacroCache, SearchSessions, Searcher};
use metrics_exporter_prometheus::PrometheusHandle;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Compressed bodies that are expanded at a time.
const EXPANDING: usize = 2;
/// Templates that are checked or rendered at a time.
const RENDERING: usize = 2;

/// Settings of the HTTP interface.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The node's name, as `li` and `logpoint_name` on the wire.
    pub server_name: String,
    /// The node's address in repo addresses `ip:port/name`. Clients parse it: one colon only.
    pub repo_ip: String,
    /// The port in repo addresses.
    pub repo_port: u16,
    /// Further `host:port` at which this very server answers; it is no other instance.
    pub own_nodes: Vec<String>,
    /// Longest life of a self-signed token.
    pub token_max_lifetime: Option<Duration>,
    /// How far the clocks of a token's signer and of this server may be apart.
    pub token_leeway: Duration,
    /// How strictly failed authentications are slowed down.
    pub throttle: ThrottleSettings,
    /// Whether a signed request that comes a second time is refused.
    pub refuse_replays: bool,
    /// Whether user name and password are taken in the first version of LogicMonitor's API.
    pub basic: bool,
    /// How the first version of LogicMonitor's API tells that somebody is not proven.
    pub v1_auth_failure: V1AuthFailure,
    /// Whether PUT of an API token keeps status and note where they are absent. As documented
    /// it enables the token and empties the note.
    pub strict_put: bool,
    /// Requests per minute that LogicMonitor's API answers, by verb and for each endpoint.
    pub quota: Limits,
    /// Audit entries about failed authentications written per minute at most.
    pub failure_audit_per_minute: u32,
    /// Largest body of every endpoint but ingest, in bytes.
    pub max_body_bytes: usize,
    /// Largest body of ingest as sent, in bytes.
    pub max_ingest_body_bytes: usize,
    /// Bytes of ingest bodies held at once, over all requests. At least the largest body
    /// counts, whatever is set.
    pub max_ingest_in_flight_bytes: usize,
    /// Largest body of the endpoints that carry user name and secret key, in bytes: it is
    /// read before anybody is proven.
    pub max_login_body_bytes: usize,
    /// Bytes of such bodies held at once, over all requests.
    pub max_login_in_flight_bytes: usize,
    /// How fast a body must come.
    pub body_pace: Pace,
    /// Longest time for one request.
    pub request_timeout: Duration,
    /// Most rows that a search returns.
    pub max_search_rows: usize,
    /// Longest time that a search may run, whatever it asks for.
    pub max_search_time: Duration,
    /// How long a poll waits for its search; clients give up after 10 seconds.
    pub poll_hold: Duration,
    /// Whether there is a database of where addresses are, for `process geoip`.
    pub knows_places: bool,
}

/// How the first version of LogicMonitor's API tells that somebody is not proven: the HTTP
/// status, and the one in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum V1AuthFailure {
    /// 200 and 1401, as clients have seen it.
    #[default]
    Http200Status1401,
    /// 200 and 403, as the table of that version's codes has it.
    Http200Status403,
    /// 401 and 1401.
    Http401Status1401,
}

/// The least progress of a body on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// At least so many bytes …
    pub bytes: usize,
    /// … in every such span.
    pub span: Duration,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            server_name: "Cresset".to_owned(),
            repo_ip: "127.0.0.1".to_owned(),
            repo_port: 5504,
            own_nodes: Vec::new(),
            token_max_lifetime: Some(Duration::hours(24)),
            token_leeway: Duration::seconds(60),
            throttle: ThrottleSettings::default(),
            refuse_replays: false,
            basic: false,
            v1_auth_failure: V1AuthFailure::default(),
            strict_put: false,
            quota: Limits::default(),
            failure_audit_per_minute: 60,
            max_body_bytes: 8 << 20,
            max_ingest_body_bytes: 32 << 20,
            max_ingest_in_flight_bytes: 256 << 20,
            max_login_body_bytes: 256 << 10,
            max_login_in_flight_bytes: 16 << 20,
            // A line of 32 kbit/s is fast enough.
            body_pace: Pace {
                bytes: 32 << 10,
                span: Duration::seconds(10),
            },
            request_timeout: Duration::seconds(120),
            max_search_rows: 100_000,
            max_search_time: Duration::minutes(15),
            poll_hold: Duration::seconds(1),
            knows_places: false,
        }
    }
}

/// How the detector runs a rule, and why, where these nodes belong to other instances and there
/// are these macros. This crate may not depend on the detector, so the binary lends it.
pub type RuleMode =
    Arc<dyn Fn(&RuleWithOwner, &Nodes, &Macros) -> (EvaluationMode, String) + Send + Sync>;

/// Whether the server can do its work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Why it cannot; empty if it can.
    pub reasons: Vec<String>,
}

/// Everything the HTTP interface borrows from the rest of the system.
#[derive(Clone)]
pub struct AppState {
    /// Users, rules, incidents and the rest.
    pub catalog: Arc<dyn Catalog>,
    /// Runs queries.
    pub searcher: Arc<dyn Searcher>,
    /// Searches that clients poll for.
    pub sessions: Arc<SearchSessions>,
    /// Deletes events.
    pub deletions: Deletions,
    /// Takes logs in.
    pub ingestor: Arc<Ingestor>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable bytes for ids.
    pub entropy: Arc<dyn Entropy>,
    /// Settings.
    pub settings: ApiSettings,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Says what keeps the server from its work.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// What the part that writes messages lends.
    pub messages: Messages,
    /// How a rule runs.
    pub rule_mode: RuleMode,
    /// Called after rules or notifications changed, so that the detector looks at once.
    pub on_rules_changed: Arc<dyn Fn() + Send + Sync>,
    /// Called after instances were registered or removed, so that they are looked at at once.
    pub on_instances_changed: Arc<dyn Fn() + Send + Sync>,
}

/// The state as handlers see it.
pub(crate) type Api = Arc<Context>;

/// [`AppState`] with what belongs to this crate alone.
pub(crate) struct Context {
    pub(crate) app: AppState,
    pub(crate) failures: Failures,
    /// Passwords that are guessed or checked.
    pub(crate) guesses: Guesses,
    /// Signed requests that came.
    pub(crate) replays: Replays,
    /// API tokens whose use was recorded.
    pub(crate) last_uses: LastUses,
    /// What is left of the budgets of LogicMonitor's API.
    pub(crate) quotas: Quotas,
    /// Room for the bodies of ingest.
    pub(crate) ingest_budget: Arc<Budget>,
    /// Compressed bodies that are expanded at a time.
    pub(crate) expanding: Arc<Semaphore>,
    /// Places for templates that are checked or rendered.
    pub(crate) rendering: Arc<Semaphore>,
    /// Large lists that are imported at a time.
    pub(crate) importing: Semaphore,
    /// Room for bodies whose senders are not proven.
    pub(crate) login_budget: Arc<Budget>,
    /// Searches of the queries of rules that are under way.
    pub(crate) live_searches: LiveSearches,
    /// What queries call.
    pub(crate) macros: MacroCache,
    /// Held while a macro changes.
    pub(crate) changing_macros: tokio::sync::Mutex<()>,
}

impl std::ops::Deref for Context {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.app
    }
}

impl Context {
    pub(crate) fn new(app: AppState) -> Self {
        let failures = Failures::new(app.settings.throttle, app.settings.failure_audit_per_minute);
        let guesses = Guesses::new(app.settings.throttle);
        let settings = &app.settings;
        let (all, largest) = (
            settings.max_ingest_in_flight_bytes,
            settings.max_ingest_body_bytes,
        );
        let ingest_budget = Budget::new(all.max(largest), largest);
        let (all, largest) = (
            settings.max_login_in_flight_bytes,
            settings.max_login_body_bytes,
        );
        let login_budget = Budget::new(all.max(largest), largest);
        let replays = Replays::new(settings.refuse_replays);
        let quotas = Quotas::new(settings.quota);
        let macros = MacroCache::new(Arc::clone(&app.catalog));
        Self {
            app,
            failures,
            guesses,
            replays,
            last_uses: LastUses::default(),
            quotas,
            ingest_budget,
            expanding: Arc::new(Semaphore::new(EXPANDING)),
            rendering: Arc::new(Semaphore::new(RENDERING)),
            importing: Semaphore::new(1),
            login_budget,
            live_searches: LiveSearches::default(),
            macros,
            changing_macros: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn new_id(&self) -> ObjectId {
        ObjectId::generate(self.now(), self.entropy.as_ref())
    }

    /// What `actor` does, for the audit log.
    pub(crate) fn audit_entry(
        &self,
        actor: &str,
        peer: IpAddr,
        action: &str,
        detail: String,
    ) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            actor: actor.to_owned(),
            address: peer.to_string(),
            action: action.to_owned(),
            detail,
        }
    }

    /// Records what `actor` did. A change that is made but not recorded is worse than a
    /// slow reply, so this is awaited; a failure is logged, since the change stands.
    pub(crate) async fn audit(&self, actor: &str, peer: IpAddr, action: &str, detail: String) {
        let entry = self.audit_entry(actor, peer, action, detail);
        if let Err(error) = self.catalog.audit(entry).await {
            tracing::error!(%error, action, "audit entry could not be written");
        }
    }
}
