//! What has been found in texts before, by what it was found in.

use foldhash::HashMap;
use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Numbers of terms.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Most terms are short: their key holds them, so that finding one follows no pointer.
    short: HashMap<u128, u32>,
    long: HashMap<Box<[u8]>, u32>,
}

impl Numbers {
    /// The number of a term, which is `next` if it is new.
    pub(super) fn of(&mut self, term: &[u8], next: u32) -> u32 {
        if let Some(key) = key(term) {
            return *self.short.entry(key).or_insert(next);
        }
        if let Some(number) = self.long.get(term) {
            return *number;
        }
        self.long.insert(term.into(), next);
        next
    }
}

/// The bytes of a short term, and in the last one its length.
fn key(term: &[u8]) -> Option<u128> {
    let len = term.len();
    if len >= size_of::<u128>() {
        return None;
    }
    // Of two pieces that overlap, where they say the same.
    let bytes = if let (Some(first), Some(last)) = (term.first_chunk::<8>(), term.last_chunk()) {
        let last = u128::from(u64::from_le_bytes(*last)) << (8 * (len - first.len()));
        u128::from(u64::from_le_bytes(*first)) | last
    } else if let (Some(first), Some(last)) = (term.first_chunk::<4>(), term.last_chunk()) {
        let last = u128::from(u32::from_le_bytes(*last)) << (8 * (len - first.len()));
        u128::from(u32::from_le_bytes(*first)) | last
    } else {
        let bytes = term.iter().rev();
        bytes.fold(0, |bytes, byte| bytes << 8 | u128::from(*byte))
    };
    Some(bytes | (len as u128) << 120)
}

/// A line of messages.
#[derive(Debug)]
pub(super) struct Piece {
    text: Box<str>,
    /// The numbers of its terms, as often as they stand there.
    pub(super) numbers: Box<[u32]>,
    /// The last row group whose vocabulary has its terms.
    pub(super) group: u64,
}

impl Piece {
    const fn bytes(&self) -> usize {
        size_of::<(u64, Self)>() + self.text.len() + size_of_val(&*self.numbers)
    }
}

/// Lines of messages whose terms are known.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// By their hashes. Of two with the same one, the later is known.
    known: HashMap<u64, Piece>,
    pub(super) bytes: usize,
    hashes: RandomState,
    /// Hashes of the lines that were read of late, by their last bits: what was read once only is
    /// not kept, and most lines that hold a time or an identifier are not read again.
    once: Vec<u64>,
}

impl Pieces {
    /// Shorter lines are read in no time.
    pub(super) const SHORTEST: usize = 12;
    const ONCE: usize = 1 << 14;
    /// Most bytes of the lines that are kept.
    pub(super) const MAX_BYTES: usize = 8 << 20;

    pub(super) fn hash(&self, text: &str) -> u64 {
        self.hashes.hash_one(text)
    }

    pub(super) fn get(&mut self, hash: u64, text: &str) -> Option<&mut Piece> {
        let piece = self.known.get_mut(&hash);
        piece.filter(|piece| *piece.text == *text)
    }

    /// Takes note of a line that is not known, whose terms the vocabulary of `group` has.
    pub(super) fn note(&mut self, hash: u64, text: &str, numbers: &[u32], group: u64) {
        if self.once.is_empty() {
            self.once = vec![0; Self::ONCE];
        }
        let Some(once) = self.once.get_mut(hash as usize % Self::ONCE) else {
            return;
        };
        if std::mem::replace(once, hash) != hash {
            return;
        }
        let piece = Piece {
            text: text.into(),
            numbers: numbers.into(),
            group,
        };
        self.bytes += piece.bytes();
        if self.bytes > Self::MAX_BYTES {
            self.known = HashMap::default();
            self.bytes = 0;
            return;
        }
        let before = self.known.insert(hash, piece);
        self.bytes -= before.map_or(0, |piece| piece.bytes());
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_term_has_a_number_of_its_own(
            terms in prop::collection::vec("[ab\u{0}\u{1}]{0,18}", 0..200),
        ) {
            let (mut numbers, mut known) = (Numbers::default(), Vec::new());
            for term in &terms {
                let before = known.iter().position(|other| *other == term);
                let number = numbers.of(term.as_bytes(), known.len() as u32);
                prop_assert_eq!(number as usize, before.unwrap_or(known.len()));
                if before.is_none() {
                    known.push(term);
                }
            }
        }
    }
}
