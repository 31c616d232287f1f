//! The terms of ASCII text, for which most bytes are looked at many at a time: where words begin
//! and end hangs on the text, and a processor that has to guess it byte by byte guesses wrong.

use super::{Class, RUN, Run};

/// Bytes that are looked at together.
const BLOCK: usize = 64;

const WORD: u8 = 1;
const LETTER: u8 = 2;
const BEYOND: u8 = 4;
const DIGIT: u8 = 8;

/// Whether a byte is a letter beyond `f`.
pub(super) const fn is_beyond(byte: u8) -> bool {
    (byte | 0x20).wrapping_sub(b'g') < 20
}

pub(super) fn each_of_ascii(text: &[u8], mut take: impl FnMut(&[u8])) {
    let mut rest = text;
    while !rest.is_empty() {
        let block = Block::of(rest);
        let goes_on = if rest.len() > BLOCK {
            // Its last word is read with the next block.
            block.words.leading_ones() as usize
        } else {
            0
        };
        if goes_on == BLOCK {
            rest = long_word(rest, &mut take);
            continue;
        }
        let read = BLOCK - goes_on;
        block.each_term(read, &mut take);
        rest = rest.get(read..).unwrap_or_default();
    }
}

/// Some bytes in a row, and a bit for each in every set.
struct Block {
    /// As they stand in terms.
    bytes: [u8; BLOCK],
    words: u64,
    letters: u64,
    beyond: u64,
    digits: u64,
}

impl Block {
    /// The first bytes of a text.
    fn of(text: &[u8]) -> Self {
        let mut bytes = match text.first_chunk() {
            Some(bytes) => *bytes,
            None => {
                let mut bytes = [0; BLOCK];
                bytes[..text.len()].copy_from_slice(text);
                bytes
            }
        };
        let mut classes = [0; BLOCK];
        // Without branches, so that the compiler looks at many bytes at once.
        for (byte, class) in bytes.iter_mut().zip(&mut classes) {
            let small = *byte | 0x20;
            let letter = small.wrapping_sub(b'a') < 26;
            let digit = byte.wrapping_sub(b'0') < 10;
            let underscore = *byte == b'_';
            let word = letter | digit | underscore;
            *class = (u8::from(word) * WORD)
                | (u8::from(letter) * LETTER)
                | (u8::from(is_beyond(*byte)) * BEYOND)
                | (u8::from(digit) * DIGIT);
            *byte = if letter { small } else { *byte };
            *byte = if digit { b'0' } else { *byte };
        }
        Self {
            bytes,
            words: bits(&classes, WORD),
            letters: bits(&classes, LETTER),
            beyond: bits(&classes, BEYOND),
            digits: bits(&classes, DIGIT),
        }
    }

    /// Shows the terms among the first bytes, `read` in number, where no word is cut.
    fn each_term(&self, read: usize, mut take: impl FnMut(&[u8])) {
        let mut runs = self.letters;
        for shift in 1..RUN {
            runs &= self.letters >> shift;
        }
        for _ in 1..RUN {
            runs |= runs << 1;
        }
        let mut kept = runs & self.beyond & (u64::MAX >> (BLOCK - read));
        while kept != 0 {
            let at = kept.trailing_zeros() as usize;
            let before = !self.words & !(u64::MAX << at);
            let start = BLOCK - before.leading_zeros() as usize;
            let end = at + (self.words >> at).trailing_ones() as usize;
            let behind = u64::MAX.checked_shl(end as u32).unwrap_or(0);
            kept &= behind;
            let numbers = self.digits & (self.digits >> 1);
            let word = &self.bytes[start..end];
            if numbers & !behind & (u64::MAX << start) == 0 {
                take(word);
            } else {
                let mut term = [0; BLOCK];
                let len = without_digits(word, &mut term);
                take(&term[..len]);
            }
        }
    }
}

/// Writes each run of digits as one.
fn without_digits(word: &[u8], term: &mut [u8; BLOCK]) -> usize {
    let (mut len, mut last) = (0, 0);
    for byte in word {
        term[len] = *byte;
        len += usize::from(*byte != b'0' || last != b'0');
        last = *byte;
    }
    len
}

/// The set of the bytes that are of a class.
fn bits(classes: &[u8; BLOCK], class: u8) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Moves the lowest bit of each byte to the highest byte, in order.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let place = class.trailing_zeros();
    let (words, _) = classes.as_chunks();
    let words = words.iter().rev();
    words.fold(0, |bits, word| {
        let each = (u64::from_le_bytes(*word) >> place) & EACH;
        bits << 8 | each.wrapping_mul(GATHER) >> 56
    })
}

/// Reads the word that a text begins with, however long, and gives what is behind it.
fn long_word(text: &[u8], mut take: impl FnMut(&[u8])) -> &[u8] {
    let is_other = |byte: &u8| Class::of_byte(*byte) == Class::Other;
    let end = text.iter().position(is_other);
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    // Most such words are hashes.
    if !word.iter().any(|byte| is_beyond(*byte)) {
        return rest;
    }
    let (mut run, mut term) = (Run::default(), Vec::with_capacity(word.len()));
    for byte in word {
        let class = Class::of_byte(*byte);
        run.note(class);
        if class != Class::Digit {
            term.push(byte.to_ascii_lowercase());
        } else if term.last() != Some(&b'0') {
            term.push(b'0');
        }
    }
    if run.kept {
        take(&term);
    }
    rest
}
