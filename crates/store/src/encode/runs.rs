//! Numbers in Parquet's mixture of runs and packed groups, which [`crate::read`] expands.
//!
//! A stretch begins with a number in groups of seven bits, the lowest first. Even, it is twice the
//! length of a run, whose value follows in whole bytes. Odd, its half is how many groups of eight
//! values follow, each in as many bits as the widest needs, the lowest first.

/// A run that is not longer costs as little in a group.
const GROUP: usize = 8;

/// Numbers, with those that repeat counted.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<(u32, usize)>,
}

impl Runs {
    /// Adds `count` times the same number.
    pub(super) fn push(&mut self, number: u32, count: usize) {
        match self.runs.last_mut() {
            Some((last, times)) if *last == number => *times += count,
            _ if count > 0 => self.runs.push((number, count)),
            _ => {}
        }
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    /// Writes all of them, none of which needs more than `width` bits.
    pub(super) fn pack_into(&self, width: u32, out: &mut Vec<u8>) {
        let mut waiting = Vec::new();
        for (number, count) in &self.runs {
            // Groups in between are whole.
            let fill = waiting.len().next_multiple_of(GROUP) - waiting.len();
            if *count < fill + GROUP {
                waiting.extend(std::iter::repeat_n(*number, *count));
                continue;
            }
            waiting.extend(std::iter::repeat_n(*number, fill));
            put_groups(&mut waiting, width, out);
            put_length(out, (count - fill) << 1);
            let bytes = number.to_le_bytes();
            out.extend(bytes.iter().take(width.div_ceil(8) as usize));
        }
        put_groups(&mut waiting, width, out);
    }
}

fn put_groups(waiting: &mut Vec<u32>, width: u32, out: &mut Vec<u8>) {
    if waiting.is_empty() {
        return;
    }
    waiting.resize(waiting.len().next_multiple_of(GROUP), 0);
    put_length(out, ((waiting.len() / GROUP) << 1) | 1);
    let (mut bits, mut held) = (0_u64, 0);
    for number in waiting.drain(..) {
        bits |= u64::from(number) << held;
        held += width;
        while held >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    }
}

fn put_length(out: &mut Vec<u8>, mut n: usize) {
    while n > 0x7f {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::numbers_into;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_is_read(
            width in 0_u32..=20,
            pieces in prop::collection::vec((any::<u32>(), prop_oneof![1_usize..4, 1_usize..40]), 0..60),
        ) {
            let (mut runs, mut expect) = (Runs::default(), Vec::new());
            for (number, count) in pieces {
                let number = number & ((1_u32 << width) - 1);
                runs.push(number, count);
                expect.extend(std::iter::repeat_n(number as i32, count));
            }
            let mut packed = Vec::new();
            runs.pack_into(width, &mut packed);
            let mut read = Vec::new();
            numbers_into(&packed, width as u8, expect.len(), &mut read).unwrap();
            prop_assert_eq!(read, expect);
        }
    }

    #[test]
    fn long_runs_are_short() {
        let mut runs = Runs::default();
        for (number, count) in [(1, 3), (0, 20), (0, 0), (0, 100_000), (1, 1)] {
            runs.push(number, count);
        }
        let mut packed = Vec::new();
        runs.pack_into(1, &mut packed);
        // Three and five of the others in a group, those that are left in a run, and the last.
        assert_eq!(packed, [3, 0b111, 0xde, 0x9a, 0x0c, 0, 3, 1]);
    }
}
