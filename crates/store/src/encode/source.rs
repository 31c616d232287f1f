//! Where the rows of a file come from.

use cresset_model::event::LoggedEvent;
use cresset_model::packed::Rows;
use cresset_model::{Packed, Packer, SharedEvent};
use foldhash::HashMap;
use std::sync::Arc;

/// Packed events whose values are numbered, several batches of them.
#[derive(Debug, Default)]
pub(crate) struct Source<'p> {
    pub(super) batches: Vec<Rows<'p>>,
    /// Numbers of batches by where they are in memory.
    numbers: HashMap<usize, u32>,
}

/// A row of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) batch: usize,
    pub(super) row: usize,
}

impl<'p> Source<'p> {
    /// For events that are packed: see [`all_packed`].
    pub(crate) fn of(events: impl Iterator<Item = &'p LoggedEvent>) -> Self {
        let mut source = Self::default();
        let mut last = 0;
        for (batch, _) in events.filter_map(|logged| logged.event.as_packed()) {
            let address = address(batch);
            // Neighbours are of one batch mostly.
            if address == last {
                continue;
            }
            last = address;
            let next = source.batches.len() as u32;
            let number = *source.numbers.entry(address).or_insert(next);
            if number == next {
                source.batches.push(batch.rows());
            }
        }
        source
    }

    /// Where each event is.
    pub(super) fn places(&self, events: &[LoggedEvent]) -> Vec<Place> {
        let mut last = (0, 0);
        let place = |logged: &LoggedEvent| {
            let (batch, row) = logged.event.as_packed()?;
            let address = address(batch);
            if last.0 != address {
                last = (address, *self.numbers.get(&address)?);
            }
            let batch = last.1 as usize;
            Some(Place { batch, row })
        };
        events.iter().filter_map(place).collect()
    }
}

fn address(batch: &Arc<Packed>) -> usize {
    Arc::as_ptr(batch).addr()
}

/// The same events, and those that stood alone packed.
pub(crate) fn all_packed(events: &[LoggedEvent]) -> Vec<LoggedEvent> {
    let is_alone = |logged: &&LoggedEvent| logged.event.as_packed().is_none();
    let mut packer = Packer::default();
    let alone = events.iter().filter(is_alone);
    alone.for_each(|logged| packer.push(&logged.event));
    let packed = Arc::new(packer.finish());
    let mut next = 0;
    let mut events = events.to_vec();
    for logged in &mut events {
        if logged.event.as_packed().is_none() {
            logged.event = SharedEvent::packed(&packed, next);
            next += 1;
        }
    }
    events
}
