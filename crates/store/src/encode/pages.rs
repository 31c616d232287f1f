//! The pages of a column.
//!
//! They are of version 1, with the numbers of a dictionary where there is one and the values
//! themselves otherwise, compressed by zstd or not at all. When a dictionary gets too large, the
//! pages after that have the values themselves.

use super::runs::Runs;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::cell::RefCell;
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

/// Rows of a page, and bytes of one, are not many more than that.
const PAGE_ROWS: usize = 20_000;
const PAGE_BYTES: usize = 1 << 20;
/// Bytes of the length of what stands before the values of a page.
const LENGTH: usize = size_of::<u32>();
/// Bytes that tell which rows have a value, if many neighbours do.
const FEW_LEVELS: usize = 64;
/// A column of one page and a dictionary that are no longer is not compressed: what prepares that
/// is as much work as compressing some ten thousand bytes.
const SMALL: usize = 512;
/// zstd's level: most files are merged soon, and compressed better then.
const LEVEL: i32 = -1;

/// Bytes of the room for compressed pages that is kept.
const MOST_ROOM: usize = 4 << 20;

/// A page that is ready.
struct Ready {
    packed: Bytes,
    expanded: usize,
    rows: usize,
    encoding: Encoding,
}

/// The pages of a column.
pub(super) struct Pages {
    /// Bytes of the dictionary, at most, if there is one.
    most: Option<usize>,
    /// Whether rows have the number of a value in the dictionary.
    pub(super) numbered: bool,
    dictionary: Vec<u8>,
    different: u32,
    /// Of the page at hand: which rows have a value, …
    levels: Runs,
    rows_here: usize,
    /// … and their numbers, or their values.
    numbers: Runs,
    plain: Vec<u8>,
    ready: Vec<Ready>,
    pub(super) rows: usize,
    pub(super) values: usize,
}

impl Pages {
    /// `expected`: bytes of the different values, about.
    pub(super) fn new(most: Option<usize>, expected: usize) -> Self {
        let room = |most: usize| Vec::with_capacity(expected.min(most));
        Self {
            most,
            numbered: most.is_some(),
            dictionary: most.map_or_else(Vec::new, room),
            different: 0,
            levels: Runs::default(),
            rows_here: 0,
            numbers: Runs::default(),
            plain: if most.is_some() {
                Vec::new()
            } else {
                room(PAGE_BYTES)
            },
            ready: Vec::new(),
            rows: 0,
            values: 0,
        }
    }

    /// The number of a new value.
    pub(super) fn learn(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> u32 {
        put(&mut self.dictionary);
        self.different += 1;
        self.different - 1
    }

    /// Rows without a value.
    pub(super) fn skip(&mut self, rows: usize) {
        self.level(0, rows);
    }

    fn level(&mut self, level: u32, rows: usize) {
        self.levels.push(level, rows);
        self.rows_here += rows;
        self.rows += rows;
    }

    pub(super) fn put(&mut self, number: u32, put: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        self.level(1, 1);
        self.values += 1;
        if self.numbered {
            self.numbers.push(number, 1);
            return Ok(());
        }
        put(&mut self.plain);
        if self.plain.len() >= PAGE_BYTES {
            return self.end_page();
        }
        Ok(())
    }

    pub(super) fn end_if_full(&mut self) -> Result<()> {
        if self.rows_here >= PAGE_ROWS || self.numbered && self.is_outgrown() {
            self.end_page()?;
        }
        Ok(())
    }

    fn end_page(&mut self) -> Result<()> {
        let mut page = Vec::with_capacity(self.plain.len() + LENGTH + FEW_LEVELS);
        page.extend_from_slice(&[0; LENGTH]);
        self.levels.pack_into(1, &mut page);
        let length = (page.len() - LENGTH) as u32;
        if let Some(place) = page.first_chunk_mut() {
            *place = length.to_le_bytes();
        }
        let encoding = if self.numbered {
            let width = u32::BITS - self.different.saturating_sub(1).leading_zeros();
            page.push(width as u8);
            self.numbers.pack_into(width, &mut page);
            Encoding::RLE_DICTIONARY
        } else {
            page.extend_from_slice(&self.plain);
            Encoding::PLAIN
        };
        self.pack_last()?;
        self.ready.push(Ready {
            expanded: page.len(),
            packed: page.into(),
            rows: self.rows_here,
            encoding,
        });
        self.levels.clear();
        self.numbers.clear();
        self.plain.clear();
        self.rows_here = 0;
        self.numbered &= !self.is_outgrown();
        Ok(())
    }

    fn is_outgrown(&self) -> bool {
        self.most.is_some_and(|most| self.dictionary.len() > most)
    }

    /// Compresses the last page, which waits for others that tell whether it is worth it.
    fn pack_last(&mut self) -> Result<()> {
        if let Some(last) = self.ready.last_mut() {
            last.packed = packed(&last.packed)?;
        }
        Ok(())
    }
}

fn packed(page: &[u8]) -> Result<Bytes> {
    thread_local! {
        static ZSTD: RefCell<Option<(Compressor<'static>, Vec<u8>)>> = const { RefCell::new(None) };
    }
    let told = |e: std::io::Error| ParquetError::External(e.into());
    ZSTD.with_borrow_mut(|zstd| {
        let (zstd, room) = match zstd {
            Some(zstd) => zstd,
            none => none.insert((Compressor::new(LEVEL).map_err(told)?, Vec::new())),
        };
        // One room for all, because making room for what is compressed well costs more than
        // a copy of it.
        room.clear();
        room.reserve(compress_bound(page.len()));
        zstd.compress_to_buffer(page, room).map_err(told)?;
        let packed = Bytes::copy_from_slice(room);
        if room.capacity() > MOST_ROOM {
            *room = Vec::new();
        }
        Ok(packed)
    })
}

impl Pages {
    /// The bytes of the column, and what the footer says of it.
    pub(super) fn close(
        mut self,
        column: ColumnDescPtr,
        statistics: Option<Statistics>,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        if self.rows_here > 0 || self.ready.is_empty() {
            self.end_page()?;
        }
        let first = self.ready.first().map_or(0, |page| page.expanded);
        let small = self.ready.len() == 1 && first + self.dictionary.len() <= SMALL;
        let mut metadata = ColumnChunkMetaData::builder(column);
        if !small {
            self.pack_last()?;
            metadata = metadata.set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?));
        }
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let rows = self.rows;
        let dictionary = self.most.map(|_| 0);
        let written = self.write(small)?;
        let mut encodings = vec![Encoding::RLE];
        encodings.extend(written.encodings.iter().map(|page| page.encoding));
        let metadata = metadata
            .set_encodings(encodings)
            .set_page_encoding_stats(written.encodings)
            .set_num_values(rows as i64)
            .set_total_compressed_size(written.bytes.len() as i64)
            .set_total_uncompressed_size(written.expanded as i64)
            .set_dictionary_page_offset(dictionary)
            .set_data_page_offset(written.data as i64);
        let close = ColumnCloseResult {
            bytes_written: written.bytes.len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(written.places.build()),
        };
        Ok((written.bytes, close))
    }

    /// Puts the pages behind one another, the dictionary first.
    fn write(self, small: bool) -> Result<Written> {
        let mut sink = TrackedWrite::new(Vec::new());
        let mut sizes = Sizes::default();
        if self.most.is_some() {
            let expanded = self.dictionary.len();
            let page = Page::DictionaryPage {
                buf: if small {
                    self.dictionary.into()
                } else {
                    packed(&self.dictionary)?
                },
                num_values: self.different,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            sizes.write(&mut sink, page, expanded)?;
        }
        let (data, mut places) = (sink.bytes_written(), OffsetIndexBuilder::new());
        for ready in self.ready {
            let page = Page::DataPage {
                buf: ready.packed,
                num_values: ready.rows as u32,
                encoding: ready.encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            let at = sizes.write(&mut sink, page, ready.expanded)?;
            places.append_offset_and_size(at.offset as i64, at.compressed_size as i32);
            places.append_row_count(ready.rows as i64);
        }
        Ok(Written {
            bytes: sink.into_inner()?.into(),
            data,
            expanded: sizes.expanded,
            encodings: sizes.encodings,
            places,
        })
    }
}

/// The pages of a column behind one another.
struct Written {
    bytes: Bytes,
    /// Where the first of rows is.
    data: usize,
    expanded: usize,
    encodings: Vec<PageEncodingStats>,
    places: OffsetIndexBuilder,
}

/// What the pages that were written come to.
#[derive(Default)]
struct Sizes {
    expanded: usize,
    encodings: Vec<PageEncodingStats>,
}

impl Sizes {
    fn write(
        &mut self,
        sink: &mut TrackedWrite<Vec<u8>>,
        page: Page,
        expanded: usize,
    ) -> Result<PageWriteSpec> {
        let (kind, encoding) = (page.page_type(), page.encoding());
        let mut writer = SerializedPageWriter::new(sink);
        let written = writer.write_page(CompressedPage::new(page, expanded))?;
        self.expanded += written.uncompressed_size;
        self.count(kind, encoding);
        Ok(written)
    }

    fn count(&mut self, page_type: PageType, encoding: Encoding) {
        let known = self.encodings.iter_mut();
        let mut known = known.filter(|e| e.page_type == page_type && e.encoding == encoding);
        match known.next() {
            Some(known) => known.count += 1,
            None => self.encodings.push(PageEncodingStats {
                page_type,
                encoding,
                count: 1,
            }),
        }
    }
}
