//! Rows before a search has ended, and searches that go on behind a row.

use crate::{Home, START, Server, event, request};
use cresset_model::{Duration, Event};
use cresset_query::ResultRow;
use cresset_search::{Progress, SearchRequest, Searcher};
use std::sync::Arc;

/// Sixty events in three overlapping files, two repos and the tail; five of each second.
async fn filled(home: &Home) -> Server {
    let server = home.start().await;
    let events = |part: i64| -> Vec<Event> {
        let at = |n: i64| START + Duration::seconds((n * 7 + part) % 12);
        (part * 15..part * 15 + 15)
            .map(|n| event(n, at(n)))
            .collect()
    };
    for part in 0..4 {
        let repo = if part % 2 == 0 { "even" } else { "odd" };
        server.append(repo, events(part)).await;
        if part < 3 {
            server.flusher.flush_now().await.unwrap();
        }
    }
    server
}

async fn run(
    server: &Server,
    request: SearchRequest,
    progress: Progress,
) -> (Vec<ResultRow>, Arc<Progress>) {
    let progress = Arc::new(progress);
    let found = server.searcher.run_watched(request, Arc::clone(&progress));
    (found.await.unwrap().rows, progress)
}

#[tokio::test]
async fn pages_are_the_whole_result_whatever_comes_meanwhile() {
    for query in ["", "parity=odd", "| fields n", "n<3", "n=nothing"] {
        let home = Home::new();
        let server = filled(&home).await;
        for limit in [1, 2, 7, 15, 60, 61] {
            let expected = server.searcher.run(request(query)).await.unwrap();
            let late = server.searcher.run(request("-n=*")).await.unwrap().total;
            let mut first = request(query);
            first.limit = limit;
            let (mut all, mut progress) = run(&server, first.clone(), Progress::with_rows()).await;
            let counts = progress.counts();
            assert_eq!(counts.found, expected.total, "{query}");
            assert_eq!((counts.files, counts.files_done), (3, 3));
            assert_eq!((counts.events, counts.events_done), (60 + late, 60 + late));
            let mut of_page = all.len();
            while of_page == limit {
                let after = progress.last().unwrap();
                // In between, and in the moment at which the page begins.
                let late = Event::new(after.at, START);
                server.append("late", vec![late]).await;
                let mut next = first.clone();
                next.to = after.at;
                next.up_to_seq = Some(progress.up_to_seq());
                let page;
                (page, progress) = run(&server, next, Progress::of_page_after(after)).await;
                assert!(page.len() <= limit);
                of_page = page.len();
                all.extend(page);
            }
            assert!(all == expected.rows, "{query:?} by {limit}");
        }
    }
}

#[tokio::test]
async fn rows_are_there_before_the_search_has_ended() {
    let home = Home::new();
    let server = home.start().await;
    // Hours of work, in the oldest file.
    let mut slow = event(0, START);
    slow.set("msg", "a".repeat(1 << 20));
    server.append("main", vec![slow]).await;
    server.flusher.flush_now().await.unwrap();
    let newer = (1..10)
        .map(|n| event(n, START + Duration::hours(n)))
        .collect();
    server.append("main", newer).await;
    server.flusher.flush_now().await.unwrap();
    server
        .append("main", vec![event(10, START + Duration::hours(10))])
        .await;
    let terms: Vec<String> = (0..300)
        .map(|n| format!("msg=*{}?b{n}*", "a".repeat(64)))
        .collect();
    let mut request = request(&format!("n>0 or {}", terms.join(" or ")));
    request.limit = 100;
    let progress = Arc::new(Progress::with_rows());
    let (searcher, seen) = (server.searcher.clone(), Arc::clone(&progress));
    let running = tokio::spawn(async move { searcher.run_watched(request, seen).await.is_ok() });
    let numbers = |rows: Vec<ResultRow>| -> Vec<String> {
        let number = |row: &ResultRow| row.value("n").unwrap().text().into_owned();
        rows.iter().map(number).collect()
    };
    let rows = async {
        loop {
            let rows = progress.rows(0, 100);
            if rows.len() >= 10 {
                return numbers(rows);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let rows = tokio::time::timeout(std::time::Duration::from_secs(30), rows)
        .await
        .unwrap();
    assert!(!running.is_finished(), "the search was too quick to tell");
    assert_eq!(rows, ["10", "9", "8", "7", "6", "5", "4", "3", "2", "1"]);
    assert_eq!(numbers(progress.rows(8, 5)), ["2", "1"]);
    running.abort();
}
