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

async fn a_claim_takes_few_rows_of_each_rule_and_channel(catalog: &dyn Catalog) {
    outbox(catalog, &[&[0; 20], &[5; 3], &[9]]).await;
    let claimed = claim(catalog, 50, 10, 2).await;
    assert_eq!(ids(&claimed), [100, 101, 200, 201, 300].map(id));
    assert_eq!(
        ids(&claim(catalog, 50, 10, 2).await),
        [102, 103, 202].map(id)
    );
    assert_eq!(
        ids(&claim(catalog, 50, 1, 5).await),
        [104].map(id),
        "limit holds over all"
    );
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
        AttemptOutcome::Suppressed,
        AttemptOutcome::Dead,
    ];
    assert_eq!(ids(&due), [100, 101, 200].map(id));
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
            let claimed = claim(catalog, 1, 3, 3).await;
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
    a_claim_takes_few_rows_of_each_rule_and_channel,
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
