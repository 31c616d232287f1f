//! Clocks that are wrong, and what a rule remembers of times that have not come.

use crate::rules::{Happening, compiled, spec};
use crate::server::{Server, wait_for};
use cresset_catalog::port::Rules;
use cresset_detect::schedule::Span;
use cresset_model::incident::RuleState;
use cresset_model::rule::RuleSpec;
use cresset_model::{Duration, Timestamp};
use cresset_query::NoLists;

/// On a boundary of a day.
const T0: i64 = 1_699_920_000;
/// 2099-01-01.
const FAR: i64 = 4_070_908_800;

fn at(log: i64, arrival: i64, user: &'static str) -> Happening {
    Happening {
        arrival: T0 + arrival,
        size: Some(5),
        ..Happening::of(log, user)
    }
}

fn right(offset: i64, user: &'static str) -> Happening {
    at(T0 + offset, offset, user)
}

/// Remembers its firings in both ways.
fn remembering(query: &str, interval: u32) -> RuleSpec {
    let mut spec = spec(query, interval, interval);
    spec.search_params.flush_on_trigger = true;
    spec.search_params.throttling_enabled = true;
    spec.search_params.throttling_field = "user".into();
    spec.search_params.throttling_time_range = 1;
    spec
}

async fn slots(server: &Server) -> Vec<i64> {
    let all = server.incidents().await;
    all.iter().map(|i| i.slot_end.secs() - T0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_remembers_the_future_is_not_mute() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    let rule = server.rule("any user", remembering("user=*", 10)).await;
    let state = RuleState {
        last_fired_slot: Some(Timestamp::from_secs(FAR)),
        throttled: [("ann".to_owned(), Timestamp::from_secs(FAR))].into(),
        ..RuleState::default()
    };
    let states = [(rule, state)];
    server
        .catalog
        .record_evaluations(&[], &states)
        .await
        .unwrap();
    let running = server.detect();
    server.append(&[right(601, "ann")]).await;
    server.seen().await;
    assert_eq!(slots(&server).await, [1_200]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_the_future_mute_no_rule_and_a_backtest_finds_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    server.rule("any user", remembering("user=*", 10)).await;
    let average = "user=* | chart avg(size) as a by user | search a>1";
    let scheduled = server.rule("average", remembering(average, 10)).await;
    let running = server.detect();
    let happenings = [
        at(T0 + 7_300, 100, "eve"),
        right(700, "ann"),
        at(FAR, 1_300, "eve"),
        right(1_900, "bob"),
        right(2_500, "eve"),
    ];
    for one in &happenings {
        server.append(std::slice::from_ref(one)).await;
    }
    server.seen().await;
    server.clock.set(Timestamp::from_secs(T0 + 9_100));
    server.evaluated(scheduled, T0 + 9_000).await;
    running.stop().await;
    let found = server.incidents().await;
    let of = |name: &str| -> Vec<(i64, i64)> {
        let of_rule = found.iter().filter(|i| i.name == name);
        of_rule
            .map(|i| (i.slot_end.secs() - T0, i.window_to.secs() - T0))
            .collect()
    };
    let live = [
        (600, 100),
        (1_200, 700),
        (1_800, 1_300),
        (2_400, 1_900),
        (3_000, 2_500),
    ];
    assert_eq!(of("any user"), live);
    // A schedule comes to an event of the future in its time.
    let slots = [1_200, 2_400, 3_000, 7_800];
    assert_eq!(of("average"), slots.map(|s| (s, s)));

    // The event of 2099 is beyond the span.
    let in_span: Vec<_> = live.into_iter().filter(|f| f.0 != 1_800).collect();
    for (spec, expected) in [
        (remembering("user=*", 10), in_span),
        (remembering(average, 10), slots.map(|s| (s, s)).to_vec()),
    ] {
        let span = Span {
            from: Timestamp::from_secs(T0),
            to: Timestamp::from_secs(T0 + 9_000),
        };
        let timeout = Duration::seconds(30);
        let (rule, searcher) = (compiled(spec), &*server.searcher);
        let run = cresset_detect::history::backtest(searcher, &NoLists, &rule, span, timeout, 100);
        let report = run.await.unwrap();
        let found: Vec<_> = report
            .firings
            .iter()
            .map(|f| (f.slot_end.secs() - T0, f.window_to.secs() - T0))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(report.events, 4, "each counts once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_with_a_shorter_interval_goes_on() {
    let count = "user=* | chart count() as cnt by user | search cnt>0";
    let average = "user=* | chart avg(size) as a by user | search a>1";
    for query in [count, average] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::open(dir.path(), T0 + 1, 1).await;
        let daily = server.rule("a rule", remembering(count, 1_440)).await;
        let running = server.detect();
        server.append(&[right(300, "ann")]).await;
        server.seen().await;
        assert_eq!(slots(&server).await, [86_400]);
        server.clock.set(Timestamp::from_secs(T0 + 3_600));
        let mut often = remembering(query, 5);
        often.name = "a rule".into();
        server
            .catalog
            .update_rule(daily, server.owner, often, server.now())
            .await
            .unwrap();
        running.handle.rules_changed();
        let version = server.catalog.rules_version().await.unwrap();
        let taken = async || {
            let is_live = query == count;
            let health = running.handle.health();
            let counts = (health.live_rules, health.scheduled_rules);
            health.rules_version == version && counts == (is_live.into(), (!is_live).into())
        };
        wait_for("the change to be taken over", taken).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        server.append(&[right(3_700, "ann")]).await;
        server.seen().await;
        server.clock.set(Timestamp::from_secs(T0 + 3_920));
        let fired = async || slots(&server).await == [3_900, 86_400];
        wait_for("the incident", fired).await;
        running.stop().await;
    }
}
