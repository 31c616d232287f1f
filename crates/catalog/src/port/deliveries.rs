//! The outbox: notifications on their way.

use crate::Result;
use async_trait::async_trait;
use cresset_model::notification::{Delivery, DeliveryState};
use cresset_model::{Duration, ObjectId, Timestamp};

/// A delivery that a worker has leased.
#[derive(Debug, Clone)]
pub struct DueDelivery {
    /// The row.
    pub delivery: Delivery,
    /// Fencing token: the outcome is accepted only with the newest token.
    pub lease: i64,
    /// An earlier lease of this attempt ended without an outcome and without being given
    /// back, so its holder may have died of the row.
    pub abandoned: bool,
    /// How often in a row work on it was begun ([`Deliveries::begin_work`]) and neither
    /// ended nor recorded.
    pub unfinished: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The destination accepted it.
    Delivered,
    /// It failed and is tried again at that time.
    RetryAt(Timestamp),
    /// It failed for good.
    Dead,
    /// It must not go out.
    Suppressed,
}

/// The record of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// When it was made.
    pub at: Timestamp,
    /// What the destination or the network said; no secrets.
    pub detail: String,
    /// Time spent in microseconds.
    pub duration_us: u64,
    /// How it ended.
    pub outcome: AttemptOutcome,
}

/// The outbox.
#[async_trait]
pub trait Deliveries: Send + Sync + 'static {
    /// Leases up to `limit` due rows until `now + lease`, skipping rows under a live lease.
    ///
    /// Of one rule and channel, at most `per_rule` rows are under a live lease at once, so
    /// that a sick destination does not crowd out the others. For the same reason every
    /// rule and channel gets its first row before any gets its second; within that, the
    /// oldest due row comes first.
    async fn claim_due(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
        per_rule: u32,
    ) -> Result<Vec<DueDelivery>>;
    /// Extends a lease until `until`. False if it was lost.
    async fn renew(&self, due: &DueDelivery, until: Timestamp) -> Result<bool>;
    /// Gives leases back unused. The rows can be claimed again at `until` and count as
    /// leased till then. Leases that were lost are passed over.
    async fn set_aside(&self, due: &[DueDelivery], until: Timestamp) -> Result<()>;
    /// Counts that work begins which may not survive; the next claim tells how often that
    /// was not followed by [`end_work`](Self::end_work) or an outcome. False if the lease
    /// was lost.
    async fn begin_work(&self, due: &DueDelivery) -> Result<bool>;
    /// The work that was begun is over; forgets the count. False if the lease was lost.
    async fn end_work(&self, due: &DueDelivery) -> Result<bool>;
    /// Records the attempt and frees the lease. False if the lease was lost.
    async fn finish_attempt(&self, due: &DueDelivery, record: AttemptRecord) -> Result<bool>;
    /// When the next pending row can be claimed, if any: when it is due, or when its lease ends.
    async fn next_due(&self) -> Result<Option<Timestamp>>;
    /// Rows in a state (or all), newest first.
    async fn deliveries(&self, state: Option<DeliveryState>, limit: u32) -> Result<Vec<Delivery>>;
    /// The row of that id.
    async fn delivery(&self, id: ObjectId) -> Result<Option<Delivery>>;
    /// Rows of one incident.
    async fn deliveries_of(&self, incident: ObjectId) -> Result<Vec<Delivery>>;
    /// Attempts of one row, oldest first.
    async fn attempts(&self, id: ObjectId) -> Result<Vec<AttemptRecord>>;
    /// Makes a dead or delivered row pending again, due `now`, with a fresh count of attempts.
    async fn resend(&self, id: ObjectId, now: Timestamp) -> Result<()>;
    /// Rows of a rule and channel delivered or pending that were created at or after `since`.
    async fn recent_count(
        &self,
        rule: ObjectId,
        channel: cresset_model::notification::Channel,
        since: Timestamp,
    ) -> Result<u64>;
}
