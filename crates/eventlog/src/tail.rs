//! The events that some consumer still needs, in memory and in order.
//!
//! They stay packed as they came, batch by batch. Every batch carries the running total of
//! bytes, so a position is found by a binary search and a subtraction, and the size of any
//! suffix by another.

use cresset_model::event::LoggedEvent;
use cresset_model::{Packed, SharedEvent};
use parking_lot::RwLock;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The idempotency key of one stored batch.
#[derive(Debug, Clone)]
pub(crate) struct KeyedBatch {
    pub(crate) repo: Arc<str>,
    pub(crate) key: Arc<str>,
    pub(crate) first_seq: u64,
    pub(crate) count: u64,
}

impl KeyedBatch {
    fn last_seq(&self) -> u64 {
        self.first_seq + self.count.saturating_sub(1)
    }
}

/// A durable batch.
pub(crate) struct TailBatch {
    pub(crate) repo: Arc<str>,
    pub(crate) first_seq: u64,
    pub(crate) events: Arc<Packed>,
    /// Events at its front that are stored elsewhere.
    pub(crate) skip: usize,
    pub(crate) key: Option<KeyedBatch>,
}

/// A batch of the tail.
struct Held {
    repo: Arc<str>,
    /// Of the batch's first event, whether it is still needed or not.
    first_seq: u64,
    events: Arc<Packed>,
    /// Events at its front that nobody needs any more.
    skip: usize,
    /// Bytes of all events ever published before the first one of the batch, had all of
    /// its events been published.
    begin: u64,
}

impl Held {
    fn last_seq(&self) -> u64 {
        self.first_seq + (self.events.len() as u64).saturating_sub(1)
    }

    /// Number of its events up to `seq`.
    fn count_to(&self, seq: u64) -> usize {
        let count = seq.saturating_add(1).saturating_sub(self.first_seq);
        usize::try_from(count).map_or(self.events.len(), |count| count.min(self.events.len()))
    }

    /// Running total of bytes after its first `count` events.
    fn bytes_to(&self, count: usize) -> u64 {
        self.begin.wrapping_add(self.events.size_of_first(count))
    }

    fn event(&self, at: usize) -> LoggedEvent {
        LoggedEvent {
            seq: self.first_seq + at as u64,
            repo: Arc::clone(&self.repo),
            event: SharedEvent::packed(&self.events, at),
        }
    }
}

#[derive(Default)]
struct Inner {
    batches: VecDeque<Held>,
    keys: VecDeque<KeyedBatch>,
    published: u64,
    trimmed: u64,
    events: usize,
}

impl Inner {
    /// Batch, and place in it, of the first event after `seq`.
    fn position(&self, seq: u64) -> (usize, usize) {
        let batch = self.batches.partition_point(|held| held.last_seq() <= seq);
        let held = self.batches.get(batch);
        let place = held.map_or(0, |held| held.count_to(seq).max(held.skip));
        (batch, place)
    }

    /// Running total of bytes at `seq`.
    fn bytes_to(&self, seq: u64) -> u64 {
        let (batch, place) = self.position(seq);
        let held = self.batches.get(batch);
        held.map_or(self.published, |held| held.bytes_to(place))
    }

    fn push(&mut self, batch: TailBatch) {
        let before = batch.events.size_of_first(batch.skip);
        let held = Held {
            repo: batch.repo,
            first_seq: batch.first_seq,
            begin: self.published.wrapping_sub(before),
            skip: batch.skip,
            events: batch.events,
        };
        self.published = held.bytes_to(held.events.len());
        self.events += held.events.len() - held.skip;
        self.batches.push_back(held);
        self.keys.extend(batch.key);
    }
}

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Tail {
    inner: RwLock<Inner>,
    /// Bytes of the tail and of appends under way, what they take unpacked and packed: what the
    /// limit applies to.
    held: Arc<AtomicUsize>,
}

/// Room in the tail for an append under way; given back when dropped.
pub(crate) struct Reservation {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Reservation {
    /// The room is used: the events are in the tail.
    pub(crate) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Tail {
    /// Takes room for `bytes`, or says how many are held already.
    pub(crate) fn reserve(&self, bytes: usize, limit: usize) -> Result<Reservation, usize> {
        let taken = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                held.checked_add(bytes).filter(|sum| *sum <= limit)
            });
        taken.map(|_| Reservation {
            held: self.held.clone(),
            bytes,
        })
    }

    /// Adds batches whose room is reserved, in order of `seq`.
    pub(crate) fn publish(&self, batches: impl IntoIterator<Item = TailBatch>) {
        let mut inner = self.inner.write();
        batches.into_iter().for_each(|batch| inner.push(batch));
        Self::report(&inner);
    }

    /// Adds a recovered batch, which needs no room: it was accepted once.
    pub(crate) fn restore(&self, batch: TailBatch) {
        let events = &batch.events;
        let bytes = events.size_of_first(events.len()) - events.size_of_first(batch.skip);
        let bytes = bytes as usize + events.bytes().len();
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.publish([batch]);
    }

    /// Up to `max` events after `after`.
    pub(crate) fn read(&self, after: u64, max: usize) -> Vec<LoggedEvent> {
        self.read_within(after, max, usize::MAX).0
    }

    /// Up to `max` events after `after` and up to `bytes` of them, or one that is larger, with
    /// what they come to.
    pub(crate) fn read_within(
        &self,
        after: u64,
        max: usize,
        bytes: usize,
    ) -> (Vec<LoggedEvent>, usize) {
        let inner = self.inner.read();
        let (first, mut place) = inner.position(after);
        let begin = inner.bytes_to(after);
        let mut events = Vec::with_capacity(max.min(inner.events));
        let mut found = 0;
        for held in inner.batches.iter().skip(first) {
            for at in place.max(held.skip)..held.events.len() {
                let upto = held.bytes_to(at + 1).wrapping_sub(begin) as usize;
                if events.len() == max || upto > bytes && !events.is_empty() {
                    return (events, found);
                }
                events.push(held.event(at));
                found = upto;
            }
            place = 0;
        }
        (events, found)
    }

    /// Bytes of the events after `after`.
    pub(crate) fn pending_bytes(&self, after: u64) -> usize {
        let inner = self.inner.read();
        (inner.published - inner.bytes_to(after)) as usize
    }

    /// Number of events held.
    pub(crate) fn events(&self) -> usize {
        self.inner.read().events
    }

    /// Keys of the batches that have events after `after`.
    pub(crate) fn keys(&self, after: u64) -> Vec<KeyedBatch> {
        let inner = self.inner.read();
        let start = inner.keys.partition_point(|k| k.last_seq() <= after);
        inner.keys.iter().skip(start).cloned().collect()
    }

    /// Forgets the events up to `upto`.
    pub(crate) fn trim(&self, upto: u64) {
        let mut inner = self.inner.write();
        let trimmed = inner.bytes_to(upto);
        let (batch, place) = inner.position(upto);
        // Freed after the lock: releasing many events takes longer than unlinking them.
        let freed: Vec<Held> = inner.batches.drain(..batch).collect();
        let mut gone: usize = freed.iter().map(|h| h.events.len() - h.skip).sum();
        if let Some(first) = inner.batches.front_mut() {
            gone += place - first.skip;
            first.skip = place;
        }
        inner.events -= gone;
        let packed: usize = freed.iter().map(|h| h.events.bytes().len()).sum();
        let unpacked = (trimmed - inner.trimmed) as usize;
        self.held.fetch_sub(unpacked + packed, Ordering::Relaxed);
        inner.trimmed = trimmed;
        let spent = inner.keys.partition_point(|k| k.last_seq() <= upto);
        inner.keys.drain(..spent);
        Self::report(&inner);
        drop(inner);
    }

    fn report(inner: &Inner) {
        metrics::gauge!("cresset_eventlog_tail_events").set(inner.events as f64);
        metrics::gauge!("cresset_eventlog_tail_bytes")
            .set((inner.published - inner.trimmed) as f64);
    }
}

#[cfg(test)]
mod tests;
