//! Numbers as Parquet packs them: runs of one number, and numbers of so many bits each.
//!
//! Formats: "Run Length Encoding / Bit-Packing Hybrid" and "Delta Encoding" of the Parquet
//! specification. Our own code, since the library keeps its decoders to itself.

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
        let header = varint(&mut self.bytes)?;
        let count = (header >> 1) as usize;
        let run = if header & 1 == 1 {
            let bytes = take(&mut self.bytes, count.saturating_mul(self.width as usize))?;
            Run::Packed(bytes, count.saturating_mul(8).min(self.left))
        } else {
            let value = take(&mut self.bytes, self.width.div_ceil(8) as usize)?;
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
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?.first().copied().unwrap_or_default();
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a page has a number of too many bytes".to_owned())
}

/// A number whose lowest bit is its sign.
fn zigzag(bytes: &mut &[u8]) -> Result<i64, String> {
    let number = varint(bytes)?;
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8], String> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(short)?;
    *bytes = rest;
    Ok(taken)
}

/// What is told of a page that is not whole.
pub(super) fn short() -> String {
    "a page ends too early".to_owned()
}

/// Adds `count` numbers of `width` bits.
pub(crate) fn numbers_into(
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

/// Adds for `count` numbers of `width` bits whether they are `known` to hold.
pub(super) fn known_into(
    bytes: &[u8],
    width: u8,
    count: usize,
    known: &[bool],
    bits: &mut BooleanBufferBuilder,
) -> Result<(), String> {
    if width > 31 {
        return Err(format!("a page has numbers of {width} bits"));
    }
    let beyond = || "a page has a number beyond its dictionary".to_owned();
    let mut runs = Runs {
        bytes,
        width: width.into(),
        left: count,
    };
    let few = (width <= 8).then(|| Few::new(known));
    let mut numbers = Vec::new();
    while let Some(run) = runs.next()? {
        match (run, &few) {
            (Run::Same(value, len), _) => {
                bits.append_n(len, *known.get(value as usize).ok_or_else(beyond)?);
            }
            (Run::Packed(bytes, len), Some(few)) => {
                let held = few.held(bytes, width.into(), len).ok_or_else(beyond)?;
                bits.append_packed_range(0..len, &held);
            }
            (Run::Packed(bytes, len), None) => {
                numbers.clear();
                unpack(bytes, width.into(), len, &mut numbers);
                let first = bits.len();
                bits.append_n(len, false);
                for (place, number) in (first..).zip(&numbers) {
                    // Most are not what is sought.
                    if *known.get(*number as usize).ok_or_else(beyond)? {
                        bits.set_bit(place, true);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Which of few numbers are known to hold.
struct Few([u8; 256]);

impl Few {
    const HOLDS: u8 = 1;
    const UNKNOWN: u8 = 2;

    fn new(known: &[bool]) -> Self {
        let mut table = [Self::UNKNOWN; 256];
        for (entry, holds) in table.iter_mut().zip(known) {
            *entry = u8::from(*holds);
        }
        Self(table)
    }

    /// A bit for each of `count` numbers of up to eight bits; `None` if one is not known.
    fn held(&self, bytes: &[u8], width: usize, count: usize) -> Option<Vec<u8>> {
        let (mask, mut all) = ((1_u64 << width) - 1, 0);
        let mut group_of = |group: usize, len: usize| {
            let eight = eight_at(bytes, group * width);
            let mut held = 0;
            for n in 0..len {
                let entry = self.0[((eight >> (n * width)) & mask) as usize];
                all |= entry;
                held |= (entry & Self::HOLDS) << n;
            }
            held
        };
        let (whole, rest) = (count / 8, count % 8);
        let mut held: Vec<u8> = (0..whole).map(|group| group_of(group, 8)).collect();
        // Behind the last there may be anything.
        held.extend((rest > 0).then(|| group_of(whole, rest)));
        (all & Self::UNKNOWN == 0).then_some(held)
    }
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

/// Adds `count` numbers of which the differences are packed.
pub(super) fn deltas_into(
    mut bytes: &[u8],
    count: usize,
    numbers: &mut Vec<i64>,
) -> Result<(), String> {
    let bytes = &mut bytes;
    let block = varint(bytes)? as usize;
    let minis = varint(bytes)? as usize;
    if varint(bytes)? as usize != count {
        return Err("a page has not as many numbers as it says".to_owned());
    }
    let mut last = zigzag(bytes)?;
    let each = block.checked_div(minis).unwrap_or(0);
    if each == 0 || !each.is_multiple_of(32) || block > MAX_BLOCK {
        return Err(format!("a page has blocks of {block} numbers in {minis}"));
    }
    if count == 0 {
        return Ok(());
    }
    numbers.reserve(count);
    numbers.push(last);
    let mut left = count - 1;
    while left > 0 {
        let least = zigzag(bytes)?;
        for width in take(bytes, minis)? {
            let width = usize::from(*width);
            if left == 0 {
                break;
            }
            if width > 64 {
                return Err(format!("a page has numbers of {width} bits"));
            }
            let packed = take(bytes, each * width / 8)?;
            let here = each.min(left);
            numbers.extend((0..here).map(|n| {
                let more = bits_at(packed, n * width, width) as i64;
                last = last.wrapping_add(least).wrapping_add(more);
                last
            }));
            left -= here;
        }
    }
    Ok(())
}

/// More numbers than any writer puts into a block.
const MAX_BLOCK: usize = 1 << 16;

/// A number of `width` bits that begins at a bit.
fn bits_at(bytes: &[u8], bit: usize, width: usize) -> u64 {
    if width == 0 {
        return 0;
    }
    let (shift, mut word) = (bit % 8, eight_at(bytes, bit / 8) >> (bit % 8));
    if shift + width > 64 {
        let ninth = bytes.get(bit / 8 + 8).copied().unwrap_or_default();
        word |= u64::from(ninth) << (64 - shift);
    }
    word & (u64::MAX >> (64 - width))
}

/// Eight bytes, zeros beyond the end.
fn eight_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    let eight = rest.first_chunk().copied().unwrap_or_else(|| {
        let mut eight = [0; 8];
        eight[..rest.len()].copy_from_slice(rest);
        eight
    });
    u64::from_le_bytes(eight)
}

/// So many numbers of up to 16 bits are in eight bytes from the first one's.
const QUAD: usize = 4;

fn unpack(bytes: &[u8], width: u32, count: usize, numbers: &mut Vec<i32>) {
    let (width, mask) = (width as usize, (1_u64 << width) - 1);
    let quads = if width <= 16 { count / QUAD } else { 0 };
    numbers.reserve(count);
    for quad in 0..quads {
        // At a byte or in its middle.
        let bit = quad * QUAD * width;
        let four = eight_at(bytes, bit / 8) >> (bit % 8);
        numbers.extend([0, 1, 2, 3].map(|n| (four >> (n * width) & mask) as i32));
    }
    let rest = quads * QUAD..count;
    numbers.extend(rest.map(|n| bits_at(bytes, n * width, width) as i32));
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

    /// The one page of a file of one column.
    fn written_by_parquet(numbers: &[i64]) -> Vec<u8> {
        use arrow_array::{ArrayRef, Int64Array, RecordBatch};
        use bytes::Bytes;
        use parquet::arrow::ArrowWriter;
        use parquet::basic::Encoding;
        use parquet::column::page::Page;
        use parquet::file::properties::WriterProperties;
        use parquet::file::reader::FileReader;
        use parquet::file::serialized_reader::SerializedFileReader;
        use std::sync::Arc;
        let column = Int64Array::from(numbers.to_vec());
        let batch =
            RecordBatch::try_from_iter_with_nullable([("n", Arc::new(column) as ArrayRef, false)]);
        let batch = batch.unwrap();
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::DELTA_BINARY_PACKED)
            .build();
        let mut writer =
            ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        let file = SerializedFileReader::new(file).unwrap();
        let mut pages = file
            .get_row_group(0)
            .unwrap()
            .get_column_page_reader(0)
            .unwrap();
        match pages.next() {
            Some(Ok(Page::DataPage { buf, .. })) => buf.to_vec(),
            other => panic!("no page: {other:?}"),
        }
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
            if width < 10 {
                let known: Vec<bool> = (0..1 << width).map(|n| n % 3 == 0).collect();
                let held: Vec<bool> = numbers.iter().map(|n| n % 3 == 0).collect();
                let mut bits = BooleanBufferBuilder::new(0);
                known_into(&packed, width as u8, numbers.len(), &known, &mut bits).unwrap();
                prop_assert_eq!(bits.finish().iter().collect::<Vec<_>>(), held);
            }
            if width == 1 {
                let mut bits = BooleanBufferBuilder::new(0);
                bits_into(&packed, numbers.len(), &mut bits).unwrap();
                let bits: Vec<u32> = bits.finish().iter().map(u32::from).collect();
                prop_assert_eq!(bits, numbers);
            }
        }

        #[test]
        fn what_parquet_packs_as_differences_comes_back(
            numbers in prop_oneof![
                prop::collection::vec(any::<i64>(), 1..700),
                prop::collection::vec(-5_i64..5, 1..700),
                prop::collection::vec(1_700_000_000_000_000_i64..1_700_000_100_000_000, 1..700),
            ],
        ) {
            let written = written_by_parquet(&numbers);
            let mut found = Vec::new();
            deltas_into(&written, numbers.len(), &mut found).unwrap();
            prop_assert_eq!(found, numbers);
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
            let mut bits = BooleanBufferBuilder::new(0);
            if known_into(&bytes, width, count, &[true, false], &mut bits).is_ok() {
                prop_assert_eq!(bits.len(), count);
            }
            let mut found = Vec::new();
            if deltas_into(&bytes, count, &mut found).is_ok() {
                prop_assert_eq!(found.len(), count);
            }
        }
    }
}
