//! Rules whose queries call macros.

use crate::rules::{Happening, spec};
use crate::server::{Running, Server, wait_for};
use cresset_catalog::port::{Macros, Rules};
use cresset_model::Duration;
use cresset_model::macros::Macro;
use cresset_model::rule::ConditionOption;

/// On a boundary of 10 minutes.
const T0: i64 = 1_700_000_400;

async fn put(server: &Server, text: &str) {
    let one = Macro {
        name: "WHO".to_owned(),
        parameters: Vec::new(),
        text: text.to_owned(),
        description: String::new(),
        updated_at: server.now(),
    };
    server.catalog.put_macro(one).await.unwrap();
}

/// Waits until the rules run with the macros as they are.
async fn taken_over(server: &Server, running: &Running) {
    running.handle.rules_changed();
    wait_for("the macros to be taken over", async || {
        let version = server.catalog.rules_version().await.unwrap();
        running.handle.health().rules_version == version
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_rule_follows_its_macro_from_the_next_event_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    put(&server, "user=ann").await;
    let rule = server.rule("who", spec("`who`", 10, 10)).await;
    let running = server.detect();
    taken_over(&server, &running).await;
    server.append(&[Happening::of(T0 + 1, "bob")]).await;
    server.seen().await;
    put(&server, "user=bob or user=eve").await;
    taken_over(&server, &running).await;
    assert_eq!(server.fired(rule).await, 0, "it looked back");
    server.append(&[Happening::of(T0 + 2, "ann")]).await;
    server.seen().await;
    assert_eq!(server.fired(rule).await, 0, "the old macro still counts");
    server.append(&[Happening::of(T0 + 3, "eve")]).await;
    server.seen().await;
    assert_eq!(server.fired(rule).await, 1);

    server.catalog.delete_macro("who").await.unwrap();
    running.handle.rules_changed();
    wait_for("the rule to break", async || {
        running.handle.health().broken_rules == 1
    })
    .await;
    wait_for("the rule to say why", async || {
        let told = server.evaluations(rule).await;
        let mut errors = told.iter().filter_map(|e| e.error.as_deref());
        errors.any(|error| error.contains("there is no macro `who`"))
    })
    .await;
    put(&server, "user=ann").await;
    running.handle.rules_changed();
    wait_for("the rule to run again", async || {
        let health = running.handle.health();
        (health.broken_rules, health.live_rules) == (0, 1)
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_rule_follows_its_macro_from_the_next_evaluation_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), T0, 1).await;
    put(&server, "user=ann").await;
    let silent = async |name: &str, query: &str| {
        let mut silence = spec(query, 10, 10);
        silence.incident_condition.condition_option = ConditionOption::LessThan;
        silence.incident_condition.condition_value = 1;
        server.rule(name, silence).await
    };
    let rule = silent("silent", "`who`").await;
    let [ann, bob] = [
        silent("ann", "user=ann").await,
        silent("bob", "user=bob").await,
    ];
    let running = server.detect();
    taken_over(&server, &running).await;
    server.append(&[Happening::of(T0 + 601, "bob")]).await;
    server.seen().await;
    put(&server, "user=bob").await;
    taken_over(&server, &running).await;
    server.clock.advance(Duration::minutes(12));
    for rule in [rule, ann, bob] {
        server.evaluated(rule, T0 + 1_200).await;
    }
    let (rule, ann, bob) = (
        server.fired(rule).await,
        server.fired(ann).await,
        server.fired(bob).await,
    );
    assert!(rule == bob && bob < ann, "{rule} {ann} {bob}");
    running.stop().await;
}
