//! Deletions by a filter: from files, from the tail and from the event log's segments.

use crate::{Home, START, Server, event, request};
use cresset_catalog::port::{AuditEntry, Files as _, Users as _};
use cresset_eventlog::EventLog as _;
use cresset_model::{Clock, Duration, Event, Timestamp};
use cresset_search::{
    DeleteProgress, DeleteRequest, Deleted, Deleter, Deletion, DeletionState, Deletions, Mandate,
    NotAFilter, Searcher as _, filter_alone,
};
use std::path::Path;
use std::sync::Arc;

impl Server {
    fn deleter(&self) -> Deleter {
        Deleter::new(
            self.catalog.clone(),
            self.store.clone(),
            self.log.clone(),
            self.lists.clone(),
            self.flusher.clone(),
            Duration::seconds(1),
        )
    }

    async fn delete(&self, request: &DeleteRequest) -> Deleted {
        let (deleter, progress) = (self.deleter(), DeleteProgress::default());
        deleter.run(request, &progress).await.unwrap()
    }

    /// The values of `n` that a search finds, in order.
    async fn numbers(&self) -> Vec<i64> {
        let rows = self.searcher.run(request("n=*")).await.unwrap().rows;
        let number = |row: &cresset_query::ResultRow| {
            let (_, value) = row.fields.iter().find(|(name, _)| name.as_str() == "n")?;
            value.text().parse().ok()
        };
        let mut numbers: Vec<i64> = rows.iter().map(|row| number(row).unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }
}

fn doomed(query: &str, repos: &[&str]) -> DeleteRequest {
    DeleteRequest {
        plan: filter_alone(cresset_query::compile(query).unwrap()).unwrap(),
        repos: repos.iter().map(|repo| (*repo).to_owned()).collect(),
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        timezone: "UTC".to_owned(),
        dry_run: false,
    }
}

/// Whether any file below the folder has these bytes.
fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).any(|w| w == text.as_bytes())
    })
}

#[test]
fn only_a_filter_says_what_to_delete() {
    let check = |query: &str, expect: Option<NotAFilter>| {
        let found = filter_alone(cresset_query::compile(query).unwrap());
        assert_eq!(found.err(), expect, "{query}");
    };
    check("user=alice", None);
    check("*", None);
    check("user=alice or msg=*alice*", None);
    check("", Some(NotAFilter::Empty));
    check("  ", Some(NotAFilter::Empty));
    for query in [
        "user=alice | search x=1",
        "user=alice | chart count()",
        "| fields user",
        "[user=alice] as a followed by [user=bob] as b on a.x=b.x",
    ] {
        check(query, Some(NotAFilter::Commands));
    }
}

#[tokio::test]
async fn what_meets_the_filter_goes_from_files_tail_and_log() {
    let home = Home::new();
    let server = home.start().await;
    let numbered = |n: i64| event(n, START + Duration::minutes(n));
    for n in 0..3 {
        let events = (n * 10..n * 10 + 10).map(numbered).collect();
        server.append("web", events).await;
        if n < 2 {
            server.flusher.flush_now().await.unwrap();
        }
    }
    let mut secret = numbered(30);
    secret.set("msg", "a secret of alice");
    secret.set("parity", "odd");
    server.append("web", vec![secret]).await;
    server.append("mail", vec![numbered(31)]).await;

    let mut odd = doomed("parity=odd", &["web"]);
    odd.from = START + Duration::minutes(4);
    odd.dry_run = true;
    let counted = server.delete(&odd).await;
    // 5, 7, … 29 and 30.
    assert_eq!((counted.events, counted.files), (14, 3));
    assert_eq!(server.numbers().await.len(), 32, "it only counts");
    odd.dry_run = false;
    assert!(holds(home.folder.path(), "a secret of alice"));
    let deleted = server.delete(&odd).await;
    let expect = Deleted {
        events: 14,
        files: 3,
        ..Deleted::default()
    };
    assert_eq!(deleted, expect);
    let left: Vec<i64> = (0..30)
        .filter(|n| n % 2 == 0 || *n < 5)
        .chain([31])
        .collect();
    assert_eq!(server.numbers().await, left);
    assert!(!holds(
        &home.folder.path().join("events"),
        "a secret of alice"
    ));
    assert!(!holds(&home.folder.path().join("log"), "a secret of alice"));
    assert_eq!(
        server.delete(&odd).await,
        Deleted::default(),
        "nothing is left to do"
    );

    // As a start finds it.
    server.stop().await;
    let server = home.start().await;
    assert_eq!(server.numbers().await, left);
    assert_eq!(
        server.delete(&doomed("*", &["web", "mail"])).await.events,
        18
    );
    assert_eq!(server.numbers().await, [0_i64; 0]);
    server.stop().await;
}

#[tokio::test]
async fn compaction_while_events_are_deleted_changes_nothing() {
    let home = Home::new();
    let server = home.start().await;
    for n in 0..60 {
        server
            .append(
                "web",
                (n * 10..n * 10 + 10).map(|n| event(n, START)).collect(),
            )
            .await;
        server.flusher.flush_now().await.unwrap();
    }
    home.clock.advance(Duration::hours(1));
    let compact = async {
        let mut files = 0;
        for _ in 0..40 {
            files += server.store.compact().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        files
    };
    let odd = doomed("parity=odd", &["web"]);
    let (deleted, compacted) = tokio::join!(server.delete(&odd), compact);
    assert!(compacted > 0);
    assert_eq!(deleted.events, 300);
    let even: Vec<i64> = (0..600).step_by(2).collect();
    assert_eq!(server.numbers().await, even);
    server.stop().await;
}

#[tokio::test]
async fn it_waits_for_readers_and_says_what_is_left() {
    let home = Home::new();
    let server = home
        .start_with(
            &["slow"],
            cresset_search::FlusherSettings::default(),
            cresset_search::SearchSettings::default(),
        )
        .await;
    server
        .append("web", vec![event(1, START), event(2, START)])
        .await;
    let reading = server.store.reading();
    let deleted = server.delete(&doomed("n=1", &["web"])).await;
    assert_eq!((deleted.files_waiting, deleted.log_waiting), (1, true));
    drop(reading);
    let head = *server.log.head().borrow();
    server.catalog.set_cursor("slow", head).await.unwrap();
    let again = server.delete(&doomed("n=1", &["web"])).await;
    assert_eq!(again, Deleted::default());
    assert!(!holds(&home.folder.path().join("log"), "event number"));
    server.stop().await;
}

#[tokio::test]
async fn the_audit_log_tells_who_deleted_what_and_why() {
    let home = Home::new();
    let server = home.start().await;
    server
        .append("web", vec![event(1, START), event(2, START)])
        .await;
    let clock: Arc<dyn Clock> = home.clock.clone();
    let deletions = Deletions::new(
        server.deleter(),
        server.catalog.clone(),
        clock,
        home.entropy.clone(),
    );
    let mandate = Mandate {
        actor: "root".to_owned(),
        address: "192.0.2.1".to_owned(),
        reason: "asked for".to_owned(),
    };
    let ended = async |deletion: Deletion| {
        loop {
            let found = deletions.get(deletion.id).unwrap();
            if !matches!(found.state, DeletionState::Running) {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let mut which = doomed("n=1", &["web"]);
    (which.from, which.to) = (Timestamp(START.0 - 1), START);
    which.dry_run = true;
    ended(deletions.start(which.clone(), mandate.clone()).unwrap()).await;
    assert!(server.catalog.audit_entries(9).await.unwrap().is_empty());
    which.dry_run = false;
    let done = ended(deletions.start(which, mandate).unwrap()).await;
    assert!(matches!(
        done.state,
        DeletionState::Done(Deleted { events: 1, .. })
    ));
    let told: Vec<AuditEntry> = server.catalog.audit_entries(9).await.unwrap();
    let what = format!(
        "deletion {}, repos web, from 2026-01-01T00:00:00Z to 2026-01-01T00:00:00Z, \
         reason: asked for, query: n=1",
        done.id
    );
    assert_eq!(told[0].detail, format!("1 events deleted; {what}"));
    assert_eq!(told[1].detail, what);
    let actions = told.iter().map(|entry| entry.action.as_str());
    assert!(actions.eq(["events_deleted", "events_deletion_begun"]));
    assert!(
        told.iter()
            .all(|e| e.actor == "root" && e.address == "192.0.2.1")
    );
    server.stop().await;
}

#[tokio::test]
async fn events_that_arrive_meanwhile_stay() {
    let home = Home::new();
    let server = home.start().await;
    server.append("web", vec![event(1, START)]).await;
    let deleter = server.deleter();
    let (request, progress) = (doomed("*", &["web"]), DeleteProgress::default());
    let mut run = Box::pin(deleter.run(&request, &progress));
    // Begun, but not far.
    let begun = tokio::time::timeout(std::time::Duration::ZERO, &mut run).await;
    assert!(begun.is_err());
    server.append("web", vec![event(2, START)]).await;
    assert_eq!(run.await.unwrap().events, 1);
    assert_eq!(server.numbers().await, [2]);
    let plain = |e: &Event| e.msg().into_owned();
    assert!(
        server
            .log
            .read(0, 9)
            .iter()
            .all(|e| plain(&e.event) == "event number 2")
    );
    server.stop().await;
}
