//! Random queries over random events: what a search finds in files, merged files and the tail
//! is what the row evaluator makes of the events as they arrived, and what conditions that are
//! filed for alert rules find in each of them.

mod events;
mod queries;

use crate::{Home, START, Server};
use cresset_catalog::port::Lists;
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, ObjectId, Timestamp, Value};
use cresset_query::{ConditionIndex, Context, ListLookup, Plan, QueryKind, ResultSet, compile};
use cresset_search::{SearchRequest, Searcher};
use events::{Batch, Then, batches};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::sync::Arc;

const REPOS: [&str; 2] = ["main", "other"];
/// Queries of a case, over the same events.
const QUERIES: usize = 16;
/// Cases if the environment does not say: `PROPTEST_CASES`.
const USUAL_CASES: u32 = 32;

/// What a search is asked beside its query.
#[derive(Debug, Clone)]
struct Around {
    repo: Option<usize>,
    from: Timestamp,
    to: Timestamp,
    zone: &'static str,
    limit: usize,
    /// How far the log goes, in percent.
    seen: u64,
}

fn around() -> impl Strategy<Value = Around> {
    let year = 400 * 86_400;
    let range = prop_oneof![
        3 => Just((-year, year)),
        1 => (-4_000_i64..0, 0_i64..4_000),
        1 => (-4_000_i64..4_000).prop_map(|second| (second, second)),
    ];
    let zones = vec!["UTC", "Europe/Berlin", "Asia/Kathmandu"];
    let limit = prop_oneof![2 => Just(0), 1 => 1_usize..8];
    let seen = prop_oneof![4 => Just(100), 1 => 0_u64..100];
    (
        prop::option::weighted(0.2, 0..2_usize),
        range,
        select(zones),
        limit,
        seen,
    )
        .prop_map(|(repo, (from, to), zone, limit, seen)| Around {
            repo,
            from: START + Duration::seconds(from),
            to: START + Duration::seconds(to),
            zone,
            limit,
            seen,
        })
}

/// All events, of all repos.
fn all() -> Around {
    Around {
        repo: None,
        from: Timestamp::MIN,
        to: START + Duration::days(400),
        zone: "UTC",
        limit: 0,
        seen: 100,
    }
}

/// All that was taken in, and the server that searches it.
struct World {
    server: Server,
    _home: Home,
    events: Vec<LoggedEvent>,
}

impl World {
    async fn of(batches: Vec<Batch>, max_columns: usize) -> Self {
        let mut home = Home::new();
        home.store.max_columns = max_columns;
        let server = home.start().await;
        let list = async |id: u8, name: &str, values: &[&str]| {
            let (id, values) = (
                ObjectId::from_bytes([id; 12]),
                values.iter().map(|v| (*v).to_owned()),
            );
            server
                .catalog
                .put_list(id, name, values.collect(), START)
                .await
                .unwrap();
        };
        list(1, "NAMES", &["ALICE", "b*", "22", "10.0.0.?"]).await;
        list(
            2,
            "TABLE",
            &[
                r#"{"user":"bob","w":"builder"}"#,
                r#"{"user":"alice","k":5}"#,
            ],
        )
        .await;
        server.lists.refresh().await.unwrap();
        let mut taken_in = Vec::new();
        for (repo, events, then) in batches {
            let first = taken_in.len() as u64 + 1;
            taken_in.extend((first..).zip(&events).map(|(seq, event)| LoggedEvent {
                seq,
                repo: REPOS[repo].into(),
                event: event.clone().into(),
            }));
            server.append(REPOS[repo], events).await;
            if then != Then::Nothing {
                server.flusher.flush_now().await.unwrap();
            }
            if then == Then::Merge {
                home.clock.advance(Duration::hours(1));
                while server.store.compact().await.unwrap() > 0 {}
                server.store.remove_replaced().await.unwrap();
            }
        }
        Self {
            server,
            _home: home,
            events: taken_in,
        }
    }

    fn request(&self, plan: &Plan, around: &Around) -> SearchRequest {
        SearchRequest {
            plan: Arc::new(plan.clone()),
            repos: around.repo.iter().map(|r| REPOS[*r].to_owned()).collect(),
            from: around.from,
            to: around.to,
            part_of: None,
            timezone: around.zone.into(),
            limit: around.limit,
            up_to_seq: Some(self.seen(around)),
            timeout: Duration::minutes(5),
        }
    }

    fn seen(&self, around: &Around) -> u64 {
        self.events.len() as u64 * around.seen / 100
    }

    /// What the search is about, as it arrived.
    fn asked_about<'w>(&'w self, around: &'w Around) -> impl Iterator<Item = &'w LoggedEvent> {
        let repo = around.repo.map(|repo| REPOS[repo]);
        self.events.iter().filter(move |e| {
            let at = e.event.log_ts;
            repo.is_none_or(|repo| *e.repo == *repo)
                && (at > around.from && at <= around.to)
                && e.seq <= self.seen(around)
        })
    }
}

fn context<'a>(lists: &'a dyn ListLookup, around: &Around) -> Context<'a> {
    Context {
        lists,
        timezone: TimeZone::get(around.zone).unwrap(),
        range: around.to.since(around.from),
        until: around.to,
    }
}

/// What there is to compare of a result, as text: what a file gives back may be of another
/// kind where a chart shows the first of several values that are the same text, and sums of
/// fractions differ in their last digits.
fn shown(result: &ResultSet, query: &str) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Float(n) => {
            let rounded = format!("{n:.9e}").parse().unwrap_or(*n);
            Value::Float(rounded).text().into_owned()
        }
        Value::List(items) if query.contains("list(") => {
            let mut items: Vec<&str> = items.iter().map(|item| &**item).collect();
            items.sort_unstable();
            items.join(", ")
        }
        other => other.text().into_owned(),
    };
    let mut lines = vec![format!(
        "{:?} total {} aggregated {} truncated {} {:?} {:?}",
        result.kind,
        result.total,
        result.aggregated,
        result.truncated,
        result.columns,
        result.grouping
    )];
    lines.extend(result.rows.iter().map(|row| {
        let mut fields: Vec<String> = row
            .fields
            .iter()
            .map(|(name, value)| format!("{name}={}", text(value)))
            .collect();
        fields.sort_unstable();
        fields.join("  ")
    }));
    lines.extend(result.additions.iter().map(|fed| {
        // Which of two spellings is kept is left open. Not all letters fold in lower case.
        let folded = |v: &String| v.to_uppercase().to_lowercase();
        let mut values: Vec<String> = fed.values.iter().map(folded).collect();
        values.sort_unstable();
        format!("{} {values:?}", fed.list)
    }));
    lines
}

/// The row evaluator, over the events as they arrived.
fn by_rows(world: &World, plan: &Plan, around: &Around, lists: &dyn ListLookup) -> ResultSet {
    let mut executor = plan.executor(context(lists, around));
    for event in world.asked_about(around) {
        executor.push(&event.event);
    }
    let mut result = executor.finish();
    if plan.kind() == QueryKind::Simple && around.limit > 0 {
        result.rows.truncate(around.limit);
    }
    result
}

/// What each of many filed conditions finds, as a rule that runs live: only events that the
/// index holds out are looked at.
fn by_conditions(
    world: &World,
    plans: &[Plan],
    around: &Around,
    lists: &dyn ListLookup,
) -> Vec<Vec<u64>> {
    let mut index = ConditionIndex::default();
    for (number, plan) in plans.iter().enumerate() {
        index.insert(number, plan.filter());
    }
    let context = context(lists, around);
    let mut found = vec![Vec::new(); plans.len()];
    for event in world.asked_about(around) {
        let mut candidates = Vec::new();
        index.candidates(&event.event, &mut candidates);
        candidates.sort_unstable();
        candidates.dedup();
        for number in candidates {
            if plans[number].filter().matches(&*event.event, &context) {
                found[number].push(event.seq);
            }
        }
    }
    found
}

/// Compares all executions; gives how many queries there were and how many found something.
async fn compare(
    batches: Vec<Batch>,
    max_columns: usize,
    queries: &[String],
    around: &Around,
) -> Result<[usize; 2], TestCaseError> {
    let world = World::of(batches, max_columns).await;
    let lists = world.server.lists.snapshot();
    let plans: Vec<Plan> = queries
        .iter()
        .filter_map(|query| compile(query).ok())
        .collect();
    let matched = by_conditions(&world, &plans, around, &*lists);
    let mut fruitful = 0;
    for (plan, matched) in plans.iter().zip(matched) {
        let query = plan.text();
        let request = world.request(plan, around);
        let expect = by_rows(&world, plan, around, &*lists);
        fruitful += usize::from(!expect.rows.is_empty());
        let found = world.server.searcher.run(request.clone()).await;
        let found = found.map_err(|e| TestCaseError::fail(format!("{query}: {e}")))?;
        prop_assert_eq!(shown(&found, query), shown(&expect, query), "{}", query);
        let found = world.server.searcher.matching(request, usize::MAX).await;
        let found = found.map_err(|e| TestCaseError::fail(format!("{query}: {e}")))?;
        let mut found: Vec<u64> = found.iter().map(|e| e.seq).collect();
        found.sort_unstable();
        prop_assert_eq!(found, matched, "events for {}", query);
    }
    world.server.stop().await;
    Ok([plans.len(), fruitful])
}

#[test]
fn rows_columns_and_filed_conditions_agree() {
    let mut config = Config {
        failure_persistence: None,
        max_shrink_iters: 150,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = USUAL_CASES;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let queries = prop::collection::vec(queries::query(), QUERIES);
    let columns = select(vec![3_usize, 8, 800]);
    let mut runner = TestRunner::new(config);
    let run = |(batches, columns, queries, around): (_, _, Vec<String>, _)| {
        runtime
            .block_on(compare(batches, columns, &queries, &around))
            .map(|_| ())
    };
    if let Err(failure) = runner.run(&(batches(REPOS.len()), columns, queries, around()), run) {
        panic!("{failure}");
    }
}

/// A count by other fields than the time reads no times, unless somebody asks for them later.
#[test]
fn what_follows_a_count_knows_the_times_of_its_rows() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let batches = batches(REPOS.len())
        .new_tree(&mut TestRunner::deterministic())
        .unwrap()
        .current();
    let queries = [
        "| chart count() by user",
        "| chart count() by user | latest",
        "| chart count() by user, host | latest by user",
    ];
    let counts = runtime
        .block_on(compare(batches, 800, &queries.map(str::to_owned), &all()))
        .unwrap();
    assert!(counts[0] == queries.len() && counts[1] > 1, "{counts:?}");
}

/// Queries that do not compile, or find nothing, would prove nothing.
#[test]
fn most_random_queries_run_and_find_something() {
    let mut runner = TestRunner::deterministic();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut draw =
        |strategy: BoxedStrategy<String>| strategy.new_tree(&mut runner).unwrap().current();
    let queries: Vec<String> = (0..200).map(|_| draw(queries::query().boxed())).collect();
    let batches = batches(REPOS.len())
        .new_tree(&mut TestRunner::deterministic())
        .unwrap()
        .current();
    let counts = runtime
        .block_on(compare(batches, 800, &queries, &all()))
        .unwrap();
    assert!(counts[0] >= 150 && counts[1] >= 80, "{counts:?}");
}
