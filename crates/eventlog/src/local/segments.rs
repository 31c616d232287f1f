//! The files of the log.
//!
//! A segment is named by the first `seq` that it may hold, and holds none that
//! the next segment's name covers: a frame that does is a remainder of a failed
//! append, superseded by what was stored afterwards under the same numbers.

use super::quarantine;
use crate::disk::{Disk, DiskFile};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

const MAX_FIRST_SEQ: u64 = 1 << 62;
/// Ending of the name of a segment that a start could not read.
const UNREAD: &str = ".unread";

/// The file name of the segment that begins with `first_seq`.
pub(crate) fn file_name(first_seq: u64) -> String {
    format!("{first_seq:020}.log")
}

/// The first `seq` of the segment with this file name, if it is one.
pub(crate) fn parse_file_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let first_seq = digits.parse().ok()?;
    // A foreign file must not push the numbers to where they overflow.
    let sane = (1..MAX_FIRST_SEQ).contains(&first_seq);
    (sane && file_name(first_seq) == name).then_some(first_seq)
}

/// The same for a segment that a start could not read. Whatever consumers say, its
/// events may be stored nowhere else.
pub(crate) fn unread_name(first_seq: u64) -> String {
    file_name(first_seq) + UNREAD
}

/// The first `seq` of the unread segment with this file name, if it is one.
pub(crate) fn parse_unread_name(name: &str) -> Option<u64> {
    parse_file_name(name.strip_suffix(UNREAD)?)
}

/// A segment that is not written to any more.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) path: PathBuf,
    /// No event in it is newer.
    pub(crate) last_seq: u64,
    /// Recovery could neither use all of it nor save the rest: it is never deleted.
    pub(crate) unsaved: bool,
}

struct Active {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    /// Bytes that are durable; also the position of the next write.
    len: u64,
    last_seq: u64,
}

impl Active {
    fn closed(self) -> Closed {
        Closed {
            path: self.path,
            last_seq: self.last_seq,
            unsaved: false,
        }
    }
}

/// The segments of a log, oldest first, and the one being written.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    roll_at: u64,
    closed: VecDeque<Closed>,
    active: Option<Active>,
}

impl Segments {
    /// `closed` are the segments found at start. They are never written to again:
    /// a new one begins at `next_seq`. Its name remembers that all smaller numbers
    /// were given out, even where damage took the events.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        roll_at: u64,
        closed: VecDeque<Closed>,
        next_seq: u64,
    ) -> Self {
        let mut segments = Self {
            disk,
            dir,
            roll_at,
            closed,
            active: None,
        };
        match segments.begin(next_seq) {
            Ok(active) => segments.active = Some(active),
            // The next append tries again, and reports what it meets.
            Err(error) => tracing::warn!(%error, "could not begin a segment"),
        }
        segments
    }

    /// Makes `frames` durable, which hold the events from `first_seq` to `last_seq`.
    ///
    /// After an error nothing of them counts as stored, and the next call may
    /// store others under the same numbers.
    pub(crate) fn append(
        &mut self,
        frames: &[Vec<u8>],
        first_seq: u64,
        last_seq: u64,
    ) -> io::Result<()> {
        let active = self.ready(first_seq)?;
        let mut pieces = frames.iter().filter(|piece| !piece.is_empty());
        if let Err(e) = pieces.try_for_each(|piece| active.file.write_all(piece)) {
            // A part may have been written; the next group must not stand behind it.
            if active.file.truncate(active.len).is_err() {
                self.abandon(first_seq);
            }
            return Err(e);
        }
        let started = Instant::now();
        if let Err(e) = active.file.sync_data() {
            // The kernel may have dropped the pages and marked them clean, so a
            // second fsync would succeed without having stored anything.
            self.abandon(first_seq);
            return Err(e);
        }
        active.len += frames.iter().map(|piece| piece.len() as u64).sum::<u64>();
        active.last_seq = last_seq;
        metrics::histogram!("cresset_eventlog_fsync_seconds")
            .record(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// The segment to write to; begins a new one where there is none or it is full.
    fn ready(&mut self, first_seq: u64) -> io::Result<&mut Active> {
        let active = match self.active.take() {
            Some(active) if active.len < self.roll_at => active,
            full => {
                self.closed.extend(full.map(Active::closed));
                self.begin(first_seq)?
            }
        };
        Ok(self.active.insert(active))
    }

    fn begin(&self, first_seq: u64) -> io::Result<Active> {
        let path = self.dir.join(file_name(first_seq));
        let file = match self.disk.create(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                // Recovery leaves at most an empty file of this name, so this is
                // that, or was begun by a failed append: nothing in it was
                // acknowledged.
                self.disk.remove(&path)?;
                self.disk.create(&path)?
            }
            other => other?,
        };
        self.disk.sync_dir(&self.dir)?;
        let last_seq = first_seq.saturating_sub(1);
        Ok(Active {
            file,
            path,
            len: 0,
            last_seq,
        })
    }

    /// Stops using the active segment, whose end is not to be trusted.
    fn abandon(&mut self, first_seq: u64) {
        let Some(mut active) = self.active.take() else {
            return;
        };
        // If this fails too, the name of the next segment makes the remainder void.
        if let Err(error) = active.file.truncate(active.len) {
            tracing::warn!(path = %active.path.display(), %error, "could not cut a failed segment");
        }
        if active.len > 0 {
            self.closed.push_back(active.closed());
        }
        // At once, so that after a crash the remainder is void already; if it
        // does not work, the next append tries again.
        if let Ok(fresh) = self.begin(first_seq) {
            self.active = Some(fresh);
        }
    }

    /// Closes the segment that is being written, if it holds anything; the next one begins
    /// with `next_seq`.
    pub(crate) fn seal(&mut self, next_seq: u64) -> io::Result<()> {
        if self.active.as_ref().is_none_or(|active| active.len == 0) {
            return Ok(());
        }
        let fresh = self.begin(next_seq)?;
        let full = self.active.replace(fresh);
        self.closed.extend(full.map(Active::closed));
        Ok(())
    }

    /// Deletes the closed segments that hold only events up to `upto`; sets those
    /// aside of which something was never saved.
    pub(crate) fn trim(&mut self, upto: u64) -> io::Result<()> {
        let before = self.closed.len();
        let mut result = Ok(());
        while let Some(oldest) = self.closed.front().filter(|s| s.last_seq <= upto) {
            result = if oldest.unsaved {
                quarantine::set_aside(self.disk.as_ref(), &self.dir, &oldest.path)
            } else {
                remove_if_there(self.disk.as_ref(), &oldest.path)
            };
            if result.is_err() {
                break;
            }
            self.closed.pop_front();
        }
        if self.closed.len() < before {
            self.disk.sync_dir(&self.dir)?;
        }
        result
    }
}

pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_not_segments() {
        assert_eq!(file_name(1), "00000000000000000001.log");
        for seq in [1, 42, MAX_FIRST_SEQ - 1] {
            assert_eq!(parse_file_name(&file_name(seq)), Some(seq));
        }
        assert_eq!(parse_unread_name(&unread_name(42)), Some(42));
        assert_eq!(parse_unread_name(&file_name(42)), None);
        for other in [
            "LOCK",
            "00000000000000000001.log.unread",
            "1.log",
            "+0000000000000000001.log",
            "00000000000000000001.log.tmp",
            "00000000000000000000.log",
            "18446744073709551615.log",
        ] {
            assert_eq!(parse_file_name(other), None, "{other}");
        }
    }
}
