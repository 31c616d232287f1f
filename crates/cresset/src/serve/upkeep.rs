//! What is done to event files from time to time.

use cresset_store::EventStore;
use std::sync::Arc;
use tokio::sync::watch;

/// Makes few large event files of many small ones, and removes those.
pub(super) async fn keep_compact(store: Arc<EventStore>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_secs(10));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        while !*stop.borrow() {
            match store.compact().await {
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
    }
}

/// Removes what is older than its repo keeps, once an hour.
pub(super) async fn keep_retention(store: Arc<EventStore>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_hours(1));
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
    }
}
