//! Statements that the caller's own thread makes, without a change of thread.

use super::{BUSY_TIMEOUT, CACHE, WAL_LIMIT};
use crate::Result;
use crate::elsewhere::elsewhere;
use rusqlite::ffi::ErrorCode;
use rusqlite::{Connection, Error, OpenFlags};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Extended result codes of SQLite (sqlite.org/rescode.html).
const CONSTRAINT_FOREIGN_KEY: i32 = 787;
const CONSTRAINT_UNIQUE: i32 = 2067;

/// Opens a database that is there, with the settings that all connections have.
pub(super) fn open(path: &Path) -> Result<Connection> {
    // A reader, too, writes to the file by which processes share the write-ahead log.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    for (name, value) in [
        ("foreign_keys", "ON"),
        ("synchronous", "FULL"),
        ("cache_size", CACHE),
        ("journal_size_limit", WAL_LIMIT),
    ] {
        connection
            .pragma_update_and_check(None, name, value, |_| Ok(()))
            .or_else(nothing)?;
    }
    Ok(connection)
}

/// Some settings answer with a row, others with none.
fn nothing(error: Error) -> Result<()> {
    match error {
        Error::QueryReturnedNoRows => Ok(()),
        other => Err(other.into()),
    }
}

/// As long as the disk answers within this, waiting for it takes less time than handing the
/// other tasks of the thread to another one.
const SOON: Duration = Duration::from_millis(2);

/// Whether the disk has been slow lately.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicBool);

impl Pace {
    /// Does work that waits for the disk. If it was slow the last time, other tasks of this
    /// thread go to another one meanwhile.
    pub(super) fn wait_for<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = if self.0.load(Ordering::Relaxed) {
            elsewhere(work)
        } else {
            work()
        };
        self.0.store(started.elapsed() > SOON, Ordering::Relaxed);
        done
    }
}

/// Whether a statement would have made a second thing of some name.
pub(super) fn is_taken(error: &Error) -> bool {
    is_constraint(error, CONSTRAINT_UNIQUE)
}

/// Whether a statement refers to something that is not there.
pub(super) fn is_absent(error: &Error) -> bool {
    is_constraint(error, CONSTRAINT_FOREIGN_KEY)
}

fn is_constraint(error: &Error, extended: i32) -> bool {
    error
        .sqlite_error()
        .is_some_and(|e| e.code == ErrorCode::ConstraintViolation && e.extended_code == extended)
}
