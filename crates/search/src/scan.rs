//! Going through a view on blocking threads.

use crate::view::View;
use crate::{Error, Result};
use cresset_catalog::port::FileEntry;
use cresset_model::Timestamp;
use cresset_model::event::LoggedEvent;
use cresset_query::{Context, Plan};
use cresset_store::EventStore;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Events handed from a reading thread to the evaluating one at a time.
const HANDOVER: usize = 256;
/// Hand-overs that wait per file.
const WAITING: usize = 4;

/// One pass over files and tail.
pub(crate) struct Scan<'a> {
    pub(crate) store: &'a EventStore,
    pub(crate) view: &'a View,
    pub(crate) plan: &'a Plan,
    pub(crate) context: &'a Context<'a>,
    /// Event time after the first, up to the second.
    pub(crate) range: (Timestamp, Timestamp),
    pub(crate) up_to_seq: u64,
    /// Fields to read; `None` means all.
    pub(crate) fields: Option<&'a BTreeSet<String>>,
    /// Files read at the same time.
    pub(crate) threads: usize,
    /// Set by whoever wants the scan to end.
    pub(crate) cancelled: &'a AtomicBool,
}

type Handover = cresset_store::Result<Vec<LoggedEvent>>;

impl Scan<'_> {
    /// Gives every event that passes the plan's filter to `on_match`, file by file in
    /// the view's order, then the tail, so that the order does not depend on threads.
    /// Returns the files that were missing.
    pub(crate) fn run(
        &self,
        on_match: &mut dyn FnMut(LoggedEvent) -> Result<()>,
    ) -> Result<Vec<FileEntry>> {
        let stop = AtomicBool::new(false);
        let missing = std::thread::scope(|scope| {
            let (senders, receivers): (Vec<_>, Vec<_>) = self
                .view
                .files
                .iter()
                .map(|_| sync_channel::<Handover>(WAITING))
                .unzip();
            let work = Arc::new(Mutex::new(self.view.files.iter().zip(senders)));
            for _ in 0..self.threads.min(self.view.files.len()) {
                let (work, stop) = (work.clone(), &stop);
                scope.spawn(move || {
                    loop {
                        let next = work.lock().next();
                        let Some((file, sender)) = next else { return };
                        self.read(file, &sender, stop);
                    }
                });
            }
            // Else the senders of files not yet begun would outlive the threads.
            drop(work);
            let missing = self.collect(receivers, on_match);
            stop.store(true, Ordering::Relaxed);
            missing
        })?;
        for event in &self.view.tail {
            self.check_cancelled()?;
            if self.plan.filter().matches(&*event.event, self.context) {
                on_match(event.clone())?;
            }
        }
        Ok(missing)
    }

    fn collect(
        &self,
        receivers: Vec<Receiver<Handover>>,
        on_match: &mut dyn FnMut(LoggedEvent) -> Result<()>,
    ) -> Result<Vec<FileEntry>> {
        let mut missing = Vec::new();
        // By value: after an error the remaining receivers are gone, which ends the threads.
        for (file, receiver) in self.view.files.iter().zip(receivers) {
            for handover in receiver {
                self.check_cancelled()?;
                match handover {
                    Ok(events) => events.into_iter().try_for_each(&mut *on_match)?,
                    Err(cresset_store::Error::Missing { .. }) => missing.push(file.clone()),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        self.check_cancelled()?;
        Ok(missing)
    }

    fn check_cancelled(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Sends the matching events of one file.
    fn read(&self, file: &FileEntry, sender: &SyncSender<Handover>, stop: &AtomicBool) {
        let repo: Arc<str> = file.repo.as_str().into();
        let mut batch = Vec::new();
        let mut read = 0_u64;
        let result = self
            .store
            .scan_blocking(file, self.range, self.fields, &mut |seq, event| {
                read += 1;
                if self.cancelled.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed) {
                    return ControlFlow::Break(());
                }
                if seq > self.up_to_seq || !self.plan.filter().matches(&event, self.context) {
                    return ControlFlow::Continue(());
                }
                batch.push(LoggedEvent {
                    seq,
                    repo: repo.clone(),
                    event: Arc::new(event),
                });
                if batch.len() < HANDOVER {
                    return ControlFlow::Continue(());
                }
                let full = std::mem::take(&mut batch);
                sender
                    .send(Ok(full))
                    .map_or(ControlFlow::Break(()), ControlFlow::Continue)
            });
        metrics::counter!("cresset_search_events_read_total").increment(read);
        // Nobody listens any more if the search has ended.
        let _ = sender.send(result.map(|()| batch));
    }
}
