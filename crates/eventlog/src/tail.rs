//! The events that some consumer still needs, in memory and in order.
//!
//! Chunks keep both ends cheap: appending never moves what is there, trimming
//! drops whole chunks, and a position is found by two binary searches. Every
//! entry carries the running total of bytes, so the size of any suffix is one
//! subtraction.

use cresset_model::Event;
use cresset_model::event::LoggedEvent;
use parking_lot::RwLock;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHUNK: usize = 1024;

/// Events of one batch on their way into the tail, each with its [`Event::size`].
pub(crate) type SizedEvents = Vec<(Arc<Event>, u32)>;

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

/// A durable batch. `events` may lack the first ones if they are stored elsewhere.
pub(crate) struct TailBatch {
    pub(crate) repo: Arc<str>,
    pub(crate) first_seq: u64,
    pub(crate) events: SizedEvents,
    pub(crate) key: Option<KeyedBatch>,
}

struct Entry {
    event: LoggedEvent,
    /// Bytes of all events ever published, up to and including this one.
    end: u64,
}

#[derive(Default)]
struct Inner {
    chunks: VecDeque<Vec<Entry>>,
    keys: VecDeque<KeyedBatch>,
    published: u64,
    trimmed: u64,
    events: usize,
}

impl Inner {
    /// Chunk and index of the first event after `seq`.
    fn position(&self, seq: u64) -> (usize, usize) {
        let ends_by = |chunk: &Vec<Entry>| chunk.last().is_none_or(|e| e.event.seq <= seq);
        let chunk = self.chunks.partition_point(ends_by);
        let index = self
            .chunks
            .get(chunk)
            .map_or(0, |entries| entries.partition_point(|e| e.event.seq <= seq));
        (chunk, index)
    }

    /// Running total of bytes at `seq`.
    fn bytes_to(&self, seq: u64) -> u64 {
        let (chunk, index) = self.position(seq);
        let entry = match index.checked_sub(1) {
            Some(before) => self
                .chunks
                .get(chunk)
                .and_then(|entries| entries.get(before)),
            None => chunk
                .checked_sub(1)
                .and_then(|c| self.chunks.get(c))
                .and_then(|c| c.last()),
        };
        entry.map_or(self.trimmed, |e| e.end)
    }

    fn push(&mut self, event: LoggedEvent, size: u32) {
        self.published += u64::from(size);
        self.events += 1;
        let entry = Entry {
            event,
            end: self.published,
        };
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(entry),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(entry);
                self.chunks.push_back(chunk);
            }
        }
    }
}

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Tail {
    inner: RwLock<Inner>,
    /// Bytes of the tail and of appends under way: what the limit applies to.
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
        for batch in batches {
            for (seq, (event, size)) in (batch.first_seq..).zip(batch.events) {
                inner.push(
                    LoggedEvent {
                        seq,
                        repo: batch.repo.clone(),
                        event,
                    },
                    size,
                );
            }
            inner.keys.extend(batch.key);
        }
        Self::report(&inner);
    }

    /// Adds a recovered batch, which needs no room: it was accepted once.
    pub(crate) fn restore(&self, batch: TailBatch) {
        let bytes: usize = batch.events.iter().map(|(_, size)| *size as usize).sum();
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
        let (chunk, index) = inner.position(after);
        let begin = inner.bytes_to(after);
        let mut events = Vec::with_capacity(max.min(inner.events));
        let mut found = 0;
        let chunks = inner.chunks.iter().skip(chunk).flatten().skip(index);
        for entry in chunks.take(max) {
            let upto = (entry.end - begin) as usize;
            if upto > bytes && !events.is_empty() {
                break;
            }
            events.push(entry.event.clone());
            found = upto;
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
        // Freed after the lock: releasing many events takes longer than unlinking them.
        let mut freed: Vec<Vec<Entry>> = Vec::new();
        let mut inner = self.inner.write();
        let trimmed = inner.bytes_to(upto);
        let (chunk, index) = inner.position(upto);
        freed.extend(inner.chunks.drain(..chunk));
        if let Some(first) = inner.chunks.front_mut() {
            freed.push(first.drain(..index).collect());
        }
        inner.events -= freed.iter().map(Vec::len).sum::<usize>();
        self.held
            .fetch_sub((trimmed - inner.trimmed) as usize, Ordering::Relaxed);
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
