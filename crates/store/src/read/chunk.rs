//! Columns of a row group whose values are all numbers of a dictionary, which most are.
//!
//! Read by our own code from the pages that the library finds. Its reader of columns makes room
//! for compressing and expanding anew for each column of each row group, and a search for few
//! rows of many files did little else. And here the different values can be asked for alone: where
//! none of them is sought, the rows' numbers are never expanded.

use super::runs;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray};
use arrow_buffer::bit_chunk_iterator::UnalignedBitChunk;
use arrow_buffer::bit_iterator::BitIndexIterator;
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer};
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
    /// The different values: texts or whole numbers.
    values: ArrayRef,
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
}

/// Whether [`Chunk::read`] takes such a column, if all its values are numbers of a dictionary.
pub(super) fn reads(chunk: &ColumnChunkMetaData) -> bool {
    let column = chunk.column_descr();
    matches!(chunk.column_type(), Type::BYTE_ARRAY | Type::INT64)
        && matches!(
            chunk.compression(),
            Compression::ZSTD(_) | Compression::UNCOMPRESSED
        )
        && column.max_rep_level() == 0
        && column.max_def_level() <= 1
}

impl Chunk {
    /// A column that no row has a value in.
    pub(super) fn empty(chunk: &ColumnChunkMetaData, rows: usize) -> Self {
        let values: ArrayRef = match chunk.column_type() {
            Type::INT64 => Arc::new(Int64Array::from_iter_values([])),
            _ => Arc::new(StringArray::from_iter_values([""; 0])),
        };
        Self {
            values,
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
            compressed: chunk.compression() != Compression::UNCOMPRESSED,
            optional: chunk.column_descr().max_def_level() > 0,
            longest: chunk.uncompressed_size().max(0) as usize,
            ..Self::empty(chunk, rows)
        };
        for page in pages {
            match page.map_err(told)? {
                Page::DictionaryPage {
                    buf, num_values, ..
                } => {
                    let bytes = found.expanded(&buf)?;
                    found.values = match chunk.column_type() {
                        Type::INT64 => numbers(&bytes, num_values as usize)?,
                        _ => texts(&bytes, num_values as usize)?,
                    };
                }
                Page::DataPage {
                    buf,
                    num_values,
                    encoding: Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY,
                    def_level_encoding: Encoding::RLE,
                    ..
                } => found.pages.push(Packed {
                    bytes: buf,
                    rows: num_values as usize,
                }),
                _ => return Err("a page is not what the footer says".to_owned()),
            }
        }
        if found.pages.iter().map(|page| page.rows).sum::<usize>() != rows {
            return Err("a column has not as many values as its row group".to_owned());
        }
        Ok(found)
    }

    /// The different values, each once, and perhaps others that no row has.
    pub(super) fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// The numbers of the values that the rows have.
    pub(super) fn rows(&self) -> Result<ArrayRef, String> {
        let mut keys = Vec::with_capacity(self.rows);
        let mut present = BooleanBufferBuilder::new(self.rows);
        for page in &self.pages {
            let bytes = self.expanded(&page.bytes)?;
            self.page_into(&bytes, page.rows, &mut keys, &mut present)?;
        }
        if self.pages.is_empty() {
            keys.resize(self.rows, 0);
            present.append_n(self.rows, false);
        }
        let nulls = self.optional.then(|| NullBuffer::new(present.finish()));
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let told = |e: arrow_schema::ArrowError| e.to_string();
        let keys = Int32Array::try_new(keys.into(), nulls).map_err(told)?;
        let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(&self.values));
        Ok(Arc::new(array.map_err(told)?))
    }

    fn page_into(
        &self,
        bytes: &[u8],
        rows: usize,
        keys: &mut Vec<i32>,
        present: &mut BooleanBufferBuilder,
    ) -> Result<(), String> {
        let short = || "a page ends too early".to_owned();
        let (mut rest, begin) = (bytes, present.len());
        if self.optional {
            let (len, behind) = rest.split_first_chunk().ok_or_else(short)?;
            let len = u32::from_le_bytes(*len) as usize;
            let (levels, behind) = behind.split_at_checked(len).ok_or_else(short)?;
            runs::bits_into(levels, rows, present)?;
            rest = behind;
        }
        let set = if self.optional {
            UnalignedBitChunk::new(present.as_slice(), begin, rows).count_ones()
        } else {
            rows
        };
        if set == 0 {
            keys.resize(keys.len() + rows, 0);
            return Ok(());
        }
        let (width, rest) = rest.split_first().ok_or_else(short)?;
        if set == rows {
            return runs::numbers_into(rest, *width, rows, keys);
        }
        let mut dense = Vec::with_capacity(set);
        runs::numbers_into(rest, *width, set, &mut dense)?;
        let first = keys.len();
        keys.resize(first + rows, 0);
        let places = BitIndexIterator::new(present.as_slice(), begin, rows);
        for (place, number) in places.zip(dense) {
            keys[first + place] = number;
        }
        Ok(())
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

fn numbers(bytes: &[u8], count: usize) -> Result<ArrayRef, String> {
    let (numbers, rest) = bytes.as_chunks();
    if numbers.len() != count || !rest.is_empty() {
        return Err("a dictionary has not as many numbers as it says".to_owned());
    }
    let numbers = numbers.iter().map(|eight| i64::from_le_bytes(*eight));
    Ok(Arc::new(Int64Array::from_iter_values(numbers)))
}

/// Each text stands behind its length.
fn texts(bytes: &[u8], count: usize) -> Result<ArrayRef, String> {
    let short = || "a dictionary ends too early".to_owned();
    // No more than there is room for.
    let most = count.min(bytes.len() / 4);
    let (mut ends, mut all) = (
        Vec::with_capacity(most + 1),
        Vec::with_capacity(bytes.len()),
    );
    let mut rest = bytes;
    ends.push(0);
    for _ in 0..count {
        let (len, behind) = rest.split_first_chunk().ok_or_else(short)?;
        let len = u32::from_le_bytes(*len) as usize;
        let (text, behind) = behind.split_at_checked(len).ok_or_else(short)?;
        all.extend_from_slice(text);
        ends.push(i32::try_from(all.len()).map_err(|_| "a dictionary is too long")?);
        rest = behind;
    }
    let texts = StringArray::try_new(OffsetBuffer::new(ends.into()), Buffer::from_vec(all), None);
    Ok(Arc::new(texts.map_err(|e| e.to_string())?))
}
