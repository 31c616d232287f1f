//! Searches over the local store.

mod events;

use crate::kept::Kept;
use crate::lists::SearchLists;
use crate::looked_at::looked_at;
use crate::lost;
use crate::progress::Progress;
use crate::scan::{self, Found, NO_FLOOR, Scan, Take, Unread};
use crate::view::{Extent, View};
use crate::{Elsewhere, Error, Joins, ListCache, Result, SearchRequest, Searcher};
use async_trait::async_trait;
use cresset_catalog::Catalog;
use cresset_eventlog::EventLog;
use cresset_model::Duration;
use cresset_model::event::LoggedEvent;
use cresset_query::terms::Needs;
use cresset_query::{Context, Limits, Plan, QueryKind, ResultSet};
use cresset_store::{EventStore, Pruned};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// How much searches may use.
#[derive(Debug, Clone, Copy)]
pub struct SearchSettings {
    /// Searches that run at the same time; others wait, within their time limit.
    pub max_concurrent: usize,
    /// Files that one search reads at the same time.
    pub threads: usize,
    /// Most bytes of events that one search keeps, in the measure of `Event::size`, and
    /// most bytes that one chart keeps.
    pub max_bytes: usize,
    /// Most rows and groups that one query keeps.
    pub limits: Limits,
}

impl Default for SearchSettings {
    fn default() -> Self {
        let limits = Limits {
            max_rows: 200_000,
            ..Limits::default()
        };
        Self {
            max_concurrent: 4,
            threads: 2,
            max_bytes: 256 << 20,
            limits,
        }
    }
}

/// Searches over catalog, event files and the event log's tail. Clones share limits.
#[derive(Clone)]
pub struct StoreSearcher {
    catalog: Arc<dyn Catalog>,
    store: Arc<EventStore>,
    log: Arc<dyn EventLog>,
    lists: Arc<ListCache>,
    settings: SearchSettings,
    permits: Arc<Semaphore>,
}

impl StoreSearcher {
    /// A searcher over these.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        store: Arc<EventStore>,
        log: Arc<dyn EventLog>,
        lists: Arc<ListCache>,
        settings: SearchSettings,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(settings.max_concurrent.max(1)));
        Self {
            catalog,
            store,
            log,
            lists,
            settings,
            permits,
        }
    }

    async fn run_all(
        &self,
        request: SearchRequest,
        progress: Arc<Progress>,
        others: Elsewhere,
    ) -> Result<ResultSet> {
        let work = move |job: &Job| job.run(others);
        let (mut result, lost) = self.within_limits(request, progress, work).await?;
        result.missing.extend(lost);
        Ok(result)
    }

    /// Runs `work` on a blocking thread within the request's time. If the returned
    /// future is dropped, the thread stops soon after.
    async fn within_limits<T: Send + 'static>(
        &self,
        request: SearchRequest,
        progress: Arc<Progress>,
        work: impl FnOnce(&Job) -> Result<(T, Vec<Unread>)> + Send + 'static,
    ) -> Result<(T, Vec<String>)> {
        let timeout = request.timeout;
        let started = std::time::Instant::now();
        let result = tokio::time::timeout(timeout.to_std(), self.search(request, progress, work))
            .await
            .unwrap_or(Err(Error::Timeout(timeout)));
        metrics::histogram!("cresset_search_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("cresset_searches_total", "outcome" => outcome(&result)).increment(1);
        result
    }

    async fn search<T: Send + 'static>(
        &self,
        request: SearchRequest,
        progress: Arc<Progress>,
        work: impl FnOnce(&Job) -> Result<(T, Vec<Unread>)> + Send + 'static,
    ) -> Result<(T, Vec<String>)> {
        let permits = self.permits.clone();
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| Error::Cancelled)?;
        self.lists.refresh().await?;
        if request.plan.asks_places() && !self.lists.knows_places() {
            return Err(Error::NoPlaces);
        }
        let extent = Extent {
            repos: request.repos.clone(),
            from: request.from,
            to: request.to,
            up_to_seq: request.up_to_seq.unwrap_or_else(|| {
                // What comes meanwhile must not move a page's rows to the next one.
                let head = || *self.log.head().borrow();
                if progress.rows_early() {
                    head()
                } else {
                    u64::MAX
                }
            }),
        };
        // Before the files are asked for, which then stay until the search has ended.
        let reading = self.store.reading();
        let view = View::take(&*self.catalog, &*self.log, &extent).await?;
        let (files, tail) = (&view.files, view.tail.len() as u64);
        let events = files.iter().map(|file| file.rows).sum::<u64>() + tail;
        progress.begin(files.len() as u64, events, extent.up_to_seq);
        let cancel = CancelOnDrop::default();
        let asked = extent.clone();
        let job = Job {
            store: self.store.clone(),
            plan: request.plan,
            view,
            range: request
                .part_of
                .unwrap_or_else(|| extent.to.since(extent.from)),
            extent,
            limit: request.limit,
            lists: SearchLists::new(self.lists.snapshot(), cancel.0.clone()),
            timezone: timezone(&request.timezone),
            settings: self.settings,
            pruned: Pruned::default(),
            cancelled: cancel.0.clone(),
            progress,
        };
        let running = tokio::task::spawn_blocking(move || {
            // Here, so that a search whose caller left counts until it has stopped.
            let _permit = permit;
            let done = work(&job)?;
            drop(reading);
            // What was evaluated after the flag was set means nothing.
            scan::check(&job.cancelled)?;
            Ok::<_, Error>(done)
        });
        let (result, unread) = running
            .await
            .map_err(|e| cresset_store::Error::Thread(e.to_string()))??;
        let lost = lost::named(&self.store, &*self.catalog, &asked, &unread).await?;
        Ok((result, lost))
    }
}

fn outcome<T>(result: &Result<T>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(Error::Timeout(_)) => "timeout",
        Err(Error::Cancelled) => "cancelled",
        Err(Error::TooMany(_)) => "too_many",
        Err(
            Error::Elsewhere(_)
            | Error::List(_)
            | Error::NoPlaces
            | Error::Catalog(_)
            | Error::Store(_),
        ) => "failed",
    }
}

/// The zone of that name; UTC for one that is not known, as for a user without one.
fn timezone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// Tells the threads of a search to stop when its future goes.
#[derive(Default)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A search on its way to a blocking thread.
struct Job {
    store: Arc<EventStore>,
    plan: Arc<Plan>,
    view: View,
    extent: Extent,
    /// What spans of a chart are derived from.
    range: Duration,
    limit: usize,
    lists: SearchLists,
    timezone: TimeZone,
    settings: SearchSettings,
    pruned: Pruned,
    cancelled: Arc<AtomicBool>,
    progress: Arc<Progress>,
}

impl Job {
    fn context(&self) -> Context<'_> {
        Context {
            lists: &self.lists,
            timezone: self.timezone.clone(),
            range: self.range,
            until: self.extent.to,
        }
    }

    fn scan(
        &self,
        take: &Take<'_>,
        floor: &AtomicI64,
        fields: Option<&BTreeSet<String>>,
        on_match: &mut dyn FnMut(Found) -> Result<()>,
    ) -> Result<Vec<Unread>> {
        let context = self.context();
        let needs = Needs::of(self.plan.filter());
        Scan {
            store: &self.store,
            view: &self.view,
            plan: &self.plan,
            needs: needs.as_ref(),
            context: &context,
            range: (self.extent.from, self.extent.to),
            up_to_seq: self.extent.up_to_seq,
            take,
            floor,
            fields,
            threads: self.settings.threads.max(1),
            cancelled: &self.cancelled,
            pruned: &self.pruned,
            progress: &self.progress,
            handed_over: AtomicU64::new(0),
        }
        .run(on_match)
    }

    /// Leaves out what can only be told here not to match.
    fn filtered(&self, mut others: Elsewhere) -> Result<Elsewhere> {
        if others.unfiltered {
            let context = self.context();
            let filter = self.plan.filter();
            others
                .events
                .retain(|event| filter.matches(&*event.event, &context));
            others.total = others.events.len() as u64;
            scan::check(&self.cancelled)?;
        }
        Ok(others)
    }

    fn run(&self, others: Elsewhere) -> Result<(ResultSet, Vec<Unread>)> {
        let others = self.filtered(others)?;
        let fields = self.plan.fields_needed();
        let not_fetched = others.total.saturating_sub(others.events.len() as u64);
        let (truncated, elsewhere) = (others.truncated, others.total);
        let (mut result, missing);
        if self.plan.rows_are_events() {
            (result, missing) = self.newest(fields.as_ref(), others.events)?;
            result.total += not_fetched;
        } else {
            (result, missing) = self.whole(fields.as_ref(), others)?;
        }
        result.truncated |= truncated;
        result.looked_at = looked_at(&self.view, &self.pruned, elsewhere);
        Ok((result, missing))
    }

    fn limits(&self) -> Limits {
        let limits = self.settings.limits;
        Limits {
            max_bytes: limits.max_bytes.min(self.settings.max_bytes),
            ..limits
        }
    }

    /// Leaves it to the executor what to keep.
    fn whole(
        &self,
        fields: Option<&BTreeSet<String>>,
        others: Elsewhere,
    ) -> Result<(ResultSet, Vec<Unread>)> {
        let simple = self.plan.kind() == QueryKind::Simple;
        let mut executor = self
            .plan
            .executor(self.context())
            .with_limits(self.limits());
        // The executor limits the number of rows, but rows may be of any size.
        let keeps_rows = self.plan.keeps_rows();
        let mut kept = keeps_rows.then(|| Kept::of(&self.plan, self.limits()));
        let mut events = 0;
        for (event, times) in &others.counted {
            executor.push_many(event, *times);
        }
        let mut take = |found: Found| {
            let event = match found {
                Found::Event(event) => event,
                Found::Counted(event, times) => {
                    executor.push_many(&event, times);
                    return Ok(());
                }
                Found::Passed(_) | Found::Settled(_) => return Ok(()),
            };
            events += 1;
            let bytes = kept.as_mut().map_or(0, |kept| kept.add(&event.event));
            if bytes > self.settings.max_bytes {
                return Err(Error::TooMany(events));
            }
            executor.push_matched(&event.event);
            Ok(())
        };
        for event in others.events {
            scan::check(&self.cancelled)?;
            take(Found::Event(event))?;
        }
        let taken = match self.plan.counting() {
            Some(counting) => Take::Counts(counting),
            None => Take::Events,
        };
        let missing = self.scan(&taken, &NO_FLOOR, fields, &mut take)?;
        let mut result = executor.finish();
        if simple && self.limit > 0 {
            result.rows.truncate(self.limit);
        }
        Ok((result, missing))
    }

    fn matching(&self, others: Elsewhere, max: usize) -> Result<(Vec<LoggedEvent>, Vec<Unread>)> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut take = |found: Found| {
            let Found::Event(event) = found else {
                return Ok(());
            };
            bytes += event.event.size();
            if events.len() == max || bytes > self.settings.max_bytes {
                return Err(Error::TooMany(events.len()));
            }
            events.push(event);
            Ok(())
        };
        for event in self.filtered(others)?.events {
            take(Found::Event(event))?;
        }
        let missing = self.scan(&Take::Events, &NO_FLOOR, None, &mut take)?;
        events.sort_unstable_by_key(|e| (e.event.log_ts(), e.seq));
        Ok((events, missing))
    }
}

#[async_trait]
impl Searcher for StoreSearcher {
    async fn run(&self, request: SearchRequest) -> Result<ResultSet> {
        self.run_with(request, Elsewhere::default()).await
    }

    async fn run_watched(
        &self,
        request: SearchRequest,
        progress: Arc<Progress>,
    ) -> Result<ResultSet> {
        self.run_all(request, progress, Elsewhere::default()).await
    }

    async fn matching(&self, request: SearchRequest, max: usize) -> Result<Vec<LoggedEvent>> {
        self.matching_with(request, Elsewhere::default(), max).await
    }
}

#[async_trait]
impl Joins for StoreSearcher {
    async fn run_with(&self, request: SearchRequest, others: Elsewhere) -> Result<ResultSet> {
        self.run_all(request, Arc::default(), others).await
    }

    async fn matching_with(
        &self,
        request: SearchRequest,
        others: Elsewhere,
        max: usize,
    ) -> Result<Vec<LoggedEvent>> {
        let work = move |job: &Job| job.matching(others, max);
        let (events, lost) = self.within_limits(request, Arc::default(), work).await?;
        for lost in lost {
            tracing::warn!("events were asked for that are not there: {lost}");
        }
        Ok(events)
    }
}
