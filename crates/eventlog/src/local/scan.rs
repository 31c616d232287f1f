//! Finding the undamaged frames of a segment.

use super::frame::{HEADER, Header, MAGIC, MIN_EVENT};
use memchr::memmem;
use std::ops::Range;

/// An undamaged frame: both checksums are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where header and body stand in the segment.
    pub(crate) range: Range<usize>,
    pub(crate) header: Header,
}

impl Frame {
    pub(crate) fn body<'a>(&self, segment: &'a [u8]) -> &'a [u8] {
        &segment[self.range.start + HEADER..self.range.end]
    }
}

/// Bytes that belong to no undamaged frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) range: Range<usize>,
    /// The last `seq` that a readable header in the hole names.
    pub(crate) last_seq: Option<u64>,
    /// Bytes of the hole that no readable header accounts for.
    pub(crate) unaccounted: u64,
}

impl Hole {
    /// A `seq` that no event in the hole exceeds, if the event before it was `before`.
    ///
    /// What a hole held may have been acknowledged and seen by a consumer, so its
    /// numbers must not be given out again. A rest too short for a header held no
    /// whole frame.
    pub(crate) fn seq_bound(&self, before: u64) -> u64 {
        let known = self.last_seq.unwrap_or(before).max(before);
        if self.unaccounted <= HEADER as u64 {
            return known;
        }
        known.saturating_add(self.unaccounted / MIN_EVENT)
    }
}

/// Everything in a segment: the frames and holes cover it without overlap.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) frames: Vec<Frame>,
    pub(crate) holes: Vec<Hole>,
}

/// Reads a segment front to back; after damage goes on at the next good frame.
pub(crate) fn scan(segment: &[u8]) -> Scan {
    let mut found = Scan::default();
    let mut at = 0;
    while at < segment.len() {
        if let Some(frame) = frame_at(segment, at) {
            at = frame.range.end;
            found.frames.push(frame);
        } else {
            let hole = hole_from(segment, at);
            at = hole.range.end;
            found.holes.push(hole);
        }
    }
    found
}

fn frame_at(segment: &[u8], at: usize) -> Option<Frame> {
    let header = Header::decode(&segment[at..])?;
    let start = at + HEADER;
    let end = start.checked_add(header.body_len as usize)?;
    let body = segment.get(start..end)?;
    let frame = Frame {
        range: at..end,
        header,
    };
    (crc32fast::hash(body) == header.body_crc).then_some(frame)
}

/// The hole that begins at `at`, where no good frame stands.
fn hole_from(segment: &[u8], at: usize) -> Hole {
    let mut hole = Hole {
        range: at..segment.len(),
        last_seq: None,
        unaccounted: 0,
    };
    let mut accounted = at;
    let mut here = at;
    loop {
        if let Some(header) = Header::decode(&segment[here..]) {
            hole.last_seq = hole.last_seq.max(Some(header.last_seq()));
            hole.unaccounted += here.saturating_sub(accounted) as u64;
            accounted = accounted.max(here + HEADER + header.body_len as usize);
        }
        let Some(next) = memmem::find(&segment[here + 1..], &MAGIC) else {
            break;
        };
        here += 1 + next;
        if frame_at(segment, here).is_some() {
            hole.range.end = here;
            break;
        }
    }
    hole.unaccounted += hole.range.end.saturating_sub(accounted) as u64;
    hole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::frame::encode_body;
    use cresset_model::{Event, Timestamp};

    fn frame(first_seq: u64, text: &str) -> Vec<u8> {
        let mut event = Event::new(Timestamp(0), Timestamp(0));
        event.set("msg", text);
        let body = encode_body("default", None, &vec![event].into()).unwrap();
        let header = Header {
            body_len: body.len() as u32,
            body_crc: crc32fast::hash(&body),
            first_seq,
            col_ts: 0,
            count: 1,
        };
        [header.encode().as_slice(), &body].concat()
    }

    fn check(segment: &[u8], seqs: &[u64], holes: &[(Range<usize>, Option<u64>)]) {
        let found = scan(segment);
        let got: Vec<u64> = found.frames.iter().map(|f| f.header.first_seq).collect();
        assert_eq!(got, seqs);
        let got: Vec<_> = found
            .holes
            .iter()
            .map(|h| (h.range.clone(), h.last_seq))
            .collect();
        assert_eq!(got, holes);
    }

    #[test]
    fn damage_costs_only_what_it_touches() {
        let (a, b, c) = (frame(1, "one"), frame(2, "two"), frame(3, "three"));
        let (ab, all) = (
            a.len() + b.len(),
            [a.clone(), b.clone(), c.clone()].concat(),
        );
        check(&[], &[], &[]);
        check(&all, &[1, 2, 3], &[]);
        let mut body = all.clone();
        body[ab - 1] ^= 1;
        check(&body, &[1, 3], &[(a.len()..ab, Some(2))]);
        let mut header = all.clone();
        header[a.len() + 9] ^= 1;
        check(&header, &[1, 3], &[(a.len()..ab, None)]);
        check(
            &all[..all.len() - 1],
            &[1, 2],
            &[(ab..all.len() - 1, Some(3))],
        );
        check(
            &[&all[..], &[0; 5]].concat(),
            &[1, 2, 3],
            &[(all.len()..all.len() + 5, None)],
        );
        check(&[&[7; 5], &all[..]].concat(), &[1, 2, 3], &[(0..5, None)]);
        // Bytes that vanished from the middle of a frame shift those behind it.
        let cut = [&all[..ab - 4], &c].concat();
        check(&cut, &[1, 3], &[(a.len()..ab - 4, Some(2))]);
    }

    #[test]
    fn the_numbers_of_lost_events_are_bounded_from_above() {
        let hole = |last_seq, unaccounted| Hole {
            range: 0..0,
            last_seq,
            unaccounted,
        };
        assert_eq!(hole(None, 0).seq_bound(7), 7);
        assert_eq!(hole(Some(9), 0).seq_bound(7), 9);
        assert_eq!(hole(Some(3), 0).seq_bound(7), 7);
        assert_eq!(hole(None, HEADER as u64).seq_bound(7), 7);
        assert_eq!(hole(Some(9), 300).seq_bound(7), 109);
    }
}
