//! The detector: what runs rules in a server.

use crate::consumer::Consumer;
use crate::engine::WindowLimits;
use crate::rulebook::Rulebook;
use crate::ruleset::RuleSet;
use crate::scheduler::Scheduler;
use cresset_catalog::Catalog;
use cresset_eventlog::EventLog;
use cresset_model::{Clock, Duration, Entropy};
use cresset_search::{ListCache, Searcher};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::sync::{Notify, watch};

/// The name under which the detector keeps its place in the event log.
pub const DETECT_CURSOR: &str = "detect";

/// What the detector works with.
#[derive(Clone)]
pub struct DetectorDeps {
    /// Rules, incidents, the outbox, the detector's place.
    pub catalog: Arc<dyn Catalog>,
    /// Events as they arrive.
    pub eventlog: Arc<dyn EventLog>,
    /// Stored events.
    pub searcher: Arc<dyn Searcher>,
    /// Named lists.
    pub lists: Arc<ListCache>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
    /// Called after incidents were committed, so that their notifications go out at once.
    pub waker: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for DetectorDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DetectorDeps")
    }
}

/// How the detector works.
#[derive(Debug, Clone)]
pub struct DetectSettings {
    /// How long after its end every slot stays open for late events, besides a rule's delay.
    pub grace: Duration,
    /// Bounds on the windows of live rules.
    pub windows: WindowLimits,
    /// Scheduled evaluations under way at once.
    pub concurrency: usize,
    /// Time given to one scheduled evaluation.
    pub timeout: Duration,
    /// Attempts at one scheduled evaluation before it is passed over.
    pub attempts: u32,
    /// Wait after the first failed attempt; it doubles with each further one.
    pub retry_after: Duration,
    /// Events taken from the log at a time.
    pub chunk: usize,
    /// How often the catalog is asked for changed rules and the clock for due slots.
    pub poll: Duration,
}

impl Default for DetectSettings {
    fn default() -> Self {
        Self {
            grace: Duration::seconds(10),
            windows: WindowLimits::default(),
            concurrency: 2,
            timeout: Duration::seconds(60),
            attempts: 5,
            retry_after: Duration::seconds(2),
            chunk: 1_024,
            poll: Duration::seconds(1),
        }
    }
}

/// How far the detector is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectHealth {
    /// Whether live rules are loaded and events are being consumed.
    pub running: bool,
    /// Durable events that live rules have not seen.
    pub lag_events: u64,
    /// How long ago the most overdue scheduled evaluation was due.
    pub scheduler_lag: Duration,
    /// Rules that run live.
    pub live_rules: u64,
    /// Rules that run on schedule.
    pub scheduled_rules: u64,
    /// Active rules that do not compile.
    pub broken_rules: u64,
    /// The catalog's version of the rules that are being run live.
    pub rules_version: u64,
    /// What stopped the live consumer last, if it has not recovered.
    pub trouble: Option<String>,
}

/// Figures shared by the detector's parts.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) running: std::sync::atomic::AtomicBool,
    pub(crate) lag_events: AtomicU64,
    pub(crate) scheduler_lag: AtomicI64,
    pub(crate) live_rules: AtomicU64,
    pub(crate) scheduled_rules: AtomicU64,
    pub(crate) broken_rules: AtomicU64,
    pub(crate) rules_version: AtomicU64,
    pub(crate) trouble: Mutex<Option<String>>,
}

/// Tells the detector that rules have changed.
#[derive(Debug, Clone)]
pub struct DetectorHandle {
    changed: Arc<Notify>,
    figures: Arc<Figures>,
}

impl DetectorHandle {
    /// Rules have changed in the catalog: look now rather than at the next poll.
    pub fn rules_changed(&self) {
        self.changed.notify_one();
    }

    /// How far the detector is behind.
    pub fn health(&self) -> DetectHealth {
        let f = &self.figures;
        DetectHealth {
            running: f.running.load(Ordering::Relaxed),
            lag_events: f.lag_events.load(Ordering::Relaxed),
            scheduler_lag: Duration(f.scheduler_lag.load(Ordering::Relaxed)),
            live_rules: f.live_rules.load(Ordering::Relaxed),
            scheduled_rules: f.scheduled_rules.load(Ordering::Relaxed),
            broken_rules: f.broken_rules.load(Ordering::Relaxed),
            rules_version: f.rules_version.load(Ordering::Relaxed),
            trouble: f.trouble.lock().clone(),
        }
    }
}

/// Runs all active rules: live ones over the event log, the others over stored events.
#[derive(Debug)]
pub struct Detector {
    deps: DetectorDeps,
    settings: DetectSettings,
    changed: Arc<Notify>,
    figures: Arc<Figures>,
}

impl Detector {
    /// A detector that does nothing until [`run`](Self::run).
    pub fn new(deps: DetectorDeps, settings: DetectSettings) -> Self {
        Self {
            deps,
            settings,
            changed: Arc::default(),
            figures: Arc::default(),
        }
    }

    /// A handle for those who change rules or ask for health.
    pub fn handle(&self) -> DetectorHandle {
        DetectorHandle {
            changed: Arc::clone(&self.changed),
            figures: Arc::clone(&self.figures),
        }
    }

    /// How far the detector is behind.
    pub fn health(&self) -> DetectHealth {
        self.handle().health()
    }

    /// Runs until `shutdown` holds true or its sender is gone; then finishes what is
    /// under way and commits the detector's place.
    pub async fn run(self, shutdown: watch::Receiver<bool>) {
        let Self {
            deps,
            settings,
            changed,
            figures,
        } = self;
        let rules = RuleSet::new();
        let book = Rulebook::new(deps.clone(), settings.clone(), Arc::clone(&figures));
        let consumer = Consumer::new(deps.clone(), settings.clone(), Arc::clone(&figures));
        let scheduler = Scheduler::new(deps, settings, figures);
        tokio::join!(
            book.run(&changed, &rules, shutdown.clone()),
            consumer.run(&rules, shutdown.clone()),
            scheduler.run(&rules, shutdown),
        );
    }
}

/// Resolves when `shutdown` holds true or its sender is gone.
pub(crate) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// To be called between a use of the catalog and work that takes milliseconds. Somebody who
/// waited for the catalog's connection was woken on this thread, where no other thread can take
/// them over, and would wait for that work too.
pub(crate) async fn let_others_go_on() {
    tokio::task::yield_now().await;
}

/// Whether a stop was asked for.
pub(crate) fn is_stopped(shutdown: &watch::Receiver<bool>) -> bool {
    *shutdown.borrow() || shutdown.has_changed().is_err()
}
