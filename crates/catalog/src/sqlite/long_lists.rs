//! Connections for lists that are looked through as a whole.
//!
//! They may keep a large table in memory, which else is copied from the system's memory each
//! time. So they are few, and whoever finds none free waits.

use super::points::Points;
use crate::Result;
use rusqlite::Transaction;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The table of a hundred thousand tokens, in KiB as SQLite wants it.
const CACHE: &str = "-24576";

/// Lists read at once, each by two connections.
const AT_ONCE: usize = 2;

#[derive(Debug)]
pub(super) struct LongLists {
    points: Arc<Points>,
    turns: Arc<Semaphore>,
}

impl LongLists {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            points: Arc::new(Points::new(path, CACHE)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Reads on a thread of its own, with the connections for another one.
    pub(super) async fn view<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &Points) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let points = Arc::clone(&self.points);
        let work = move |view: &Transaction<'_>| {
            // Kept by the work, which goes on when nobody waits for it any more.
            let _turn = turn;
            work(view, &points)
        };
        self.points.view(work).await
    }

    /// Closes the connections as soon as nobody uses them. Later reads fail.
    pub(super) fn close(&self) {
        self.points.close();
    }
}
