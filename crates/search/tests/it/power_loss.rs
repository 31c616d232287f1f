//! Power that goes at any change of the event store: in the middle of a flush, a merge or the
//! removal of what is old.

use crate::fickle::FickleFolder;
use crate::{Home, Server, event, request};
use cresset_catalog::port::Repos;
use cresset_model::repo::Repo;
use cresset_model::{Clock, Duration, Timestamp};
use cresset_search::{FlusherSettings, SearchSettings, Searcher};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, Copy)]
enum Work {
    Flush,
    Merge,
    Expire,
}

#[derive(Debug, Clone)]
enum Step {
    /// Events of a repo, so many hours from now.
    Append(usize, Vec<i64>),
    Work(Work),
    /// The power goes after so many changes, while this is done, or at its end.
    PowerLoss(Work, usize, u64),
    Wait(i64),
}

/// What `short` holds for one day and `long` for ever.
const REPOS: [&str; 2] = ["long", "short"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let work = || select(vec![Work::Flush, Work::Flush, Work::Merge, Work::Expire]);
    let hours = prop_oneof![6 => -30_i64..3, 1 => -20_000_i64..20_000];
    let append = (0..REPOS.len(), prop::collection::vec(hours, 1..8));
    let step = prop_oneof![
        6 => append.prop_map(|(repo, hours)| Step::Append(repo, hours)),
        4 => work().prop_map(Step::Work),
        3 => (work(), 0_usize..6, any::<u64>()).prop_map(|(w, n, chance)| Step::PowerLoss(w, n, chance)),
        1 => (1_i64..20).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..30)
}

/// Repo, event time and arrival of every event that was acknowledged, by number.
type Known = BTreeMap<i64, (usize, Timestamp, Timestamp)>;

async fn start(home: &Home) -> Server {
    // Several files a flush.
    let small = FlusherSettings {
        max_bytes: 1_000,
        ..FlusherSettings::default()
    };
    home.start_with(&[], small, SearchSettings::default()).await
}

/// Whatever fails because the power is gone fails unseen.
async fn work(server: &Server, home: &Home, work: Work) {
    match work {
        Work::Flush => drop(server.flusher.flush_now().await),
        Work::Merge => {
            home.clock.advance(Duration::minutes(2));
            while matches!(server.store.compact().await, Ok(1..)) {}
            drop(server.store.remove_replaced().await);
        }
        Work::Expire => drop(server.store.enforce_retention().await),
    }
}

/// Every event is found once, but for those that may have expired.
async fn check(
    server: &Server,
    known: &Known,
    expired_before: Timestamp,
) -> Result<(), TestCaseError> {
    let found = server.searcher.matching(request(""), usize::MAX).await;
    let found = found.map_err(|e| TestCaseError::fail(e.to_string()))?;
    let mut times: BTreeMap<i64, usize> = BTreeMap::new();
    for event in &found {
        let number = event.event.get("n").and_then(cresset_model::Value::number);
        *times.entry(number.unwrap_or(-1.0) as i64).or_default() += 1;
    }
    for (number, (repo, at, arrived)) in known {
        let may_be_gone = REPOS[*repo] == "short" && (*at).min(*arrived) < expired_before;
        match times.remove(number) {
            Some(1) => {}
            None if may_be_gone => {}
            found => prop_assert!(
                false,
                "event {} is found {} times",
                number,
                found.unwrap_or(0)
            ),
        }
    }
    prop_assert!(times.is_empty(), "nobody sent {:?}", times);
    Ok(())
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut home = Home::new();
    let folder = Arc::new(FickleFolder::new(home.events()));
    home.storage = folder.clone();
    let mut server = start(&home).await;
    for (name, retention_days) in [(REPOS[0], 36_500), (REPOS[1], 1)] {
        let repo = Repo {
            name: name.into(),
            retention_days,
        };
        server.catalog.create_repo(repo).await.unwrap();
    }
    let (mut known, mut expired_before) = (Known::new(), Timestamp::MIN);
    for step in steps {
        let expires = matches!(
            step,
            Step::Work(Work::Expire) | Step::PowerLoss(Work::Expire, ..)
        );
        match step {
            Step::Append(repo, hours) => {
                let now = home.clock.now();
                let first = known.len() as i64;
                let at = |hours: i64| now + Duration::hours(hours);
                let events = hours
                    .iter()
                    .zip(first..)
                    .map(|(h, n)| event(n, at(*h)))
                    .collect();
                server.append(REPOS[repo], events).await;
                known.extend(
                    hours
                        .iter()
                        .zip(first..)
                        .map(|(h, n)| (n, (repo, at(*h), now))),
                );
            }
            Step::Wait(hours) => home.clock.advance(Duration::hours(hours)),
            Step::Work(what) => work(&server, &home, what).await,
            Step::PowerLoss(what, changes, chance) => {
                folder.fail_after(changes, chance);
                work(&server, &home, what).await;
                server.stop().await;
                folder.restart();
                server = start(&home).await;
            }
        }
        if expires {
            expired_before = home.clock.now() - Duration::days(1);
        }
        check(&server, &known, expired_before).await?;
    }
    server.stop().await;
    // Nothing is left behind for ever.
    let server = start(&home).await;
    check(&server, &known, expired_before).await?;
    prop_assert_eq!(on_disk(&home), registered(&server).await);
    server.stop().await;
    Ok(())
}

/// All files, but those that were set aside because the catalog knew of nothing yet.
fn on_disk(home: &Home) -> Vec<String> {
    let (root, mut found) = (home.events(), Vec::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".unregistered") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(&root).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

async fn registered(server: &Server) -> Vec<String> {
    use cresset_catalog::port::Files as _;
    let files = server
        .catalog
        .files(&[], Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    let mut paths: Vec<String> = files.into_iter().map(|f| f.path).collect();
    paths.sort();
    paths
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 12 },
        max_shrink_iters: 300,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn no_power_loss_loses_or_doubles_an_event(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps))?;
    }
}
