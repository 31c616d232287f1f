//! Whatever happens between, a search finds each acknowledged event exactly once.

use crate::{Home, START, Server, event, request};
use cresset_catalog::port::Files;
use cresset_eventlog::EventLog;
use cresset_model::{Duration, Event, Timestamp};
use cresset_search::{Flushed, FlusherSettings, SearchSettings, Searcher};
use cresset_store::STORE_CURSOR;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    /// Events of one repo with these times in seconds after the start.
    Append(usize, Vec<i64>),
    Flush,
    /// A flush is dropped after so many milliseconds, wherever it is.
    Interrupt(u64),
    /// Another consumer catches up.
    Consume,
    /// Files are written but the process dies before they are registered.
    DieWhileFlushing,
    /// The process dies.
    Die,
    Search,
}

const REPOS: [&str; 3] = ["default", "web", "db"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let times = prop_oneof![4 => 0_i64..100, 1 => -9_000_000_i64..9_000_000];
    let append = (0..REPOS.len(), prop::collection::vec(times, 1..20));
    let step = prop_oneof![
        5 => append.prop_map(|(repo, times)| Step::Append(repo, times)),
        2 => Just(Step::Flush),
        1 => (0_u64..12).prop_map(Step::Interrupt),
        1 => Just(Step::Consume),
        1 => Just(Step::DieWhileFlushing),
        1 => Just(Step::Die),
        2 => Just(Step::Search),
    ];
    prop::collection::vec(step, 1..25)
}

/// What was acknowledged: repo and event.
type Model = Vec<(usize, Event)>;

async fn start(home: &Home) -> Server {
    let small = FlusherSettings {
        max_bytes: 3_000,
        ..FlusherSettings::default()
    };
    home.start_with(&["other"], small, SearchSettings::default())
        .await
}

async fn check(server: &Server, model: &Model, repo: Option<usize>, range: (i64, i64)) {
    let mut request = request("");
    (request.from, request.to) = (at(range.0), at(range.1));
    request.repos = repo.map(|r| REPOS[r].to_owned()).into_iter().collect();
    let inside = |e: &Event| e.log_ts > request.from && e.log_ts <= request.to;
    let mut expect: Vec<(usize, &Event)> = model
        .iter()
        .filter(|(r, e)| repo.is_none_or(|repo| repo == *r) && inside(e))
        .map(|(r, e)| (*r, e))
        .collect();
    let found = server.searcher.matching(request, usize::MAX).await.unwrap();
    let order: Vec<_> = found.iter().map(|e| (e.event.log_ts, e.seq)).collect();
    assert!(order.is_sorted() && order.windows(2).all(|w| w[0].1 != w[1].1));
    let mut found: Vec<(usize, &Event)> = found
        .iter()
        .map(|e| {
            (
                REPOS.iter().position(|r| **r == *e.repo).unwrap(),
                &*e.event,
            )
        })
        .collect();
    expect.sort_by_key(|(_, e)| e.get("n").unwrap().number().unwrap() as i64);
    found.sort_by_key(|(_, e)| e.get("n").unwrap().number().unwrap() as i64);
    assert_eq!(found, expect);
}

fn at(second: i64) -> Timestamp {
    START + Duration::seconds(second)
}

async fn run(steps: Vec<Step>) {
    let home = Home::new();
    let mut server = start(&home).await;
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::Append(repo, times) => {
                let first = model.len() as i64;
                let events: Vec<Event> = times
                    .iter()
                    .zip(first..)
                    .map(|(t, n)| event(n, at(*t)))
                    .collect();
                server.append(REPOS[repo], events.clone()).await;
                model.extend(events.into_iter().map(|e| (repo, e)));
            }
            Step::Flush => {
                server.flusher.flush_now().await.unwrap();
            }
            Step::Interrupt(after) => {
                let patience = std::time::Duration::from_millis(after);
                let flush = tokio::time::timeout(patience, server.flusher.flush_now()).await;
                flush.unwrap_or(Ok(Flushed::default())).unwrap();
            }
            Step::Consume => {
                let head = *server.log.head().borrow();
                server.catalog.set_cursor("other", head).await.unwrap();
            }
            Step::DieWhileFlushing => {
                let stored = server.catalog.cursor(STORE_CURSOR).await.unwrap();
                let waiting = server.log.read(stored, usize::MAX);
                server.store.write(&waiting).await.unwrap();
                server.stop().await;
                server = start(&home).await;
            }
            Step::Die => {
                server.stop().await;
                server = start(&home).await;
            }
            Step::Search => {
                check(&server, &model, None, (-1, 50)).await;
                check(&server, &model, Some(1), (-10_000_000, 10_000_000)).await;
            }
        }
    }
    check(&server, &model, None, (-10_000_000, 10_000_000)).await;
    server.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..Default::default() })]

    #[test]
    fn each_event_is_found_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
