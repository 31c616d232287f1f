//! Searches that feed lists.

use crate::{Home, START, event, request};
use async_trait::async_trait;
use cresset_catalog::port::Lists;
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, ObjectId};
use cresset_query::ResultSet;
use cresset_search::{ListFeeder, Result, SearchRequest, Searcher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The search over several instances, one of which is away or there.
struct Fleet<S> {
    here: S,
    away: AtomicBool,
}

#[async_trait]
impl<S: Searcher> Searcher for Fleet<S> {
    async fn run(&self, request: SearchRequest) -> Result<ResultSet> {
        let mut result = self.here.run(request).await?;
        if self.away.load(Ordering::SeqCst) {
            result.missing.push("b: connection refused".to_owned());
        }
        Ok(result)
    }

    async fn matching(&self, request: SearchRequest, max: usize) -> Result<Vec<LoggedEvent>> {
        self.here.matching(request, max).await
    }
}

#[tokio::test]
async fn a_result_from_which_an_instance_is_missing_feeds_nothing() {
    let home = Home::new();
    let server = home.start().await;
    let two = vec![event(1, START), event(2, START)];
    server.append("default", two).await;
    let id = ObjectId::from_bytes([7; 12]);
    let made = server.catalog.put_dynamic_list(id, "SEEN", 30, START).await;
    made.unwrap();
    let fleet = Arc::new(Fleet {
        here: server.searcher.clone(),
        away: AtomicBool::new(true),
    });
    let feeder = ListFeeder::new(fleet.clone(), server.catalog.clone(), home.clock.clone());
    let seen = async || {
        let mut values = server.catalog.list_values("SEEN").await.unwrap();
        values.iter_mut().for_each(|values| values.sort());
        values.unwrap_or_default()
    };
    let search = || request("| process toList(SEEN, parity)");
    let result = feeder.run(search()).await.unwrap();
    assert_eq!((result.total, result.missing.len()), (2, 1));
    assert!(seen().await.is_empty());
    fleet.away.store(false, Ordering::SeqCst);
    feeder.run(search()).await.unwrap();
    assert_eq!(seen().await, ["even", "odd"]);
}

/// A part of a time range has the spans of the whole.
#[tokio::test]
async fn a_timechart_has_the_spans_of_the_whole_range() {
    let home = Home::new();
    let server = home.start().await;
    let at = |minute: i64| START + Duration::minutes(minute);
    let events: Vec<_> = (1..=6).map(|n| event(n, at(10 * n))).collect();
    server.append("default", events).await;
    let spans = async |from: i64, part_of: Option<Duration>| {
        let mut search = request("| timechart count() as c");
        (search.from, search.to, search.part_of) = (at(from), at(60), part_of);
        server.searcher.run(search).await.unwrap().rows.len()
    };
    let day = Duration::days(1);
    assert_eq!(spans(45, None).await, 2);
    assert_eq!(spans(60 - 24 * 60, None).await, spans(0, Some(day)).await);
    assert!(spans(0, None).await > spans(0, Some(day)).await);
}
