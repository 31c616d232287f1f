//! What is done to event files from time to time.

use cresset_store::{Depth, EventStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked whether there are files to make one.
const LOOK: Duration = Duration::from_secs(10);
/// While more events than these come in that time, taking them in has the processors.
const MANY_EVENTS: u64 = 100_000;

/// Makes few large event files of many small ones, and removes those.
pub(super) async fn keep_compact(
    store: Arc<EventStore>,
    head: watch::Receiver<u64>,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut before = *head.borrow();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        let busy = head.borrow().saturating_sub(before) > MANY_EVENTS;
        while !*stop.borrow() {
            let made = if busy {
                store.compact_little().await
            } else {
                store.compact().await
            };
            match made {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "small event files could not be made one");
                    break;
                }
            }
        }
        if let Err(error) = store.remove_replaced().await {
            tracing::error!(%error, "replaced event files could not be removed");
        }
        before = *head.borrow();
    }
}

/// Compares event files with what was written, at start and once a day.
pub(super) async fn keep_checked(
    store: Arc<EventStore>,
    depth: Depth,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(Duration::from_hours(24));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        let checked = tokio::select! {
            checked = store.check_files(depth) => checked,
            _ = stop.changed() => return,
        };
        match checked {
            Ok(checked) if checked.quarantined + checked.restored == 0 => {}
            Ok(checked) => tracing::warn!(
                quarantined = checked.quarantined,
                restored = checked.restored,
                "event files were checked"
            ),
            Err(error) => tracing::error!(%error, "event files could not be checked"),
        }
    }
}

/// Removes what is older than its repo keeps, once an hour.
pub(super) async fn keep_retention(store: Arc<EventStore>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(Duration::from_hours(1));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        match store.enforce_retention().await {
            Ok(0) => {}
            Ok(files) => tracing::info!(
                files,
                "events older than their repo's retention were removed"
            ),
            Err(error) => tracing::error!(%error, "old events could not be removed"),
        }
        if let Err(error) = store.expire_quarantined().await {
            tracing::error!(%error, "old files in quarantine could not be removed");
        }
    }
}
