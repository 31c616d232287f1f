//! Reading the segments of a log that is being opened.
//!
//! A segment whose events are all stored elsewhere is read as well before it is
//! deleted: an earlier start may have passed over damage in it that it could not save.

use super::frame;
use super::keys::{KeyMap, key_id};
use super::recover::{Cause, Damage, Recovered, Recovery};
use super::scan::{Frame, Hole, scan};
use super::segments::{Closed, file_name, remove_if_there, unread_name};
use super::tidy::Tidied;
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

/// A segment file.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) first_seq: u64,
    pub(super) len: u64,
    /// An earlier start could not read it.
    pub(super) unread: bool,
    /// First `seq` of the next segment.
    pub(super) next: Option<u64>,
}

impl Found {
    fn name(&self) -> String {
        if self.unread {
            unread_name(self.first_seq)
        } else {
            file_name(self.first_seq)
        }
    }

    /// No event of this segment can have a larger number.
    fn last_possible(&self) -> u64 {
        self.next.map_or(u64::MAX - 1, |next| next - 1)
    }
}

/// Reads segments in order.
pub(super) struct Reader<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) dir: &'a Path,
    tail: &'a Tail,
    keys: &'a mut KeyMap,
    stored_to: u64,
    /// The furthest place of any consumer.
    issued_to: u64,
    /// The largest `seq` that was ever given out, as far as can be known.
    pub(super) newest: u64,
    /// The largest `seq` that was read or is stored elsewhere.
    read_to: u64,
    repos: HashMap<String, Arc<str>>,
    /// The newest segment, if nothing was ever written to it.
    pub(super) empty_last: Option<(u64, PathBuf)>,
    pub(super) out: Recovered,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        disk: &'a dyn Disk,
        dir: &'a Path,
        resume: &Resume,
        tail: &'a Tail,
        keys: &'a mut KeyMap,
    ) -> Self {
        let issued_to = resume.stored_to.max(resume.issued_to);
        let mut newest = issued_to;
        for (repo, key, first_seq, count) in &resume.known_keys {
            keys.insert(key_id(repo, key), *first_seq, *count);
            newest = newest.max(first_seq.saturating_add(count.saturating_sub(1)));
        }
        Self {
            disk,
            dir,
            tail,
            keys,
            stored_to: resume.stored_to,
            issued_to,
            newest,
            read_to: resume.stored_to,
            repos: HashMap::new(),
            empty_last: None,
            out: Recovered {
                report: Recovery::default(),
                segments: VecDeque::new(),
            },
        }
    }

    pub(super) fn segment(&mut self, found: Found) {
        let path = self.dir.join(found.name());
        // The name alone proves that all smaller numbers were given out.
        self.newest = self
            .newest
            .max(found.first_seq - u64::from(found.first_seq > 0));
        let next = found.next.unwrap_or(u64::MAX);
        let finished = next <= self.stored_to.saturating_add(1);
        if finished && found.unread {
            // Its events are those of no consumer, which went on without them.
            self.set_aside(path, found.last_possible());
            return;
        }
        self.out.report.segments += 1;
        match self.disk.read(&path) {
            Ok(bytes) => {
                let (found, path) = self.readable_again(found, path);
                self.content(found, path, &bytes, finished);
            }
            Err(error) => self.unreadable(found, path, &error, finished),
        }
    }

    /// Gives a segment its name back that an earlier start could not read, unless a
    /// consumer has gone on without its events: then it ends in the quarantine.
    fn readable_again(&self, found: Found, path: PathBuf) -> (Found, PathBuf) {
        if !found.unread || self.issued_to >= found.first_seq {
            return (found, path);
        }
        let plain = self.dir.join(file_name(found.first_seq));
        match self.disk.rename(&path, &plain) {
            Ok(()) => {
                let unread = false;
                (Found { unread, ..found }, plain)
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "could not rename a segment");
                (found, path)
            }
        }
    }

    pub(super) fn keep(&mut self, path: PathBuf, last_seq: u64, unsaved: bool) {
        self.out.segments.push_back(Closed {
            path,
            last_seq,
            unsaved,
        });
    }

    fn unreadable(&mut self, found: Found, path: PathBuf, error: &io::Error, finished: bool) {
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
        if finished {
            self.set_aside(path, last_seq);
        } else {
            let path = self.mark_unread(found, path);
            self.keep(path, last_seq, true);
        }
    }

    /// Gives the segment a name that tells later starts not to delete it: by then it
    /// may be readable, and consumers beyond it. A rename needs no space on the disk.
    fn mark_unread(&self, found: Found, path: PathBuf) -> PathBuf {
        if found.unread {
            return path;
        }
        let marked = self.dir.join(unread_name(found.first_seq));
        if let Err(error) = self.disk.rename(&path, &marked) {
            tracing::error!(path = %path.display(), %error, "could not mark an unreadable segment");
            return path;
        }
        if let Err(error) = self.disk.sync_dir(self.dir) {
            tracing::warn!(path = %marked.display(), %error, "could not make a name durable");
        }
        marked
    }

    fn content(&mut self, found: Found, path: PathBuf, bytes: &[u8], finished: bool) {
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
        kept.sort_by_key(|range| range.start);
        bad.sort_by_key(|(range, _)| range.start);
        let saved = self.save(found, bytes, &bad);
        let last = Tidied {
            found,
            path,
            last_seq,
        };
        if finished {
            self.tidy_finished(last, saved);
        } else if found.unread {
            self.keep(last.path, last_seq, true);
        } else {
            self.tidy(last, bytes, &kept, !bad.is_empty(), saved);
        }
    }

    /// Takes in an undamaged frame; false if its body cannot be read.
    fn frame(&mut self, frame: &Frame, segment: &[u8]) -> bool {
        let header = frame.header;
        let Some(body) = frame::decode_body(frame.body(segment), header.count as usize) else {
            return false;
        };
        let count = u64::from(header.count);
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
        self.tail.restore(TailBatch {
            repo,
            first_seq,
            events: Arc::new(body.events),
            skip: stored as usize,
            key,
        });
        true
    }

    pub(super) fn finish(mut self) -> Recovered {
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
