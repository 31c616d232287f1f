//! Counts what is read of files, and what can be passed over.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that the threads of a search share. Adding is all that they do, so that counting
/// costs next to nothing beside reading.
#[derive(Debug, Default)]
pub struct Pruned {
    files: AtomicU64,
    whole: AtomicU64,
    by_time: Counter,
    by_contents: Counter,
    read: Counter,
}

/// Blocks (row groups) and the events in them.
#[derive(Debug, Default)]
struct Counter {
    blocks: AtomicU64,
    events: AtomicU64,
}

/// What becomes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is passed over: none of it is in the time range.
    OutOfTime,
    /// It is passed over: what is kept about its contents shows that nothing of it is wanted.
    NothingWanted,
    /// It is read.
    Read,
}

impl Pruned {
    /// Counts a file that was opened.
    pub fn opened(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a block of so many events.
    pub fn block(&self, fate: Fate, events: usize) {
        let counter = self.counter(fate);
        counter.blocks.fetch_add(1, Ordering::Relaxed);
        counter.events.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Counts events whose columns did not tell enough, so that they were judged whole.
    pub fn judged_whole(&self, events: usize) {
        self.whole.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Files that were opened.
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Events that were judged whole.
    pub fn whole(&self) -> u64 {
        self.whole.load(Ordering::Relaxed)
    }

    /// Blocks that met a fate, and the events in them.
    pub fn met(&self, fate: Fate) -> (u64, u64) {
        let counter = self.counter(fate);
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (of(&counter.blocks), of(&counter.events))
    }

    const fn counter(&self, fate: Fate) -> &Counter {
        match fate {
            Fate::OutOfTime => &self.by_time,
            Fate::NothingWanted => &self.by_contents,
            Fate::Read => &self.read,
        }
    }
}
