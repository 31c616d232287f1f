//! Going through a view on blocking threads.

mod file;
mod handover;

use crate::progress::Progress;
use crate::view::View;
use crate::{Error, Result};
use cresset_catalog::port::FileEntry;
use cresset_model::event::LoggedEvent;
use cresset_model::{Event, Timestamp};
use cresset_query::terms::Needs;
use cresset_query::{Context, Counting, Plan};
use cresset_store::{EventStore, Pruned};
use file::FileScan;
use handover::{Findings, Handover};
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Hand-overs that wait per pack of files.
const WAITING: usize = 4;
/// Neighbouring files of so few rows together, and so few files, are read one after the other by
/// one thread: waking threads for each would cost more than reading it.
const PACK_ROWS: u64 = 1 << 16;
const PACK_FILES: usize = 16;
/// Packs of files per thread that wait for the evaluating thread, read or not: without a limit,
/// the matches of thousands of small files would wait in memory.
const AHEAD: usize = 2;

/// [`Error::Cancelled`] once the flag of a search is set.
pub(crate) fn check(cancelled: &AtomicBool) -> Result<()> {
    if cancelled.load(Ordering::Relaxed) {
        Err(Error::Cancelled)
    } else {
        Ok(())
    }
}

/// What a search takes of what meets its filter.
#[derive(Debug)]
pub(crate) enum Take<'a> {
    /// Every event.
    Events,
    /// So many of the newest events, at least, and the number of the others.
    Newest(usize),
    /// How many events there are of each combination.
    Counts(Counting<'a>),
}

/// For scans to which no event is too old.
pub(crate) static NO_FLOOR: AtomicI64 = AtomicI64::new(i64::MIN);

/// What a scan finds.
#[derive(Debug)]
pub(crate) enum Found {
    /// An event.
    Event(LoggedEvent),
    /// So many events of which all that is counted by is the same, with the latest of their
    /// times.
    Counted(Event, u64),
    /// So many events that are not among the newest.
    Passed(u64),
    /// Where only the newest are wanted: every event after this moment has been given.
    Settled(Timestamp),
}

impl Found {
    /// How many events met the filter.
    const fn events(&self) -> u64 {
        match self {
            Self::Event(_) => 1,
            Self::Counted(_, events) | Self::Passed(events) => *events,
            Self::Settled(_) => 0,
        }
    }
}

/// One pass over files and tail.
pub(crate) struct Scan<'a> {
    pub(crate) store: &'a EventStore,
    pub(crate) view: &'a View,
    pub(crate) plan: &'a Plan,
    /// What the filter needs of the texts of a row group.
    pub(crate) needs: Option<&'a Needs>,
    pub(crate) context: &'a Context<'a>,
    /// Event time after the first, up to the second.
    pub(crate) range: (Timestamp, Timestamp),
    pub(crate) up_to_seq: u64,
    pub(crate) take: &'a Take<'a>,
    /// Fields of the events; `None` means all.
    pub(crate) fields: Option<&'a BTreeSet<String>>,
    /// Files read at the same time.
    pub(crate) threads: usize,
    /// Set by whoever wants the scan to end.
    pub(crate) cancelled: &'a AtomicBool,
    /// No event before this moment, in microseconds, is among the newest any more.
    pub(crate) floor: &'a AtomicI64,
    /// Counts what is read and what is passed over.
    pub(crate) pruned: &'a Pruned,
    /// Told how far the scan is.
    pub(crate) progress: &'a Progress,
    /// Counts what reading threads gave to the evaluating one.
    pub(crate) handed_over: AtomicU64,
}

/// A file that could not be read, or not to its end, and why.
pub(crate) type Unread = (FileEntry, cresset_store::Error);

/// Whether the others can be read all the same.
fn of_one_file(error: &cresset_store::Error) -> bool {
    use cresset_store::Error::{Damaged, Io, Missing};
    matches!(error, Damaged { .. } | Io { .. } | Missing { .. })
}

/// What the reading threads share.
struct Work<'a> {
    files: std::vec::IntoIter<&'a FileEntry>,
    /// What comes out of each pack, to the evaluating thread, in the order of files.
    begun: SyncSender<Receiver<Handover>>,
}

/// Neighbouring files, each with the moment after which no later file has an event, if only the
/// newest are wanted.
type Pack<'a> = Vec<(&'a FileEntry, Timestamp)>;

impl Scan<'_> {
    /// Gives what it takes of the events that pass the plan's filter to `on_match`, file by
    /// file in an order that does not depend on threads, then the tail; the tail first where
    /// only the newest events are wanted. Returns the files that could not be read, or not to
    /// their end.
    pub(crate) fn run(&self, on_match: &mut dyn FnMut(Found) -> Result<()>) -> Result<Vec<Unread>> {
        let newest = matches!(self.take, Take::Newest(_));
        if newest {
            self.tail(on_match)?;
        }
        let stop = AtomicBool::new(false);
        let threads = self.threads.min(self.view.files.len());
        let unread = std::thread::scope(|scope| {
            let (begun, files) = sync_channel(threads * AHEAD);
            let work = Arc::new(Mutex::new(Work {
                files: self.in_order().into_iter(),
                begun,
            }));
            for _ in 0..threads {
                let (work, stop) = (work.clone(), &stop);
                scope.spawn(move || {
                    while let Some((pack, sender)) = self.begin(&work, stop) {
                        // Nobody listens any more if the search has ended.
                        let _ = self.read(&pack, sender, stop);
                    }
                });
            }
            // Else the way to the evaluating thread would outlive the reading ones.
            drop(work);
            let unread = self.collect(files, on_match);
            stop.store(true, Ordering::Relaxed);
            unread
        });
        metrics::counter!("cresset_search_files_opened_total").increment(self.pruned.files());
        let unread = unread?;
        if !newest {
            self.tail(on_match)?;
        }
        check(self.cancelled)?;
        Ok(unread)
    }

    fn tail(&self, on_match: &mut dyn FnMut(Found) -> Result<()>) -> Result<()> {
        let after = self.progress.after();
        let tail = self.view.tail.iter();
        let tail: Box<dyn Iterator<Item = &LoggedEvent>> = match self.take {
            // Who looks on sees the newest first.
            Take::Newest(_) => Box::new(tail.rev()),
            _ => Box::new(tail),
        };
        for event in tail {
            if after.is_some_and(|after| !after.is_before(event.event.log_ts(), event.seq)) {
                continue;
            }
            let wanted = self.plan.filter().matches(&*event.event, self.context);
            // After the filter, whose answer means nothing if it was cut short.
            check(self.cancelled)?;
            if wanted {
                self.progress.found(1);
                on_match(Found::Event(event.clone()))?;
            }
        }
        self.progress.passed(self.view.tail.len() as u64);
        Ok(())
    }

    /// The files in the view's order, or, where only the newest events are wanted, those
    /// with the newest first.
    fn in_order(&self) -> Vec<&FileEntry> {
        let mut files: Vec<&FileEntry> = self.view.files.iter().collect();
        if matches!(self.take, Take::Newest(_)) {
            files.sort_by_key(|file| Reverse(file.max_log_ts));
        }
        files
    }

    /// The next files to read; `None` if there are no more, or the scan has ended.
    fn begin<'a>(
        &self,
        work: &Mutex<Work<'a>>,
        stop: &AtomicBool,
    ) -> Option<(Pack<'a>, SyncSender<Handover>)> {
        let mut work = work.lock();
        let first = work.files.as_slice().first()?;
        if !self.progress.counts_rest() && self.too_old(first.max_log_ts) {
            // So are those behind it.
            return None;
        }
        let (mut pack, mut rows) = (Vec::new(), 0);
        while pack.len() < PACK_FILES
            && rows < PACK_ROWS
            && let Some(file) = work.files.next()
        {
            let next = work.files.as_slice().first();
            pack.push((file, next.map_or(Timestamp::MIN, |next| next.max_log_ts)));
            rows += file.rows;
        }
        let (sender, found) = sync_channel(WAITING);
        // With the lock held, which keeps the files in order.
        work.begun.send(found).ok()?;
        // After what may have been a long wait.
        (!self.ended(stop)).then_some((pack, sender))
    }

    fn ended(&self, stop: &AtomicBool) -> bool {
        stop.load(Ordering::Relaxed) || self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether no event up to this moment is among the newest any more.
    fn too_old(&self, moment: Timestamp) -> bool {
        moment.0 < self.floor.load(Ordering::Relaxed)
    }

    fn collect(
        &self,
        packs: Receiver<Receiver<Handover>>,
        on_match: &mut dyn FnMut(Found) -> Result<()>,
    ) -> Result<Vec<Unread>> {
        let mut unread = Vec::new();
        // By value: after an error the remaining receivers are gone, which ends the threads.
        for found in packs {
            for handover in found {
                check(self.cancelled)?;
                match handover {
                    Ok(found) => {
                        self.progress.found(found.iter().map(Found::events).sum());
                        for one in found {
                            check(self.cancelled)?;
                            on_match(one)?;
                        }
                    }
                    Err((file, error)) if of_one_file(&error) => unread.push((file, error)),
                    Err((_, error)) => return Err(error.into()),
                }
            }
        }
        check(self.cancelled)?;
        Ok(unread)
    }

    /// Sends what is found in some files.
    fn read(
        &self,
        pack: &Pack<'_>,
        sender: SyncSender<Handover>,
        stop: &AtomicBool,
    ) -> ControlFlow<()> {
        let mut found = Findings::new(sender, &self.handed_over);
        for (file, below) in pack {
            if self.ended(stop) {
                return ControlFlow::Break(());
            }
            if !self.progress.counts_rest() && self.too_old(file.max_log_ts) {
                break;
            }
            self.pruned.opened();
            match FileScan::open(self, (file, *below), &mut found, stop).and_then(FileScan::run) {
                Ok(ended) => ended?,
                Err(error) => found.unread(((*file).clone(), error))?,
            }
            self.progress.file_done();
            if matches!(self.take, Take::Newest(_)) {
                found.add(Found::Settled(*below))?;
                // So that no more than are wanted are read of the next.
                if found.has_events() {
                    found.hand_over()?;
                }
            }
        }
        found.hand_over()
    }
}

#[cfg(test)]
mod tests;
