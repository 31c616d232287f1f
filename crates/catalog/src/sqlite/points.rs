//! Reads that do not go through sqlx.
//!
//! Every request asks for its user. On the way through sqlx such a read costs two changes of
//! thread, ten times as much as the read itself; here the caller's own thread makes it, if it
//! touches a handful of pages, which the system has in memory. A long list comes by another
//! thread, but as a whole and not row by row.
//!
//! What proves a request is the same from one request to the next, and so are short lists that
//! somebody watches. They are remembered for as long as nothing in the database changes: SQLite
//! tells every connection whether any other one, of whatever process, has committed since
//! (sqlite.org/pragma.html#pragma_data_version). What a request reads after its token may be
//! as of the same [`Moment`], so that this is asked once.

use super::filter::holds;
use super::memory::{Memory, Question};
use super::{id_set, in_place};
use crate::port::Moment;
use crate::{Error, Result};
use parking_lot::Mutex;
use rusqlite::{Connection, Params, Row, Transaction};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Connections kept for the next read.
const KEPT: usize = 4;

/// Connections opened so far, of all catalogs, so that no moment of one is one of another.
static OPENED: AtomicU64 = AtomicU64::new(0);

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
    /// Tells it from the others.
    number: u64,
    memory: Memory,
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

    /// The answer to a question, from memory if nothing was committed since it was last read,
    /// or if it was so at the moment `seen`. What holds at the moment returned is what the answer
    /// says, unless that is newer still. Only what is `worth` it is kept in memory.
    pub(super) fn remember<Q: Question>(
        &self,
        question: &Q,
        seen: Option<Moment>,
        read: impl FnOnce(&Connection, &Q) -> Result<Q::Answer>,
        worth: impl FnOnce(&Q, &Q::Answer) -> bool,
    ) -> Result<(Q::Answer, Moment)> {
        self.with(|reading| {
            let now = reading.moment(seen)?;
            if let Some(known) = reading.memory.known(question) {
                return Ok((known.clone(), now));
            }
            let found = read(&reading.connection, question)?;
            if worth(question, &found) {
                reading.memory.keep(question.clone(), found.clone());
            }
            Ok((found, now))
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
        let read = work(&mut reading);
        // A question that is refused costs no connection, nor what it remembers.
        let sound = !matches!(read, Err(Error::Read(_) | Error::Database(_)));
        if let Some(idle) = self.idle.lock().as_mut()
            && idle.len() < KEPT
            && sound
        {
            idle.push(reading);
        }
        read
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
            number: OPENED.fetch_add(1, Ordering::Relaxed),
            memory: Memory::default(),
        })
    }
}

impl Reading {
    /// The moment that the memory is of: `seen` if it still is, else this one, for which all
    /// that does not hold any more is forgotten.
    fn moment(&mut self, seen: Option<Moment>) -> Result<Moment> {
        let known = Moment::new(self.number, self.memory.version());
        if seen == Some(known) {
            return Ok(known);
        }
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        self.memory.forget_before(version);
        Ok(Moment::new(self.number, version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{Groups as _, Users as _};
    use crate::seal::Sealer;
    use crate::sqlite::SqliteCatalog;
    use cresset_model::SecretString;
    use rusqlite::OptionalExtension as _;

    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Counter(String);

    impl Question for Counter {
        type Answer = Option<i64>;
    }

    #[tokio::test]
    async fn a_closed_catalog_reads_nothing_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let path = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&path, sealer).await.unwrap();
        assert!(catalog.user_and_key("nobody").await.unwrap().is_none());
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
        let other = in_place::open(&path).unwrap();
        let set = |value: i64| {
            let text = "UPDATE counters SET value = ?1 WHERE name = 'rules'";
            other.execute(text, [value]).unwrap();
        };
        let reads = std::cell::Cell::new(0);
        let ask_as_of = |name: &str, seen: Option<Moment>| {
            let read = |connection: &Connection, Counter(name): &Counter| {
                reads.set(reads.get() + 1);
                let statement = "SELECT value FROM counters WHERE name = ?1";
                let value = connection.query_row(statement, [name], |row| row.get(0));
                Ok(value.optional()?)
            };
            let counter = Counter(name.to_owned());
            let worth = |_: &Counter, found: &Option<i64>| found.is_some();
            catalog
                .points
                .remember(&counter, seen, read, worth)
                .unwrap()
        };
        let ask = |name: &str| (ask_as_of(name, None).0, reads.get());
        set(7);
        assert_eq!(ask("rules"), (Some(7), 1));
        assert_eq!(ask("rules"), (Some(7), 1));
        assert_eq!(ask("nothing"), (None, 2));
        set(8);
        assert_eq!(ask("rules"), (Some(8), 3));
        set(9);
        set(8);
        assert_eq!(ask("rules"), (Some(8), 4));
        // The catalog's own changes are another connection's, too.
        let id = cresset_model::ObjectId::from_bytes([1; 12]);
        let now = cresset_model::Timestamp(0);
        catalog.create_group(id, "night shift", now).await.unwrap();
        assert_eq!(ask("rules"), (Some(8), 5));
        // As of a moment before a change, what was known then is known still …
        let (_, seen) = ask_as_of("rules", None);
        set(9);
        assert_eq!(ask_as_of("rules", Some(seen)), (Some(8), seen));
        assert_eq!(reads.get(), 5);
        // … but by the connection that saw it only …
        let beside = catalog.points.with(|_| {
            let (value, moment) = ask_as_of("rules", Some(seen));
            Ok((value, moment == seen))
        });
        assert_eq!((beside.unwrap(), reads.get()), ((Some(9), false), 6));
        // … and until somebody else has looked: no moment outlives what is remembered of it.
        let second = catalog
            .points
            .idle
            .lock()
            .as_mut()
            .map(|idle| idle.remove(0));
        assert!(second.is_some_and(|second| second.number != seen.connection()));
        assert_eq!(ask("rules"), (Some(9), 7));
        let (value, later) = ask_as_of("rules", Some(seen));
        assert_eq!((value, later == seen), (Some(9), false));
    }

    #[tokio::test]
    async fn what_is_refused_costs_no_connection() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::from_text(&SecretString::new("AAAA".repeat(10) + "AAA=")).unwrap();
        let path = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&path, sealer).await.unwrap();
        let points = &catalog.points;
        let fail = |error: Error| {
            let read = |_: &Connection, _: &Counter| Err(error);
            let counter = Counter(String::new());
            assert!(points.remember(&counter, None, read, |_, _| true).is_err());
            points.idle.lock().as_ref().map_or(0, Vec::len)
        };
        points.read("SELECT 1", [], |_| Ok(())).unwrap();
        let before = points.idle.lock().as_ref().map_or(0, Vec::len);
        assert_eq!(fail(Error::Refused("no".to_owned())), before);
        assert_eq!(fail(rusqlite::Error::InvalidQuery.into()), before - 1);
    }
}
