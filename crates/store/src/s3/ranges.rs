//! Which bytes of a file are there.

use std::collections::BTreeMap;
use std::ops::Range;

/// Stretches that neither overlap nor touch.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a stretch; returns how many of its bytes are new.
    pub(super) fn insert(&mut self, new: Range<u64>) -> u64 {
        if new.is_empty() {
            return 0;
        }
        let (mut start, mut end, mut known) = (new.start, new.end, 0);
        while let Some((&from, &to)) = self.0.range(..=end).next_back()
            && to >= start
        {
            known += to.min(new.end).saturating_sub(from.max(new.start));
            start = start.min(from);
            end = end.max(to);
            self.0.remove(&from);
        }
        self.0.insert(start, end);
        new.end - new.start - known
    }

    /// What of a stretch is not there, in order.
    pub(super) fn missing(&self, wanted: &Range<u64>) -> Vec<Range<u64>> {
        let mut at = wanted.start;
        let before = self.0.range(..=at).next_back().map(|(_, &to)| to);
        if let Some(to) = before {
            at = at.max(to);
        }
        let mut missing = Vec::new();
        for (&from, &to) in self.0.range(wanted.start..wanted.end) {
            if from > at {
                missing.push(at..from);
            }
            at = at.max(to);
        }
        if at < wanted.end {
            missing.push(at..wanted.end);
        }
        missing
    }
}

/// Stretches as they are fetched: those that are closer than `gap` as one, and none longer
/// than `most`.
pub(super) fn pieces(mut wanted: Vec<Range<u64>>, gap: u64, most: u64) -> Vec<Range<u64>> {
    wanted.sort_unstable_by_key(|r| r.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in wanted.into_iter().filter(|r| !r.is_empty()) {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(gap) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    let mut pieces = Vec::new();
    for mut range in joined {
        while range.end - range.start > most {
            pieces.push(range.start..range.start + most);
            range.start += most;
        }
        pieces.push(range);
    }
    pieces
}

#[cfg(test)]
#[expect(
    clippy::single_range_in_vec_init,
    reason = "stretches, not the numbers in them"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn like_a_row_of_flags(
            added in prop::collection::vec((0_u64..40, 0_u64..12), 0..12),
            asked in (0_u64..40, 0_u64..20),
        ) {
            let (mut ranges, mut flags) = (Ranges::default(), [false; 64]);
            for (start, len) in added {
                let end = start + len;
                let new = (start..end).filter(|at| !flags[*at as usize]).count() as u64;
                prop_assert_eq!(ranges.insert(start..end), new);
                (start..end).for_each(|at| flags[at as usize] = true);
            }
            let wanted = asked.0..asked.0 + asked.1;
            let missing = ranges.missing(&wanted);
            let bytes: Vec<u64> = missing.iter().cloned().flatten().collect();
            let expected: Vec<u64> = wanted.filter(|at| !flags[*at as usize]).collect();
            prop_assert_eq!(bytes, expected);
            prop_assert!(missing.iter().all(|r| !r.is_empty()));
        }
    }

    #[test]
    fn neighbours_are_fetched_together_and_large_stretches_in_pieces() {
        let check = |wanted: &[Range<u64>], expect: &[Range<u64>]| {
            assert_eq!(pieces(wanted.to_vec(), 2, 10), expect);
        };
        check(&[], &[]);
        check(&[5..5], &[]);
        check(&[8..9, 0..3, 5..6], &[0..9]);
        check(&[0..3, 6..7], &[0..3, 6..7]);
        check(&[0..25], &[0..10, 10..20, 20..25]);
        check(&[0..20], &[0..10, 10..20]);
    }
}
