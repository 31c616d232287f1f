//! From the event log's tail to event files.
//!
//! A flush writes files, registers them in the catalog together with the place in the
//! log up to which they go, and then lets the log forget what every consumer has
//! passed. Whatever fails, the events are still in the log, so a failed flush is
//! repeated until it succeeds.

use cresset_catalog::Catalog;
use cresset_catalog::port::{Files, FlushCommit};
use cresset_eventlog::EventLog;
use cresset_model::event::LoggedEvent;
use cresset_model::{Clock, Duration, Timestamp};
use cresset_store::{EventStore, STORE_CURSOR};
use std::sync::Arc;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep, timeout};

/// When to flush.
#[derive(Debug, Clone, Copy)]
pub struct FlusherSettings {
    /// Longest time that an event waits in the log.
    pub max_age: Duration,
    /// Bytes waiting that start a flush at once, and most bytes of events that are
    /// written at a time; in the measure of `Event::size`.
    pub max_bytes: usize,
    /// How long idempotency keys are kept after their events are in files.
    pub keep_keys: Duration,
}

impl Default for FlusherSettings {
    fn default() -> Self {
        Self {
            max_age: Duration::seconds(30),
            max_bytes: 48 << 20,
            keep_keys: Duration::hours(48),
        }
    }
}

/// Why a flush failed. Nothing is lost: the events are still in the event log.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    /// Files could not be written.
    #[error(transparent)]
    Store(#[from] cresset_store::Error),
    /// Files could not be registered.
    #[error(transparent)]
    Catalog(#[from] cresset_catalog::Error),
    /// The event log could not let go of what is in files.
    #[error(transparent)]
    Log(#[from] cresset_eventlog::Error),
}

/// What a flush did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Events written.
    pub events: u64,
    /// Files written.
    pub files: u64,
    /// All events up to this `seq` are in files now.
    pub upto: u64,
}

/// Moves events from the log to files. Clones are handles to the same flusher.
#[derive(Clone)]
pub struct Flusher(Arc<Inner>);

struct Inner {
    store: Arc<EventStore>,
    catalog: Arc<dyn Catalog>,
    log: Arc<dyn EventLog>,
    settings: FlusherSettings,
    other_consumers: Vec<String>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Files on disk whose registration failed, or seemed to.
    unregistered: Option<FlushCommit>,
    /// The place up to which events are in files, when last looked at.
    flushed: u64,
    /// What the log was last told to forget.
    trimmed: u64,
    /// When old keys were last forgotten.
    pruned: Option<Timestamp>,
}

/// How often waiting bytes are looked at while events arrive. A fast sender fills a
/// file's worth of events within a few of these.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);
/// How often the log is told what other consumers are done with while events arrive: until then
/// events that are in files take up memory.
const TRIM: std::time::Duration = std::time::Duration::from_millis(200);
/// How often other consumers' places are looked at while they are behind and no events arrive.
const LOOK_AT_OTHERS: std::time::Duration = std::time::Duration::from_secs(1);
/// First and longest pause after a failure.
const PAUSES: (std::time::Duration, std::time::Duration) = (
    std::time::Duration::from_secs(1),
    std::time::Duration::from_secs(30),
);
/// Events taken from the log at a time.
const READ: usize = 4_096;

impl Flusher {
    /// A flusher that trims the log no further than the catalog's cursors of
    /// `other_consumers`.
    pub fn new(
        store: Arc<EventStore>,
        catalog: Arc<dyn Catalog>,
        log: Arc<dyn EventLog>,
        settings: FlusherSettings,
        other_consumers: Vec<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Inner {
            store,
            catalog,
            log,
            settings,
            other_consumers,
            clock,
            state,
        }))
    }

    /// Flushes whenever enough has waited long enough, until `shutdown` is true; then
    /// once more.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut head = self.0.log.head();
        let mut done = 0;
        let mut failures = Failures::default();
        loop {
            let stop = tokio::select! {
                () = self.0.due(&mut head, done) => false,
                // A dropped sender means that nobody is left to say stop.
                _ = shutdown.wait_for(|stop| *stop) => true,
            };
            match self.flush_now().await {
                Ok(flushed) => {
                    done = flushed.upto;
                    failures.ended();
                }
                Err(error) => failures.add(&error),
            }
            if stop {
                return;
            }
            if let Some(pause) = failures.pause() {
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = shutdown.wait_for(|stop| *stop) => {}
                }
            }
        }
    }

    /// Flushes everything that is in the log now.
    pub async fn flush_now(&self) -> Result<Flushed, FlushError> {
        let inner = &*self.0;
        let mut state = inner.state.lock().await;
        let head = *inner.log.head().borrow();
        let mut total = Flushed::default();
        loop {
            state.register(&*inner.catalog).await?;
            total.upto = inner.catalog.cursor(STORE_CURSOR).await?;
            // Each time, so that senders who wait for room need not wait for the whole tail.
            inner.trim(&mut state, total.upto).await?;
            if total.upto >= head {
                break;
            }
            let chunk = inner.chunk(total.upto);
            let Some(last) = chunk.last() else { break };
            let (flushed_to, after) = (last.seq, total.upto);
            let commit = inner.write(&chunk, after, flushed_to).await?;
            total.events += chunk.len() as u64;
            total.files += commit.files.len() as u64;
            metrics::counter!("cresset_flushed_events_total").increment(chunk.len() as u64);
            state.unregistered = Some(commit);
        }
        inner.prune_keys(&mut state).await?;
        // After damage the newest numbers of the log may have no events.
        total.upto = total.upto.max(head);
        Ok(total)
    }
}

impl Flusher {
    /// Flushes, and lets the log delete all of its storage that holds events up to `upto` and
    /// none that some consumer still needs. False if one needs some of them.
    pub async fn clear_log(&self, upto: u64) -> Result<bool, FlushError> {
        self.flush_now().await?;
        let inner = &*self.0;
        let mut state = inner.state.lock().await;
        inner.log.seal().await?;
        // The log is told again what it may forget, although nothing new is.
        state.trimmed = 0;
        let flushed = state.flushed;
        inner.trim(&mut state, flushed).await?;
        Ok(state.trimmed >= upto.min(flushed))
    }
}

impl State {
    /// Registers written files, unless an earlier try did so although it reported a failure.
    async fn register(&mut self, catalog: &dyn Files) -> Result<(), FlushError> {
        let Some(commit) = self.unregistered.clone() else {
            return Ok(());
        };
        let upto = commit.flushed_to;
        if catalog.cursor(STORE_CURSOR).await? < upto
            && let Err(error) = catalog.register_flush(commit).await
            // A try that was given up may still have been under way and been first.
            && catalog.cursor(STORE_CURSOR).await? < upto
        {
            return Err(error.into());
        }
        self.unregistered = None;
        Ok(())
    }
}

impl Inner {
    /// Returns when a flush or a trim is due.
    async fn due(&self, head: &mut watch::Receiver<u64>, done: u64) {
        while *head.borrow_and_update() <= done {
            if self.trim_is_behind().await {
                sleep(LOOK_AT_OTHERS).await;
                return;
            }
            if head.changed().await.is_err() {
                // The log is gone; only shutdown ends the wait.
                std::future::pending::<()>().await;
            }
        }
        let start = Instant::now();
        let max_age = self.settings.max_age.to_std();
        let rest = || max_age.saturating_sub(start.elapsed());
        let mut trimmed = start;
        while !rest().is_zero() && self.log.pending_bytes(done) < self.settings.max_bytes {
            if trimmed.elapsed() >= TRIM {
                self.trim_more().await;
                trimmed = Instant::now();
            }
            sleep(LOOK.min(rest())).await;
            // Without new events there is nothing else to see.
            let _ = timeout(rest().min(LOOK_AT_OTHERS), head.changed()).await;
        }
    }

    async fn trim_is_behind(&self) -> bool {
        let state = self.state.lock().await;
        state.trimmed < state.flushed
    }

    /// Forgets what other consumers are done with by now. A failure is told by the next flush.
    async fn trim_more(&self) {
        let mut state = self.state.lock().await;
        let flushed = state.flushed;
        if state.trimmed < flushed {
            let _ = self.trim(&mut state, flushed).await;
        }
    }

    /// Events after `after`, as many as are written at a time.
    fn chunk(&self, after: u64) -> Vec<LoggedEvent> {
        let (mut chunk, mut room, mut last) = (Vec::new(), self.settings.max_bytes, after);
        loop {
            let (events, bytes) = self.log.read_within(last, READ, room);
            let Some(newest) = events.last() else {
                return chunk;
            };
            if bytes > room && !chunk.is_empty() {
                return chunk;
            }
            last = newest.seq;
            chunk.extend(events);
            room = room.saturating_sub(bytes);
        }
    }

    async fn write(
        &self,
        chunk: &[LoggedEvent],
        after: u64,
        flushed_to: u64,
    ) -> Result<FlushCommit, FlushError> {
        let now = self.clock.now();
        // A batch that goes on beyond this chunk is named now: the next flush asks for
        // batches that begin after this one's end.
        let batch_keys = self
            .log
            .batch_keys(after)
            .into_iter()
            .filter(|(_, _, first_seq, _)| *first_seq <= flushed_to)
            .map(|(repo, key, first_seq, count)| (repo, key, first_seq, count, now))
            .collect();
        let files = self.store.write(chunk).await?;
        Ok(FlushCommit {
            files,
            flushed_to,
            batch_keys,
        })
    }

    async fn trim(&self, state: &mut State, flushed: u64) -> Result<(), FlushError> {
        state.flushed = flushed;
        let mut upto = flushed;
        for consumer in &self.other_consumers {
            upto = upto.min(self.catalog.cursor(consumer).await?);
        }
        if upto > state.trimmed {
            self.log.trim(upto).await?;
            state.trimmed = upto;
        }
        Ok(())
    }

    async fn prune_keys(&self, state: &mut State) -> Result<(), FlushError> {
        let now = self.clock.now();
        if state
            .pruned
            .is_some_and(|last| now.since(last) < Duration::hours(1))
        {
            return Ok(());
        }
        self.catalog
            .prune_batch_keys(now - self.settings.keep_keys)
            .await?;
        state.pruned = Some(now);
        Ok(())
    }
}

/// Failures in a row: logged when they begin and when they end.
#[derive(Default)]
struct Failures(u32);

impl Failures {
    fn add(&mut self, error: &FlushError) {
        metrics::counter!("cresset_flush_failures_total").increment(1);
        if self.0 == 0 {
            tracing::error!(%error, "cannot move events to files; they wait in the event log");
        }
        self.0 = self.0.saturating_add(1);
    }

    fn ended(&mut self) {
        if self.0 > 0 {
            tracing::info!(failures = self.0, "events are moved to files again");
        }
        self.0 = 0;
    }

    fn pause(&self) -> Option<std::time::Duration> {
        let doublings = self.0.checked_sub(1)?.min(10);
        Some(PAUSES.1.min(PAUSES.0 * 2_u32.pow(doublings)))
    }
}

#[cfg(test)]
mod tests;
