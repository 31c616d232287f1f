//! The audit log becomes a chain of blocks, and events in the repo `_cresset`.
//!
//! Each block becomes one batch of the event log, whose idempotency key follows from the
//! block, before the place in the catalog moves on. So a crash between the two repeats the
//! batch, and the event log knows it.

use anyhow::Context;
use cresset_catalog::Catalog;
use cresset_catalog::audit_chain::Block;
use cresset_catalog::port::AuditRecord;
use cresset_eventlog::{Batch, EventLog};
use cresset_model::repo::OWN_REPO;
use cresset_model::{Clock, Event, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often to look for new entries.
const PERIOD: Duration = Duration::from_secs(1);
/// Most entries of a block. As events they take far less than the smallest batch that any
/// event log refuses.
const MOST_ENTRIES: u32 = 256;
/// How a long history is worked off.
const PACE: Pace = Pace {
    blocks: 32,
    least_pause: Duration::from_millis(100),
};
/// Longest pause, unless the pace wants more.
const MOST_PAUSE: Duration = Duration::from_secs(5);
/// The name of the place; it counts entries of the audit log, not events.
const PLACE: &str = "audit";

/// How much at once. After that comes a pause as long as the work took, so that a history of
/// years leaves half of the time to others who write.
struct Pace {
    blocks: usize,
    least_pause: Duration,
}

/// Moves entries on.
pub(super) struct AuditFeed {
    catalog: Arc<dyn Catalog>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    server: String,
    /// The last entry that is an event.
    told: i64,
    pace: Pace,
    /// Whether the last try failed, so that trouble is logged once.
    failing: bool,
}

impl AuditFeed {
    /// Finds the place where the last run ended. Call it before anything forgets old keys of
    /// batches: after a crash the key of one block says that its events are stored already,
    /// even if the server stood still for longer than the event log remembers keys.
    pub(super) async fn resume(
        catalog: Arc<dyn Catalog>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        server: &str,
    ) -> anyhow::Result<Self> {
        let mut feed = Self {
            told: i64::try_from(catalog.cursor(PLACE).await?).unwrap_or(i64::MAX),
            catalog,
            log,
            clock,
            server: server.to_owned(),
            pace: PACE,
            failing: false,
        };
        if let Some((block, _)) = feed.catalog.audit_block_after(feed.told).await? {
            let key = key_of(&block);
            let known = feed.catalog.batch_keys(Timestamp::MIN).await?;
            if known
                .iter()
                .any(|(repo, k, ..)| repo == OWN_REPO && *k == key)
            {
                feed.move_to(&block).await?;
            }
        }
        Ok(feed)
    }

    /// Works until `stop`. Give the feed that comes back a last [`Self::turn`] after all who
    /// write entries have ended.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Self {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.changed() => return self,
            }
            loop {
                let started = Instant::now();
                if !self.turn().await {
                    break;
                }
                let took = started.elapsed().min(MOST_PAUSE);
                tokio::select! {
                    () = tokio::time::sleep(took.max(self.pace.least_pause)) => {}
                    _ = stop.changed() => return self,
                }
            }
        }
    }

    /// Moves a number of entries on. True if there are more.
    pub(super) async fn turn(&mut self) -> bool {
        let moved = self.close_blocks().await;
        let told = self.tell_blocks().await;
        match moved.and_then(|more| Ok(told? || more)) {
            Ok(more) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the audit log is chained and told again");
                }
                more
            }
            Err(error) => {
                metrics::counter!("cresset_audit_feed_failures_total").increment(1);
                if !std::mem::replace(&mut self.failing, true) {
                    let error = format!("{error:#}");
                    tracing::error!(%error, "the audit log waits to be chained and told");
                }
                false
            }
        }
    }

    async fn close_blocks(&self) -> anyhow::Result<bool> {
        for _ in 0..self.pace.blocks {
            if self
                .catalog
                .close_audit_block(MOST_ENTRIES)
                .await?
                .is_none()
            {
                return Ok(false);
            }
            metrics::counter!("cresset_audit_blocks_total").increment(1);
        }
        Ok(true)
    }

    async fn tell_blocks(&mut self) -> anyhow::Result<bool> {
        for _ in 0..self.pace.blocks {
            let Some((block, records)) = self.catalog.audit_block_after(self.told).await? else {
                return Ok(false);
            };
            self.tell(&block, &records).await?;
            self.move_to(&block).await?;
        }
        Ok(true)
    }

    /// Makes events of the entries of a block.
    async fn tell(&self, block: &Block, records: &[AuditRecord]) -> anyhow::Result<()> {
        let now = self.clock.now();
        let events = records.iter().map(|record| self.event(block, record, now));
        let batch = Batch {
            repo: OWN_REPO.into(),
            key: Some(key_of(block)),
            events: Arc::new(events.collect()),
        };
        let appended = self.log.append(batch).await;
        appended.context("the event log does not take the audit log's entries")?;
        Ok(())
    }

    fn event(&self, block: &Block, record: &AuditRecord, now: Timestamp) -> Event {
        let AuditRecord { id, entry, request } = record;
        let mut event = Event::new(entry.at, now);
        event.set("norm_id", "Cresset");
        event.set("repo_name", OWN_REPO);
        event.set("col_type", "internal");
        event.set("device_name", self.server.as_str());
        event.set("type", "audit");
        event.set("audit_id", *id);
        event.set("actor", entry.actor.as_str());
        event.set("address", entry.address.as_str());
        event.set("action", entry.action.as_str());
        event.set("detail", entry.detail.as_str());
        if !request.method.is_empty() {
            event.set("method", request.method.as_str());
            event.set("path", request.path.as_str());
        }
        event.set("head", block.hash.to_string());
        event.set("msg", text(record));
        event
    }

    async fn move_to(&mut self, block: &Block) -> anyhow::Result<()> {
        let last = u64::try_from(block.last_id).unwrap_or(0);
        self.catalog.set_cursor(PLACE, last).await?;
        self.told = block.last_id;
        Ok(())
    }
}

/// The idempotency key of a block's events.
fn key_of(block: &Block) -> String {
    format!("audit {} {}", block.last_id, block.hash)
}

/// An entry in a line, for people and for searches without fields.
fn text(record: &AuditRecord) -> String {
    let AuditRecord { id, entry, request } = record;
    let mut text = format!("audit {id}: {}", entry.action);
    for (word, value) in [
        (" by ", &entry.actor),
        (" from ", &entry.address),
        (" for ", &request.method),
        (" ", &request.path),
        (": ", &entry.detail),
    ] {
        if !value.is_empty() {
            text.push_str(word);
            text.push_str(value);
        }
    }
    text
}

#[cfg(test)]
mod tests;
