//! A whole server behind a router, without a socket.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use cresset_api::{ApiSettings, AppState, Messages, Readiness, router};
use cresset_auth::jwt::{self, Alg, SignClaims};
use cresset_catalog::Catalog;
use cresset_catalog::port::NewUser;
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_eventlog::{LocalLog, LocalLogConfig};
use cresset_ingest::{IngestSettings, Ingestor};
use cresset_model::repo::Repo;
use cresset_model::{Clock, Duration, Entropy, ManualClock, ObjectId, SecretString, Timestamp};
use cresset_search::{
    Deleter, Deletions, Flusher, FlusherSettings, ListCache, ListFeeder, SearchSessions,
    SearchSettings, SessionSettings, StoreSearcher,
};
use cresset_store::EventStore;
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tower::ServiceExt as _;

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600;
/// Every scope there is.
pub(crate) const ALL: &str = "search:read search:write logsource:read alertrules:read alertrules:write logs:write logs:delete";
pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Entropy that never repeats and is the same in every run.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buf: &mut [u8]) {
        for part in buf.chunks_mut(8) {
            let n = self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            part.copy_from_slice(&n.to_le_bytes()[..part.len()]);
        }
    }
}

/// The server.
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) catalog: Arc<SqliteCatalog>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<Counting>,
    pub(crate) announced: Arc<AtomicUsize>,
    /// How often instances were registered or removed.
    pub(crate) instances_changed: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

/// An answer, its body parsed if it is JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(ApiSettings::default(), Readiness::default()).await
    }

    pub(crate) async fn with(settings: ApiSettings, readiness: Readiness) -> Self {
        Self::with_ingest(settings, readiness, IngestSettings::default()).await
    }

    pub(crate) async fn with_ingest(
        settings: ApiSettings,
        readiness: Readiness,
        ingest: IngestSettings,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Arc::new(Counting::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(START)));
        let sealer = Sealer::generate_file(&folder.path().join("key"), &*entropy).unwrap();
        let path = folder.path().join("catalog.db");
        let catalog = Arc::new(SqliteCatalog::open(&path, sealer).await.unwrap());
        let shared: Arc<dyn Catalog> = catalog.clone();
        let log = LocalLogConfig::new(folder.path().join("log"));
        let log = Arc::new(LocalLog::open(log, 0, Vec::new()).unwrap());
        let (time, random): (Arc<dyn Clock>, Arc<dyn Entropy>) = (clock.clone(), entropy.clone());
        let events = folder.path().join("events");
        let store = EventStore::open(events, shared.clone(), time.clone(), random.clone());
        let store = Arc::new(store.await.unwrap());
        let lists = Arc::new(ListCache::new(shared.clone(), time.clone()));
        let flusher = Flusher::new(
            store.clone(),
            shared.clone(),
            log.clone(),
            FlusherSettings::default(),
            Vec::new(),
            time.clone(),
        );
        let deleter = Deleter::new(
            shared.clone(),
            store.clone(),
            log.clone(),
            lists.clone(),
            flusher,
            Duration::seconds(1),
        );
        let deletions = Deletions::new(deleter, shared.clone(), time.clone(), random.clone());
        let searcher = Arc::new(StoreSearcher::new(
            shared.clone(),
            store,
            log.clone(),
            lists,
            SearchSettings::default(),
        ));
        let searcher = ListFeeder::new(searcher, shared.clone(), time.clone());
        let searcher = Arc::new(searcher);
        let sessions = SearchSessions::new(
            searcher.clone(),
            time.clone(),
            random.clone(),
            SessionSettings::default(),
        );
        let ingestor = Ingestor::new(log, catalog.clone(), time.clone(), ingest).unwrap();
        let announced = Arc::new(AtomicUsize::new(0));
        let heard = announced.clone();
        let instances_changed = Arc::new(AtomicUsize::new(0));
        let moved = instances_changed.clone();
        let state = AppState {
            catalog: shared,
            searcher,
            sessions: Arc::new(sessions),
            deletions,
            ingestor: Arc::new(ingestor),
            clock: time,
            entropy: random,
            settings,
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            readiness: Arc::new(move || {
                assert!(readiness.reasons != ["panic"], "asked to");
                readiness.clone()
            }),
            messages: messages(),
            rule_mode: Arc::new(cresset_detect::told_mode),
            on_rules_changed: Arc::new(move || {
                heard.fetch_add(1, Ordering::SeqCst);
            }),
            on_instances_changed: Arc::new(move || {
                moved.fetch_add(1, Ordering::SeqCst);
            }),
        };
        let router = router(state);
        let site = Self {
            router,
            catalog,
            clock,
            entropy,
            announced,
            instances_changed,
            _folder: folder,
        };
        site.populate().await;
        site
    }

    async fn populate(&self) {
        use cresset_catalog::port::Repos as _;
        for (name, role) in [
            ("admin", "administrator"),
            ("bob", "manager"),
            ("eve", "readonly"),
        ] {
            self.add_user(name, role).await;
        }
        for name in ["default", "_cresset"] {
            let repo = Repo {
                name: name.to_owned(),
                retention_days: 30,
            };
            self.catalog.create_repo(repo).await.unwrap();
        }
    }

    pub(crate) async fn add_user(&self, name: &str, role: &str) -> ObjectId {
        use cresset_catalog::port::Users as _;
        let id = self.id();
        let user = NewUser {
            id,
            username: name.to_owned(),
            email: String::new(),
            roles: vec![role.to_owned()],
            password: None,
            api_access_key: key_of(name),
            created_at: self.clock.now(),
        };
        self.catalog.create_user(user).await.unwrap();
        id
    }

    pub(crate) fn id(&self) -> ObjectId {
        ObjectId::generate(self.clock.now(), &*self.entropy)
    }

    /// A token of `user` with `scope`, valid for an hour.
    pub(crate) fn token(&self, user: &str, scope: &str) -> String {
        self.token_signed(user, scope, &key_of(user), Duration::ZERO)
    }

    pub(crate) fn token_signed(
        &self,
        user: &str,
        scope: &str,
        key: &SecretString,
        age: Duration,
    ) -> String {
        let iat = self.clock.now() - age;
        let exp = iat + Duration::hours(1);
        let claims = SignClaims {
            sub: user.to_owned(),
            scope: scope.to_owned(),
            iat,
            exp,
        };
        jwt::sign(&claims, key, Alg::HS256)
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        self.send_from("192.0.2.7:4711", request).await
    }

    pub(crate) async fn send_from(&self, peer: &str, mut request: Request<Body>) -> Answer {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// A request with a token of `user` that has every scope.
    pub(crate) async fn call(&self, user: &str, method: &str, path: &str, body: &Value) -> Answer {
        let token = self.token(user, ALL);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(request(method, path, Some(&token), JSON, body))
            .await
    }

    /// A form of the credential family, as `admin`.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let admin = key_of("admin");
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("username", "admin")
            .append_pair("secret_key", admin.expose());
        form.extend_pairs(fields);
        self.send(request("POST", path, None, FORM, form.finish()))
            .await
    }

    /// Stores NDJSON in `default`.
    pub(crate) async fn ingest(&self, lines: &str) {
        let token = self.token("admin", "logs:write");
        let path = "/api/v1/ingest?repo=default";
        let answer = self
            .send(request("POST", path, Some(&token), JSON, lines.to_owned()))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// The real ones, as the binary lends them.
fn messages() -> Messages {
    let link = cresset_notify::template::Link {
        public_url: "https://siem.example".to_owned(),
        server_name: "Cresset".to_owned(),
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

/// The API access key of a user.
pub(crate) fn key_of(name: &str) -> SecretString {
    SecretString::new(format!("{name:0>32}"))
}

pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    content_type: &str,
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}
