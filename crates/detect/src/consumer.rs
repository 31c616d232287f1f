//! Live rules over the event log.
//!
//! Events are read in chunks after the committed place. A chunk's firings and the
//! place after it are committed in one transaction; a place without firings about
//! once a second. After a crash, events after the place are seen again: what fired
//! on them is known by its slot and does not fire twice.

mod rules;

use crate::commit::{Found, commit, record};
use crate::detector::{DETECT_CURSOR, DetectSettings, DetectorDeps, Figures, is_stopped, stopped};
use crate::engine::{LiveEngine, RuleFired};
use crate::records::close_slots;
use crate::rule::CompiledRule;
use crate::ruleset::RuleSet;
use crate::seeding::{SLOWEST_ARRIVAL, SeedError, unseen};
use cresset_model::event::LoggedEvent;
use cresset_model::incident::EvaluationMode;
use cresset_model::{ObjectId, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often, at least, the place is committed when nothing fires, and slots are looked at.
const TICK: Duration = Duration::from_secs(1);
/// The place is committed after so many events even before that: what lies behind it leaves memory
/// only then, and fast senders bring a hundred megabytes in a second.
const MOST_UNCOMMITTED: u64 = 8_192;
/// Wait after a failure.
const RECOVERY: Duration = Duration::from_secs(1);

/// Why the consumer stopped.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("a stop was asked for")]
    Asked,
    #[error("{0}")]
    Catalog(#[from] cresset_catalog::Error),
    #[error("the windows of rules could not be filled: {0}")]
    Seed(#[from] SeedError),
    #[error("an evaluation panicked")]
    Panic,
}

/// Runs live rules.
#[derive(Debug)]
pub(crate) struct Consumer {
    deps: DetectorDeps,
    settings: DetectSettings,
    figures: Arc<Figures>,
}

impl Consumer {
    pub(crate) fn new(deps: DetectorDeps, settings: DetectSettings, figures: Arc<Figures>) -> Self {
        Self {
            deps,
            settings,
            figures,
        }
    }

    /// Runs until a stop is asked for, starting anew from the committed place after
    /// every failure.
    pub(crate) async fn run(self, rules: &RuleSet, mut shutdown: watch::Receiver<bool>) {
        loop {
            let run = Run::start(&self, rules, shutdown.clone()).await;
            let stop = match run {
                Ok(mut run) => run.consume().await,
                Err(stop) => stop,
            };
            self.figures.running.store(false, Ordering::Relaxed);
            if matches!(stop, Stop::Asked) {
                return;
            }
            tracing::error!(error = %stop, "the detector starts anew");
            metrics::counter!("cresset_detect_restarts_total").increment(1);
            *self.figures.trouble.lock() = Some(stop.to_string());
            tokio::select! {
                () = tokio::time::sleep(RECOVERY) => {}
                () = stopped(&mut shutdown) => return,
            }
        }
    }
}

/// One run from a committed place.
struct Run<'a> {
    deps: &'a DetectorDeps,
    settings: &'a DetectSettings,
    figures: &'a Figures,
    rules: &'a RuleSet,
    changed: watch::Receiver<Option<u64>>,
    /// Up to where changes of the rules were taken over.
    place: u64,
    shutdown: watch::Receiver<bool>,
    /// `None` only while a chunk is evaluated elsewhere.
    engine: Option<LiveEngine>,
    known: HashMap<ObjectId, Arc<CompiledRule>>,
    /// Slots up to this one have a record.
    recorded: HashMap<ObjectId, Timestamp>,
    at: u64,
    committed: u64,
    ticked: Instant,
}

impl<'a> Run<'a> {
    async fn start(
        consumer: &'a Consumer,
        rules: &'a RuleSet,
        mut shutdown: watch::Receiver<bool>,
    ) -> Result<Self, Stop> {
        let mut changed = rules.watch();
        tokio::select! {
            loaded = changed.wait_for(Option::is_some) => { loaded.map_err(|_| Stop::Asked)?; }
            () = stopped(&mut shutdown) => return Err(Stop::Asked),
        }
        let at = consumer.deps.catalog.cursor(DETECT_CURSOR).await?;
        consumer.deps.lists.refresh().await?;
        let mut run = Self {
            deps: &consumer.deps,
            settings: &consumer.settings,
            figures: &consumer.figures,
            rules,
            changed,
            place: 0,
            shutdown,
            engine: Some(LiveEngine::new(consumer.settings.windows)),
            known: HashMap::new(),
            recorded: HashMap::new(),
            at,
            committed: at,
            ticked: Instant::now(),
        };
        run.take_rules(true).await?;
        Ok(run)
    }

    async fn consume(&mut self) -> Stop {
        self.figures.running.store(true, Ordering::Relaxed);
        *self.figures.trouble.lock() = None;
        let mut head = self.deps.eventlog.head();
        loop {
            match self.step(&mut head).await {
                Ok(()) => {}
                Err(Stop::Asked) => {
                    if let Err(error) = self.commit_place().await {
                        tracing::warn!(%error, "the detector's place could not be committed");
                    }
                    return Stop::Asked;
                }
                Err(stop) => return stop,
            }
        }
    }

    async fn step(&mut self, head: &mut watch::Receiver<u64>) -> Result<(), Stop> {
        if is_stopped(&self.shutdown) {
            return Err(Stop::Asked);
        }
        if self.changed.has_changed().unwrap_or(false) {
            self.take_rules(false).await?;
        }
        let newest = *head.borrow_and_update();
        let lag = newest.saturating_sub(self.at);
        self.figures.lag_events.store(lag, Ordering::Relaxed);
        metrics::gauge!("cresset_detect_lag_events").set(lag as f64);
        let chunk = self.deps.eventlog.read(self.at, self.settings.chunk.max(1));
        let caught_up = chunk.is_empty() && newest <= self.at;
        // What is not in the log any more is in files.
        let unseen_to = chunk.first().map_or(newest, |first| first.seq - 1);
        if unseen_to > self.at {
            self.make_up(unseen_to).await?;
        }
        if !chunk.is_empty() {
            self.take_chunk(chunk).await?;
        }
        if self.at - self.committed >= MOST_UNCOMMITTED {
            self.commit_place().await?;
        }
        if self.ticked.elapsed() >= self.tick_span() {
            self.tick(caught_up).await?;
        }
        if caught_up {
            let rest = self.tick_span().saturating_sub(self.ticked.elapsed());
            tokio::select! {
                changed = head.changed() => { changed.map_err(|_| Stop::Asked)?; }
                changed = self.changed.changed() => {
                    changed.map_err(|_| Stop::Asked)?;
                    self.changed.mark_changed();
                }
                () = tokio::time::sleep(rest) => {}
                () = stopped(&mut self.shutdown) => return Err(Stop::Asked),
            }
        }
        Ok(())
    }

    /// Shows a chunk to all rules and commits what fired.
    async fn take_chunk(&mut self, chunk: Vec<LoggedEvent>) -> Result<(), Stop> {
        let Some(last) = chunk.last().map(|e| e.seq) else {
            return Ok(());
        };
        let started = Instant::now();
        let firings = self.evaluate(chunk).await?;
        metrics::histogram!("cresset_detect_chunk_seconds").record(started.elapsed().as_secs_f64());
        self.commit_firings(firings, last).await
    }

    /// Shows rules the events up to `upto` that left the log before they were seen.
    async fn make_up(&mut self, upto: u64) -> Result<(), Stop> {
        tracing::warn!(
            after = self.at,
            upto,
            "events left the log unseen; they are read from files"
        );
        let rules: Vec<_> = self.known.values().cloned().collect();
        for rule in rules {
            let Some(live) = self.engine.as_mut().and_then(|e| e.get_mut(rule.id())) else {
                continue;
            };
            let needed = live.needed_since_last();
            let events = unseen(self.deps, self.settings, &rule, needed, self.at, upto).await?;
            if let Some(engine) = self.engine.as_mut() {
                events
                    .iter()
                    .for_each(|event| engine.feed_rule(rule.id(), event));
            }
        }
        let firings = self.evaluate(Vec::new()).await?;
        self.commit_firings(firings, upto).await
    }

    /// Feeds events and settles, away from the threads that do I/O.
    async fn evaluate(&mut self, chunk: Vec<LoggedEvent>) -> Result<Vec<RuleFired>, Stop> {
        // A list that was changed before these events came counts for them.
        self.deps.lists.refresh().await?;
        let Some(mut engine) = self.engine.take() else {
            return Err(Stop::Panic);
        };
        let lists = self.deps.lists.snapshot();
        let work = tokio::task::spawn_blocking(move || {
            for event in &chunk {
                engine.feed(event, &*lists);
            }
            let firings = engine.settle(&*lists);
            (engine, firings)
        });
        let (engine, firings) = work.await.map_err(|_| Stop::Panic)?;
        self.engine = Some(engine);
        Ok(firings)
    }

    async fn commit_firings(&mut self, firings: Vec<RuleFired>, at: u64) -> Result<(), Stop> {
        if !firings.is_empty() {
            let found = firings.into_iter().filter_map(|f| {
                let rule = Arc::clone(self.known.get(&f.rule)?);
                let mode = EvaluationMode::Live;
                Some(Found {
                    rule,
                    fired: f.fired,
                    mode,
                    duration_us: 0,
                    missing: Vec::new(),
                })
            });
            let found = found.collect();
            let cursor = Some((DETECT_CURSOR, at));
            if commit(self.deps, found, cursor, &mut self.shutdown)
                .await
                .is_none()
            {
                return Err(Stop::Asked);
            }
            self.committed = at;
        }
        self.at = at;
        Ok(())
    }

    fn tick_span(&self) -> Duration {
        TICK.min(self.settings.poll.to_std())
    }

    async fn tick(&mut self, caught_up: bool) -> Result<(), Stop> {
        self.ticked = Instant::now();
        self.deps.lists.refresh().await?;
        self.commit_place().await?;
        if caught_up {
            self.record_slots().await;
        }
        Ok(())
    }

    async fn commit_place(&mut self) -> cresset_catalog::Result<()> {
        if self.committed < self.at {
            self.deps.catalog.set_cursor(DETECT_CURSOR, self.at).await?;
            self.committed = self.at;
        }
        Ok(())
    }

    /// Writes one record per rule and slot that has closed, so that people see the rule run.
    async fn record_slots(&mut self) {
        let now = self.deps.clock.now();
        let Some(engine) = self.engine.as_mut() else {
            return;
        };
        engine.forget_before(now - SLOWEST_ARRIVAL);
        metrics::gauge!("cresset_detect_window_events").set(engine.held() as f64);
        let (mut evaluations, mut states) = (Vec::new(), Vec::new());
        for rule in engine.rules_mut() {
            let recorded = self
                .recorded
                .entry(rule.rule().id())
                .or_insert(Timestamp::MIN);
            if close_slots(rule, recorded, now, &mut evaluations) {
                states.push((rule.rule().id(), rule.state().clone()));
            }
        }
        // Logged where it failed; records are for people, nothing depends on them.
        let _ = record(self.deps, &evaluations, &states).await;
    }
}
