use super::*;
use cresset_catalog::port::{AuditEntry, FlushCommit, RefusedRequest};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_eventlog::{LocalLog, LocalLogConfig};
use cresset_model::SecretString;
use cresset_model::clock::ManualClock;
use std::path::Path;
use tempfile::TempDir;

struct Site {
    dir: TempDir,
    catalog: Arc<dyn Catalog>,
    clock: Arc<ManualClock>,
}

impl Site {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let path = dir.path().join("catalog.db");
        Self {
            catalog: Arc::new(SqliteCatalog::open(&path, sealer).await.unwrap()),
            dir,
            clock: Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000))),
        }
    }

    fn log(&self, name: &str) -> Arc<LocalLog> {
        log(&self.dir.path().join(name))
    }

    async fn feed(&self, log: &Arc<LocalLog>) -> AuditFeed {
        let (catalog, clock) = (Arc::clone(&self.catalog), Arc::clone(&self.clock));
        let log = Arc::clone(log) as Arc<dyn EventLog>;
        AuditFeed::resume(catalog, log, clock, "here")
            .await
            .unwrap()
    }

    async fn write(&self, count: i64) {
        for n in 0..count {
            self.catalog.audit(entry(n)).await.unwrap();
        }
    }
}

fn log(dir: &Path) -> Arc<LocalLog> {
    Arc::new(LocalLog::open(LocalLogConfig::new(dir), 0, Vec::new()).unwrap())
}

fn entry(n: i64) -> AuditEntry {
    AuditEntry {
        at: Timestamp::from_secs(1_700_000_000 + n),
        actor: "ann".to_owned(),
        address: "192.0.2.7".to_owned(),
        action: "rule_created".to_owned(),
        detail: n.to_string(),
    }
}

fn ids(log: &LocalLog) -> Vec<i64> {
    let events = log.read(0, 100_000);
    let id = |event: &Event| event.get("audit_id").unwrap().number().unwrap() as i64;
    events.iter().map(|logged| id(&logged.event)).collect()
}

#[tokio::test]
async fn every_entry_becomes_one_event_with_its_head() {
    let site = Site::new().await;
    let log = site.log("log");
    let mut feed = site.feed(&log).await;
    assert!(!feed.turn().await);
    assert!(ids(&log).is_empty());
    site.write(2).await;
    assert!(!feed.turn().await);
    let request = RefusedRequest {
        method: "GET".to_owned(),
        path: "/x".to_owned(),
    };
    let refused = AuditEntry {
        actor: String::new(),
        ..entry(9)
    };
    site.catalog.audit_refused(refused, &request).await.unwrap();
    assert!(!feed.turn().await);
    assert!(!feed.turn().await);
    assert_eq!(ids(&log), [1, 2, 3]);

    let events = log.read(0, 9);
    assert!(events.iter().all(|logged| &*logged.repo == OWN_REPO));
    let event = &events[1].event;
    assert_eq!(event.log_ts, Timestamp::from_secs(1_700_000_001));
    assert_eq!(event.col_ts, site.clock.now());
    let field = |name: &str| event.get(name).map(|value| value.text().into_owned());
    for (name, value) in [
        ("type", "audit"),
        ("actor", "ann"),
        ("address", "192.0.2.7"),
        ("action", "rule_created"),
        ("detail", "1"),
        ("device_name", "here"),
        ("msg", "audit 2: rule_created by ann from 192.0.2.7: 1"),
    ] {
        assert_eq!(field(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(field("method"), None);
    let (first, _) = site.catalog.audit_block_after(0).await.unwrap().unwrap();
    assert_eq!(field("head"), Some(first.hash.to_string()));
    let head = site.catalog.audit_head().await.unwrap().unwrap();
    let last = &events[2].event;
    assert_eq!(last.get("head").unwrap().text(), head.hash.to_string());
    assert_eq!(last.get("path").unwrap().text(), "/x");
    assert_eq!(
        last.msg(),
        "audit 3: rule_created from 192.0.2.7 for GET /x: 9"
    );
}

/// The crash that matters: the events are stored, the place has not moved.
#[tokio::test]
async fn a_crash_before_the_place_moves_repeats_nothing() {
    let site = Site::new().await;
    let log = site.log("log");
    site.write(700).await;
    let mut feed = site.feed(&log).await;
    while feed.turn().await {}
    let expected: Vec<i64> = (1..=700).collect();
    assert_eq!(ids(&log), expected);
    for place in [0, 256, 512] {
        site.catalog.set_cursor(PLACE, place).await.unwrap();
        let mut feed = site.feed(&log).await;
        while feed.turn().await {}
        assert_eq!(ids(&log), expected, "from {place}");
        assert_eq!(site.catalog.cursor(PLACE).await.unwrap(), 700);
    }
}

/// As before, but the server stood still until the event log had forgotten the key.
#[tokio::test]
async fn a_key_that_only_the_catalog_remembers_is_enough() {
    let site = Site::new().await;
    site.write(5).await;
    let before = site.log("before");
    let mut feed = site.feed(&before).await;
    assert!(!feed.turn().await);
    let keys = before.batch_keys(0).into_iter();
    let stored = FlushCommit {
        files: Vec::new(),
        flushed_to: 5,
        batch_keys: keys
            .map(|(repo, key, first, count)| (repo, key, first, count, Timestamp(0)))
            .collect(),
    };
    site.catalog.register_flush(stored).await.unwrap();
    site.catalog.set_cursor(PLACE, 0).await.unwrap();
    site.write(1).await;
    let after = site.log("after");
    let mut feed = site.feed(&after).await;
    assert!(!feed.turn().await);
    assert_eq!(ids(&after), [6]);
}

#[tokio::test]
async fn a_closed_event_log_holds_entries_up_but_not_the_chain() {
    let site = Site::new().await;
    let log = site.log("log");
    let mut feed = site.feed(&log).await;
    log.close().await;
    site.write(3).await;
    assert!(!feed.turn().await);
    assert!(feed.failing);
    let verdict = site.catalog.verify_audit(None).await.unwrap();
    assert_eq!((verdict.entries, verdict.waiting), (3, 0));
    assert_eq!(site.catalog.cursor(PLACE).await.unwrap(), 0);
    let mut feed = site.feed(&site.log("again")).await;
    assert!(!feed.turn().await);
    assert_eq!(site.catalog.cursor(PLACE).await.unwrap(), 3);
}

/// Waits until the place is `last`.
async fn told_up_to(site: &Site, last: u64) {
    for _ in 0..2000 {
        if site.catalog.cursor(PLACE).await.unwrap() == last {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("told up to {}", site.catalog.cursor(PLACE).await.unwrap());
}

#[tokio::test]
async fn a_long_history_is_worked_off_with_pauses_that_a_stop_ends() {
    let site = Site::new().await;
    let log = site.log("log");
    site.write(700).await;
    let paced = async |least_pause| {
        let mut feed = site.feed(&log).await;
        feed.pace = Pace {
            blocks: 1,
            least_pause,
        };
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(feed.run(stopped)))
    };
    let (stop, running) = paced(Duration::from_hours(1)).await;
    told_up_to(&site, 256).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(site.catalog.cursor(PLACE).await.unwrap(), 256);
    stop.send_replace(true);
    let ended = tokio::time::timeout(Duration::from_secs(5), running).await;
    assert_eq!(ended.unwrap().unwrap().told, 256);

    let (stop, running) = paced(Duration::from_millis(1)).await;
    told_up_to(&site, 700).await;
    stop.send_replace(true);
    running.await.unwrap();
    assert_eq!(ids(&log), (1..=700).collect::<Vec<i64>>());
}
