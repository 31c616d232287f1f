//! A rule sees what its owner may search, at every moment.

use crate::rules::{Happening, spec};
use crate::server::{Running, Server, wait_for};
use cresset_catalog::port::{NewUser, Repos, Rules, Users};
use cresset_model::incident::Verdict;
use cresset_model::repo::Repo;
use cresset_model::rule::ConditionOption;
use cresset_model::{Duration, ObjectId, SecretString, Timestamp};
use std::collections::BTreeSet;

/// On a boundary of 10 minutes.
const T0: i64 = 1_700_000_400;

fn at(offset: i64, user: &'static str, repo: &'static str) -> Happening {
    Happening {
        repo,
        ..Happening::of(T0 + offset, user)
    }
}

/// A server whose rules belong to a manager.
async fn of_a_manager(dir: &std::path::Path) -> Server {
    let mut server = Server::open(dir, T0, 1).await;
    let user = NewUser {
        id: ObjectId::from_bytes([7; 12]),
        username: "mona".into(),
        email: String::new(),
        roles: vec!["manager".into()],
        password: None,
        api_access_key: SecretString::new("00000000000000000000000000000000"),
        created_at: Timestamp(0),
    };
    server.owner = server.catalog.create_user(user).await.unwrap().id;
    server
}

async fn grant(server: &Server, repos: &[&str]) {
    let repos: BTreeSet<String> = repos.iter().map(ToString::to_string).collect();
    let granted = server.catalog.grant_repos(server.owner, Some(&repos));
    granted.await.unwrap();
}

/// Waits until live rules run as the catalog has them.
async fn taken_over(server: &Server, running: &Running) {
    let version = server.catalog.rules_version().await.unwrap();
    running.handle.rules_changed();
    wait_for("the change to be taken over", async || {
        running.handle.health().rules_version >= version
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_owner_may_search_or_prefers_makes_no_rule_fire_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = of_a_manager(dir.path()).await;
    let everywhere = server.rule("everywhere", spec("user=ann", 10, 60)).await;
    let mut named = spec("user=ann", 10, 60);
    named.search_params.repos = vec!["127.0.0.1:5504/main".into()];
    let named = server.rule("in one repo", named).await;
    let running = server.detect();
    server.append(&[at(1, "ann", "main")]).await;
    server.seen().await;
    // The event stays in the windows of later slots.
    server.clock.advance(Duration::minutes(25));
    let count = async || server.incidents().await.len();
    assert_eq!(count().await, 2);

    let repo = Repo {
        name: "unrelated".into(),
        retention_days: 30_000,
    };
    server.catalog.create_repo(repo).await.unwrap();
    taken_over(&server, &running).await;
    grant(&server, &["main", "other"]).await;
    taken_over(&server, &running).await;
    server.append(&[at(1_501, "bob", "main")]).await;
    server.seen().await;
    assert_eq!(count().await, 2);
    for rule in [everywhere, named] {
        let fired = server.evaluations(rule).await;
        let fired = fired.iter().filter(|e| e.verdict == Verdict::Fired);
        assert_eq!(fired.count(), 1);
    }
    running.stop().await;
}

/// Three events of each user, spread over both repos, in the seconds after `offset`.
async fn over_both_repos(server: &Server, offset: i64) {
    let events = [
        ("ann", "main"),
        ("ann", "other"),
        ("ann", "main"),
        ("bob", "main"),
        ("bob", "other"),
        ("bob", "other"),
    ];
    let happenings: Vec<Happening> = (offset + 1..)
        .zip(events)
        .map(|(offset, (user, repo))| at(offset, user, repo))
        .collect();
    server.append(&happenings).await;
    server.seen().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_sees_only_what_is_still_granted() {
    let dir = tempfile::tempdir().unwrap();
    let server = of_a_manager(dir.path()).await;
    let by_user = "user=* | chart count() as cnt by user | search cnt>=3";
    let live = server.rule("everywhere", spec(by_user, 10, 10)).await;
    let mut exact = spec(
        "user=bob | chart count() as cnt by user | search cnt>=3",
        10,
        10,
    );
    exact.incident_condition.condition_option = ConditionOption::Equals;
    exact.incident_condition.condition_value = 1;
    exact.search_params.repos = vec!["127.0.0.1:5504/main".into(), "127.0.0.1:5504/other".into()];
    let scheduled = server.rule("in two repos", exact).await;
    let running = server.detect();

    // Nothing was restricted yet: both repos count.
    over_both_repos(&server, 0).await;
    server.clock.advance(Duration::seconds(615));
    server.evaluated(scheduled, T0 + 600).await;
    assert_eq!(
        (server.fired(live).await, server.fired(scheduled).await),
        (1, 1)
    );

    grant(&server, &["main"]).await;
    taken_over(&server, &running).await;
    over_both_repos(&server, 700).await;
    server.clock.advance(Duration::seconds(515));
    server.evaluated(scheduled, T0 + 1200).await;
    assert_eq!(
        (server.fired(live).await, server.fired(scheduled).await),
        (1, 1)
    );
    // What is still granted counts as before.
    let more = [1250, 1251, 1252].map(|offset| at(offset, "ann", "main"));
    server.append(&more).await;
    server.seen().await;
    assert_eq!(server.fired(live).await, 2);

    grant(&server, &[]).await;
    running.handle.rules_changed();
    wait_for("the rules to stop", async || {
        let health = running.handle.health();
        health.live_rules + health.scheduled_rules == 0
    })
    .await;
    for rule in [live, scheduled] {
        wait_for("the rule to say why", async || {
            server.evaluations(rule).await.iter().any(|e| {
                let error = e.error.as_deref().unwrap_or_default();
                e.verdict == Verdict::Failed && error.contains("may search none of its repos")
            })
        })
        .await;
    }
    running.stop().await;
}
