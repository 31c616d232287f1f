//! A rule that feeds a list, and one that looks into it.

use crate::rules::{Happening, compiled, spec};
use crate::server::{Server, settings, wait_for};
use cresset_catalog::port::Lists;
use cresset_detect::schedule::Span;
use cresset_model::incident::Verdict;
use cresset_model::{Duration, ObjectId, Timestamp};
use cresset_query::NoLists;
use cresset_search::{ListFeeder, Searcher};
use std::sync::Arc;

/// On a boundary of 10 minutes.
const T0: i64 = 1_700_000_400;
const FEED: &str = "host=web | chart count() as cnt by user | search cnt>=2 \
    | process toList(SUSPECTS, user)";

fn at(offset: i64, user: &'static str, host: &'static str) -> Happening {
    Happening {
        host: Some(host),
        ..Happening::of(T0 + offset, user)
    }
}

fn feeder(server: &Server) -> Arc<dyn Searcher> {
    Arc::new(ListFeeder::new(
        server.searcher.clone(),
        server.catalog.clone(),
        server.clock.clone(),
    ))
}

/// Makes the list, whose values go after half an hour.
async fn create_list(server: &Server) {
    let (id, now) = (ObjectId::from_bytes([7; 12]), server.now());
    let created = server.catalog.put_dynamic_list(id, "SUSPECTS", 30, now);
    created.await.unwrap();
}

async fn suspects(server: &Server) -> Vec<String> {
    let values = server.catalog.list_values("SUSPECTS").await.unwrap();
    values.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_feeds_a_list_and_another_sees_it_until_it_expires() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    create_list(&server).await;
    let feeds = server.rule("feeds the list", spec(FEED, 10, 10)).await;
    let looks = spec("host=db user IN SUSPECTS", 10, 10);
    let looks = server.rule("looks into the list", looks).await;
    let running = server.detect_with(feeder(&server), settings());

    server
        .append(&[
            at(1, "ann", "web"),
            at(2, "bob", "web"),
            at(3, "ann", "web"),
            at(4, "ann", "db"),
        ])
        .await;
    server.seen().await;
    assert!(suspects(&server).await.is_empty());
    assert_eq!(server.fired(looks).await, 0, "nobody is a suspect yet");

    server.clock.set(Timestamp::from_secs(T0 + 620));
    server.evaluated(feeds, T0 + 600).await;
    assert_eq!(suspects(&server).await, ["ann"]);
    server
        .append(&[at(630, "bob", "db"), at(631, "ANN", "db")])
        .await;
    server.seen().await;
    wait_for("the second rule to fire", async || {
        server.fired(looks).await == 1
    })
    .await;

    // Half an hour without a word of ann.
    server
        .append(&[at(2_450, "bob", "web"), at(2_451, "ann", "db")])
        .await;
    server.seen().await;
    assert!(suspects(&server).await.is_empty());
    assert_eq!(server.fired(looks).await, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_without_its_list_fails_and_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    let feeds = server.rule("feeds the list", spec(FEED, 10, 10)).await;
    let running = server.detect_with(feeder(&server), settings());
    server
        .append(&[at(1, "ann", "web"), at(2, "ann", "web")])
        .await;
    server.clock.set(Timestamp::from_secs(T0 + 620));
    let failed = async || {
        let made = server.evaluations(feeds).await;
        let told = |e: &str| e.contains("the list SUSPECTS, which does not exist");
        made.iter()
            .any(|e| e.verdict == Verdict::Failed && e.error.as_deref().is_some_and(told))
    };
    wait_for("a failure to be recorded", failed).await;
    create_list(&server).await;
    let fed = async || {
        server.clock.advance(Duration::seconds(5));
        suspects(&server).await == ["ann"]
    };
    wait_for("the slot to be made up for", fed).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backtest_feeds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    create_list(&server).await;
    server
        .append(&[at(1, "ann", "web"), at(2, "ann", "web")])
        .await;
    let rule = compiled(spec(FEED, 10, 10));
    let span = Span {
        from: Timestamp::from_secs(T0),
        to: Timestamp::from_secs(T0 + 600),
    };
    let (searcher, timeout) = (feeder(&server), Duration::seconds(10));
    let run = cresset_detect::history::backtest(&*searcher, &NoLists, &rule, span, timeout, 100);
    assert_eq!(run.await.unwrap().firings.len(), 1);
    assert!(suspects(&server).await.is_empty());
}
