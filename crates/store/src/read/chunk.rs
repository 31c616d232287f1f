//! Columns of a row group, read by our own code from the pages that the library finds.
//!
//! The library's reader of columns makes room for compressing and expanding anew for each column of
//! each row group, and a search for few rows of many files did little else. And here the different
//! values of a column whose rows have their numbers can be asked for alone: where none of them is
//! sought, the numbers are never expanded.

use super::runs::{self, short};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::Page;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use std::cell::RefCell;
use std::sync::Arc;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::get_frame_content_size;

/// A column of a row group.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Texts rather than whole numbers.
    texts: bool,
    /// The different values, if there is a dictionary.
    values: Option<ArrayRef>,
    pages: Vec<Packed>,
    rows: usize,
    /// Whether rows may have no value.
    optional: bool,
    compressed: bool,
    /// No page is longer.
    longest: usize,
}

/// A page of rows, as it stands in the file.
#[derive(Debug)]
struct Packed {
    bytes: Bytes,
    rows: usize,
    /// Whether whole numbers are told by their differences.
    deltas: bool,
}

/// Whether [`Chunk::read`] takes columns of this type; it may be of no help for others.
pub(super) fn is_of_ours(chunk: &ColumnChunkMetaData) -> bool {
    let column = chunk.column_descr();
    matches!(chunk.column_type(), Type::BYTE_ARRAY | Type::INT64)
        && matches!(
            chunk.compression(),
            Compression::ZSTD(_) | Compression::UNCOMPRESSED
        )
        && column.max_rep_level() == 0
        && column.max_def_level() <= 1
}

/// Whether each row of such a column has its value, in one of the ways that [`Chunk::read`] takes.
pub(super) fn is_direct(chunk: &ColumnChunkMetaData) -> bool {
    let numbers = chunk.column_type() == Type::INT64;
    chunk.page_encoding_stats_mask().is_some_and(|mask| {
        mask.is_only(Encoding::PLAIN) || numbers && mask.is_only(Encoding::DELTA_BINARY_PACKED)
    })
}

impl Chunk {
    /// A column that no row has a value in.
    pub(super) fn empty(chunk: &ColumnChunkMetaData, rows: usize) -> Self {
        let texts = chunk.column_type() != Type::INT64;
        let values: ArrayRef = if texts {
            Arc::new(StringArray::from_iter_values([""; 0]))
        } else {
            Arc::new(Int64Array::from_iter_values([]))
        };
        Self {
            texts,
            values: Some(values),
            pages: Vec::new(),
            rows,
            optional: true,
            compressed: false,
            longest: 0,
        }
    }

    /// The column that stands in `bytes`.
    pub(super) fn read(
        bytes: Bytes,
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Self, String> {
        let told = |e: parquet::errors::ParquetError| e.to_string();
        // Without a codec, which would be made anew for each column: pages come as they are.
        let bare = ColumnChunkMetaData::builder(chunk.column_descr_ptr())
            .set_compression(Compression::UNCOMPRESSED)
            .set_total_compressed_size(bytes.len() as i64)
            .set_data_page_offset(0)
            .build()
            .map_err(told)?;
        let pages = SerializedPageReader::new(Arc::new(bytes), &bare, rows, None).map_err(told)?;
        let mut found = Self {
            texts: chunk.column_type() != Type::INT64,
            values: None,
            pages: Vec::new(),
            rows,
            compressed: chunk.compression() != Compression::UNCOMPRESSED,
            optional: chunk.column_descr().max_def_level() > 0,
            longest: chunk.uncompressed_size().clamp(0, i32::MAX.into()) as usize,
        };
        for page in pages {
            found.add(page.map_err(told)?)?;
        }
        if found.pages.iter().map(|page| page.rows).sum::<usize>() != rows {
            return Err("a column has not as many values as its row group".to_owned());
        }
        Ok(found)
    }

    fn add(&mut self, page: Page) -> Result<(), String> {
        match page {
            Page::DictionaryPage {
                buf, num_values, ..
            } => {
                let (bytes, count) = (self.expanded(&buf)?, num_values as usize);
                self.values = Some(if self.texts {
                    text_array(&plain_texts(&bytes, count)?, None)?
                } else {
                    Arc::new(Int64Array::from(plain_numbers(&bytes, count)?))
                });
            }
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding: Encoding::RLE,
                ..
            } => {
                let numbered = matches!(
                    encoding,
                    Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY
                );
                let deltas = encoding == Encoding::DELTA_BINARY_PACKED && !self.texts;
                let known = numbered || encoding == Encoding::PLAIN || deltas;
                if !known || numbered != self.values.is_some() {
                    return Err("a page is not what the footer says".to_owned());
                }
                self.pages.push(Packed {
                    bytes: buf,
                    rows: num_values as usize,
                    deltas,
                });
            }
            _ => return Err("a page is not what the footer says".to_owned()),
        }
        Ok(())
    }

    /// The different values, hardly one twice, and perhaps others that no row has; `None` if each row has
    /// its own.
    pub(super) fn values(&self) -> Option<&ArrayRef> {
        self.values.as_ref()
    }

    /// What the rows have, all of them or those that are set in `wanted`: texts or whole numbers,
    /// or the numbers of [different](Self::values) ones; whole numbers of `wanted` rows themselves.
    pub(super) fn rows(&self, wanted: Option<&BooleanBuffer>) -> Result<ArrayRef, String> {
        let told = |e: arrow_schema::ArrowError| e.to_string();
        let pages = self.opened(wanted)?;
        if let Some(values) = &self.values {
            let (keys, there) = gathered(&pages, Rows::numbers)?;
            let nulls = self.nulls(keys.len(), there);
            let keys = Int32Array::try_new(keys.into(), nulls).map_err(told)?;
            let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(values));
            let array = array.map_err(told)?;
            let Some(known) = values
                .as_primitive_opt::<Int64Type>()
                .filter(|_| wanted.is_some())
            else {
                return Ok(Arc::new(array));
            };
            let number = |key: Option<i32>| Some(known.value(key? as usize));
            return Ok(Arc::new(
                array.keys().iter().map(number).collect::<Int64Array>(),
            ));
        }
        if self.texts {
            let (texts, there) = gathered(&pages, |page| plain_texts(&page.values, page.count))?;
            return text_array(&texts, self.nulls(texts.len(), there));
        }
        let (numbers, there) = gathered(&pages, Rows::whole_numbers)?;
        let nulls = self.nulls(numbers.len(), there);
        Ok(Arc::new(
            Int64Array::try_new(numbers.into(), nulls).map_err(told)?,
        ))
    }

    /// The rows whose numbers of [different](Self::values) values are `known` to hold.
    pub(super) fn rows_with(&self, known: &[bool]) -> Result<BooleanBuffer, String> {
        let mut held = BooleanBufferBuilder::new(self.rows);
        for page in self.opened(None)? {
            page.known_into(known, &mut held)?;
        }
        Ok(held.finish())
    }

    fn nulls(&self, rows: usize, mut there: BooleanBufferBuilder) -> Option<NullBuffer> {
        let nulls = self.optional.then(|| NullBuffer::new(there.finish()))?;
        debug_assert_eq!(nulls.len(), rows);
        (nulls.null_count() > 0).then_some(nulls)
    }

    /// The pages that some of the rows are in.
    fn opened(&self, wanted: Option<&BooleanBuffer>) -> Result<Vec<Rows>, String> {
        let (mut opened, mut begin) = (Vec::new(), 0);
        if self.pages.is_empty() {
            opened.push(Rows {
                wanted: wanted.cloned(),
                ..Rows::absent(self.rows)
            });
        }
        for page in &self.pages {
            let here = wanted.map(|rows| rows.slice(begin, page.rows));
            begin += page.rows;
            if here.as_ref().is_none_or(|here| here.count_set_bits() > 0) {
                opened.push(self.open(page, here)?);
            }
        }
        Ok(opened)
    }

    fn open(&self, page: &Packed, wanted: Option<BooleanBuffer>) -> Result<Rows, String> {
        let mut values = self.expanded(&page.bytes)?;
        let (mut present, mut count) = (None, page.rows);
        if self.optional {
            let (len, behind) = values.split_first_chunk().ok_or_else(short)?;
            let len = u32::from_le_bytes(*len) as usize;
            let (levels, _) = behind.split_at_checked(len).ok_or_else(short)?;
            let mut bits = BooleanBufferBuilder::new(page.rows);
            runs::bits_into(levels, page.rows, &mut bits)?;
            let bits = bits.finish();
            count = bits.count_set_bits();
            present = (count < page.rows).then_some(bits);
            values = values.slice(4 + len..);
        }
        Ok(Rows {
            rows: page.rows,
            count,
            present,
            wanted,
            values,
            deltas: page.deltas,
        })
    }

    fn expanded(&self, packed: &Bytes) -> Result<Bytes, String> {
        thread_local! {
            static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
        }
        if !self.compressed || packed.is_empty() {
            return Ok(packed.clone());
        }
        // What the page says of its length, which is no reason to make room for more than there is.
        let len = get_frame_content_size(packed).ok().flatten();
        let len = len.map_or(self.longest, |len| self.longest.min(len as usize));
        let told = |e: std::io::Error| format!("a page does not expand: {e}");
        ZSTD.with_borrow_mut(|zstd| {
            let zstd = match zstd {
                Some(zstd) => zstd,
                none => none.insert(Decompressor::new().map_err(told)?),
            };
            Ok(zstd.decompress(packed, len).map_err(told)?.into())
        })
    }
}

/// Room is made for so many values at once: no more than a footer that is not damaged tells of.
const AT_ONCE: usize = 1 << 17;

/// The rows of a page.
struct Rows {
    rows: usize,
    /// So many have a value…
    count: usize,
    /// …and these; all for `None`.
    present: Option<BooleanBuffer>,
    /// Those that were asked for; all for `None`.
    wanted: Option<BooleanBuffer>,
    /// Packed, without gaps for those that are absent.
    values: Bytes,
    deltas: bool,
}

impl Rows {
    fn absent(rows: usize) -> Self {
        Self {
            rows,
            count: 0,
            present: Some(BooleanBuffer::new_unset(rows)),
            wanted: None,
            values: Bytes::new(),
            deltas: false,
        }
    }

    fn known_into(&self, known: &[bool], held: &mut BooleanBufferBuilder) -> Result<(), String> {
        if self.count == 0 {
            held.append_n(self.rows, false);
            return Ok(());
        }
        let (width, packed) = self.values.split_first().ok_or_else(short)?;
        let Some(present) = &self.present else {
            return runs::known_into(packed, *width, self.rows, known, held);
        };
        let (first, mut dense) = (held.len(), BooleanBufferBuilder::new(self.count));
        runs::known_into(packed, *width, self.count, known, &mut dense)?;
        held.append_n(self.rows, false);
        let dense = dense.finish();
        if dense.count_set_bits() > 0 {
            for (row, holds) in present.set_indices().zip(&dense) {
                if holds {
                    held.set_bit(first + row, true);
                }
            }
        }
        Ok(())
    }

    fn numbers(&self) -> Result<Vec<i32>, String> {
        let (width, packed) = self.values.split_first().ok_or_else(short)?;
        let mut numbers = Vec::with_capacity(self.count.min(AT_ONCE));
        runs::numbers_into(packed, *width, self.count, &mut numbers)?;
        Ok(numbers)
    }

    fn whole_numbers(&self) -> Result<Vec<i64>, String> {
        if !self.deltas {
            return plain_numbers(&self.values, self.count);
        }
        let mut numbers = Vec::new();
        runs::deltas_into(&self.values, self.count, &mut numbers)?;
        Ok(numbers)
    }

    /// Puts the values at the places of their rows.
    fn place<T: Copy + Default>(
        &self,
        values: &[T],
        placed: &mut Vec<T>,
        there: &mut BooleanBufferBuilder,
    ) {
        match (&self.present, &self.wanted) {
            (None, None) => {
                placed.extend_from_slice(values);
                there.append_n(self.rows, true);
            }
            (None, Some(wanted)) => {
                placed.extend(wanted.set_indices().map(|row| values[row]));
                there.append_n(wanted.count_set_bits(), true);
            }
            (Some(present), None) => {
                let first = placed.len();
                placed.resize(first + self.rows, T::default());
                for (row, value) in present.set_indices().zip(values) {
                    placed[first + row] = *value;
                }
                there.append_buffer(present);
            }
            (Some(present), Some(wanted)) => {
                let (mut before, mut counted) = (0, 0);
                for row in wanted.set_indices() {
                    before += present.slice(counted, row - counted).count_set_bits();
                    counted = row;
                    let value = values.get(before).filter(|_| present.value(row));
                    placed.push(value.copied().unwrap_or_default());
                    there.append(value.is_some());
                }
            }
        }
    }
}

/// The values of the rows of some pages, and which rows have one.
fn gathered<'p, T: Copy + Default>(
    pages: &'p [Rows],
    values: impl Fn(&'p Rows) -> Result<Vec<T>, String>,
) -> Result<(Vec<T>, BooleanBufferBuilder), String> {
    let most = pages.iter().map(|page| page.rows).sum();
    let (mut placed, mut there) = (Vec::new(), BooleanBufferBuilder::new(most));
    if pages.len() > 1 {
        placed.reserve(most.min(AT_ONCE));
    }
    for page in pages {
        let values = match page.count {
            0 => Vec::new(),
            _ => values(page)?,
        };
        match (pages, &page.present, &page.wanted) {
            // As they are.
            ([_], None, None) => {
                there.append_n(page.rows, true);
                placed = values;
            }
            _ => page.place(&values, &mut placed, &mut there),
        }
    }
    Ok((placed, there))
}

fn plain_numbers(bytes: &[u8], count: usize) -> Result<Vec<i64>, String> {
    let (numbers, rest) = bytes.as_chunks();
    if numbers.len() != count || !rest.is_empty() {
        return Err("a page has not as many numbers as it says".to_owned());
    }
    Ok(numbers.iter().map(|n| i64::from_le_bytes(*n)).collect())
}

/// Each text stands behind its length.
fn plain_texts(mut bytes: &[u8], count: usize) -> Result<Vec<&[u8]>, String> {
    // No more than there is room for.
    let mut texts = Vec::with_capacity(count.min(bytes.len() / 4));
    for _ in 0..count {
        let (len, behind) = bytes.split_first_chunk().ok_or_else(short)?;
        let len = u32::from_le_bytes(*len) as usize;
        let (text, behind) = behind.split_at_checked(len).ok_or_else(short)?;
        texts.push(text);
        bytes = behind;
    }
    Ok(texts)
}

fn text_array(texts: &[&[u8]], nulls: Option<NullBuffer>) -> Result<ArrayRef, String> {
    let all: Vec<u8> = texts.concat();
    i32::try_from(all.len()).map_err(|_| "its texts are too long")?;
    let ends = OffsetBuffer::from_lengths(texts.iter().map(|text| text.len()));
    let array = StringArray::try_new(ends, Buffer::from_vec(all), nulls);
    Ok(Arc::new(array.map_err(|e| e.to_string())?))
}

#[cfg(test)]
mod tests;
