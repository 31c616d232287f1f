//! The way from the log to files.

use crate::{Home, START, Server, event, request};
use cresset_catalog::port::Files;
use cresset_eventlog::{Batch, EventLog};
use cresset_model::{Duration, Timestamp};
use cresset_search::{FlusherSettings, SearchSettings, Searcher};
use cresset_store::STORE_CURSOR;
use std::sync::Arc;
use tokio::sync::watch;

async fn files(server: &Server) -> u64 {
    let files = server
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    files.iter().map(|f| f.rows).sum()
}

#[tokio::test]
async fn large_tails_become_several_files() {
    let home = Home::new();
    let small = FlusherSettings {
        max_bytes: 10_000,
        ..FlusherSettings::default()
    };
    let server = home.start_with(&[], small, SearchSettings::default()).await;
    server
        .append("r", (0..200).map(|n| event(n, START)).collect())
        .await;
    let flushed = server.flusher.flush_now().await.unwrap();
    assert_eq!((flushed.events, flushed.upto), (200, 200));
    assert!(flushed.files > 3, "{flushed:?}");
    assert_eq!(server.flusher.flush_now().await.unwrap().events, 0);
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 200);
}

#[tokio::test]
async fn the_log_keeps_what_another_consumer_needs() {
    let home = Home::new();
    let server = home
        .start_with(
            &["detect"],
            FlusherSettings::default(),
            SearchSettings::default(),
        )
        .await;
    server
        .append("r", (0..10).map(|n| event(n, START)).collect())
        .await;
    server.flusher.flush_now().await.unwrap();
    assert_eq!(server.log.read(0, 100).len(), 10);
    server.catalog.set_cursor("detect", 7).await.unwrap();
    server.flusher.flush_now().await.unwrap();
    assert_eq!(server.log.read(7, 100).len(), 3);
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 10);
    server.catalog.set_cursor("detect", 10).await.unwrap();
    server.flusher.flush_now().await.unwrap();
    assert!(server.log.read(0, 100).is_empty());
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 10);
}

#[tokio::test]
async fn a_batch_sent_again_after_its_flush_and_a_restart_is_stored_once() {
    let home = Home::new();
    // So small that the batch is spread over files.
    let small = FlusherSettings {
        max_bytes: 1_000,
        ..FlusherSettings::default()
    };
    let batch = || Batch {
        repo: "r".into(),
        key: Some("once".into()),
        events: Arc::new((0..20).map(|n| event(n, START)).collect()),
    };
    let server = home.start_with(&[], small, SearchSettings::default()).await;
    server.append("r", vec![event(100, START)]).await;
    server.log.append(batch()).await.unwrap();
    server.flusher.flush_now().await.unwrap();
    assert!(server.log.append(batch()).await.unwrap().duplicate);
    server.stop().await;

    let server = home.start_with(&[], small, SearchSettings::default()).await;
    let again = server.log.append(batch()).await.unwrap();
    assert!(again.duplicate);
    assert_eq!((again.first_seq, again.count), (2, 20));
    server.flusher.flush_now().await.unwrap();
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 21);
    // Keys are forgotten in the end.
    home.clock.advance(Duration::days(3));
    server.flusher.flush_now().await.unwrap();
    assert!(
        server
            .catalog
            .batch_keys(Timestamp::MIN)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_failed_flush_loses_nothing_and_is_repeated() {
    let home = Home::new();
    let server = home.start().await;
    let obstacle = home.events().join("r");
    std::fs::write(&obstacle, b"not a folder").unwrap();
    server
        .append("r", (0..10).map(|n| event(n, START)).collect())
        .await;
    assert!(server.flusher.flush_now().await.is_err());
    assert_eq!(server.catalog.cursor(STORE_CURSOR).await.unwrap(), 0);
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 10);
    std::fs::remove_file(&obstacle).unwrap();
    assert_eq!(server.flusher.flush_now().await.unwrap().events, 10);
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 10);
}

#[tokio::test]
async fn the_task_flushes_by_age_by_size_and_at_the_end() {
    let home = Home::new();
    let settings = FlusherSettings {
        max_age: Duration::millis(50),
        max_bytes: 1 << 20,
        ..FlusherSettings::default()
    };
    let server = home
        .start_with(&[], settings, SearchSettings::default())
        .await;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(server.flusher.clone().run(stopped));
    server.append("r", vec![event(0, START)]).await;
    while files(&server).await < 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    while !server.log.read(0, 1).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    stop.send(true).unwrap();
    task.await.unwrap();

    let settings = FlusherSettings {
        max_age: Duration::hours(1),
        max_bytes: 5_000,
        ..settings
    };
    server.stop().await;
    let server = home
        .start_with(&[], settings, SearchSettings::default())
        .await;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(server.flusher.clone().run(stopped));
    server
        .append("r", (1..50).map(|n| event(n, START)).collect())
        .await;
    while files(&server).await < 50 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    server.append("r", vec![event(50, START)]).await;
    stop.send(true).unwrap();
    task.await.unwrap();
    assert_eq!(files(&server).await, 51);
}

#[tokio::test]
async fn what_is_in_files_leaves_the_log_although_the_rest_cannot_follow() {
    let home = Home::new();
    let small = FlusherSettings {
        max_bytes: 2_000,
        ..FlusherSettings::default()
    };
    let server = home.start_with(&[], small, SearchSettings::default()).await;
    server
        .append("r", (0..20).map(|n| event(n, START)).collect())
        .await;
    server.append("blocked", vec![event(20, START)]).await;
    std::fs::write(home.events().join("blocked"), b"not a folder").unwrap();
    assert!(server.flusher.flush_now().await.is_err());
    let stored = server.catalog.cursor(STORE_CURSOR).await.unwrap();
    assert!((1..21).contains(&stored), "{stored}");
    let left = server.log.read(0, 100);
    assert_eq!(left.first().map(|e| e.seq), Some(stored + 1));
    assert_eq!(left.last().map(|e| e.seq), Some(21));
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 21);
}

#[tokio::test]
async fn numbers_without_events_are_not_waited_for() {
    let home = Home::new();
    let server = home.start().await;
    server.append("r", vec![event(0, START)]).await;
    server.stop().await;
    // A torn end, as after a power failure: what it held cannot be told.
    let log = home.folder.path().join("log");
    let mut segments: Vec<_> = std::fs::read_dir(log)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    segments.retain(|p| p.extension().is_some_and(|e| e == "log"));
    let newest = segments.iter().max().unwrap();
    let content = [std::fs::read(newest).unwrap(), vec![0xff; 300]].concat();
    std::fs::write(newest, content).unwrap();

    let server = home.start().await;
    let head = *server.log.head().borrow();
    assert!(head > 1, "{head}");
    let flushed = server.flusher.flush_now().await.unwrap();
    assert_eq!((flushed.events, flushed.upto), (1, head));
    server.append("r", vec![event(1, START)]).await;
    assert_eq!(server.flusher.flush_now().await.unwrap().events, 1);
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 2);
}
