//! The catalog in one SQLite file.
//!
//! The server and the `cresset user` command open the same file at the same time,
//! so nothing that can change is kept in memory: every call looks at the database.
//! Changes go through one connection per process, in transactions that take the
//! write lock at their start; a commit is durable when it returns (WAL with
//! `synchronous=FULL`). Reads go through a few connections beside it and never wait
//! for a writer.

mod accounts;
mod audit;
mod audit_chain;
mod audit_log;
mod columns;
mod deliveries;
mod evaluations;
mod fed_lists;
mod files;
mod filter;
mod groups;
mod id_set;
mod in_place;
mod incident_acts;
mod incidents;
mod instances;
mod list_page;
mod lists;
mod long_lists;
mod macros;
mod memory;
mod notifications;
mod passwords;
mod points;
mod quarantine;
mod repos;
mod reseal;
mod roles;
mod rule_list;
mod rules;
mod schema;
mod sealed_key;
mod sealing;
mod tokens;
mod told;
mod users;
mod writer;

use crate::seal::Sealer;
use crate::{Error, Result};
use long_lists::LongLists;
use points::Points;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Sqlite, SqliteConnection};
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use writer::{Change, Writer};

/// How long a change waits for another process to finish its own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that read.
const READERS: u32 = 4;
/// How long a reading connection beyond the first stays open unused.
const READER_IDLE: Duration = Duration::from_mins(1);
/// Page cache of each connection in KiB, which SQLite takes as a negative number.
const CACHE: &str = "-2048";
/// Prepared statements kept per connection.
const STATEMENTS: usize = 48;
/// Size to which the write-ahead log is cut after a checkpoint, in bytes.
const WAL_LIMIT: &str = "16777216";

/// How changes begin: with the write lock.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Reads that see the same moment.
type View = sqlx::Transaction<'static, Sqlite>;

/// A catalog in a SQLite file.
#[derive(Debug)]
pub struct SqliteCatalog {
    writer: Writer,
    reader: SqlitePool,
    points: Arc<Points>,
    long_lists: LongLists,
    sealer: Sealer,
    passwords: passwords::Passwords,
}

impl SqliteCatalog {
    /// Opens the file, creating it (mode 0600) and its tables where they are missing.
    ///
    /// [`Error::NewerSchema`] if a newer Cresset wrote it; [`Error::Seal`] if it was
    /// sealed with another key.
    pub async fn open(path: &Path, sealer: Sealer) -> Result<Self> {
        make_private(path).map_err(|source| Error::Io {
            path: path.display().to_string(),
            source,
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full)
            .statement_cache_capacity(STATEMENTS)
            .pragma("cache_size", CACHE)
            .pragma("journal_size_limit", WAL_LIMIT)
            .disable_statement_logging();

        let writing = options.clone().journal_mode(SqliteJournalMode::Wal);
        let setting_up = pool(1).connect_lazy_with(writing.clone());
        schema::migrate(&setting_up).await?;
        sealing::check_key(&setting_up, &sealer).await?;
        setting_up.close().await;
        let writer = Writer::open(writing).await?;

        let reading = options.pragma("query_only", "ON");
        let reader = pool(READERS)
            .min_connections(1)
            .idle_timeout(READER_IDLE)
            .connect_lazy_with(reading);
        Ok(Self {
            writer,
            reader,
            points: Arc::new(Points::new(path, CACHE)),
            long_lists: LongLists::new(path),
            sealer,
            passwords: passwords::Passwords::new(),
        })
    }

    /// Reads the whole file and reports the damage that SQLite finds, one line each;
    /// empty if the file is sound.
    pub async fn check(&self) -> Result<Vec<String>> {
        let lines: Vec<String> = sqlx::query_scalar("PRAGMA quick_check")
            .fetch_all(&self.reader)
            .await?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// Waits for calls under way and closes the file. Later calls fail.
    pub async fn close(&self) {
        self.points.close();
        self.long_lists.close();
        self.reader.close().await;
        self.writer.close().await;
    }

    /// A transaction that holds the write lock from its start.
    async fn begin(&self) -> Result<Change> {
        self.writer.begin().await
    }
}

/// Liveness is not tested before each use: the connection is a file handle.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_mins(1))
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// SQLite gives its `-wal` and `-shm` files the mode of the database.
fn make_private(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "catalog file was open to other users; set to mode 0600");
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Makes a counter grow, in the transaction of the change that it stands for.
async fn bump(connection: &mut SqliteConnection, counter: &'static str) -> Result<()> {
    sqlx::query("UPDATE counters SET value = value + 1 WHERE name = $1")
        .bind(counter)
        .execute(connection)
        .await?;
    Ok(())
}

async fn counter(pool: &SqlitePool, counter: &'static str) -> Result<u64> {
    let value: i64 = sqlx::query_scalar("SELECT value FROM counters WHERE name = $1")
        .bind(counter)
        .fetch_one(pool)
        .await?;
    Ok(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{Files, FlushCommit};
    use cresset_model::{SecretString, Timestamp};

    fn flush(n: u64) -> FlushCommit {
        let key = |k: u64| {
            let key = format!("{n}-{k}-{}", "x".repeat(500));
            ("r".to_owned(), key, n, 1, Timestamp(0))
        };
        FlushCommit {
            files: Vec::new(),
            flushed_to: n,
            batch_keys: (0..20).map(key).collect(),
        }
    }

    #[tokio::test]
    async fn a_full_disk_refuses_until_there_is_space_again() {
        let dir = tempfile::tempdir().unwrap();
        let key = "AAAA".repeat(10) + "AAA=";
        let sealer = Sealer::from_text(&SecretString::new(key)).unwrap();
        let catalog = SqliteCatalog::open(&dir.path().join("catalog.db"), sealer)
            .await
            .unwrap();
        catalog.register_flush(flush(1)).await.unwrap();
        // What SQLite meets on a full disk, too: it cannot add a page.
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
            .fetch_one(&mut *catalog.writer.turn().await.unwrap())
            .await
            .unwrap();
        let limit = format!("PRAGMA max_page_count = {}", pages + 1);
        sqlx::raw_sql(sqlx::AssertSqlSafe(limit))
            .execute(&mut *catalog.writer.turn().await.unwrap())
            .await
            .unwrap();
        let full = catalog.register_flush(flush(2)).await.unwrap_err();
        assert!(full.to_string().contains("full"), "{full}");
        assert_eq!(catalog.cursor("store").await.unwrap(), 1);
        sqlx::raw_sql("PRAGMA max_page_count = 1000000")
            .execute(&mut *catalog.writer.turn().await.unwrap())
            .await
            .unwrap();
        catalog.register_flush(flush(2)).await.unwrap();
        assert_eq!(catalog.cursor("store").await.unwrap(), 2);
        let keys = catalog.batch_keys(Timestamp::MIN).await.unwrap();
        assert_eq!(keys.len(), 40);
    }
}
