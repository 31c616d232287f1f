//! Rules over repos of other instances, one of which is away.

use crate::rules::{Happening, spec};
use crate::server::{Server, settings, wait_for};
use async_trait::async_trait;
use cresset_catalog::port::{Instances, Rules};
use cresset_model::event::LoggedEvent;
use cresset_model::incident::Verdict;
use cresset_model::instance::{Instance, InstanceHealth, Trust};
use cresset_model::rule::{ConditionOption, RuleSpec};
use cresset_model::{Duration, ObjectId, SecretString, Timestamp};
use cresset_query::ResultSet;
use cresset_search::{Result, SearchRequest, Searcher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// On a boundary of 10 minutes.
const T0: i64 = 1_700_000_400;
const NODE: &str = "10.0.0.7:7077";

/// The search over several instances as the detector sees it while one is away, or back.
struct Fleet {
    here: Arc<dyn Searcher>,
    away: AtomicBool,
}

#[async_trait]
impl Searcher for Fleet {
    async fn run(&self, request: SearchRequest) -> Result<ResultSet> {
        let reaches_out = request.repos.iter().any(|repo| repo.starts_with(NODE));
        assert!(reaches_out, "{:?}", request.repos);
        let away = self.away.load(Ordering::SeqCst);
        // The instance's events are those of another repo here.
        let repos = if away {
            vec!["main"]
        } else {
            vec!["main", "other"]
        };
        let repos = repos.into_iter().map(str::to_owned).collect();
        let request = SearchRequest { repos, ..request };
        let mut result = self.here.run(request).await?;
        if away {
            result
                .missing
                .push(format!("b ({NODE}): connection refused"));
        }
        Ok(result)
    }

    async fn matching(&self, request: SearchRequest, max: usize) -> Result<Vec<LoggedEvent>> {
        self.here.matching(request, max).await
    }
}

async fn register(server: &Server) {
    let instance = Instance {
        id: ObjectId::from_bytes([7; 12]),
        name: "b".to_owned(),
        url: format!("https://{NODE}"),
        node: NODE.to_owned(),
        user: "reader".to_owned(),
        trust: Trust::System,
        by_operator: true,
        created_at: Timestamp::from_secs(T0),
        health: InstanceHealth::default(),
    };
    let key = SecretString::new("key");
    server.catalog.add_instance(&instance, &key).await.unwrap();
}

/// A rule over the repo here and one of the instance, every ten minutes.
fn everywhere(query: &str, option: ConditionOption, value: u64) -> RuleSpec {
    let mut spec = spec(query, 10, 10);
    spec.search_params.repos = vec!["main".to_owned(), format!("{NODE}/main")];
    spec.incident_condition.condition_option = option;
    spec.incident_condition.condition_value = value;
    spec
}

fn at(offset: i64, user: &'static str) -> Happening {
    Happening::of(T0 + offset, user)
}

/// Lets time pass until `until` seconds after the start.
async fn pass(server: &Server, until: i64) {
    while server.now() < Timestamp::from_secs(T0 + until) {
        server.clock.advance(Duration::seconds(5));
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_certain_waits_for_the_instance_and_holds_up_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0 + 1, 1).await;
    register(&server).await;
    let spec = everywhere("user=ann", ConditionOption::LessThan, 1);
    let rule = server.rule("ann is silent", spec).await;
    let fleet = Arc::new(Fleet {
        here: server.searcher.clone(),
        away: AtomicBool::new(true),
    });
    let running = server.detect_with(fleet.clone(), settings());
    pass(&server, 1_230).await;
    server.evaluated(rule, T0 + 1_200).await;
    assert!(server.incidents().await.is_empty(), "nobody knows yet");
    let found = server.evaluations(rule).await;
    assert!(found.iter().all(|e| e.verdict == Verdict::Failed));
    let told = found[0].error.clone().unwrap();
    assert_eq!(
        told,
        "gap: this slot was not evaluated and will be filled later: not searched: \
         b (10.0.0.7:7077): connection refused"
    );

    fleet.away.store(false, Ordering::SeqCst);
    pass(&server, 1_300).await;
    let filled = async || {
        let state = server.catalog.rule_state(rule).await.unwrap();
        state.gaps.is_empty()
    };
    wait_for("the gaps to be filled", filled).await;
    running.stop().await;
    let incidents = server.incidents().await;
    let slots: Vec<i64> = incidents.iter().map(|i| i.slot_end.secs() - T0).collect();
    assert_eq!(slots, [600, 1_200]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_more_events_cannot_change_fires_at_once_and_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0 + 1, 1).await;
    register(&server).await;
    let spec = everywhere("user=ann", ConditionOption::GreaterThan, 1);
    let rule = server.rule("ann is loud", spec).await;
    server.append(&[at(10, "ann"), at(20, "ann")]).await;
    let fleet = Fleet {
        here: server.searcher.clone(),
        away: AtomicBool::new(true),
    };
    let running = server.detect_with(Arc::new(fleet), settings());
    pass(&server, 630).await;
    server.evaluated(rule, T0 + 600).await;
    running.stop().await;
    let incidents = server.incidents().await;
    assert_eq!(incidents.len(), 1);
    let told = "not searched: b (10.0.0.7:7077): connection refused";
    assert_eq!(incidents[0].comments[0].comment, told);
    let found = server.evaluations(rule).await;
    assert_eq!(found[0].verdict, Verdict::Fired);
    assert_eq!(found[0].error.as_deref(), Some(told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_instance_adds_when_it_is_back_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0 + 1, 1).await;
    register(&server).await;
    let query = "user=* | chart count() as c by user | search c>=2";
    let by_user = everywhere(query, ConditionOption::GreaterThan, 0);
    let rule = server.rule("loud people", by_user).await;
    let there = |offset: i64, user: &'static str| Happening {
        repo: "other",
        ..at(offset, user)
    };
    let happenings = [
        at(10, "ann"),
        at(20, "ann"),
        there(30, "eve"),
        there(40, "eve"),
    ];
    server.append(&happenings).await;
    let fleet = Arc::new(Fleet {
        here: server.searcher.clone(),
        away: AtomicBool::new(true),
    });
    let running = server.detect_with(fleet.clone(), settings());
    pass(&server, 630).await;
    server.evaluated(rule, T0 + 600).await;
    assert_eq!(server.incidents().await.len(), 1, "ann is told of at once");
    fleet.away.store(false, Ordering::SeqCst);
    let filled = async || {
        server.clock.advance(Duration::seconds(1));
        let state = server.catalog.rule_state(rule).await.unwrap();
        state.gaps.is_empty()
    };
    wait_for("the slot to be completed", filled).await;
    running.stop().await;
    let incidents = server.incidents().await;
    let rows: Vec<u64> = incidents.iter().map(|i| i.rows_count).collect();
    assert_eq!(rows, [1, 2], "and eve when she is seen");
    assert!(
        incidents[1].comments.is_empty(),
        "nothing is missing any more"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_over_an_instance_that_was_removed_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0 + 1, 1).await;
    register(&server).await;
    let spec = everywhere("user=ann", ConditionOption::GreaterThan, 0);
    let rule = server.rule("ann anywhere", spec).await;
    server
        .catalog
        .remove_instance("b", server.now())
        .await
        .unwrap();
    // It does not turn into a rule over the repo of that name here.
    server.append(&[at(10, "ann")]).await;
    let running = server.detect();
    let told = async || !server.evaluations(rule).await.is_empty();
    wait_for("the rule to be refused", told).await;
    running.stop().await;
    assert!(server.incidents().await.is_empty());
    let error = server.evaluations(rule).await[0].error.clone().unwrap();
    assert!(error.contains("an instance that was removed"), "{error}");
}
