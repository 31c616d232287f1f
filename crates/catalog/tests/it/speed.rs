//! Costs that must not grow with what has piled up.

use crate::support::{at, commit, delivery, evaluation, firing, id, with_rule};
use cresset_catalog::Catalog;
use cresset_catalog::port::{Deliveries, Files, Incidents, Rules};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A claim must not read the whole pile: with the wrong index it takes minutes.
#[tokio::test]
async fn a_pile_of_one_sick_destination_does_not_slow_the_others() {
    let (_dir, catalog) = crate::support::sqlite().await;
    let mut sick = firing(1, id(1), 600);
    sick.deliveries = (10_000..30_000)
        .map(|n| delivery(n, id(1), id(1), 0))
        .collect();
    let mut firings = vec![sick];
    firings.extend((2..302).map(|n| firing(n, id(n), 600)));
    catalog.commit_firings(commit(firings)).await.unwrap();

    let started = Instant::now();
    let lease = cresset_model::Duration::minutes(1);
    let claimed = catalog.claim_due(at(600), lease, 64, 4).await.unwrap();
    let took = started.elapsed();
    let of_sick = claimed
        .iter()
        .filter(|d| d.delivery.rule_id == id(1))
        .count();
    println!("claim beside 20,000 waiting rows: {took:?}");
    assert_eq!((claimed.len(), of_sick), (64, 1));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// Generous bounds for a busy machine and a debug build; they catch a scan or a
/// second fsync, not a slow day.
#[tokio::test]
async fn the_hot_paths_are_quick() {
    let (_dir, catalog) = crate::support::sqlite().await;
    let rule = with_rule(&catalog, 10).await;
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };

    let mut logins = Vec::new();
    let catalog_ref: &dyn Catalog = &catalog;
    for _ in 0..100 {
        let started = Instant::now();
        let user = catalog_ref.user_by_name("owner").await.unwrap().unwrap();
        catalog_ref.api_access_key(user.id).await.unwrap().unwrap();
        logins.push(started.elapsed());
    }
    let mut commits = Vec::new();
    for n in 0..100 {
        let fired = commit(vec![firing(n, rule, n as i64 * 600)]);
        let started = Instant::now();
        catalog_ref.commit_firings(fired).await.unwrap();
        commits.push(started.elapsed());
    }
    let rules: Vec<_> = (100..600).map(id).collect();
    for (n, rule) in (100..).zip(&rules) {
        assert_eq!(with_rule(&catalog, n).await, *rule);
    }
    let evaluations: Vec<_> = rules.iter().map(|rule| evaluation(*rule, 0)).collect();
    let states: Vec<_> = rules
        .iter()
        .map(|rule| (*rule, Default::default()))
        .collect();
    let started = Instant::now();
    catalog
        .record_evaluations(&evaluations, &states)
        .await
        .unwrap();
    println!("500 evaluations with states {:?}", started.elapsed());
    let (login, written) = (median(logins), median(commits));
    println!("user_by_name + api_access_key {login:?}, commit_firings {written:?}");
    assert!(login < Duration::from_millis(10), "{login:?}");
    assert!(written < Duration::from_millis(100), "{written:?}");
}

/// Slots of all rules end together; their records must not hold up whoever else writes.
#[tokio::test]
async fn others_write_while_many_rules_are_recorded() {
    let (_dir, catalog) = crate::support::sqlite().await;
    let mut rules = Vec::new();
    for n in 100..700 {
        rules.push(with_rule(&catalog, n).await);
    }
    let evaluations: Vec<_> = rules.iter().map(|rule| evaluation(*rule, 0)).collect();
    let states: Vec<_> = rules
        .iter()
        .map(|rule| (*rule, Default::default()))
        .collect();
    let written = AtomicU64::new(0);
    let others = async {
        loop {
            let n = written.fetch_add(1, Ordering::Relaxed);
            catalog.set_cursor("another", n).await.unwrap();
        }
    };
    tokio::select! {
        recorded = catalog.record_evaluations(&evaluations, &states) => recorded.unwrap(),
        () = others => {}
    }
    let written = written.load(Ordering::Relaxed);
    assert!(written > 5, "{written} writes in between");
    for rule in rules {
        let recorded = catalog.evaluations(rule, 9).await.unwrap();
        assert_eq!(recorded.len(), 1);
    }
}
