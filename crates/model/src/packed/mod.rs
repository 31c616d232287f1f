//! Events in the few bytes that they take when names and values that come again are written once.
//!
//! It is how events wait in memory and stand in the event log: events of one source have the same
//! fields in the same order, most of whose values were there before, so that a value takes two
//! bytes where an [`Event`] takes over fifty. Whoever needs an event [gets it](Packed::event)
//! unpacked; who makes columns of them reads [`Rows`] and looks at each different value once.
//!
//! The format, event after event without anything between:
//!
//! - event time and arrival time, each as the difference to that of the event before, the first to 0;
//! - the number of fields, and of each
//!   - the number of its name, in order of first appearance; a number that is one more than those
//!     known is followed by the name, and
//!   - 0 and a value; or 1 and a value that gets the next number of its field, from 0; or 2 more than
//!     the number of a value.
//! - A value is a byte for its kind: 0 text, 1 whole number, 2 fraction, 3 false, 4 true, 5 list.
//!   A fraction is eight bytes, the lowest first, a list its length and texts.
//! - A number is written in groups of seven bits, the lowest first; each byte but the last has its
//!   highest bit set. Numbers with sign are doubled before, and inverted if negative. Before a text
//!   or a name stands its length.
//!
//! ```
//! use cresset_model::{Event, Packed, Timestamp};
//!
//! let mut event = Event::new(Timestamp(0), Timestamp(0));
//! event.set("user", "alice");
//! let packed = Packed::from(vec![event.clone(), event.clone()]);
//! assert_eq!(**packed.event(1).unwrap(), event);
//! assert_eq!(packed.rows().values().len(), 1);
//! ```

mod pack;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod write;

pub use pack::Packer;
pub use read::{Texts, ValueRef};
pub use rows::{Cell, Rows};

use crate::{Event, Timestamp};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// No event takes fewer bytes: two times and a number of fields.
pub const MIN_EVENT_BYTES: u64 = 3;

/// What is known of a packed event without unpacking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    log_ts: Timestamp,
    col_ts: Timestamp,
    /// [`Event::size`] of it and of those before it together.
    end: u64,
}

/// Events that are packed together. See the module's documentation.
///
/// What was unpacked once stays unpacked, beside the packed form, as long as this does.
pub struct Packed {
    bytes: Vec<u8>,
    heads: Box<[Head]>,
    unpacked: OnceLock<Box<[Arc<Event>]>>,
}

impl Packed {
    /// Events that [`Packed::bytes`] gave; `None` if these are not `count` events.
    pub fn read(bytes: &[u8], count: usize) -> Option<Self> {
        let rows = Rows::read(bytes, count)?;
        let mut end = 0;
        let heads = (0..count).map(|row| {
            let (log_ts, col_ts) = rows.times(row)?;
            end += rows.size(row) as u64;
            Some(Head {
                log_ts,
                col_ts,
                end,
            })
        });
        Some(Self {
            heads: heads.collect::<Option<_>>()?,
            bytes: bytes.into(),
            unpacked: OnceLock::new(),
        })
    }

    /// The packed form.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// [`Event::size`] of the first `count` events together.
    pub fn size_of_first(&self, count: usize) -> u64 {
        let last = count.min(self.heads.len()).checked_sub(1);
        last.and_then(|last| self.heads.get(last))
            .map_or(0, |head| head.end)
    }

    /// [`Event::size`] of an event.
    pub fn size(&self, at: usize) -> usize {
        (self.size_of_first(at + 1) - self.size_of_first(at)) as usize
    }

    /// Event time and arrival time of an event, if there is one at that place.
    pub fn times(&self, at: usize) -> Option<(Timestamp, Timestamp)> {
        self.heads.get(at).map(|head| (head.log_ts, head.col_ts))
    }

    /// The events as rows of numbered values.
    pub fn rows(&self) -> Rows<'_> {
        // The bytes were read before, or written by the packer.
        Rows::read(&self.bytes, self.len()).unwrap_or_default()
    }

    /// An event, which unpacks all of them if nobody has before.
    pub fn event(&self, at: usize) -> Option<&Arc<Event>> {
        let events = self.unpacked.get_or_init(|| {
            let rows = self.rows();
            let events = (0..self.len()).filter_map(|row| rows.event(row));
            events.map(Arc::new).collect()
        });
        events.get(at)
    }

    /// All events; see [`Packed::event`].
    pub fn events(&self) -> impl Iterator<Item = &Arc<Event>> {
        (0..self.len()).filter_map(|at| self.event(at))
    }

    /// Whether somebody unpacked them.
    pub fn is_unpacked(&self) -> bool {
        self.unpacked.get().is_some()
    }
}

impl From<Vec<Event>> for Packed {
    fn from(events: Vec<Event>) -> Self {
        events.into_iter().collect()
    }
}

impl FromIterator<Event> for Packed {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut packer = Packer::default();
        events.into_iter().for_each(|event| packer.push(&event));
        packer.finish()
    }
}

impl Default for Packed {
    fn default() -> Self {
        Packer::default().finish()
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
