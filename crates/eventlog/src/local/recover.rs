//! Opening a log: everything undamaged comes back, the rest is set aside.

use super::frame;
use super::keys::{KeyMap, key_id};
use super::quarantine;
use super::scan::{Frame, Hole, scan};
use super::segments::{Closed, file_name, parse_file_name, remove_if_there};
use super::{Resume, frame::MIN_EVENT};
use crate::disk::Disk;
use crate::tail::{KeyedBatch, Tail, TailBatch};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most gaps listed in a [`Recovery`].
const MAX_GAPS: usize = 1000;

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
    let mut newest = resume.stored_to.max(resume.issued_to);
    for (repo, key, first_seq, count) in &resume.known_keys {
        keys.insert(key_id(repo, key), *first_seq, *count);
        newest = newest.max(first_seq.saturating_add(count.saturating_sub(1)));
    }
    let segments = list(disk, dir)?;
    let mut reader = Reader {
        disk,
        dir,
        tail,
        keys,
        stored_to: resume.stored_to,
        newest,
        read_to: resume.stored_to,
        repos: HashMap::new(),
        empty_last: None,
        out: Recovered {
            report: Recovery::default(),
            segments: VecDeque::new(),
        },
    };
    for (i, &(first_seq, len)) in segments.iter().enumerate() {
        let next = segments.get(i + 1).map(|(first, _)| *first);
        reader.segment(Found {
            first_seq,
            len,
            next,
        });
    }
    Ok(reader.finish())
}

/// Segments in order, with their lengths. Removes rewrites that did not finish.
fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<(u64, u64)>> {
    let mut segments = Vec::new();
    for (name, len) in disk.list(dir)? {
        if let Some(first_seq) = parse_file_name(&name) {
            segments.push((first_seq, len));
        } else if name.ends_with(quarantine::UNFINISHED) {
            remove_if_there(disk, &dir.join(name))?;
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// A segment file.
#[derive(Clone, Copy)]
struct Found {
    first_seq: u64,
    len: u64,
    /// First `seq` of the next segment.
    next: Option<u64>,
}

impl Found {
    /// No event of this segment can have a larger number.
    fn last_possible(&self) -> u64 {
        self.next.map_or(u64::MAX - 1, |next| next - 1)
    }
}

struct Reader<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    tail: &'a Tail,
    keys: &'a mut KeyMap,
    stored_to: u64,
    /// The largest `seq` that was ever given out, as far as can be known.
    newest: u64,
    /// The largest `seq` that was read or is stored elsewhere.
    read_to: u64,
    repos: HashMap<String, Arc<str>>,
    /// The newest segment, if nothing was ever written to it.
    empty_last: Option<(u64, PathBuf)>,
    out: Recovered,
}

impl Reader<'_> {
    fn segment(&mut self, found: Found) {
        let path = self.dir.join(file_name(found.first_seq));
        // The name alone proves that all smaller numbers were given out.
        self.newest = self
            .newest
            .max(found.first_seq - u64::from(found.first_seq > 0));
        if found
            .next
            .is_some_and(|next| next <= self.stored_to.saturating_add(1))
        {
            if let Err(error) = remove_if_there(self.disk, &path) {
                tracing::warn!(path = %path.display(), %error, "could not delete a finished segment");
                self.keep(path, found.last_possible(), false);
            }
            return;
        }
        self.out.report.segments += 1;
        match self.disk.read(&path) {
            Ok(bytes) => self.content(found, path, &bytes),
            Err(error) => self.unreadable(found, path, &error),
        }
    }

    fn keep(&mut self, path: PathBuf, last_seq: u64, unsaved: bool) {
        self.out.segments.push_back(Closed {
            path,
            last_seq,
            unsaved,
        });
    }

    fn unreadable(&mut self, found: Found, path: PathBuf, error: &io::Error) {
        tracing::error!(path = %path.display(), %error, "a segment of the event log cannot be read");
        let bound = found.first_seq.saturating_add(found.len / MIN_EVENT);
        let last_seq = bound.min(found.last_possible());
        self.newest = self.newest.max(last_seq);
        self.out.report.damage.push(Damage {
            segment: file_name(found.first_seq),
            offset: 0,
            len: found.len,
            cause: Cause::Unreadable,
            saved_as: None,
        });
        self.keep(path, last_seq, true);
    }

    fn content(&mut self, found: Found, path: PathBuf, bytes: &[u8]) {
        let scanned = scan(bytes);
        let mut last_seq = found.first_seq.saturating_sub(1);
        for hole in &scanned.holes {
            let bound = bound_of(hole, &scanned.frames, last_seq).min(found.last_possible());
            last_seq = last_seq.max(bound);
        }
        let mut bad: Vec<(Range<usize>, Cause)> = scanned
            .holes
            .into_iter()
            .map(|h| (h.range, Cause::Garbled))
            .collect();
        let mut frames = scanned.frames;
        // Damage can put a copy of a frame in front of older ones.
        frames.sort_by_key(|f| (f.header.first_seq, f.range.start));
        let mut kept = Vec::with_capacity(frames.len());
        let mut expected = found.first_seq;
        for frame in frames {
            let (first, last) = (frame.header.first_seq, frame.header.last_seq());
            if first < expected || last > found.last_possible() {
                bad.push((frame.range, Cause::Superseded));
                continue;
            }
            last_seq = last_seq.max(last);
            if self.frame(&frame, bytes) {
                expected = last + 1;
                kept.push(frame.range);
            } else {
                bad.push((frame.range, Cause::Undecodable));
            }
        }
        self.newest = self.newest.max(last_seq);
        self.tidy(found, path, bytes, kept, bad, last_seq);
    }

    /// Takes in an undamaged frame; false if its body cannot be read.
    fn frame(&mut self, frame: &Frame, segment: &[u8]) -> bool {
        let header = frame.header;
        let Some(body) = frame::decode_body(frame.body(segment)) else {
            return false;
        };
        let count = u64::from(header.count);
        if body.events.len() as u64 != count {
            return false;
        }
        self.out.report.batches += 1;
        let (first_seq, last_seq) = (header.first_seq, header.last_seq());
        if let Some(key) = &body.key {
            self.keys.insert(key_id(&body.repo, key), first_seq, count);
        }
        if first_seq > self.read_to + 1 && self.out.report.gaps.len() < MAX_GAPS {
            self.out.report.gaps.push((self.read_to + 1, first_seq - 1));
        }
        if last_seq <= self.stored_to {
            return true;
        }
        self.read_to = last_seq;
        let repo = self
            .repos
            .entry(body.repo)
            .or_insert_with_key(|name| Arc::from(name.as_str()))
            .clone();
        let stored = (self.stored_to + 1).saturating_sub(first_seq);
        let key = body.key.map(|key| KeyedBatch {
            repo: repo.clone(),
            key: key.as_str().into(),
            first_seq,
            count,
        });
        let events = body.events.into_iter().skip(stored as usize);
        self.tail.restore(TailBatch {
            repo,
            first_seq: first_seq + stored,
            events: events
                .map(|e| (e.size() as u32, e))
                .map(super::in_tail)
                .collect(),
            key,
        });
        true
    }

    /// Sets the unusable bytes of a segment aside and takes them out of it. Where
    /// that fails the segment stays as it is, to be read again next time.
    fn tidy(
        &mut self,
        found: Found,
        path: PathBuf,
        bytes: &[u8],
        mut kept: Vec<Range<usize>>,
        mut bad: Vec<(Range<usize>, Cause)>,
        last_seq: u64,
    ) {
        kept.sort_by_key(|range| range.start);
        bad.sort_by_key(|(range, _)| range.start);
        let segment = file_name(found.first_seq);
        let mut saved = true;
        for (range, cause) in bad.iter().cloned() {
            let (offset, piece) = (range.start as u64, &bytes[range]);
            let saved_as = quarantine::save(self.disk, self.dir, &segment, offset, piece)
                .inspect_err(|error| tracing::warn!(%error, "could not save damaged bytes"))
                .ok();
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
        if bytes.is_empty() && found.next.is_none() {
            self.empty_last = Some((found.first_seq, path));
            return;
        }
        if saved && kept.is_empty() {
            match remove_if_there(self.disk, &path) {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "could not delete an empty segment"),
            }
        } else if saved && !bad.is_empty() {
            let pieces: Vec<&[u8]> = kept.iter().map(|range| &bytes[range.clone()]).collect();
            if let Err(error) = quarantine::rewrite(self.disk, self.dir, &segment, &pieces) {
                tracing::warn!(%error, "could not take damaged bytes out of a segment");
            }
        }
        // A file that stays keeps its name, so the next segment needs another one.
        self.newest = self.newest.max(found.first_seq);
        self.keep(path, last_seq, !saved);
    }

    fn finish(mut self) -> Recovered {
        let report = &mut self.out.report;
        report.next_seq = self.newest.saturating_add(1);
        // Under its own name it stays until the writer replaces it: the name is
        // the only trace of numbers whose events are gone.
        let stale = self
            .empty_last
            .filter(|(first, _)| *first != report.next_seq);
        if let Some((_, path)) = stale
            && let Err(error) = remove_if_there(self.disk, &path)
        {
            tracing::warn!(%error, "could not delete an empty segment");
            self.out.segments.push_back(Closed {
                path,
                last_seq: 0,
                unsaved: false,
            });
        }
        for damage in &report.damage {
            metrics::counter!("cresset_eventlog_damaged_ranges_total").increment(1);
            metrics::counter!("cresset_eventlog_damaged_bytes_total").increment(damage.len);
            tracing::warn!(
                segment = %damage.segment,
                offset = damage.offset,
                bytes = damage.len,
                cause = ?damage.cause,
                saved_as = ?damage.saved_as,
                "damaged bytes in the event log were set aside"
            );
        }
        tracing::info!(
            segments = report.segments,
            batches = report.batches,
            events = self.tail.events(),
            next_seq = report.next_seq,
            gaps = ?report.gaps.iter().take(10).collect::<Vec<_>>(),
            "event log opened"
        );
        self.out
    }
}

/// The largest number that the hole can have held, given the frames around it.
fn bound_of(hole: &Hole, frames: &[Frame], before: u64) -> u64 {
    let earlier = frames
        .iter()
        .take_while(|f| f.range.end <= hole.range.start);
    let before = earlier
        .map(|f| f.header.last_seq())
        .max()
        .unwrap_or(0)
        .max(before);
    // A frame after the hole says more than a guess from its length.
    let later = frames.iter().filter(|f| f.range.start >= hole.range.end);
    match later
        .map(|f| f.header.first_seq)
        .filter(|seq| *seq > before)
        .min()
    {
        Some(next) => next - 1,
        None => hole.seq_bound(before),
    }
}
