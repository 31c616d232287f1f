use crate::support::{at, commit, delivery, firing, id, with_rule};
use cresset_catalog::port::{AttemptOutcome, AttemptRecord, DueDelivery};
use cresset_catalog::{Catalog, Error};
use cresset_model::notification::{Channel, DeliveryState};
use cresset_model::{Duration, ObjectId, Timestamp};

const LEASE: Duration = Duration::seconds(60);

fn record(secs: i64, outcome: AttemptOutcome) -> AttemptRecord {
    AttemptRecord {
        at: at(secs),
        detail: format!("met at {secs}"),
        duration_us: 12,
        outcome,
    }
}

/// One incident of rule `10 + n` per entry, each with deliveries due at the seconds given.
/// Ids of deliveries are `100 * n`, `100 * n + 1`, …
async fn outbox(catalog: &dyn Catalog, dues: &[&[i64]]) {
    for (n, dues) in (1..).zip(dues) {
        let rule = with_rule(catalog, 10 + n).await;
        let mut firing = firing(n, rule, 600);
        let rows = (100 * n..).zip(*dues);
        firing.deliveries = rows
            .map(|(d, due)| delivery(d, id(n), rule, *due))
            .collect();
        catalog.commit_firings(commit(vec![firing])).await.unwrap();
    }
}

async fn claim(catalog: &dyn Catalog, secs: i64, limit: u32, per_rule: u32) -> Vec<DueDelivery> {
    catalog
        .claim_due(at(secs), LEASE, limit, per_rule)
        .await
        .unwrap()
}

fn ids(due: &[DueDelivery]) -> Vec<ObjectId> {
    due.iter().map(|d| d.delivery.id).collect()
}

async fn only_due_rows_are_claimed_oldest_first(catalog: &dyn Catalog) {
    outbox(catalog, &[&[30, 10, 100], &[20]]).await;
    assert!(claim(catalog, 9, 10, 10).await.is_empty());
    assert_eq!(catalog.next_due().await.unwrap(), Some(at(10)));
    assert_eq!(ids(&claim(catalog, 10, 10, 10).await), [id(101)]);
    assert_eq!(ids(&claim(catalog, 50, 10, 10).await), [id(200), id(100)]);
    assert_eq!(
        catalog.next_due().await.unwrap(),
        Some(at(70)),
        "when the first lease ends"
    );
}

async fn every_rule_gets_its_first_row_before_any_its_second(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0; 20], &[5; 3], &[9]]).await;
    let claimed = claim(catalog, 50, 10, 2).await;
    assert_eq!(ids(&claimed), [100, 200, 300, 101, 201].map(id));
}

async fn rows_under_a_live_lease_count_for_their_rule(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0; 20], &[5; 3], &[9]]).await;
    let claimed = claim(catalog, 50, 10, 2).await;
    assert!(claim(catalog, 50, 10, 2).await.is_empty(), "two of each");
    assert_eq!(
        ids(&claim(catalog, 50, 10, 3).await),
        [102, 202].map(id),
        "the third of each"
    );
    assert_eq!(
        ids(&claim(catalog, 50, 1, 9).await),
        [103].map(id),
        "limit holds over all"
    );
    let sent = record(51, AttemptOutcome::Delivered);
    assert!(catalog.finish_attempt(&claimed[0], sent).await.unwrap());
    assert_eq!(ids(&claim(catalog, 51, 10, 4).await), [104].map(id));
    // A lease that ended counts no more; one that was renewed does.
    assert!(catalog.renew(&claimed[3], at(200)).await.unwrap());
    let again = claim(catalog, 115, 10, 2).await;
    assert_eq!(ids(&again), [200, 300, 102, 201].map(id));
}

async fn a_new_rule_is_served_before_the_piles_of_others(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0; 30], &[0; 30], &[0; 30], &[40]]).await;
    let first = claim(catalog, 30, 5, 4).await;
    assert_eq!(ids(&first), [100, 200, 300, 101, 201].map(id));
    let second = claim(catalog, 40, 2, 4).await;
    assert_eq!(ids(&second), [400, 301].map(id), "first of its rule");
}

async fn a_retry_that_waits_is_no_lease(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0; 3]]).await;
    let due = claim(catalog, 0, 2, 2).await;
    for due in &due {
        let retry = record(1, AttemptOutcome::RetryAt(at(50)));
        assert!(catalog.finish_attempt(due, retry).await.unwrap());
    }
    assert_eq!(ids(&claim(catalog, 2, 5, 1).await), [102].map(id));
}

async fn a_row_set_aside_counts_until_it_is_available(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0; 3]]).await;
    let due = claim(catalog, 0, 2, 2).await;
    catalog.set_aside(&due, at(10)).await.unwrap();
    assert!(claim(catalog, 9, 5, 2).await.is_empty());
    let done = record(9, AttemptOutcome::Delivered);
    assert!(
        !catalog.finish_attempt(&due[0], done).await.unwrap(),
        "given back is given back"
    );
    assert!(!catalog.renew(&due[0], at(99)).await.unwrap());
    let again = claim(catalog, 10, 5, 2).await;
    assert_eq!(ids(&again), ids(&due));
    assert!(again.iter().all(|due| !due.abandoned), "nobody died of it");
    catalog.set_aside(&due, at(99)).await.unwrap();
    let done = record(11, AttemptOutcome::Delivered);
    assert!(
        catalog.finish_attempt(&again[0], done).await.unwrap(),
        "lost leases are passed over"
    );
}

async fn a_lease_is_renewed_only_by_its_holder(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0]]).await;
    let first = claim(catalog, 0, 1, 1).await.remove(0);
    assert!(catalog.renew(&first, at(100)).await.unwrap());
    assert!(claim(catalog, 99, 1, 1).await.is_empty());
    let second = claim(catalog, 100, 1, 1).await.remove(0);
    assert!(!catalog.renew(&first, at(300)).await.unwrap());
    assert!(!catalog.begin_work(&first).await.unwrap());
    assert!(!catalog.end_work(&first).await.unwrap());
    assert!(catalog.renew(&second, at(300)).await.unwrap());
    let done = record(101, AttemptOutcome::Delivered);
    assert!(catalog.finish_attempt(&second, done).await.unwrap());
    assert!(!catalog.renew(&second, at(300)).await.unwrap());
}

async fn work_that_was_never_ended_is_counted(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0]]).await;
    let told = |due: &DueDelivery| (due.abandoned, due.unfinished);
    let next = async |secs| claim(catalog, secs, 1, 1).await.remove(0);
    assert_eq!(told(&next(0).await), (false, 0));
    let due = next(60).await;
    assert_eq!(told(&due), (true, 0), "its holder left no outcome");
    assert!(catalog.begin_work(&due).await.unwrap());
    let due = next(120).await;
    assert_eq!(told(&due), (true, 1));
    catalog.set_aside(&[due], at(130)).await.unwrap();
    let due = next(130).await;
    assert_eq!(told(&due), (true, 1), "kept while it is set aside");
    assert!(catalog.begin_work(&due).await.unwrap());
    let due = next(190).await;
    assert_eq!(told(&due), (true, 2));
    assert!(catalog.begin_work(&due).await.unwrap());
    assert!(catalog.end_work(&due).await.unwrap());
    let due = next(250).await;
    assert_eq!(told(&due), (true, 0), "in a row");
    let retry = record(251, AttemptOutcome::RetryAt(at(300)));
    assert!(catalog.finish_attempt(&due, retry).await.unwrap());
    assert_eq!(told(&next(300).await), (false, 0));
}

async fn channels_of_one_rule_do_not_crowd_each_other(catalog: &dyn Catalog) {
    let rule = with_rule(catalog, 11).await;
    let mut firing = firing(1, rule, 600);
    firing.deliveries = (100..104).map(|d| delivery(d, id(1), rule, 0)).collect();
    firing.deliveries[3].channel = Channel::Email;
    catalog.commit_firings(commit(vec![firing])).await.unwrap();
    let claimed = claim(catalog, 0, 10, 1).await;
    assert_eq!(ids(&claimed), [100, 103].map(id));
}

async fn a_leased_row_is_left_alone_until_the_lease_ends(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0]]).await;
    let first = claim(catalog, 0, 10, 10).await;
    assert!(claim(catalog, 59, 10, 10).await.is_empty());
    let second = claim(catalog, 60, 10, 10).await;
    assert_eq!(ids(&second), ids(&first));
    assert!(second[0].lease > first[0].lease);

    let late = catalog
        .finish_attempt(&first[0], record(61, AttemptOutcome::Dead))
        .await
        .unwrap();
    assert!(!late, "the first worker has lost its lease");
    assert!(catalog.attempts(id(100)).await.unwrap().is_empty());
    let done = record(61, AttemptOutcome::Delivered);
    assert!(
        catalog
            .finish_attempt(&second[0], done.clone())
            .await
            .unwrap()
    );
    assert!(
        !catalog.finish_attempt(&second[0], done).await.unwrap(),
        "a lease ends once"
    );
    let row = &catalog.deliveries_of(id(1)).await.unwrap()[0];
    assert_eq!(
        (row.state, row.finished_at),
        (DeliveryState::Delivered, Some(at(61)))
    );
}

async fn an_expired_lease_that_nobody_took_still_counts(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0]]).await;
    let due = claim(catalog, 0, 10, 10).await;
    let done = record(500, AttemptOutcome::Delivered);
    assert!(catalog.finish_attempt(&due[0], done).await.unwrap());
}

async fn a_retry_is_due_when_it_says_and_every_attempt_is_kept(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0]]).await;
    let outcomes = [
        (AttemptOutcome::RetryAt(at(30)), DeliveryState::Pending, 1),
        (AttemptOutcome::RetryAt(at(95)), DeliveryState::Pending, 2),
        (AttemptOutcome::Dead, DeliveryState::Dead, 3),
    ];
    let mut now = 0;
    for (outcome, state, attempts) in outcomes.clone() {
        let due = claim(catalog, now, 10, 10).await;
        assert_eq!(due.len(), 1, "due at {now}");
        let record = record(now + 1, outcome.clone());
        assert!(catalog.finish_attempt(&due[0], record).await.unwrap());
        let row = catalog.deliveries_of(id(1)).await.unwrap().remove(0);
        assert_eq!((row.state, row.attempts), (state, attempts));
        assert_eq!(row.last_error, format!("met at {}", now + 1));
        if let AttemptOutcome::RetryAt(Timestamp(next)) = outcome {
            now = (next - at(0).0) / 1_000_000;
            assert_eq!(catalog.next_due().await.unwrap(), Some(at(now)));
            assert!(claim(catalog, now - 1, 10, 10).await.is_empty());
        }
    }
    assert_eq!(catalog.next_due().await.unwrap(), None);
    let attempts = catalog.attempts(id(100)).await.unwrap();
    let expect = [1, 31, 96]
        .into_iter()
        .zip(outcomes)
        .map(|(at, (o, ..))| record(at, o));
    assert_eq!(attempts, expect.collect::<Vec<_>>());
}

async fn a_suppressed_row_counts_no_attempt(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0]]).await;
    let due = claim(catalog, 0, 10, 10).await;
    let held = record(1, AttemptOutcome::Suppressed);
    assert!(catalog.finish_attempt(&due[0], held).await.unwrap());
    let row = catalog.deliveries_of(id(1)).await.unwrap().remove(0);
    assert_eq!((row.state, row.attempts), (DeliveryState::Suppressed, 0));
    let error = catalog.resend(id(100), at(2)).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

async fn a_finished_row_is_sent_again_with_a_fresh_count(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0, 0]]).await;
    let error = catalog.resend(id(100), at(1)).await.unwrap_err();
    assert!(error.to_string().contains("is pending"), "{error}");
    let due = claim(catalog, 0, 10, 10).await;
    for (due, outcome) in due
        .iter()
        .zip([AttemptOutcome::Dead, AttemptOutcome::Delivered])
    {
        assert!(
            catalog
                .finish_attempt(due, record(1, outcome))
                .await
                .unwrap()
        );
    }
    for old in &due {
        catalog.resend(old.delivery.id, at(5)).await.unwrap();
        let stale = catalog
            .finish_attempt(old, record(6, AttemptOutcome::Dead))
            .await
            .unwrap();
        assert!(!stale, "a worker of before cannot end the new life");
    }
    let again = claim(catalog, 5, 10, 10).await;
    assert_eq!(ids(&again), ids(&due), "the ids stay");
    for due in &again {
        assert_eq!((due.delivery.attempts, due.delivery.finished_at), (0, None));
    }
    assert_eq!(
        catalog.attempts(id(100)).await.unwrap().len(),
        1,
        "the history stays"
    );
    let error = catalog.resend(id(99), at(5)).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotFound {
                what: "delivery",
                ..
            }
        ),
        "{error}"
    );
}

async fn rows_are_listed_newest_first_by_state(catalog: &dyn Catalog) {
    outbox(catalog, &[&[10, 30, 20]]).await;
    let due = claim(catalog, 10, 1, 1).await;
    catalog
        .finish_attempt(&due[0], record(11, AttemptOutcome::Dead))
        .await
        .unwrap();
    let list = async |state, limit| {
        let rows = catalog.deliveries(state, limit).await.unwrap();
        rows.iter().map(|d| d.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 9).await, [101, 102, 100].map(id));
    assert_eq!(list(None, 1).await, [101].map(id));
    assert_eq!(
        list(Some(DeliveryState::Pending), 9).await,
        [101, 102].map(id)
    );
    assert_eq!(list(Some(DeliveryState::Dead), 9).await, [100].map(id));
    assert!(list(Some(DeliveryState::Delivered), 9).await.is_empty());
}

async fn recent_rows_are_counted_for_thresholds(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0, 10, 20, 30], &[10]]).await;
    let due = claim(catalog, 30, 3, 3).await;
    let outcomes = [
        AttemptOutcome::Delivered,
        AttemptOutcome::Dead,
        AttemptOutcome::Suppressed,
    ];
    assert_eq!(ids(&due), [100, 200, 101].map(id));
    for (due, outcome) in due.iter().zip(outcomes) {
        assert!(
            catalog
                .finish_attempt(due, record(31, outcome))
                .await
                .unwrap()
        );
    }
    let count = async |rule, channel, since| {
        catalog
            .recent_count(id(rule), channel, at(since))
            .await
            .unwrap()
    };
    assert_eq!(
        count(11, Channel::Http, 0).await,
        3,
        "delivered and pending"
    );
    assert_eq!(count(11, Channel::Http, 1).await, 2);
    assert_eq!(count(11, Channel::Http, 31).await, 0);
    assert_eq!(count(12, Channel::Http, 0).await, 0, "dead");
    assert_eq!(count(11, Channel::Email, 0).await, 0);
}

async fn two_workers_never_hold_the_same_row(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0; 40]]).await;
    let worker = async || {
        let mut mine = Vec::new();
        loop {
            let claimed = claim(catalog, 1, 3, 40).await;
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(ids(&claimed));
        }
    };
    let (a, b, c) = tokio::join!(worker(), worker(), worker());
    let mut all = [a, b, c].concat();
    all.sort();
    assert_eq!(all, (100..140).map(id).collect::<Vec<_>>());
}

conformance!(
    only_due_rows_are_claimed_oldest_first,
    every_rule_gets_its_first_row_before_any_its_second,
    rows_under_a_live_lease_count_for_their_rule,
    a_new_rule_is_served_before_the_piles_of_others,
    a_retry_that_waits_is_no_lease,
    a_row_set_aside_counts_until_it_is_available,
    a_lease_is_renewed_only_by_its_holder,
    work_that_was_never_ended_is_counted,
    channels_of_one_rule_do_not_crowd_each_other,
    a_leased_row_is_left_alone_until_the_lease_ends,
    an_expired_lease_that_nobody_took_still_counts,
    a_retry_is_due_when_it_says_and_every_attempt_is_kept,
    a_suppressed_row_counts_no_attempt,
    a_finished_row_is_sent_again_with_a_fresh_count,
    rows_are_listed_newest_first_by_state,
    recent_rows_are_counted_for_thresholds,
    two_workers_never_hold_the_same_row,
);
