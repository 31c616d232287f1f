//! A catalog with a rule, and a worker on it.

use cresset_catalog::Catalog;
use cresset_catalog::port::{
    AttemptRecord, Deliveries as _, Firing, FiringCommit, Incidents as _, NewUser, Rules as _,
    Users as _,
};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::incident::{
    Evaluation, EvaluationMode, Incident, IncidentStatus, RuleState, Verdict,
};
use cresset_model::notification::{
    Channel, Delivery, DeliveryState, DispatchOption, EmailNotification, HttpAuth, HttpMethod,
    HttpNotification,
};
use cresset_model::rule::Risk;
use cresset_model::{
    Clock as _, Duration as Span, Entropy, ManualClock, ObjectId, SecretString, Timestamp,
};
use cresset_notify::{NotifySettings, Waker, Worker};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Entropy that counts, so that ids differ and jitter is small.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(0);
        let n = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (to, from) in buf.iter_mut().rev().zip(n.iter().rev()) {
            *to = *from;
        }
    }
}

pub(crate) struct World {
    pub(crate) catalog: Arc<SqliteCatalog>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<Counting>,
    owner: ObjectId,
    slots: AtomicU64,
    _dir: tempfile::TempDir,
}

pub(crate) struct Running {
    pub(crate) waker: Waker,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Stops the worker and waits for it.
    pub(crate) async fn stop(self) -> Duration {
        let started = Instant::now();
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
        started.elapsed()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let entropy = Arc::new(Counting::default());
        let sealer = Sealer::generate_file(&dir.path().join("key"), &*entropy).unwrap();
        let catalog = SqliteCatalog::open(&dir.path().join("catalog.db"), sealer)
            .await
            .unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_700_000_000)));
        let owner = ObjectId::generate(clock.now(), &*entropy);
        let user = NewUser {
            id: owner,
            username: "ada".into(),
            email: String::new(),
            roles: vec!["administrator".into()],
            password: None,
            api_access_key: SecretString::new("k"),
            created_at: clock.now(),
        };
        catalog.create_user(user).await.unwrap();
        let catalog = Arc::new(catalog);
        Self {
            catalog,
            clock,
            entropy,
            owner,
            slots: AtomicU64::new(1),
            _dir: dir,
        }
    }

    fn id(&self) -> ObjectId {
        ObjectId::generate(self.clock.now(), &*self.entropy)
    }

    pub(crate) fn settings() -> NotifySettings {
        NotifySettings {
            egress_allow: vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
            public_url: "https://siem.example".into(),
            poll: Duration::from_millis(100),
            ..NotifySettings::default()
        }
    }

    pub(crate) fn start(&self, settings: NotifySettings) -> Running {
        let catalog: Arc<dyn Catalog> = Arc::clone(&self.catalog) as _;
        let worker = Worker::new(
            catalog,
            settings,
            Arc::clone(&self.clock) as _,
            Arc::clone(&self.entropy) as _,
        )
        .unwrap();
        let waker = worker.handle();
        let (stop, shutdown) = watch::channel(false);
        let task = tokio::spawn(worker.run(shutdown));
        Running { waker, stop, task }
    }

    pub(crate) async fn rule(&self, name: &str) -> ObjectId {
        let spec = serde_json::from_value(serde_json::json!({
            "name": name,
            "search_params": {"query": "label=Fail", "timerange_minute": 10, "repos": []},
            "incident_condition":
                {"condition_option": "greaterthan", "condition_value": 0, "risk": "high", "aggregate": "max"},
        }))
        .unwrap();
        let id = self.id();
        self.catalog
            .create_rule(id, self.owner, spec, self.clock.now(), None)
            .await
            .unwrap();
        id
    }

    pub(crate) async fn http_rule(&self, name: &str, notification: &HttpNotification) -> ObjectId {
        let rule = self.rule(name).await;
        self.catalog
            .put_http_notification(&[rule], self.owner, notification, self.clock.now())
            .await
            .unwrap();
        rule
    }

    pub(crate) async fn email_rule(
        &self,
        name: &str,
        notification: &EmailNotification,
    ) -> ObjectId {
        let rule = self.rule(name).await;
        self.catalog
            .put_email_notification(&[rule], self.owner, notification, self.clock.now())
            .await
            .unwrap();
        rule
    }

    pub(crate) async fn put_http(&self, rule: ObjectId, notification: &HttpNotification) {
        self.catalog
            .put_http_notification(&[rule], self.owner, notification, self.clock.now())
            .await
            .unwrap();
    }

    /// Commits an incident of `rule` with one outbox row.
    pub(crate) async fn fire(&self, rule: ObjectId, channel: Channel) -> ObjectId {
        self.fire_rows(rule, channel, 1).await[0]
    }

    /// Commits an incident of `rule` with `count` outbox rows.
    pub(crate) async fn fire_rows(
        &self,
        rule: ObjectId,
        channel: Channel,
        count: usize,
    ) -> Vec<ObjectId> {
        let now = self.clock.now();
        let slot_end = Timestamp::from_secs(self.slots.fetch_add(1, Ordering::SeqCst) as i64 * 600);
        let row = serde_json::json!({"source_address": "203.0.113.9", "cnt": 7, "user": "<root>"});
        let incident = Incident {
            id: self.id(),
            rule_id: rule,
            slot_end,
            name: "Brute force".into(),
            description: String::new(),
            owner: self.owner,
            assignee: None,
            risk: Risk::High,
            status: IncidentStatus::Unresolved,
            query: "label=Fail".into(),
            repos: Vec::new(),
            window_from: slot_end - Span::minutes(10),
            window_to: slot_end,
            detected_at: now,
            rows_count: 1,
            rows: vec![row.as_object().cloned().unwrap()],
            comments: Vec::new(),
            throttle_enabled: false,
            taxonomy: Default::default(),
        };
        let delivery = |_| Delivery {
            id: self.id(),
            incident_id: incident.id,
            rule_id: rule,
            channel,
            state: DeliveryState::Pending,
            attempts: 0,
            due_at: now,
            last_error: String::new(),
            created_at: now,
            finished_at: None,
        };
        let deliveries: Vec<Delivery> = (0..count).map(delivery).collect();
        let ids = deliveries.iter().map(|delivery| delivery.id).collect();
        let evaluation = Evaluation {
            rule_id: rule,
            mode: EvaluationMode::Live,
            slot_end,
            evaluated_at: now,
            rows: 1,
            verdict: Verdict::Fired,
            duration_us: 1,
            error: None,
        };
        let state = RuleState {
            last_fired_slot: Some(slot_end),
            ..RuleState::default()
        };
        let firing = Firing {
            incident,
            deliveries,
            evaluation,
            state,
        };
        let commit = FiringCommit {
            firings: vec![firing],
            cursor: None,
        };
        self.catalog.commit_firings(commit).await.unwrap();
        ids
    }

    pub(crate) async fn delivery(&self, id: ObjectId) -> Delivery {
        self.catalog.delivery(id).await.unwrap().unwrap()
    }

    pub(crate) async fn attempts(&self, id: ObjectId) -> Vec<AttemptRecord> {
        self.catalog.attempts(id).await.unwrap()
    }

    /// Waits until `id` is in `state`.
    pub(crate) async fn until_state(&self, id: ObjectId, state: DeliveryState) -> Delivery {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let delivery = self.delivery(id).await;
            if delivery.state == state {
                return delivery;
            }
            assert!(
                Instant::now() < until,
                "{:?} after 30 s: {delivery:?}",
                delivery.state
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until `count` attempts of `id` are recorded.
    pub(crate) async fn until_attempts(&self, id: ObjectId, count: usize) -> Vec<AttemptRecord> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let attempts = self.attempts(id).await;
            if attempts.len() >= count {
                return attempts;
            }
            assert!(
                Instant::now() < until,
                "{} attempts after 30 s",
                attempts.len()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(crate) fn hook(url: &str) -> HttpNotification {
    HttpNotification {
        enabled: true,
        url: SecretString::new(url),
        protocol: "HTTP".into(),
        method: HttpMethod::Post,
        query_string: String::new(),
        format_query: String::new(),
        body: "{\"alert\": \"{{alert_name}}\", \"rows\": {{rows|tojson}}}".into(),
        auth: HttpAuth::None,
        dispatch: DispatchOption::Auto,
        threshold: None,
    }
}

pub(crate) fn mail(template: &str) -> EmailNotification {
    EmailNotification {
        enabled: true,
        recipients: vec!["soc@example.org".into()],
        subject: "Alert {{alert_name}}".into(),
        template: template.into(),
        dispatch: DispatchOption::Auto,
        disable_search_link: false,
        simple_view: true,
        logo_enable: false,
        logo_type: String::new(),
        logo: String::new(),
        threshold: None,
    }
}
