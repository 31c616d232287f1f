//! What reading threads give to the evaluating one.

use super::{Found, Unread};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

/// Events handed from a reading thread to the evaluating one at a time…
const HANDOVER: usize = 256;
/// …and bytes of them, in the measure of `Event::size`, that are handed over sooner.
pub(super) const HANDOVER_BYTES: usize = 256 << 10;

/// Findings, or a file that did not read.
pub(super) type Handover = Result<Vec<Found>, Unread>;

/// Gathers what is found, since waking the evaluating thread costs as much as reading a small
/// file.
pub(super) struct Findings<'a> {
    sender: SyncSender<Handover>,
    gathered: Vec<Found>,
    /// Of the events among them.
    bytes: usize,
    /// Counts what was given.
    given: &'a AtomicU64,
}

impl<'a> Findings<'a> {
    pub(super) fn new(sender: SyncSender<Handover>, given: &'a AtomicU64) -> Self {
        Self {
            sender,
            gathered: Vec::new(),
            bytes: 0,
            given,
        }
    }

    /// Breaks if nobody listens any more.
    pub(super) fn add(&mut self, found: Found) -> ControlFlow<()> {
        if let Found::Event(event) = &found {
            self.bytes += event.event.size();
        }
        self.gathered.push(found);
        if self.gathered.len() < HANDOVER && self.bytes < HANDOVER_BYTES {
            return ControlFlow::Continue(());
        }
        self.hand_over()
    }

    /// Whether there are events that were not given.
    pub(super) const fn has_events(&self) -> bool {
        self.bytes > 0
    }

    /// Gives what there is.
    pub(super) fn hand_over(&mut self) -> ControlFlow<()> {
        if self.gathered.is_empty() {
            return ControlFlow::Continue(());
        }
        self.bytes = 0;
        let gathered = std::mem::take(&mut self.gathered);
        let found = gathered.len() as u64;
        if self.sender.send(Ok(gathered)).is_err() {
            return ControlFlow::Break(());
        }
        self.given.fetch_add(found, Ordering::Relaxed);
        ControlFlow::Continue(())
    }

    /// Tells that a file did not read, after what was found in it.
    pub(super) fn unread(&mut self, unread: Unread) -> ControlFlow<()> {
        if self.hand_over().is_break() || self.sender.send(Err(unread)).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
