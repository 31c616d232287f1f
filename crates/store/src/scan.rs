//! Going through the events of a file one by one.

use crate::Result;
use crate::read::{Overlap, StoredFile};
use arrow_buffer::BooleanBuffer;
use cresset_model::{Event, Timestamp};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Which part of a file to read.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    /// Event time after the first and up to the second.
    pub(crate) range: (Timestamp, Timestamp),
    /// Fields; `None` means all.
    pub(crate) fields: Option<&'a BTreeSet<String>>,
}

/// Gives the wanted events of a file to `on_event`, in the file's order: by event time,
/// then `seq`.
pub(crate) fn scan(
    file: &StoredFile,
    wanted: &Wanted<'_>,
    on_event: &mut dyn FnMut(u64, Event) -> ControlFlow<()>,
) -> Result<()> {
    for group in 0..file.groups() {
        let rows = match file.overlap(group, wanted.range) {
            Overlap::None => continue,
            Overlap::Whole => BooleanBuffer::new_set(file.rows(group)),
            Overlap::Part => file.within(group, wanted.range)?,
        };
        for events in file.events(group, &rows, wanted.fields)? {
            for (seq, event) in events? {
                if on_event(seq, event).is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
