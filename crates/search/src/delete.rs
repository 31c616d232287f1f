//! Deleting the events that meet a filter.
//!
//! What is deleted is what was acknowledged before the deletion began. First the event log's
//! tail goes to files; then each file that holds such events is written anew without them; then
//! the old files are removed, which waits for the searches that read them, and the segments of
//! the event log, which waits for its other consumers. A deletion that failed or was killed is
//! simply asked for again: it finds what is left.

use crate::flush::{FlushError, Flusher};
use crate::lists::SearchLists;
use crate::{Error, ListCache};
use cresset_catalog::Catalog;
use cresset_catalog::port::FileEntry;
use cresset_eventlog::EventLog;
use cresset_model::{Duration, Event, ObjectId, Timestamp};
use cresset_query::ast::Head;
use cresset_query::{Context, Plan};
use cresset_store::{DeleteFrom, DeletedFrom, EventStore};
use jiff::tz::TimeZone;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::time::Instant;

/// How often a deletion looks whether readers are done.
const LOOK: std::time::Duration = std::time::Duration::from_millis(200);

/// What to delete.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    /// The filter: a query without any command.
    pub plan: Arc<Plan>,
    /// Names of repos here, at least one.
    pub repos: Vec<String>,
    /// Event time after this moment…
    pub from: Timestamp,
    /// …up to and including this one.
    pub to: Timestamp,
    /// IANA time zone for time functions.
    pub timezone: String,
    /// Only count.
    pub dry_run: bool,
}

/// Why a query does not say what to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAFilter {
    /// It is empty.
    #[error("the query is empty; * deletes every event of the repos and the time range")]
    Empty,
    /// It has commands or finds patterns.
    #[error("the query must be a filter alone, without | and commands")]
    Commands,
}

/// The plan of a query that says which events to delete.
pub fn filter_alone(plan: Plan) -> Result<Arc<Plan>, NotAFilter> {
    if plan.text().trim().is_empty() {
        return Err(NotAFilter::Empty);
    }
    if plan.query().commands.is_empty() && matches!(plan.query().head, Head::Search(_)) {
        return Ok(Arc::new(plan));
    }
    Err(NotAFilter::Commands)
}

/// How far a deletion is.
#[derive(Debug, Default)]
pub struct DeleteProgress {
    /// Files looked at.
    pub files_done: AtomicU64,
    /// Files to look at, as far as known.
    pub files: AtomicU64,
    /// Events found so far.
    pub events: AtomicU64,
}

/// What a deletion did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Events deleted; in a dry run those that would be.
    pub events: u64,
    /// Files that held such events.
    pub files: u64,
    /// Old files that some reader still keeps on disk; they go when it ends.
    pub files_waiting: u64,
    /// True if another consumer of the event log still needs some of its segments, which then
    /// go when it is done.
    pub log_waiting: bool,
    /// Files in quarantine that may hold such events: nobody can tell.
    pub in_quarantine: u64,
    /// What could not be read, each with the reason.
    pub unread: Vec<String>,
}

/// Deletes events.
pub struct Deleter {
    catalog: Arc<dyn Catalog>,
    store: Arc<EventStore>,
    log: Arc<dyn EventLog>,
    lists: Arc<ListCache>,
    flusher: Flusher,
    patience: Duration,
}

impl Deleter {
    /// A deleter over these. It waits so long at most for the readers of old files and of the
    /// event log.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        store: Arc<EventStore>,
        log: Arc<dyn EventLog>,
        lists: Arc<ListCache>,
        flusher: Flusher,
        patience: Duration,
    ) -> Self {
        Self {
            catalog,
            store,
            log,
            lists,
            flusher,
            patience,
        }
    }

    /// Deletes, or counts in a dry run.
    pub async fn run(
        &self,
        request: &DeleteRequest,
        progress: &DeleteProgress,
    ) -> Result<Deleted, DeleteError> {
        let head = *self.log.head().borrow();
        self.flusher.flush_now().await?;
        self.lists.refresh().await?;
        let which = self.which(request, head);
        let mut deleted = Deleted::default();
        if request.dry_run {
            self.count(request, &which, head, progress, &mut deleted)
                .await?;
        } else {
            let old = self
                .rewrite(request, &which, head, progress, &mut deleted)
                .await?;
            self.wait(&old, head, &mut deleted).await?;
        }
        let lost = self
            .catalog
            .quarantined_files(&request.repos, request.from, request.to)
            .await?;
        deleted.in_quarantine = lost.len() as u64;
        Ok(deleted)
    }

    fn which(&self, request: &DeleteRequest, head: u64) -> DeleteFrom {
        let plan = Arc::clone(&request.plan);
        let mut fields = plan.filter_fields();
        for time in ["log_ts", "col_ts"] {
            fields.remove(time);
        }
        let lists = SearchLists::new(self.lists.snapshot(), Arc::new(AtomicBool::new(false)));
        let timezone = TimeZone::get(&request.timezone).unwrap_or(TimeZone::UTC);
        let (range, until) = (request.to.since(request.from), request.to);
        DeleteFrom {
            range: (request.from, request.to),
            fields,
            doomed: Arc::new(move |seq: u64, event: &Event| {
                let context = Context {
                    lists: &lists,
                    timezone: timezone.clone(),
                    range,
                    until,
                };
                seq <= head && plan.filter().matches(event, &context)
            }),
        }
    }

    async fn files(&self, request: &DeleteRequest, head: u64) -> Result<Vec<FileEntry>, Error> {
        let mut files = self
            .catalog
            .files(&request.repos, request.from, request.to)
            .await?;
        files.retain(|f| f.min_seq <= head && f.max_log_ts > request.from);
        Ok(files)
    }

    async fn count(
        &self,
        request: &DeleteRequest,
        which: &DeleteFrom,
        head: u64,
        progress: &DeleteProgress,
        deleted: &mut Deleted,
    ) -> Result<(), DeleteError> {
        let _reading = self.store.reading();
        let files = self.files(request, head).await?;
        progress.files.store(files.len() as u64, Ordering::Relaxed);
        for file in files {
            match self.store.count_doomed(&file, which).await {
                Ok(0) => {}
                Ok(events) => deleted.take(events, progress),
                Err(error) => self.unread(&file, error, deleted).await?,
            }
            progress.files_done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Writes files anew until none is left that was not looked at: compaction may put events
    /// into other files meanwhile.
    async fn rewrite(
        &self,
        request: &DeleteRequest,
        which: &DeleteFrom,
        head: u64,
        progress: &DeleteProgress,
        deleted: &mut Deleted,
    ) -> Result<Vec<String>, DeleteError> {
        let (mut done, mut left): (HashSet<ObjectId>, Vec<String>) = Default::default();
        loop {
            let mut files = self.files(request, head).await?;
            files.retain(|file| !done.contains(&file.id));
            if files.is_empty() {
                return Ok(left);
            }
            let known = done.len() + files.len();
            progress.files.store(known as u64, Ordering::Relaxed);
            for file in files {
                done.insert(file.id);
                match self.store.delete_from(&file, which).await {
                    Ok(DeletedFrom::Untouched | DeletedFrom::Gone) => {}
                    Ok(DeletedFrom::Some { events, by, old }) => {
                        done.extend(by.map(|by| by.id));
                        left.push(old);
                        deleted.take(events, progress);
                    }
                    Err(error) => self.unread(&file, error, deleted).await?,
                }
                progress.files_done.fetch_add(1, Ordering::Relaxed);
                // At once, where nobody reads them: a deletion of a month must not need the
                // room of two.
                self.store.remove_replaced().await?;
            }
        }
    }

    /// A file that does not read holds up no other; all else ends the deletion.
    async fn unread(
        &self,
        file: &FileEntry,
        error: cresset_store::Error,
        deleted: &mut Deleted,
    ) -> Result<(), DeleteError> {
        use cresset_store::Error::{Damaged, Missing};
        if !matches!(error, Damaged { .. } | Missing { .. }) {
            return Err(error.into());
        }
        deleted
            .unread
            .extend(self.store.examine(file, &error).await?);
        Ok(())
    }

    /// Waits until old files and segments are gone, within limits.
    async fn wait(
        &self,
        old: &[String],
        head: u64,
        deleted: &mut Deleted,
    ) -> Result<(), DeleteError> {
        let began = Instant::now();
        loop {
            self.store.remove_replaced().await?;
            deleted.files_waiting = self.store.still_there(old) as u64;
            deleted.log_waiting = !self.flusher.clear_log(head).await?;
            let waiting = deleted.files_waiting > 0 || deleted.log_waiting;
            if !waiting || began.elapsed() >= self.patience.to_std() {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Deleted {
    fn take(&mut self, events: u64, progress: &DeleteProgress) {
        self.events += events;
        self.files += 1;
        progress.events.fetch_add(events, Ordering::Relaxed);
    }
}

/// Why a deletion ended before its end. What it had deleted stays deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The tail could not be moved to files, or the log not cleared.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// Files could not be read or written.
    #[error(transparent)]
    Store(#[from] cresset_store::Error),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] cresset_catalog::Error),
    /// Something else of the search failed.
    #[error(transparent)]
    Search(#[from] Error),
}
