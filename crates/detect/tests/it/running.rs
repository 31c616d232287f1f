//! A detector at work: live firings, changes of rules, the schedule, failures.

use crate::rules::{Happening, spec};
use crate::server::{Server, settings, wait_for};
use async_trait::async_trait;
use cresset_catalog::port::Rules;
use cresset_model::event::LoggedEvent;
use cresset_model::incident::{EvaluationMode, Verdict};
use cresset_model::rule::{ConditionOption, RuleSpec};
use cresset_model::{Duration, Timestamp};
use cresset_query::ResultSet;
use cresset_search::{Error, Result, SearchRequest, Searcher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// On a boundary of 10 minutes.
const T0: i64 = 1_700_000_400;

fn at(offset: i64, user: &'static str) -> Happening {
    Happening::of(T0 + offset, user)
}

fn three_by_user() -> RuleSpec {
    spec(
        "user=* | chart count() as cnt by user | search cnt>=3",
        10,
        10,
    )
}

fn silence() -> RuleSpec {
    let mut spec = spec("user=ann", 10, 10);
    spec.incident_condition.condition_option = ConditionOption::LessThan;
    spec.incident_condition.condition_value = 1;
    spec
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_rule_fires_at_once_and_wakes_the_sender() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    let rule = server.rule("three by user", three_by_user()).await;
    let running = server.detect();
    server
        .append(&[
            at(1, "ann"),
            at(2, "bob"),
            at(3, "ann"),
            at(4, "ann"),
            at(5, "ann"),
        ])
        .await;
    server.seen().await;
    let incidents = server.incidents().await;
    assert_eq!(incidents.len(), 1);
    let incident = &incidents[0];
    assert_eq!(incident.rule_id, rule);
    assert_eq!(incident.slot_end, Timestamp::from_secs(T0 + 600));
    assert_eq!(incident.window_to, Timestamp::from_secs(T0 + 4));
    assert_eq!(incident.window_from, Timestamp::from_secs(T0 - 596));
    assert_eq!(incident.rows_count, 1);
    assert_eq!(server.waked.load(Ordering::SeqCst), 1);
    let whole = {
        use cresset_catalog::port::Incidents;
        server.catalog.incident(incident.id).await.unwrap().unwrap()
    };
    assert_eq!(whole.rows[0]["user"], "ann");
    assert_eq!(whole.rows[0]["cnt"], 3);
    let verdicts: Vec<_> = server
        .evaluations(rule)
        .await
        .iter()
        .map(|e| e.verdict)
        .collect();
    assert_eq!(
        verdicts,
        [Verdict::Quiet, Verdict::Fired],
        "activation, then the firing"
    );
    wait_for("the lag to be gone", async || {
        running.handle.health().lag_events == 0
    })
    .await;
    assert!(running.handle.health().running);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_rule_sees_what_is_there_already() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    let running = server.detect();
    server
        .append(&[at(1, "ann"), at(2, "ann"), at(3, "ann")])
        .await;
    server.seen().await;
    server.flush().await;
    server.clock.advance(Duration::seconds(30));
    // Its notification is set before it can fire, so that the incident has one.
    let many = spec(
        "user=* | chart count() as cnt by user | search cnt>=99",
        10,
        10,
    );
    let rule = server.rule("three by user", many).await;
    let mut three = three_by_user();
    three.name = "three by user".into();
    server
        .catalog
        .update_rule(rule, server.owner, three, server.now())
        .await
        .unwrap();
    running.handle.rules_changed();
    wait_for("the incident", async || {
        server.waked.load(Ordering::SeqCst) == 1
    })
    .await;
    let incidents = server.incidents().await;
    assert_eq!(incidents[0].window_to, Timestamp::from_secs(T0 + 33));
    server.append(&[at(40, "ann")]).await;
    server.seen().await;
    assert_eq!(server.incidents().await.len(), 1, "one per slot");
    server
        .catalog
        .set_rules_active(&[rule], server.owner, false, server.now())
        .await
        .unwrap();
    running.handle.rules_changed();
    wait_for("the rule to go", async || {
        running.handle.health().live_rules == 0
    })
    .await;
    server
        .append(&[at(601, "ann"), at(602, "ann"), at(603, "ann")])
        .await;
    server.seen().await;
    assert_eq!(server.incidents().await.len(), 1, "switched off");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_rule_keeps_its_history() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    let five = spec(
        "user=* | chart count() as cnt by user | search cnt>=5",
        10,
        10,
    );
    let rule = server.rule("n by user", five).await;
    let running = server.detect();
    server.append(&[at(1, "ann"), at(2, "ann")]).await;
    server.seen().await;
    let mut three = three_by_user();
    three.name = "n by user".into();
    server
        .catalog
        .update_rule(rule, server.owner, three, server.now())
        .await
        .unwrap();
    running.handle.rules_changed();
    wait_for("the rule to be seeded", async || {
        server.evaluations(rule).await.len() == 2
    })
    .await;
    server.append(&[at(3, "ann")]).await;
    server.seen().await;
    assert_eq!(server.incidents().await.len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_rule_says_so_and_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    let broken = server.rule("broken rule", spec("user=[", 10, 10)).await;
    // Live, it would see events without their places, for there is no database of them.
    let placed = "user=* | process geoip(host) as country";
    let placed = server.rule("placed", spec(placed, 10, 10)).await;
    server.rule("three by user", three_by_user()).await;
    let running = server.detect();
    server
        .append(&[at(1, "ann"), at(2, "ann"), at(3, "ann")])
        .await;
    server.seen().await;
    assert_eq!(server.incidents().await.len(), 1);
    let evaluations = server.evaluations(broken).await;
    assert_eq!(evaluations[0].verdict, Verdict::Failed);
    let error = evaluations[0].error.clone().unwrap();
    assert!(error.starts_with("the query cannot run: "), "{error}");
    let evaluations = server.evaluations(placed).await;
    assert_eq!(evaluations[0].verdict, Verdict::Failed);
    let error = evaluations[0].error.clone().unwrap();
    assert!(error.contains("geoip.places"), "{error}");
    assert_eq!(running.handle.health().broken_rules, 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_slot_of_the_schedule_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0 + 1, 1).await;
    let rule = server.rule("ann is silent", silence()).await;
    let running = server.detect();
    server.append(&[at(300, "ann")]).await;
    server.clock.set(Timestamp::from_secs(T0 + 611));
    server.evaluated(rule, T0 + 600).await;
    assert!(server.incidents().await.is_empty(), "ann was heard");
    // The clock jumps three hours on, then back: every slot once, in order.
    server.clock.advance(Duration::hours(3));
    server.evaluated(rule, T0 + 600 + 3 * 3_600).await;
    server.clock.advance(Duration::hours(-2));
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    server
        .clock
        .advance(Duration::hours(2) + Duration::minutes(10));
    server.evaluated(rule, T0 + 1_200 + 3 * 3_600).await;
    running.stop().await;
    let slots: Vec<_> = server
        .evaluations(rule)
        .await
        .iter()
        .map(|e| e.slot_end.secs())
        .collect();
    let expected: Vec<_> = (1..=20).map(|k| T0 + 600 * k).collect();
    assert_eq!(slots, expected);
    assert_eq!(server.incidents().await.len(), 19);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_live_rule_has_a_record_per_slot() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0 + 1, 1).await;
    let rule = server.rule("three by user", three_by_user()).await;
    let running = server.detect();
    server.append(&[at(300, "ann")]).await;
    server.seen().await;
    server.clock.set(Timestamp::from_secs(T0 + 1_211));
    wait_for("two records", async || {
        server.evaluations(rule).await.len() == 3
    })
    .await;
    let evaluations = server.evaluations(rule).await;
    assert!(evaluations.iter().all(|e| e.verdict == Verdict::Quiet));
    assert!(evaluations.iter().all(|e| e.mode == EvaluationMode::Live));
    assert_eq!(evaluations[2].slot_end, Timestamp::from_secs(T0 + 1_200));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_left_the_log_are_made_up_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    server.rule("three by user", three_by_user()).await;
    let running = server.detect();
    server.append(&[at(1, "ann")]).await;
    server.seen().await;
    running.stop().await;
    server.append(&[at(2, "ann"), at(3, "ann")]).await;
    server.flush().await;
    assert!(cresset_eventlog::EventLog::read(&*server.log, 0, 10).is_empty());
    let running = server.detect();
    server.seen().await;
    let incidents = server.incidents().await;
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].window_to, Timestamp::from_secs(T0 + 3));
    running.stop().await;
}

/// Fails the first `failures` searches.
struct Failing {
    inner: Arc<dyn Searcher>,
    failures: AtomicU32,
}

#[async_trait]
impl Searcher for Failing {
    async fn run(&self, request: SearchRequest) -> Result<ResultSet> {
        let left = self.failures.load(Ordering::SeqCst);
        if left > 0 {
            self.failures.store(left - 1, Ordering::SeqCst);
            return Err(Error::Timeout(request.timeout));
        }
        self.inner.run(request).await
    }

    async fn matching(&self, request: SearchRequest, max: usize) -> Result<Vec<LoggedEvent>> {
        self.inner.matching(request, max).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_keeps_failing_is_a_gap_and_is_filled() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0 + 1, 1).await;
    let rule = server.rule("ann is silent", silence()).await;
    let searcher = Failing {
        inner: server.searcher.clone(),
        failures: AtomicU32::new(u32::MAX),
    };
    let running = server.detect_with(
        Arc::new(searcher),
        cresset_detect::DetectSettings {
            attempts: 3,
            ..settings()
        },
    );
    while server.now() < Timestamp::from_secs(T0 + 1_000) {
        server.clock.advance(Duration::seconds(5));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    server.evaluated(rule, T0 + 600).await;
    running.stop().await;
    let found = server.evaluations(rule).await;
    assert!(found.iter().all(|e| e.verdict == Verdict::Failed));
    let third = found[2].error.clone().unwrap();
    assert!(
        third.starts_with("gap: this slot was not evaluated after 3 attempts"),
        "{third}"
    );
    assert!(server.incidents().await.is_empty());

    // What is owed is known after a restart, and made up for.
    drop(server);
    let server = Server::open(dir.path(), T0 + 1_215, 1_000_000).await;
    let running = server.detect();
    server.evaluated(rule, T0 + 1_200).await;
    let filled = async || {
        let state = server.catalog.rule_state(rule).await.unwrap();
        state.gaps.is_empty()
    };
    wait_for("the gap to be filled", filled).await;
    running.stop().await;
    let slots: Vec<_> = server
        .incidents()
        .await
        .iter()
        .map(|i| i.slot_end.secs() - T0)
        .collect();
    assert_eq!(slots, [600, 1_200]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backtest_over_stored_events_finds_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    server
        .append(&[at(1, "ann"), at(2, "ann"), at(3, "ann"), at(650, "ann")])
        .await;
    server.flush().await;
    server.append(&[at(1_201, "ann")]).await;
    for (spec, expected) in [(three_by_user(), vec![600]), (silence(), vec![2_400])] {
        let rule = crate::rules::compiled(spec);
        let span = cresset_detect::schedule::Span {
            from: Timestamp::from_secs(T0),
            to: Timestamp::from_secs(T0 + 2_500),
        };
        let lists = cresset_query::NoLists;
        let timeout = Duration::seconds(30);
        let found =
            cresset_detect::history::backtest(&*server.searcher, &lists, &rule, span, timeout, 100);
        let slots: Vec<i64> = found
            .await
            .unwrap()
            .firings
            .iter()
            .map(|f| f.slot_end.secs() - T0)
            .collect();
        assert_eq!(slots, expected);
    }
}
