//! Searches while events arrive and move to files.

use crate::{Home, START, event, request};
use cresset_model::Duration;
use cresset_search::{FlusherSettings, SearchSettings, Searcher};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_acknowledged_event_is_found_once() {
    let home = Home::new();
    let small = FlusherSettings {
        max_bytes: 10_000,
        ..FlusherSettings::default()
    };
    let server = Arc::new(home.start_with(&[], small, SearchSettings::default()).await);
    let acknowledged = Arc::new(AtomicI64::new(0));
    let over = Arc::new(AtomicBool::new(false));

    let sender = tokio::spawn({
        let (server, acknowledged, over) = (server.clone(), acknowledged.clone(), over.clone());
        async move {
            for _ in 0..400 {
                let first = acknowledged.load(Ordering::SeqCst);
                let batch = (first..first + 5).map(|n| event(n, START + Duration::seconds(n % 7)));
                server.append("r", batch.collect()).await;
                acknowledged.store(first + 5, Ordering::SeqCst);
            }
            over.store(true, Ordering::SeqCst);
        }
    });
    let flusher = tokio::spawn({
        let (server, over) = (server.clone(), over.clone());
        async move {
            while !over.load(Ordering::SeqCst) {
                server.flusher.flush_now().await.unwrap();
            }
        }
    });
    while !over.load(Ordering::SeqCst) {
        let before = acknowledged.load(Ordering::SeqCst);
        let found = server
            .searcher
            .matching(request(""), usize::MAX)
            .await
            .unwrap();
        let numbers: HashSet<i64> = found
            .iter()
            .map(|e| e.event.get("n").unwrap().number().unwrap() as i64)
            .collect();
        assert_eq!(numbers.len(), found.len(), "an event was found twice");
        assert!(
            (0..before).all(|n| numbers.contains(&n)),
            "an event was not found"
        );
    }
    sender.await.unwrap();
    flusher.await.unwrap();
}
