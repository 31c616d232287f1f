//! Reads that do not go through sqlx.
//!
//! Every request asks for its user. On the way through sqlx such a read costs two changes of
//! thread, ten times as much as the read itself; here the caller's own thread makes it, if it
//! touches a handful of pages, which the system has in memory. A long list comes by another
//! thread, but as a whole and not row by row.

use super::in_place;
use crate::Result;
use parking_lot::Mutex;
use rusqlite::{Connection, Params, Row, Transaction};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Connections kept for the next read.
const KEPT: usize = 4;

/// Connections that read in place.
#[derive(Debug)]
pub(super) struct Points {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Points {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
        }
    }

    /// Shows every row of a statement to `take`. It sees all that was committed before.
    pub(super) fn read(
        &self,
        statement: &'static str,
        parameters: impl Params,
        mut take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        self.with(|connection| {
            let mut prepared = connection.prepare_cached(statement)?;
            let mut rows = prepared.query(parameters)?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
            Ok(())
        })
    }

    /// Reads that take long, or see the same moment, on a thread of their own.
    pub(super) async fn view<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let points = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            points.with(|connection| work(&connection.unchecked_transaction()?))
        });
        match reading.await {
            Ok(read) => read,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(sqlx::Error::WorkerCrashed.into()),
            },
        }
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let kept = self.idle.lock().pop();
        let connection = kept.map_or_else(|| self.open(), Ok)?;
        let read = work(&connection)?;
        let mut idle = self.idle.lock();
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(read)
    }

    /// Forgets the connections that nobody uses.
    pub(super) fn close(&self) {
        self.idle.lock().clear();
    }

    fn open(&self) -> Result<Connection> {
        let connection = in_place::open(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}
