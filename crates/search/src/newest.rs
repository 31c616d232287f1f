//! The newest events of a search, within limits of number and memory.

use crate::{Error, Result};
use cresset_model::Timestamp;
use cresset_model::event::LoggedEvent;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Keeps the newest events that it is given.
#[derive(Debug)]
pub(crate) struct Newest {
    kept: BinaryHeap<Reverse<Entry>>,
    /// The latest time among them, or a later one.
    newest: Option<Timestamp>,
    limit: usize,
    bytes: usize,
    max_bytes: usize,
    total: u64,
}

#[derive(Debug)]
struct Entry(LoggedEvent);

impl Entry {
    fn key(&self) -> (Timestamp, u64) {
        (self.0.event.log_ts(), self.0.seq)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Newest {
    /// Keeps at most `limit` events of at most `max_bytes` together.
    pub(crate) fn new(limit: usize, max_bytes: usize) -> Self {
        Self {
            kept: BinaryHeap::new(),
            newest: None,
            limit,
            bytes: 0,
            max_bytes,
            total: 0,
        }
    }

    /// Takes an event and drops the oldest if there are too many;
    /// [`Error::TooMany`] if those within the limit are too large.
    pub(crate) fn push(&mut self, event: LoggedEvent) -> Result<()> {
        self.total += 1;
        self.bytes += event.event.size();
        self.newest = self.newest.max(Some(event.event.log_ts()));
        self.kept.push(Reverse(Entry(event)));
        if self.kept.len() > self.limit
            && let Some(Reverse(Entry(oldest))) = self.kept.pop()
        {
            self.bytes -= oldest.event.size();
        }
        if self.bytes > self.max_bytes {
            return Err(Error::TooMany(self.kept.len()));
        }
        Ok(())
    }

    /// Takes out those after this moment, newest first, when no event will come any more
    /// that is newer. They still count as kept.
    pub(crate) fn settle(&mut self, after: Timestamp) -> Vec<LoggedEvent> {
        if self.newest.is_none_or(|newest| newest <= after) {
            return Vec::new();
        }
        let mut settled = std::mem::take(&mut self.kept).into_sorted_vec();
        let rest = settled.partition_point(|Reverse(Entry(e))| e.event.log_ts() > after);
        let rest = settled.split_off(rest);
        self.newest = rest.first().map(|Reverse(Entry(e))| e.event.log_ts());
        self.kept = rest.into();
        self.limit -= settled.len();
        in_order(settled)
    }

    /// Before this moment nothing is among the newest any more.
    pub(crate) fn floor(&self) -> Timestamp {
        match self.kept.peek() {
            Some(Reverse(oldest)) if self.kept.len() >= self.limit => oldest.0.event.log_ts(),
            _ if self.limit == 0 => Timestamp::MAX,
            _ => Timestamp::MIN,
        }
    }

    /// Counts events that are known not to be among the newest.
    pub(crate) fn pass(&mut self, events: u64) {
        self.total += events;
    }

    /// Events taken, kept or not.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The kept events, newest first.
    pub(crate) fn into_newest_first(self) -> Vec<LoggedEvent> {
        in_order(self.kept.into_sorted_vec())
    }
}

/// The events of entries that are sorted, which for reversed ones means newest first.
fn in_order(entries: Vec<Reverse<Entry>>) -> Vec<LoggedEvent> {
    let event = |Reverse(Entry(event))| event;
    entries.into_iter().map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::Event;

    fn event(seq: u64, at: i64) -> LoggedEvent {
        LoggedEvent {
            seq,
            repo: "r".into(),
            event: Event::new(Timestamp(at), Timestamp(0)).into(),
        }
    }

    #[test]
    fn keeps_the_newest_and_counts_all() {
        let mut newest = Newest::new(3, usize::MAX);
        for (seq, at) in [(1, 50), (2, 10), (3, 40), (4, 40), (5, 20)] {
            newest.push(event(seq, at)).unwrap();
        }
        assert_eq!(newest.total(), 5);
        assert_eq!(newest.floor(), Timestamp(40));
        let seqs: Vec<u64> = newest.into_newest_first().iter().map(|e| e.seq).collect();
        assert_eq!(seqs, [1, 4, 3]);
    }

    #[test]
    fn what_is_settled_leaves_in_order_and_counts_as_kept() {
        let mut newest = Newest::new(4, usize::MAX);
        for (seq, at) in [(1, 50), (2, 10), (3, 40), (4, 40), (5, 20)] {
            newest.push(event(seq, at)).unwrap();
        }
        let seqs = |events: Vec<LoggedEvent>| events.iter().map(|e| e.seq).collect::<Vec<_>>();
        assert_eq!(seqs(newest.settle(Timestamp(50))), [0; 0]);
        assert_eq!(seqs(newest.settle(Timestamp(39))), [1, 4, 3]);
        // One place is left of four, and a newer event takes it.
        newest.push(event(6, 30)).unwrap();
        newest.push(event(7, 25)).unwrap();
        assert_eq!(newest.floor(), Timestamp(30));
        assert_eq!(newest.total(), 7);
        assert_eq!(seqs(newest.settle(Timestamp(0))), [6]);
        assert_eq!(newest.floor(), Timestamp::MAX);
        newest.push(event(8, 20)).unwrap();
        assert_eq!(seqs(newest.into_newest_first()), [0; 0]);
    }

    #[test]
    fn memory_is_bounded() {
        let size = event(1, 1).event.size();
        let mut newest = Newest::new(10, 2 * size);
        newest.push(event(1, 1)).unwrap();
        newest.push(event(2, 1)).unwrap();
        assert!(matches!(newest.push(event(3, 1)), Err(Error::TooMany(3))));
        let mut one = Newest::new(1, 2 * size);
        (0..10).try_for_each(|seq| one.push(event(seq, 1))).unwrap();
    }
}
