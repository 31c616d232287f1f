//! What becomes of a segment after it was read: nothing leaves the disk that is not
//! stored elsewhere or in the quarantine.

use super::quarantine;
use super::reader::{Found, Reader};
use super::recover::{Cause, Damage};
use super::segments::{file_name, remove_if_there};
use std::ops::Range;
use std::path::PathBuf;

/// A segment that was read.
pub(super) struct Tidied {
    pub(super) found: Found,
    pub(super) path: PathBuf,
    /// No event in it is newer.
    pub(super) last_seq: u64,
}

impl Reader<'_> {
    /// Copies the unusable bytes of a segment to the quarantine and reports them;
    /// false if some are only in the segment.
    pub(super) fn save(
        &mut self,
        found: Found,
        bytes: &[u8],
        bad: &[(Range<usize>, Cause)],
    ) -> bool {
        let segment = file_name(found.first_seq);
        let mut saved = true;
        for (range, cause) in bad.iter().cloned() {
            let (offset, piece) = (range.start as u64, &bytes[range]);
            // One that was unreadable goes there as a whole.
            let saved_as = if found.unread {
                None
            } else {
                quarantine::save(self.disk, self.dir, &segment, offset, piece)
                    .inspect_err(|error| tracing::warn!(%error, "could not save damaged bytes"))
                    .ok()
            };
            saved &= saved_as.is_some();
            let (segment, len) = (segment.clone(), piece.len() as u64);
            self.out.report.damage.push(Damage {
                segment,
                offset,
                len,
                cause,
                saved_as,
            });
        }
        saved
    }

    /// Removes a segment whose undamaged events are all stored elsewhere. An earlier
    /// start may have found the damage and not been able to save it.
    pub(super) fn tidy_finished(&mut self, segment: Tidied, saved: bool) {
        let Tidied { path, last_seq, .. } = segment;
        if !saved {
            self.set_aside(path, last_seq);
        } else if let Err(error) = remove_if_there(self.disk, &path) {
            tracing::warn!(path = %path.display(), %error, "could not delete a finished segment");
            self.keep(path, last_seq, false);
        }
    }

    /// Takes the unusable bytes of a segment out of it. Where that fails, or they are
    /// not saved, the segment stays as it is, to be read again next time.
    pub(super) fn tidy(
        &mut self,
        segment: Tidied,
        bytes: &[u8],
        kept: &[Range<usize>],
        damaged: bool,
        saved: bool,
    ) {
        let Tidied {
            found,
            path,
            last_seq,
        } = segment;
        if bytes.is_empty() && found.next.is_none() {
            self.empty_last = Some((found.first_seq, path));
            return;
        }
        if saved && kept.is_empty() {
            match remove_if_there(self.disk, &path) {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "could not delete an empty segment"),
            }
        } else if saved && damaged {
            let pieces: Vec<&[u8]> = kept.iter().map(|range| &bytes[range.clone()]).collect();
            let name = file_name(found.first_seq);
            if let Err(error) = quarantine::rewrite(self.disk, self.dir, &name, &pieces) {
                tracing::warn!(%error, "could not take damaged bytes out of a segment");
            }
        }
        // A file that stays keeps its name, so the next segment needs another one.
        self.newest = self.newest.max(found.first_seq);
        self.keep(path, last_seq, !saved);
    }

    /// Moves a finished segment to the quarantine, of which something is nowhere else.
    pub(super) fn set_aside(&mut self, path: PathBuf, last_seq: u64) {
        if let Err(error) = quarantine::set_aside(self.disk, self.dir, &path) {
            tracing::warn!(path = %path.display(), %error, "could not set a segment aside");
            self.keep(path, last_seq, true);
        }
    }
}
