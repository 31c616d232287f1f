//! Numbers as Parquet packs them: runs of one number, and numbers of so many bits each.
//!
//! Format: "Run Length Encoding / Bit-Packing Hybrid" of the Parquet specification. Our own code,
//! because the reader of the library, which takes any value, costs several times as much.

use arrow_buffer::BooleanBufferBuilder;

/// A stretch of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run<'b> {
    Same(u32, usize),
    /// So many numbers of as many bits as all have.
    Packed(&'b [u8], usize),
}

/// The stretches of `left` numbers.
struct Runs<'b> {
    bytes: &'b [u8],
    width: u32,
    left: usize,
}

impl<'b> Runs<'b> {
    fn next(&mut self) -> Result<Option<Run<'b>>, String> {
        if self.left == 0 {
            return Ok(None);
        }
        let header = self.varint()?;
        let count = (header >> 1) as usize;
        let run = if header & 1 == 1 {
            let bytes = self.take(count.saturating_mul(self.width as usize))?;
            Run::Packed(bytes, count.saturating_mul(8).min(self.left))
        } else {
            let value = self.take(self.width.div_ceil(8) as usize)?;
            let value = value.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b));
            Run::Same(value, count.min(self.left))
        };
        let (Run::Same(_, len) | Run::Packed(_, len)) = run;
        if len == 0 {
            return Err("a page has a run of no values".to_owned());
        }
        self.left -= len;
        Ok(Some(run))
    }

    fn varint(&mut self) -> Result<u32, String> {
        let mut number = 0;
        for shift in (0..32).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or_default();
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a page has a run of too many values".to_owned())
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(short)?;
        self.bytes = rest;
        Ok(taken)
    }
}

fn short() -> String {
    "a page ends too early".to_owned()
}

/// Adds `count` numbers of `width` bits.
pub(super) fn numbers_into(
    bytes: &[u8],
    width: u8,
    count: usize,
    numbers: &mut Vec<i32>,
) -> Result<(), String> {
    if width > 31 {
        return Err(format!("a page has numbers of {width} bits"));
    }
    let mut runs = Runs {
        bytes,
        width: width.into(),
        left: count,
    };
    while let Some(run) = runs.next()? {
        match run {
            Run::Same(value, len) => numbers.resize(numbers.len() + len, value as i32),
            Run::Packed(bytes, len) => unpack(bytes, width.into(), len, numbers),
        }
    }
    Ok(())
}

/// Adds `count` bits.
pub(super) fn bits_into(
    bytes: &[u8],
    count: usize,
    bits: &mut BooleanBufferBuilder,
) -> Result<(), String> {
    let (width, left) = (1, count);
    let mut runs = Runs { bytes, width, left };
    while let Some(run) = runs.next()? {
        match run {
            Run::Same(value, len) => bits.append_n(len, value != 0),
            Run::Packed(bytes, len) => bits.append_packed_range(0..len, bytes),
        }
    }
    Ok(())
}

/// Four numbers of up to 16 bits, which begin at a byte or in its middle, are in eight bytes.
const QUAD: usize = 4;

fn unpack(bytes: &[u8], width: u32, count: usize, numbers: &mut Vec<i32>) {
    let mask = (1_u64 << width) - 1;
    // Eight bytes from where a number begins, zeros beyond the end.
    let from = |bit: usize| {
        let rest = bytes.get(bit / 8..).unwrap_or_default();
        let eight = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut eight = [0; 8];
            eight[..rest.len()].copy_from_slice(rest);
            eight
        });
        u64::from_le_bytes(eight) >> (bit % 8)
    };
    let width = width as usize;
    let quads = if width <= 16 { count / QUAD } else { 0 };
    numbers.reserve(count);
    for quad in 0..quads {
        let four = from(quad * QUAD * width);
        numbers.extend([0, 1, 2, 3].map(|n| (four >> (n * width) & mask) as i32));
    }
    numbers.extend((quads * QUAD..count).map(|n| (from(n * width) & mask) as i32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packs runs of numbers: of one number where they are equal, in eights otherwise.
    fn pack(numbers: &[u32], width: usize) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), numbers);
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|n| *n == first).count();
            if same >= 8 {
                bytes.extend([(same << 1) as u8 & 0x7f | 0x80, (same >> 6) as u8]);
                bytes.extend(&first.to_le_bytes()[..width.div_ceil(8)]);
                rest = &rest[same..];
                continue;
            }
            let (eight, behind) = rest.split_at(rest.len().min(8));
            let mut packed = vec![0_u8; width];
            for (n, number) in eight.iter().enumerate() {
                for bit in (0..width).filter(|bit| number >> bit & 1 == 1) {
                    packed[(n * width + bit) / 8] |= 1 << ((n * width + bit) % 8);
                }
            }
            bytes.push(3);
            bytes.extend(packed);
            rest = behind;
        }
        bytes
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            width in 0_usize..32,
            runs in prop::collection::vec((any::<u32>(), 1_usize..40), 0..40),
        ) {
            let mask = ((1_u64 << width) - 1) as u32;
            let numbers: Vec<u32> = runs
                .iter()
                .flat_map(|(n, len)| std::iter::repeat_n(n & mask, if n % 3 == 0 { *len } else { 1 }))
                .collect();
            let packed = pack(&numbers, width);
            let mut found = Vec::new();
            numbers_into(&packed, width as u8, numbers.len(), &mut found).unwrap();
            let found: Vec<u32> = found.iter().map(|n| *n as u32).collect();
            prop_assert_eq!(&found, &numbers);
            if width == 1 {
                let mut bits = BooleanBufferBuilder::new(0);
                bits_into(&packed, numbers.len(), &mut bits).unwrap();
                let bits: Vec<u32> = bits.finish().iter().map(u32::from).collect();
                prop_assert_eq!(bits, numbers);
            }
        }

        #[test]
        fn damage_is_told_and_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            width: u8,
            count in 0_usize..500,
        ) {
            let mut found = Vec::new();
            if numbers_into(&bytes, width, count, &mut found).is_ok() {
                prop_assert_eq!(found.len(), count);
            }
            let mut bits = BooleanBufferBuilder::new(0);
            if bits_into(&bytes, count, &mut bits).is_ok() {
                prop_assert_eq!(bits.len(), count);
            }
        }
    }
}
