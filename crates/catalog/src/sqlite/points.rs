//! Reads that do not go through sqlx.
//!
//! Every request asks for its user. On the way through sqlx such a read costs two changes of
//! thread, ten times as much as the read itself; here the caller's own thread makes it, if it
//! touches a handful of pages, which the system has in memory. A long list comes by another
//! thread, but as a whole and not row by row.
//!
//! What proves a request is the same from one request to the next, and so are short lists that
//! somebody watches. They are remembered, secrets sealed as they are stored, for as long as
//! nothing in the database changes: SQLite tells every connection whether any other one, of
//! whatever process, has committed since (sqlite.org/pragma.html#pragma_data_version).

use super::filter::holds;
use super::{id_set, in_place};
use crate::Result;
use parking_lot::Mutex;
use rusqlite::{Connection, Params, Row, Transaction};
use std::any::Any;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Connections kept for the next read.
const KEPT: usize = 4;

/// Answers remembered per connection.
const REMEMBERED: usize = 256;

/// Longest question to which the answer is remembered, in bytes.
const LONGEST_QUESTION: usize = 4096;

/// Connections that read in place.
#[derive(Debug)]
pub(super) struct Points {
    path: PathBuf,
    /// What SQLite may keep in memory per connection, as its `cache_size`.
    cache: &'static str,
    /// `None` once they were closed.
    idle: Mutex<Option<Vec<Reading>>>,
}

#[derive(Debug)]
struct Reading {
    connection: Connection,
    remembered: Remembered,
}

/// Answers, by kind of question and question, that hold in a version of the database.
#[derive(Debug, Default)]
struct Remembered {
    version: i64,
    answers: HashMap<(&'static str, String), Box<dyn Any + Send>>,
}

impl Points {
    pub(super) fn new(path: &Path, cache: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            cache,
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
        self.with(|reading| {
            let mut prepared = reading.connection.prepare_cached(statement)?;
            let mut rows = prepared.query(parameters)?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
            Ok(())
        })
    }

    /// What `answer` makes of each row of a statement with one parameter, from memory if
    /// nothing was committed since they were last read. That there is none is not remembered.
    pub(super) fn recall<T: Clone + Send + 'static>(
        &self,
        statement: &'static str,
        parameter: String,
        mut answer: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let read = |connection: &Connection, parameter: &str| {
            let mut prepared = connection.prepare_cached(statement)?;
            let mut rows = prepared.query([parameter])?;
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                read.push(answer(row)?);
            }
            Ok(read)
        };
        self.remember(statement, parameter, read, |read| !read.is_empty())
    }

    /// What `read` finds for a question of a kind, from memory if nothing was committed since
    /// it was last found; only what is `worth` it is kept in memory.
    pub(super) fn remember<T: Clone + Send + 'static>(
        &self,
        kind: &'static str,
        question: String,
        read: impl FnOnce(&Connection, &str) -> Result<T>,
        worth: impl FnOnce(&T) -> bool,
    ) -> Result<T> {
        self.with(|reading| {
            let Reading {
                connection,
                remembered,
            } = reading;
            let version = connection
                .prepare_cached("PRAGMA data_version")?
                .query_row([], |row| row.get(0))?;
            remembered.forget_before(version);
            let place = (kind, question);
            let known = remembered.answers.get(&place);
            if let Some(known) = known.and_then(|known| known.downcast_ref::<T>()) {
                return Ok(known.clone());
            }
            let found = read(connection, &place.1)?;
            if worth(&found) && place.1.len() <= LONGEST_QUESTION {
                remembered.answers.insert(place, Box::new(found.clone()));
            }
            Ok(found)
        })
    }

    /// Reads that take long, or see the same moment, on a thread of their own.
    pub(super) async fn view<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let points = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || points.view_here(work));
        match reading.await {
            Ok(read) => read,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(sqlx::Error::WorkerCrashed.into()),
            },
        }
    }

    /// The same on the thread that it is called on.
    pub(super) fn view_here<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.with(|reading| work(&reading.connection.unchecked_transaction()?))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Reading) -> Result<T>) -> Result<T> {
        let kept = match self.idle.lock().as_mut() {
            Some(idle) => idle.pop(),
            None => return Err(sqlx::Error::PoolClosed.into()),
        };
        let mut reading = kept.map_or_else(|| self.open(), Ok)?;
        let read = work(&mut reading)?;
        if let Some(idle) = self.idle.lock().as_mut()
            && idle.len() < KEPT
        {
            idle.push(reading);
        }
        Ok(read)
    }

    /// Closes the connections as soon as nobody uses them. Later reads fail.
    pub(super) fn close(&self) {
        self.idle.lock().take();
    }

    fn open(&self) -> Result<Reading> {
        let connection = in_place::open(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", self.cache)?;
        holds::add(&connection)?;
        id_set::add(&connection)?;
        Ok(Reading {
            connection,
            remembered: Remembered::default(),
        })
    }
}

impl Remembered {
    /// Nothing that was read in another version holds in this one. Read a moment later, what
    /// is new may be newer than this version; it goes with the next one all the same.
    fn forget_before(&mut self, version: i64) {
        if version != self.version || self.answers.len() >= REMEMBERED {
            self.answers.clear();
            self.version = version;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::port::{Groups as _, Users as _};
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

    #[tokio::test]
    async fn what_is_remembered_is_read_again_after_any_change() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let path = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&path, sealer).await.unwrap();
        let other = super::in_place::open(&path).unwrap();
        let set = |value: i64| {
            let text = "UPDATE counters SET value = ?1 WHERE name = 'rules'";
            other.execute(text, [value]).unwrap();
        };
        let reads = std::cell::Cell::new(0);
        let ask = |name: &str| {
            let statement = "SELECT value FROM counters WHERE name = ?1";
            let found = catalog.points.recall(statement, name.to_owned(), |row| {
                reads.set(reads.get() + 1);
                Ok(row.get::<_, i64>(0)?)
            });
            (found.unwrap(), reads.get())
        };
        set(7);
        assert_eq!(ask("rules"), (vec![7], 1));
        assert_eq!(ask("rules"), (vec![7], 1));
        assert_eq!(ask("nothing"), (vec![], 1));
        set(8);
        assert_eq!(ask("rules"), (vec![8], 2));
        set(9);
        set(8);
        assert_eq!(ask("rules"), (vec![8], 3));
        // The catalog's own changes are another connection's, too.
        let id = cresset_model::ObjectId::from_bytes([1; 12]);
        let now = cresset_model::Timestamp(0);
        catalog.create_group(id, "night shift", now).await.unwrap();
        assert_eq!(ask("rules"), (vec![8], 4));
    }
}
