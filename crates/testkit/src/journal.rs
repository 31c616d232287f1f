//! A list that grows while somebody waits for it.

use anyhow::{Result, bail};
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Items in order of arrival.
pub(crate) struct Journal<T> {
    items: Mutex<Vec<T>>,
    count: watch::Sender<usize>,
}

impl<T: Clone + Debug> Journal<T> {
    pub(crate) fn new() -> Self {
        Self {
            items: Mutex::new(Vec::new()),
            count: watch::Sender::new(0),
        }
    }

    pub(crate) fn push(&self, item: T) {
        let count = {
            let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            items.push(item);
            items.len()
        };
        self.count.send_replace(count);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until there are at least `count` items.
    pub(crate) async fn wait_for(&self, count: usize, timeout: Duration) -> Result<Vec<T>> {
        let mut arrived = self.count.subscribe();
        let enough = arrived.wait_for(|n| *n >= count);
        if tokio::time::timeout(timeout, enough).await.is_err() {
            let got = self.all();
            bail!(
                "waited {timeout:?} for {count} items, got {}: {got:#?}",
                got.len()
            );
        }
        Ok(self.all())
    }
}
