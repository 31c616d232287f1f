//! The outbox worker: takes due deliveries, sends them, records what came of it.
//!
//! A delivery is leased before it is sent and recorded afterwards, so a crash between
//! the two sends it again, with the same id: at least once. A destination that hangs
//! holds a few places and no more, so the others do not wait for it.

mod attempt;
mod job;
mod places;
mod waiting;

use crate::email::{EmailError, EmailSender};
use crate::http::{ClientError, guarded_client};
use crate::outcome::Outcome;
use crate::settings::NotifySettings;
use crate::template::Link;
use attempt::Sender;
use cresset_catalog::Catalog;
use cresset_catalog::port::DueDelivery;
use cresset_model::{Clock, Entropy, ObjectId};
use job::{Job, Lease};
use metrics::gauge;
use places::{Destination, Places};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{Id, JoinSet};
use waiting::Waiting;

/// Most rows leased at once.
const CLAIM: u32 = 512;
/// Most leased rows that wait for a place.
const WAITING: usize = 2_048;
/// How many of them stay when they become too many. The rest is set aside, so that there
/// is always room for a row whose destination is not crowded.
const KEPT: usize = WAITING / 2;
/// For how long rows are set aside.
const ASIDE: cresset_model::Duration = cresset_model::Duration::seconds(15);
/// Pause after leasing rows none of which could start, so that a large backlog of a sick
/// destination is not leased in one go.
const PAUSE: Duration = Duration::from_millis(200);
/// Messages rendered at once.
const RENDERERS: usize = 8;
/// Pause after the catalog failed.
const CATALOG_PAUSE: Duration = Duration::from_secs(1);

/// The worker could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The mail settings cannot be used.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Http(#[from] ClientError),
}

/// Wakes the worker when there is something new in the outbox.
#[derive(Debug, Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Makes the worker look at the outbox now; never blocks.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The outbox worker.
pub struct Worker {
    sender: Arc<Sender>,
    waker: Waker,
    places: Places,
    waiting: Waiting,
    running: JoinSet<Outcome>,
    under_way: HashMap<Id, (Destination, ObjectId, Lease)>,
    /// The leases of those under way.
    held: HashMap<ObjectId, Lease>,
    lease: Duration,
    poll: Duration,
    grace: Duration,
}

impl Worker {
    /// Sets the worker up; connects to nothing yet.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        settings: NotifySettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, WorkerError> {
        let guard = Arc::new(crate::EgressGuard::new(settings.egress_allow));
        let longest = settings
            .smtp
            .as_ref()
            .map_or(Duration::ZERO, |smtp| smtp.timeout)
            .max(settings.http.total_timeout);
        let lease = longest * 2 + Duration::from_secs(10);
        let email = match settings.smtp {
            Some(smtp) => Some(EmailSender::new(smtp, Arc::clone(&guard))?),
            None => None,
        };
        let sender = Sender {
            catalog,
            email,
            http: guarded_client(guard, &settings.http)?,
            link: Link {
                public_url: settings.public_url,
                server_name: settings.server_name,
            },
            schedule: settings.retry_schedule,
            clock,
            entropy,
            renderers: Arc::new(Semaphore::new(RENDERERS)),
            suspects: Semaphore::new(1),
            lease,
        };
        Ok(Self {
            sender: Arc::new(sender),
            waker: Waker::default(),
            places: Places::new(settings.concurrency, settings.per_destination),
            waiting: Waiting::default(),
            running: JoinSet::new(),
            under_way: HashMap::new(),
            held: HashMap::new(),
            lease,
            poll: settings.poll,
            grace: settings.grace,
        })
    }

    /// A handle that wakes the worker.
    pub fn handle(&self) -> Waker {
        self.waker.clone()
    }

    /// Works until `shutdown` turns true or its sender is gone, then lets deliveries under
    /// way finish within the grace period. What is not finished is sent again later.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        while !*shutdown.borrow_and_update() {
            let pause = match self.round().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read");
                    CATALOG_PAUSE
                }
            };
            tokio::select! {
                () = self.waker.0.notified() => {}
                () = tokio::time::sleep(pause) => {}
                Some(ended) = self.running.join_next_with_id() => self.ended(ended),
                changed = shutdown.changed() => if changed.is_err() { break },
            }
        }
        self.stop().await;
    }

    /// Starts what can start, leases what is due, and says how long to wait.
    async fn round(&mut self) -> cresset_catalog::Result<Duration> {
        loop {
            while let Some(ended) = self.running.try_join_next_with_id() {
                self.ended(ended);
            }
            let (_, stale) = self.start();
            self.set_aside(stale, cresset_model::Duration::ZERO).await?;
            let leased = self.lease_due().await?;
            let (started, stale) = self.start();
            self.set_aside(stale, cresset_model::Duration::ZERO).await?;
            if self.waiting.len() > WAITING - CLAIM as usize {
                let crowded = self.waiting.trim(KEPT);
                self.set_aside(crowded, ASIDE).await?;
            }
            if leased > 0 && started > 0 {
                continue;
            }
            let pause = self.until_next().await?;
            return Ok(if leased > 0 { pause.max(PAUSE) } else { pause });
        }
    }

    async fn until_next(&self) -> cresset_catalog::Result<Duration> {
        let next = self.sender.catalog.next_due().await?;
        let now = self.sender.clock.now();
        let overdue = next.map_or(0.0, |next| now.since(next).as_secs_f64().max(0.0));
        gauge!("cresset_notify_overdue_seconds").set(overdue);
        gauge!("cresset_notify_running").set(self.running.len() as f64);
        Ok(match next {
            // Due already, but not to be had: another process is faster, or places are full.
            Some(next) if next <= now => PAUSE,
            Some(next) => next.since(now).to_std().min(self.poll),
            None => self.poll,
        })
    }

    /// Leases due rows and prepares them; returns how many.
    async fn lease_due(&mut self) -> cresset_catalog::Result<usize> {
        let now = self.sender.clock.now();
        let lease = cresset_model::Duration(self.lease.as_micros() as i64);
        // As many again as can be under way, so that the next ones are at hand.
        let per_rule = self.places.per_destination() as u32 * 2;
        let mut due = self
            .sender
            .catalog
            .claim_due(now, lease, CLAIM, per_rule)
            .await?;
        let until = Instant::now() + self.lease;
        let leased = due.len();
        // The clock was set, or stood still while leases ran out: whoever holds a row goes
        // on with it under the new lease, instead of its being sent twice.
        due.retain(|due| {
            let holder = self.held.get(&due.delivery.id);
            !holder.is_some_and(|lease| lease.replace(due.lease))
        });
        let ids: HashSet<ObjectId> = due.iter().map(|due| due.delivery.id).collect();
        self.waiting.forget(&ids);
        // Newest first: of rows made in the same moment a threshold holds back the newest.
        due.sort_by_key(|due| std::cmp::Reverse((due.delivery.created_at, due.delivery.id)));
        let mut jobs = Vec::with_capacity(leased);
        for due in due {
            jobs.extend(self.prepare(due, until).await);
        }
        jobs.reverse();
        self.waiting.extend(jobs);
        Ok(leased)
    }

    async fn prepare(&self, due: DueDelivery, until: Instant) -> Option<Job> {
        let id = due.delivery.id;
        match self.sender.prepare(due, until).await {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(delivery = %id, %error, "a delivery cannot be prepared; it is tried again");
                None
            }
        }
    }

    /// Starts waiting jobs that have a place; returns how many, and those that have waited
    /// for too much of their lease.
    fn start(&mut self) -> (usize, Vec<DueDelivery>) {
        let now = Instant::now();
        let jobs = self.waiting.take();
        let mut kept = VecDeque::with_capacity(jobs.len());
        let mut stale = Vec::new();
        let mut started = 0;
        for job in jobs {
            if job.until < now + self.lease / 2 {
                stale.push(job.due());
                continue;
            }
            if !self.places.take(&job.destination) {
                kept.push_back(job);
                continue;
            }
            let under_way = (job.destination.clone(), job.id(), job.lease.clone());
            self.held.insert(job.id(), job.lease.clone());
            let sender = Arc::clone(&self.sender);
            let task = self.running.spawn(async move { sender.attempt(job).await });
            self.under_way.insert(task.id(), under_way);
            started += 1;
        }
        self.waiting.put(kept);
        (started, stale)
    }

    async fn set_aside(
        &self,
        due: Vec<DueDelivery>,
        wait: cresset_model::Duration,
    ) -> cresset_catalog::Result<()> {
        if due.is_empty() {
            return Ok(());
        }
        let until = self.sender.clock.now() + wait;
        self.sender.catalog.set_aside(&due, until).await
    }

    fn ended(&mut self, ended: Result<(Id, Outcome), tokio::task::JoinError>) {
        let (id, failed) = match &ended {
            Ok((id, outcome)) => (*id, matches!(outcome, Outcome::Retry { .. })),
            Err(error) => {
                tracing::error!(%error, "a delivery ended abnormally; it is tried again");
                (error.id(), true)
            }
        };
        if let Some((destination, delivery, lease)) = self.under_way.remove(&id) {
            self.places.free(&destination, failed);
            // Its next attempt may be under way already.
            if self.held.get(&delivery).is_some_and(|held| held.is(&lease)) {
                self.held.remove(&delivery);
            }
        }
    }

    async fn stop(mut self) {
        let unused: Vec<DueDelivery> = self.waiting.take().iter().map(Job::due).collect();
        if let Err(error) = self.set_aside(unused, cresset_model::Duration::ZERO).await {
            tracing::warn!(%error, "leases are not given back; they run out");
        }
        let finish = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.grace, finish).await.is_err() {
            tracing::warn!(
                unfinished = self.running.len(),
                "stopping while deliveries are under way; they are sent again"
            );
            self.running.shutdown().await;
        }
    }
}
