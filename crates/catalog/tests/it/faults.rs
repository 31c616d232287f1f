//! Errors in the middle of a transaction leave nothing behind.

use crate::support::{OWNER, at, commit, delivery, firing, id, with_rule};
use cresset_catalog::port::{FileEntry, FiringCommit, FlushCommit, IncidentFilter};
use cresset_catalog::{Catalog, Error};
use cresset_model::incident::RuleState;

async fn a_failed_firing_takes_the_whole_commit_back(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    catalog
        .commit_firings(commit(vec![firing(1, rule, 600)]))
        .await
        .unwrap();
    let taken = catalog.deliveries(None, 9).await.unwrap()[0].id;
    let state = catalog.rule_state(rule).await.unwrap();

    let mut same_delivery = firing(3, rule, 1800);
    same_delivery.deliveries.push(delivery(500, id(3), rule, 0));
    same_delivery.deliveries[0].id = taken;
    let mut foreign_delivery = firing(3, rule, 1800);
    foreign_delivery.deliveries[0].incident_id = id(77);
    let same_incident = firing(1, rule, 1800);

    for bad in [same_delivery, foreign_delivery, same_incident] {
        let firings = vec![firing(2, rule, 1200), bad];
        let cursor = Some(("detect", 9));
        let error = catalog
            .commit_firings(FiringCommit { firings, cursor })
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Database(_)), "{error}");
        assert_eq!(
            catalog
                .incidents(&IncidentFilter::default())
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(catalog.incident(id(2)).await.unwrap(), None);
        assert_eq!(catalog.deliveries(None, 9).await.unwrap().len(), 1);
        assert_eq!(catalog.evaluations(rule, 9).await.unwrap().len(), 1);
        assert_eq!(catalog.rule_state(rule).await.unwrap(), state);
        assert_eq!(catalog.cursor("detect").await.unwrap(), 0);
    }
    // The write connection is usable and the slot still free.
    let outcome = catalog
        .commit_firings(commit(vec![firing(2, rule, 1200)]))
        .await
        .unwrap();
    assert_eq!(outcome, [cresset_catalog::port::FiringOutcome::Written]);
}

async fn a_failed_flush_moves_nothing(catalog: &dyn Catalog) {
    let file = |n: u64, path: &str| FileEntry {
        id: id(n),
        repo: "web".to_owned(),
        path: path.to_owned(),
        rows: 1,
        bytes: 1,
        min_log_ts: at(0),
        max_log_ts: at(0),
        min_seq: 1,
        max_seq: 1,
        crc32: None,
    };
    let batch_keys = vec![("web".to_owned(), "k".to_owned(), 1, 1, at(0))];
    let files = vec![file(1, "a"), file(2, "a")];
    let bad = FlushCommit {
        files,
        flushed_to: 1,
        batch_keys,
    };
    catalog.register_flush(bad).await.unwrap_err();
    assert!(catalog.files(&[], at(0), at(0)).await.unwrap().is_empty());
    assert!(catalog.batch_keys(at(0)).await.unwrap().is_empty());
    assert_eq!(catalog.cursor("store").await.unwrap(), 0);
}

/// A caller that goes away, as a request does whose client hangs up, at every
/// point where it could be waiting.
async fn a_cancelled_call_is_whole_or_absent(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 10).await;
    let mut written = 0;
    for n in 1..60_u64 {
        let fired = firing(n, rule, n as i64 * 600);
        let mut call = Box::pin(catalog.commit_firings(commit(vec![fired])));
        for _ in 0..n * 40 {
            tokio::select! {
                biased;
                done = &mut call => { done.unwrap(); break }
                () = tokio::task::yield_now() => {}
            }
        }
        drop(call);
        // A commit that was under way may still end either way; what follows it
        // on the write connection finds it ended.
        catalog.set_cursor("other", n).await.unwrap();
        let incident = catalog.incident(id(n)).await.unwrap();
        let deliveries = catalog.deliveries_of(id(n)).await.unwrap();
        assert_eq!(
            deliveries.len(),
            usize::from(incident.is_some()),
            "call {n}"
        );
        written += deliveries.len();
        assert_eq!(catalog.evaluations(rule, 200).await.unwrap().len(), written);
    }
    catalog
        .commit_firings(commit(vec![firing(99, rule, 0)]))
        .await
        .unwrap();
    println!("{written} of 59 cancelled calls were written");
    assert_eq!(
        catalog.deliveries(None, 99).await.unwrap().len(),
        written + 1
    );
}

async fn a_refused_rule_change_is_taken_back(catalog: &dyn Catalog) {
    let (a, b) = (with_rule(catalog, 10).await, with_rule(catalog, 11).await);
    let version = catalog.rules_version().await.unwrap();
    let before = catalog.rule(a).await.unwrap();
    let name = catalog.rule(b).await.unwrap().unwrap().rule.spec.name;
    let mut spec = crate::support::spec(&name);
    catalog
        .update_rule(a, id(OWNER), spec.clone(), at(9))
        .await
        .unwrap_err();
    spec.description = "x".repeat(5 << 20);
    let error = catalog
        .update_rule(b, id(OWNER), spec, at(9))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert_eq!(catalog.rule(a).await.unwrap(), before);
    assert_eq!(catalog.rules_version().await.unwrap(), version);
    assert_eq!(catalog.rule_state(a).await.unwrap(), RuleState::default());
}

conformance!(
    a_failed_firing_takes_the_whole_commit_back,
    a_failed_flush_moves_nothing,
    a_cancelled_call_is_whole_or_absent,
    a_refused_rule_change_is_taken_back,
);
