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
    /// `None` once they were closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Points {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::new(Some(Vec::new())),
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
        let kept = match self.idle.lock().as_mut() {
            Some(idle) => idle.pop(),
            None => return Err(sqlx::Error::PoolClosed.into()),
        };
        let connection = kept.map_or_else(|| self.open(), Ok)?;
        let read = work(&connection)?;
        if let Some(idle) = self.idle.lock().as_mut()
            && idle.len() < KEPT
        {
            idle.push(connection);
        }
        Ok(read)
    }

    /// Closes the connections as soon as nobody uses them. Later reads fail.
    pub(super) fn close(&self) {
        self.idle.lock().take();
    }

    fn open(&self) -> Result<Connection> {
        let connection = in_place::open(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use crate::port::Users as _;
    use crate::seal::Sealer;
    use crate::sqlite::SqliteCatalog;
    use cresset_model::SecretString;

    #[tokio::test]
    async fn a_closed_catalog_reads_nothing_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let path = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&path, sealer).await.unwrap();
        assert_eq!(catalog.user_and_key("nobody").await.unwrap(), None);
        catalog.close().await;
        let error = catalog.user_and_key("nobody").await.unwrap_err();
        assert!(error.to_string().contains("closed"), "{error}");
    }
}
