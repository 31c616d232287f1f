//! A detector that is killed again and again makes the same incidents.

use crate::rules::{Happening, spec};
use crate::server::Server;
use cresset_model::rule::{ConditionOption, RuleSpec};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;

const T0: i64 = 1_700_000_000;

fn rules() -> Vec<(&'static str, RuleSpec)> {
    let mut flushing = spec(
        "user=* | chart count() as cnt by user | search cnt>=3",
        1,
        2,
    );
    flushing.search_params.flush_on_trigger = true;
    let mut throttled = spec("size>=3", 1, 1);
    throttled.search_params.throttling_enabled = true;
    throttled.search_params.throttling_field = "user".into();
    throttled.search_params.throttling_time_range = 4;
    let mut silent = spec("user=ann", 2, 2);
    silent.incident_condition.condition_option = ConditionOption::LessThan;
    silent.incident_condition.condition_value = 1;
    vec![
        (
            "count by user",
            spec(
                "user=* | chart count() as cnt by user | search cnt>=4",
                2,
                4,
            ),
        ),
        (
            "hosts",
            spec(
                "user=* | chart distinct_count(host) as d by user | search d>=3",
                1,
                3,
            ),
        ),
        (
            "large",
            spec("user=* | chart max(size) as m by host | search m>4", 3, 3),
        ),
        ("flushing", flushing),
        ("throttled", throttled),
        ("silence", silent),
        (
            "average",
            spec("user=* | chart avg(size) as a by user | search a>3", 2, 4),
        ),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let fields = (
        select(vec!["ann", "bob", "cat"]),
        select(vec!["web1", "web2", "db"]),
        0..6_i64,
        select(vec!["main", "main", "other"]),
    );
    (0..600_i64, fields).prop_map(|(at, (user, host, size, repo))| Happening {
        log: T0 + at,
        arrival: T0 + at,
        user: Some(user),
        host: Some(host),
        size: Some(size),
        risk: None,
        repo,
    })
}

/// Rule, slot, window end, rows.
type Found = (String, i64, i64, u64);

async fn found(server: &Server) -> Vec<Found> {
    let all = server.incidents().await;
    all.into_iter()
        .map(|i| (i.name, i.slot_end.secs(), i.window_to.secs(), i.rows_count))
        .collect()
}

/// Lets all that is due be evaluated, and stops.
async fn finish(server: &Server) {
    let running = server.detect();
    server.seen().await;
    server
        .clock
        .set(cresset_model::Timestamp::from_secs(T0 + 1_200));
    for rule in server_rules(server).await {
        server.evaluated(rule, T0 + 1_020).await;
    }
    running.stop().await;
}

async fn server_rules(server: &Server) -> Vec<cresset_model::ObjectId> {
    use cresset_catalog::port::Rules;
    let active = server.catalog.active_rules().await.unwrap();
    active.into_iter().map(|r| r.rule.id).collect()
}

async fn undisturbed(happenings: &[Happening]) -> Vec<Found> {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0 - 600, 1).await;
    for (name, spec) in rules() {
        server.rule(name, spec).await;
    }
    let running = server.detect();
    for some in happenings.chunks(7) {
        server.append(some).await;
    }
    server.seen().await;
    running.stop().await;
    finish(&server).await;
    found(&server).await
}

/// Events before each kill, and milliseconds that the detector may run.
async fn disturbed(happenings: &[Happening], kills: &[(usize, u64)]) -> Vec<Found> {
    let dir = tempfile::tempdir().unwrap();
    let mut rest = happenings;
    for (life, (events, millis)) in kills.iter().enumerate() {
        let server = Server::open(dir.path(), T0 - 600, 1 << (20 + life)).await;
        if life == 0 {
            for (name, spec) in rules() {
                server.rule(name, spec).await;
            }
        }
        let running = server.detect();
        let (now, later) = rest.split_at((*events).min(rest.len()));
        rest = later;
        for some in now.chunks(5) {
            server.append(some).await;
        }
        tokio::time::sleep(Duration::from_millis(*millis)).await;
        running.kill().await;
        if millis % 3 == 0 {
            server.flush().await;
        }
    }
    let server = Server::open(dir.path(), T0 - 600, 1 << 40).await;
    server.append(rest).await;
    finish(&server).await;
    found(&server).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn kills_change_nothing(
        mut happenings in vec(happening(), 20..120),
        kills in vec((0..40_usize, 0..40_u64), 1..5),
    ) {
        happenings.sort_by_key(|h| h.log);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2).enable_all().build().unwrap();
        let expected = runtime.block_on(undisturbed(&happenings));
        prop_assert!(!expected.is_empty());
        let found = runtime.block_on(disturbed(&happenings, &kills));
        let lost: Vec<_> = expected.iter().filter(|f| !found.contains(f)).collect();
        let extra: Vec<_> = found.iter().filter(|f| !expected.contains(f)).collect();
        prop_assert!(lost.is_empty() && extra.is_empty(), "lost {:?}\nextra {:?}", lost, extra);
    }
}
