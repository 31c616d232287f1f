//! Objects to put into a catalog.

use cresset_catalog::Catalog;
use cresset_catalog::port::{AuditEntry, Firing, FiringCommit, NewUser};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::incident::{
    Evaluation, EvaluationMode, Incident, IncidentStatus, RuleState, Verdict,
};
use cresset_model::notification::{
    Channel, Delivery, DeliveryState, DispatchOption, EmailNotification, HttpAuth, HttpMethod,
    HttpNotification, Threshold, ThresholdUnit,
};
use cresset_model::rule::{
    ConditionOption, IncidentCondition, Risk, RiskFunction, RuleSpec, SearchParams,
};
use cresset_model::{ObjectId, SecretString, Timestamp};
use std::path::Path;
use tempfile::TempDir;

pub(crate) const OWNER: u64 = 1;

pub(crate) fn sealer(byte: u8) -> Sealer {
    let base64 = ["AAAA", "BBBB"][usize::from(byte)].repeat(10) + "AAA=";
    Sealer::from_text(&SecretString::new(base64)).unwrap()
}

pub(crate) async fn sqlite() -> (TempDir, SqliteCatalog) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = SqliteCatalog::open(&dir.path().join("catalog.db"), sealer(0))
        .await
        .unwrap();
    (dir, catalog)
}

pub(crate) fn id(n: u64) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&n.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

pub(crate) fn new_user(n: u64, name: &str) -> NewUser {
    NewUser {
        id: id(n),
        username: name.to_owned(),
        email: format!("{name}@example.org"),
        roles: vec!["manager".to_owned(), "readonly".to_owned()],
        password: None,
        api_access_key: SecretString::new(format!("key-of-{name}")),
        created_at: at(0),
    }
}

pub(crate) async fn with_owner(catalog: &dyn Catalog) {
    catalog.create_user(new_user(OWNER, "owner")).await.unwrap();
}

/// A rule of [`OWNER`], who is created with the first.
pub(crate) async fn with_rule(catalog: &dyn Catalog, n: u64) -> ObjectId {
    if catalog.user_by_id(id(OWNER)).await.unwrap().is_none() {
        with_owner(catalog).await;
    }
    let made = catalog
        .create_rule(id(n), id(OWNER), spec(&format!("rule {n}")), at(0), None)
        .await;
    made.unwrap().id
}

pub(crate) fn spec(name: &str) -> RuleSpec {
    RuleSpec {
        name: name.to_owned(),
        description: "repeated failures".to_owned(),
        search_params: SearchParams {
            query: "label=Fail | chart count() as cnt by user | search cnt>=5".to_owned(),
            timerange_day: 0,
            timerange_hour: 0,
            timerange_minute: 10,
            repos: vec!["127.0.0.1:5504/default".to_owned()],
            limit: 100,
            flush_on_trigger: true,
            search_interval_minute: 10,
            delay_interval_minute: 0,
            throttling_enabled: false,
            throttling_field: String::new(),
            throttling_time_range: 0,
        },
        incident_condition: IncidentCondition {
            condition_option: ConditionOption::GreaterThan,
            condition_value: 0,
            risk: Risk::High,
            aggregate: RiskFunction::Max,
        },
        taxonomy: Default::default(),
        incident_ownership: Default::default(),
        incident_display_data: Default::default(),
        foureyes: Default::default(),
    }
}

pub(crate) fn email() -> EmailNotification {
    EmailNotification {
        enabled: true,
        recipients: vec!["soc@example.org".to_owned()],
        subject: "{{ rule_name }}".to_owned(),
        template: "<b>{{ rows }}</b>".to_owned(),
        dispatch: DispatchOption::Auto,
        disable_search_link: false,
        simple_view: true,
        logo_enable: false,
        logo_type: String::new(),
        logo: String::new(),
        threshold: Some(Threshold {
            value: 3,
            unit: ThresholdUnit::Hour,
        }),
    }
}

pub(crate) fn http(auth: HttpAuth) -> HttpNotification {
    HttpNotification {
        enabled: true,
        url: SecretString::new("https://hooks.example.org/T-urlsecret"),
        protocol: "HTTPS".to_owned(),
        method: HttpMethod::Post,
        query_string: "a={{ rule_name }}".to_owned(),
        format_query: "json".to_owned(),
        body: "{{ rows }}".to_owned(),
        auth,
        dispatch: DispatchOption::Auto,
        threshold: None,
    }
}

pub(crate) fn evaluation(rule: ObjectId, secs: i64) -> Evaluation {
    Evaluation {
        rule_id: rule,
        mode: EvaluationMode::Scheduled,
        slot_end: at(secs),
        evaluated_at: at(secs + 1),
        rows: 2,
        verdict: Verdict::Quiet,
        duration_us: 77,
        error: None,
    }
}

pub(crate) fn delivery(n: u64, incident: ObjectId, rule: ObjectId, due: i64) -> Delivery {
    Delivery {
        id: id(n),
        incident_id: incident,
        rule_id: rule,
        channel: Channel::Http,
        state: DeliveryState::Pending,
        attempts: 0,
        due_at: at(due),
        last_error: String::new(),
        created_at: at(due),
        finished_at: None,
    }
}

/// A firing of `rule` in the slot that ends at `slot`, with one delivery due then.
pub(crate) fn firing(n: u64, rule: ObjectId, slot: i64) -> Firing {
    let row = serde_json::json!({"user": "root", "cnt": 5});
    let incident = Incident {
        id: id(n),
        rule_id: rule,
        slot_end: at(slot),
        name: "rule".to_owned(),
        description: String::new(),
        owner: id(OWNER),
        assignee: None,
        risk: Risk::High,
        status: IncidentStatus::Unresolved,
        query: "label=Fail".to_owned(),
        repos: Vec::new(),
        window_from: at(slot - 600),
        window_to: at(slot),
        detected_at: at(slot),
        rows_count: 1,
        rows: vec![row.as_object().unwrap().clone()],
        comments: Vec::new(),
        throttle_enabled: false,
        taxonomy: Default::default(),
    };
    Firing {
        deliveries: vec![delivery(1_000_000 + n, incident.id, rule, slot)],
        evaluation: Evaluation {
            verdict: Verdict::Fired,
            ..evaluation(rule, slot)
        },
        state: RuleState {
            last_fired_slot: Some(at(slot)),
            ..RuleState::default()
        },
        incident,
    }
}

pub(crate) fn commit(firings: Vec<Firing>) -> FiringCommit {
    FiringCommit {
        firings,
        cursor: None,
    }
}

pub(crate) fn told(action: &str) -> AuditEntry {
    AuditEntry {
        at: at(0),
        actor: "root".to_owned(),
        address: "192.0.2.7".to_owned(),
        action: action.to_owned(),
        detail: String::new(),
    }
}

/// Runs statements on a file that no catalog need have made.
pub(crate) async fn run_sql(path: &Path, statements: impl Into<String>) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let statements = sqlx::AssertSqlSafe(statements.into());
    sqlx::raw_sql(statements).execute(&pool).await.unwrap();
    pool.close().await;
}
