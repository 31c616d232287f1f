//! What a search finds, keeps and refuses.

use crate::{Home, START, Server, event, request};
use cresset_catalog::port::{Files, Lists, Quarantine as _, Repos};
use cresset_model::repo::Repo;
use cresset_model::{Duration, ObjectId, Timestamp, Value};
use cresset_query::ResultSet;
use cresset_search::{Error, FlusherSettings, SearchRequest, SearchSettings, Searcher};

/// Events 0..30, one a second: 0..10 and 10..20 in files, the rest in the tail;
/// the odd ones in the repo `odd`.
async fn filled(home: &Home, settings: SearchSettings) -> Server {
    let server = home
        .start_with(&[], FlusherSettings::default(), settings)
        .await;
    for n in 0..30 {
        let repo = if n % 2 == 0 { "even" } else { "odd" };
        server
            .append(repo, vec![event(n, START + Duration::seconds(n))])
            .await;
        if n == 9 || n == 19 {
            server.flusher.flush_now().await.unwrap();
        }
    }
    server
}

fn numbers(result: &ResultSet) -> Vec<i64> {
    let number = |v: Option<&Value>| match v {
        Some(Value::Int(n)) => *n,
        other => panic!("{other:?}"),
    };
    result
        .rows
        .iter()
        .map(|row| number(row.value("n")))
        .collect()
}

#[tokio::test]
async fn ranges_repos_and_places_select_events() {
    let home = Home::new();
    let server = filled(&home, SearchSettings::default()).await;
    let check = async |change: &dyn Fn(&mut SearchRequest), expect: Vec<i64>| {
        let mut request = request("");
        change(&mut request);
        let matching = server
            .searcher
            .matching(request.clone(), 100)
            .await
            .unwrap();
        let found: Vec<i64> = matching
            .iter()
            .map(|e| (e.event.log_ts - Duration(START.0)).secs())
            .collect();
        assert_eq!(found, expect);
        let result = server.searcher.run(request).await.unwrap();
        let newest_first: Vec<i64> = expect.into_iter().rev().collect();
        assert_eq!(numbers(&result), newest_first);
    };
    let at = |n: i64| START + Duration::seconds(n);
    check(&|_| {}, (0..30).collect()).await;
    check(&|r| (r.from, r.to) = (at(8), at(21)), (9..=21).collect()).await;
    check(&|r| (r.from, r.to) = (at(8), at(8)), vec![]).await;
    check(&|r| (r.from, r.to) = (at(9), at(8)), vec![]).await;
    check(
        &|r| r.repos = vec!["odd".into()],
        (0..30).filter(|n| n % 2 == 1).collect(),
    )
    .await;
    check(&|r| r.repos = vec!["none".into()], vec![]).await;
    check(&|r| r.up_to_seq = Some(25), (0..25).collect()).await;
    check(&|r| r.up_to_seq = Some(15), (0..15).collect()).await;
    check(&|r| r.up_to_seq = Some(0), vec![]).await;
}

#[tokio::test]
async fn a_limit_keeps_the_newest_and_the_total_counts_all() {
    let home = Home::new();
    let server = filled(&home, SearchSettings::default()).await;
    let mut request = request("parity=odd");
    request.limit = 4;
    let result = server.searcher.run(request).await.unwrap();
    assert_eq!(numbers(&result), [29, 27, 25, 23]);
    assert_eq!((result.total, result.truncated), (15, false));
}

#[tokio::test]
async fn aggregates_cover_files_and_tail() {
    let home = Home::new();
    let server = filled(&home, SearchSettings::default()).await;
    let query = "n>=5 | chart count() as cnt, sum(n) as total by parity";
    let result = server.searcher.run(request(query)).await.unwrap();
    let mut rows: Vec<(String, f64, f64)> = result
        .rows
        .iter()
        .map(|row| {
            let number = |name| row.value(name).and_then(Value::number).unwrap();
            let parity = row.value("parity").unwrap().text().into_owned();
            (parity, number("cnt"), number("total"))
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let (even, odd): (Vec<i64>, Vec<i64>) = (5..30).partition(|n| n % 2 == 0);
    let sum = |list: &[i64]| list.iter().sum::<i64>() as f64;
    assert_eq!(
        rows,
        [
            ("even".to_owned(), even.len() as f64, sum(&even)),
            ("odd".to_owned(), odd.len() as f64, sum(&odd)),
        ]
    );
}

#[tokio::test]
async fn lists_are_seen_without_restart() {
    let home = Home::new();
    let server = filled(&home, SearchSettings::default()).await;
    let found = async || {
        let result = server
            .searcher
            .run(request("parity IN WANTED"))
            .await
            .unwrap();
        result.rows.len()
    };
    let put = async |id: u8, name: &str, values: &[&str]| {
        let values = values.iter().map(|v| (*v).to_owned()).collect();
        let id = ObjectId::from_bytes([id; 12]);
        server
            .catalog
            .put_list(id, name, values, START)
            .await
            .unwrap();
    };
    assert_eq!(found().await, 0);
    put(1, "WANTED", &["EVEN"]).await;
    assert_eq!(found().await, 15);
    // The same number of values at the same moment.
    put(1, "WANTED", &["nothing"]).await;
    assert_eq!(found().await, 0);
    put(2, "OTHER", &["odd"]).await;
    put(1, "WANTED", &["e*", "o?d"]).await;
    assert_eq!(found().await, 30);
    assert!(format!("{:?}", server.lists).contains('2'));
}

#[tokio::test]
async fn too_much_is_refused_with_advice() {
    let home = Home::new();
    let small = SearchSettings {
        max_bytes: 2_000,
        ..SearchSettings::default()
    };
    let server = filled(&home, small).await;
    let error = server.searcher.matching(request(""), 5).await.unwrap_err();
    assert!(matches!(error, Error::TooMany(5)), "{error}");
    let error = server
        .searcher
        .matching(request(""), 1_000)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::TooMany(_)), "{error}");
    let error = server.searcher.run(request("")).await.unwrap_err();
    assert!(error.to_string().contains("narrow"), "{error}");
    let mut few = request("");
    few.limit = 3;
    assert_eq!(
        numbers(&server.searcher.run(few).await.unwrap()),
        [29, 28, 27]
    );
}

/// What matched does not matter, only what is kept of it.
#[tokio::test]
async fn queries_that_keep_little_may_match_much() {
    let home = Home::new();
    let small = SearchSettings {
        max_bytes: 20_000,
        ..SearchSettings::default()
    };
    let server = filled(&home, small).await;
    let large = |n: i64| {
        let mut event = event(n, START - Duration::seconds(n));
        event.set("msg", format!("{n}-{}", "x".repeat(4_000)));
        event
    };
    server.append("even", (30..50).map(large).collect()).await;
    for flushed in [false, true] {
        let found = async |query: &str| server.searcher.run(request(query)).await;
        let check = async |query: &str, expect: &[i64]| {
            let result = found(query).await.unwrap();
            assert_eq!(numbers(&result), expect, "{query} {flushed}");
            assert!(!result.truncated, "{query} {flushed}");
        };
        check("| limit 3", &[29, 28, 27]).await;
        check("n>=30 | limit 3 | order by n desc", &[32, 31, 30]).await;
        check("| latest by parity", &[29, 28]).await;
        check("n>=30 | latest by parity | order by n", &[30, 31]).await;
        check("| fields n | order by n | limit 2", &[0, 1]).await;
        let refused = async |query: &str| {
            let error = found(query).await.unwrap_err();
            assert!(matches!(error, Error::TooMany(_)), "{query} {error}");
        };
        refused("| limit 40").await;
        refused("| latest by n").await;
        refused("| order by n").await;
        refused("| order by msg | chart count()").await;
        // A chart says that something is missing.
        let list = async |query: &str| found(query).await.unwrap().truncated;
        assert!(!list("| chart count() by n").await);
        assert!(!list("n<30 | chart list(msg)").await);
        assert!(list("| chart list(msg)").await);
        assert!(list("| chart count() by msg").await);
        server.flusher.flush_now().await.unwrap();
    }
}

#[tokio::test]
async fn time_limits_hold_and_places_are_given_back() {
    let home = Home::new();
    let one = SearchSettings {
        max_concurrent: 1,
        ..SearchSettings::default()
    };
    let server = filled(&home, one).await;
    for _ in 0..3 {
        let mut short = request("");
        short.timeout = Duration::ZERO;
        let error = server.searcher.run(short).await.unwrap_err();
        assert!(matches!(error, Error::Timeout(Duration::ZERO)), "{error}");
        // A caller that leaves in the middle.
        tokio::select! {
            biased;
            _ = server.searcher.run(request("")) => {}
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(server.searcher.run(request("")).await.unwrap().total, 30);
    }
}

/// One event that takes far longer than the limit does not keep its place for longer.
#[tokio::test]
async fn time_limits_hold_within_one_event() {
    let home = Home::new();
    let one = SearchSettings {
        max_concurrent: 1,
        ..SearchSettings::default()
    };
    let server = home.start_with(&[], FlusherSettings::default(), one).await;
    let slow_pattern = |n: usize| format!("*{}?b{n}*", "a".repeat(64));
    let id = ObjectId::from_bytes([1; 12]);
    server
        .catalog
        .put_list(id, "SLOW", (0..300).map(slow_pattern).collect(), START)
        .await
        .unwrap();
    let mut slow = event(1, START);
    slow.set("msg", "a".repeat(1 << 20));
    server.append("main", vec![slow]).await;
    let terms: Vec<String> = (0..300)
        .map(|n| format!("msg={}", slow_pattern(n)))
        .collect();
    for flushed in [false, true] {
        for query in ["msg in SLOW", "msg not in SLOW", &terms.join(" or ")] {
            let mut short = request(query);
            short.timeout = Duration::millis(50);
            let error = server.searcher.run(short).await.unwrap_err();
            assert!(matches!(error, Error::Timeout(_)), "{flushed} {error}");
            // Minutes of work, had the first search kept the only place to its end.
            let mut next = request("");
            next.timeout = Duration::seconds(10);
            assert_eq!(server.searcher.run(next).await.unwrap().total, 1);
        }
        if !flushed {
            server.flusher.flush_now().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_lost_file_is_named_and_an_expired_one_is_not() {
    let home = Home::new();
    let server = filled(&home, SearchSettings::default()).await;
    let files = server
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    let lost = &files[0];
    std::fs::remove_file(home.events().join(&lost.path)).unwrap();
    let left = server.searcher.run(request("")).await.unwrap();
    assert_eq!(left.total, 30 - lost.rows);
    assert!(left.missing[0].contains(&lost.path), "{:?}", left.missing);
    server.catalog.forget_file(lost.id, None).await.unwrap();
    let left = server.searcher.run(request("")).await.unwrap();
    assert_eq!((left.total, left.missing.len()), (30 - lost.rows, 0));

    let damaged = &files[1];
    std::fs::write(home.events().join(&damaged.path), b"PAR1").unwrap();
    let left = server.searcher.run(request("")).await.unwrap();
    assert!(
        left.missing[0].contains(&damaged.path),
        "{:?}",
        left.missing
    );
}

/// Searches while retention removes a file: each sees all of it or nothing of it, or
/// at least never fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_go_on_while_files_expire() {
    let home = Home::new();
    let server = home.start().await;
    let repo = Repo {
        name: "old".into(),
        retention_days: 1,
    };
    server.catalog.create_repo(repo).await.unwrap();
    for n in 0..40 {
        let batch = (0..50).map(|i| event(n * 50 + i, START)).collect();
        server.append("old", batch).await;
        server.flusher.flush_now().await.unwrap();
    }
    home.clock.advance(Duration::days(2));
    let searching = async {
        for _ in 0..20 {
            let total = server.searcher.run(request("")).await.unwrap().total;
            assert_eq!(total % 50, 0);
        }
    };
    let (removed, ()) = tokio::join!(server.store.enforce_retention(), searching);
    assert_eq!(removed.unwrap(), 40);
    assert_eq!(server.searcher.run(request("")).await.unwrap().total, 0);
}
