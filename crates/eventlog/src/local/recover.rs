//! Opening a log: everything undamaged comes back, the rest is set aside.

use super::Resume;
use super::keys::KeyMap;
use super::quarantine;
use super::reader::{Found, Reader};
use super::segments::{Closed, parse_file_name, parse_unread_name, remove_if_there};
use crate::disk::Disk;
use crate::tail::Tail;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

/// What opening a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments read.
    pub segments: usize,
    /// Undamaged batches found.
    pub batches: u64,
    /// The `seq` that the next event gets.
    pub next_seq: u64,
    /// What could not be used.
    pub damage: Vec<Damage>,
    /// Ranges of `seq`, both ends included, for which there are no events: lost
    /// to damage, or skipped because damage may have held them. The first 1000.
    pub gaps: Vec<(u64, u64)>,
}

/// A range of bytes that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// File name of the segment.
    pub segment: String,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Number of bytes.
    pub len: u64,
    /// Why.
    pub cause: Cause,
    /// The copy in the quarantine. Without one the bytes are still in the segment,
    /// which goes there when it is finished.
    pub saved_as: Option<PathBuf>,
}

/// Why bytes could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// They are no complete frame with right checksums, as after a power failure.
    Garbled,
    /// A frame whose numbers are taken by another one.
    Superseded,
    /// A frame with right checksums that this version cannot read.
    Undecodable,
    /// The disk could not read the segment.
    Unreadable,
}

/// An opened log's past.
pub(super) struct Recovered {
    pub(super) report: Recovery,
    pub(super) segments: VecDeque<Closed>,
}

pub(super) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    resume: &Resume,
    tail: &Tail,
    keys: &mut KeyMap,
) -> io::Result<Recovered> {
    let segments = list(disk, dir)?;
    let mut reader = Reader::new(disk, dir, resume, tail, keys);
    for (i, &(first_seq, unread, len)) in segments.iter().enumerate() {
        let next = segments.get(i + 1).map(|(first, ..)| *first);
        reader.segment(Found {
            first_seq,
            len,
            unread,
            next,
        });
    }
    Ok(reader.finish())
}

/// Segments in order: first `seq`, whether an earlier start could not read it, length.
/// Removes rewrites that did not finish.
fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<(u64, bool, u64)>> {
    let mut segments = Vec::new();
    for (name, len) in disk.list(dir)? {
        if let Some(first_seq) = parse_file_name(&name) {
            segments.push((first_seq, false, len));
        } else if let Some(first_seq) = parse_unread_name(&name) {
            segments.push((first_seq, true, len));
        } else if name.ends_with(quarantine::UNFINISHED) {
            remove_if_there(disk, &dir.join(name))?;
        }
    }
    segments.sort_unstable();
    // Of two such files, which no start leaves behind, the unread one is left alone.
    segments.dedup_by_key(|(first_seq, ..)| *first_seq);
    Ok(segments)
}
