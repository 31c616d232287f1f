//! What a search has done so far, for who looks on while it runs.

use cresset_model::Timestamp;
use cresset_query::ResultRow;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// How far a search is, and the rows that can no longer change.
///
/// A search whose rows are events finds the newest first. Once everything that it has not
/// looked at is older than a row, that row and those before it are final: they are the first
/// rows of the result to come.
#[derive(Debug)]
pub struct Progress {
    rows_early: bool,
    after: Option<Place>,
    files: AtomicU64,
    files_done: AtomicU64,
    events: AtomicU64,
    events_done: AtomicU64,
    found: AtomicU64,
    up_to_seq: AtomicU64,
    rows: Mutex<Vec<ResultRow>>,
    ready: watch::Sender<usize>,
    last: Mutex<Option<Place>>,
}

/// Where an event stands among all, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its time.
    pub at: Timestamp,
    /// Its number.
    pub seq: u64,
}

impl Place {
    /// Whether an event stands behind this one, newest first.
    pub(crate) fn is_before(self, at: Timestamp, seq: u64) -> bool {
        (at, seq) < (self.at, self.seq)
    }
}

/// Numbers for a progress bar. All are 0 until the search runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Files that the search goes through.
    pub files: u64,
    /// Those of them that are done.
    pub files_done: u64,
    /// Events in these files and in the tail.
    pub events: u64,
    /// Events that were looked at, or that an index told not to be worth a look.
    pub events_done: u64,
    /// Events that meet the filter.
    pub found: u64,
}

impl Default for Progress {
    /// Counts only, for a search that gives its rows at the end.
    fn default() -> Self {
        Self::new(false, None)
    }
}

impl Progress {
    fn new(rows_early: bool, after: Option<Place>) -> Self {
        Self {
            rows_early,
            after,
            files: AtomicU64::new(0),
            files_done: AtomicU64::new(0),
            events: AtomicU64::new(0),
            events_done: AtomicU64::new(0),
            found: AtomicU64::new(0),
            up_to_seq: AtomicU64::new(u64::MAX),
            rows: Mutex::default(),
            ready: watch::Sender::new(0),
            last: Mutex::new(None),
        }
    }

    /// For a search that gives rows as soon as they are final.
    pub fn with_rows() -> Self {
        Self::new(true, None)
    }

    /// The same for a search of which the rows up to `after` are known, which is asked for up
    /// to that moment. It ends when it has its rows, without counting the events that meet the
    /// filter beyond them.
    pub fn of_page_after(after: Place) -> Self {
        Self::new(true, Some(after))
    }

    /// How far the search is.
    pub fn counts(&self) -> Counts {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Counts {
            files: read(&self.files),
            files_done: read(&self.files_done),
            events: read(&self.events),
            events_done: read(&self.events_done),
            found: read(&self.found),
        }
    }

    /// At most `most` of the final rows after the first `skip`, while the search runs; what
    /// it found in the end is in its result.
    pub fn rows(&self, skip: usize, most: usize) -> Vec<ResultRow> {
        let rows = self.rows.lock();
        rows.iter().skip(skip).take(most).cloned().collect()
    }

    /// Waits until there are more than `n` final rows.
    pub(crate) async fn more_than(&self, n: usize) {
        // It fails only without a sender, which `self` is.
        let _ = self.ready.subscribe().wait_for(|rows| *rows > n).await;
    }

    /// The last row of a finished search that is an event and may have others behind it.
    pub fn last(&self) -> Option<Place> {
        *self.last.lock()
    }

    /// No event with a larger `seq` was looked at.
    pub fn up_to_seq(&self) -> u64 {
        self.up_to_seq.load(Ordering::Relaxed)
    }

    pub(crate) const fn rows_early(&self) -> bool {
        self.rows_early
    }

    /// Whether events that will be no rows are counted all the same.
    pub(crate) const fn counts_rest(&self) -> bool {
        self.after.is_none()
    }

    /// The last row of the pages before.
    pub(crate) const fn after(&self) -> Option<Place> {
        self.after
    }

    pub(crate) fn begin(&self, files: u64, events: u64, up_to_seq: u64) {
        self.files.store(files, Ordering::Relaxed);
        self.events.store(events, Ordering::Relaxed);
        self.up_to_seq.store(up_to_seq, Ordering::Relaxed);
    }

    pub(crate) fn file_done(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn passed(&self, events: u64) {
        self.events_done.fetch_add(events, Ordering::Relaxed);
    }

    pub(crate) fn found(&self, events: u64) {
        self.found.fetch_add(events, Ordering::Relaxed);
    }

    pub(crate) fn settle(&self, more: Vec<ResultRow>) {
        let mut rows = self.rows.lock();
        rows.extend(more);
        self.ready.send_replace(rows.len());
    }

    /// Takes the final rows back, for the result.
    pub(crate) fn end(&self, last: Option<Place>) -> Vec<ResultRow> {
        *self.last.lock() = last;
        std::mem::take(&mut *self.rows.lock())
    }
}
