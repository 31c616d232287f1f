//! The connections that write, one at a time.
//!
//! One is for transactions of several statements. The other is for changes of one statement,
//! made in place, because a change of thread and back takes longer than they do.
//!
//! Neither is in a pool: a pool of sqlx asks a connection that comes back whether it still
//! lives, which is one more way to the database's thread and back for each change.

use super::{BEGIN, BUSY_TIMEOUT, in_place};
use crate::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteTransactionManager};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use sqlx_core::transaction::TransactionManager as _;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How long a change waits for those before it.
const QUEUE_TIMEOUT: Duration = Duration::from_mins(1);

/// Who wants to write waits here for the turn.
#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteConnectOptions,
    /// `None` once they were closed.
    connections: Arc<Mutex<Option<Connections>>>,
}

#[derive(Debug)]
struct Connections {
    transactions: SqliteConnection,
    in_place: rusqlite::Connection,
    pace: in_place::Pace,
}

impl Writer {
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self> {
        let connections = Some(Connections {
            transactions: options.connect().await?,
            in_place: in_place::open(options.get_filename())?,
            pace: in_place::Pace::default(),
        });
        Ok(Self {
            options,
            connections: Arc::new(Mutex::new(connections)),
        })
    }

    /// The turn to write; a statement outside of [`Self::begin`] is a transaction by itself.
    pub(super) async fn turn(&self) -> Result<Turn> {
        let waiting = Arc::clone(&self.connections).lock_owned();
        let guard = tokio::time::timeout(QUEUE_TIMEOUT, waiting).await;
        let guard = guard.map_err(|_| sqlx::Error::PoolTimedOut)?;
        if guard.is_none() {
            return Err(sqlx::Error::PoolClosed.into());
        }
        Ok(Turn { guard })
    }

    /// A transaction that holds the write lock from its start, so that what it reads cannot
    /// change before it writes.
    ///
    /// A full or failing disk can make SQLite take a transaction back by itself. The roll-back
    /// that then follows fails, after which sqlx believes for ever that the connection is
    /// inside a transaction; such a connection is replaced.
    pub(super) async fn begin(&self) -> Result<Change> {
        let mut turn = self.turn().await?;
        match begin(&mut turn).await {
            Err(sqlx::Error::InvalidSavePointStatement) => {
                tracing::warn!(
                    "the catalog's connection was lost to a failed write; opening another"
                );
                let another = self.options.connect().await?;
                let lost = std::mem::replace(&mut *turn, another);
                // It is gone even if closing it fails.
                let _ = lost.close().await;
                begin(&mut turn).await?;
            }
            begun => begun?,
        }
        Ok(Change { turn, open: true })
    }

    /// Waits for the change under way and closes the connections. Later changes fail.
    pub(super) async fn close(&self) {
        if let Some(connections) = self.connections.lock().await.take()
            && let closing = connections.transactions.close()
            && let Err(error) = tokio::time::timeout(BUSY_TIMEOUT, closing).await
        {
            tracing::warn!(%error, "the catalog's connection could not be closed in time");
        }
    }
}

async fn begin(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let statement = sqlx::SqlSafeStr::into_sql_str(BEGIN);
    SqliteTransactionManager::begin(connection, Some(statement)).await
}

/// The turn to write.
#[derive(Debug)]
pub(super) struct Turn {
    guard: OwnedMutexGuard<Option<Connections>>,
}

impl Turn {
    /// Makes a statement in place.
    pub(super) fn execute(
        &self,
        statement: &'static str,
        parameters: impl rusqlite::Params,
    ) -> rusqlite::Result<usize> {
        let Connections { in_place, pace, .. } = self.connections();
        pace.wait_for(|| in_place.prepare_cached(statement)?.execute(parameters))
    }

    #[expect(clippy::expect_used, reason = "nobody has a turn without connections")]
    fn connections(&self) -> &Connections {
        self.guard.as_ref().expect("connections")
    }
}

impl Deref for Turn {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connections().transactions
    }
}

impl DerefMut for Turn {
    #[expect(clippy::expect_used, reason = "nobody has a turn without connections")]
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.guard.as_mut().expect("connections").transactions
    }
}

/// A transaction that changes something. Dropped without [`Change::commit`], it changes nothing.
#[derive(Debug)]
pub(super) struct Change {
    turn: Turn,
    open: bool,
}

impl Change {
    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        SqliteTransactionManager::commit(&mut self.turn).await?;
        self.open = false;
        Ok(())
    }
}

impl Deref for Change {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.turn
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.turn
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if self.open {
            // Done before the connection does anything else.
            SqliteTransactionManager::start_rollback(&mut self.turn);
        }
    }
}
