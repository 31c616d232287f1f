//! A column of a row group, which our own code makes.
//!
//! The library's writer looks each value up by itself, compresses with room made anew for each
//! column and keeps statistics of each page: most of the cost of taking events in. Here a value
//! like the one before costs a comparison, and what is known of the different values, such as
//! their terms, is asked for once each.

use super::pages::Pages;
use super::survey::Expected;
use bytes::Bytes;
use foldhash::{HashMap, HashMapExt};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;
use std::hash::Hash;

/// Different values that there is room for before the first comes, at most.
const KNOWN: usize = 1 << 12;

/// Longer texts are no bounds of a column.
const BOUND_BYTES: usize = 64;

/// What a column has of each row.
pub(super) trait Cell: Copy + Eq + Ord + Hash {
    /// Adds the value as pages have it.
    fn put(self, plain: &mut Vec<u8>);
    /// What the footer says of the column: smallest and largest value, and rows without one.
    fn statistics(bounds: Option<(Self, Self)>, absent: u64) -> Statistics;
}

impl Cell for &str {
    fn put(self, plain: &mut Vec<u8>) {
        plain.extend_from_slice(&(self.len() as u32).to_le_bytes());
        plain.extend_from_slice(self.as_bytes());
    }

    fn statistics(bounds: Option<(Self, Self)>, absent: u64) -> Statistics {
        let short = |(min, max): &(&str, &str)| min.len().max(max.len()) <= BOUND_BYTES;
        let bounds = bounds.filter(short);
        let bytes = |text: &str| text.as_bytes().to_vec().into();
        let (min, max) = (bounds.map(|b| bytes(b.0)), bounds.map(|b| bytes(b.1)));
        Statistics::ByteArray(ValueStatistics::new(min, max, None, Some(absent), false))
    }
}

impl Cell for i64 {
    fn put(self, plain: &mut Vec<u8>) {
        plain.extend_from_slice(&self.to_le_bytes());
    }

    fn statistics(bounds: Option<(Self, Self)>, absent: u64) -> Statistics {
        let (min, max) = (bounds.map(|b| b.0), bounds.map(|b| b.1));
        Statistics::Int64(ValueStatistics::new(min, max, None, Some(absent), false))
    }
}

/// A column in the making.
pub(super) struct Chunk<T> {
    /// The row after the last one that was added.
    next: u32,
    known: HashMap<T, u32>,
    last: Option<(T, u32)>,
    bounds: Option<(T, T)>,
    pages: Pages,
}

impl<T: Cell> Chunk<T> {
    /// For the rows from `first`. `most`: bytes of a dictionary, after which there is none; `None`
    /// for none at all.
    pub(super) fn new(first: u32, most: Option<usize>, expected: Expected) -> Self {
        let numbered = most.map_or(0, |_| expected.different);
        Self {
            next: first,
            known: HashMap::with_capacity(numbered.min(KNOWN)),
            last: None,
            bounds: None,
            pages: Pages::new(most, expected.bytes),
        }
    }

    /// Goes on to a row; false if it has a value already.
    fn go_to(&mut self, row: u32) -> bool {
        let Some(skipped) = row.checked_sub(self.next) else {
            return false;
        };
        self.pages.skip(skipped as usize);
        self.next = row + 1;
        true
    }

    /// Whether values are known by their numbers.
    pub(super) const fn is_numbered(&self) -> bool {
        self.pages.numbered
    }

    /// Adds a row with a value whose number is known, as long as the column [is
    /// numbered](Self::is_numbered).
    pub(super) fn add_known(&mut self, row: u32, number: u32) -> Result<()> {
        if self.go_to(row) {
            self.pages.put(number, |_| {})?;
        }
        Ok(())
    }

    /// Adds a row with a value, which it shows `new` unless it knows to have done so before, and
    /// gives the number of the value; `None` if the row has a value already.
    pub(super) fn add(&mut self, row: u32, value: T, new: impl FnOnce(T)) -> Result<Option<u32>> {
        if !self.go_to(row) {
            return Ok(None);
        }
        let number = self.number(value, new);
        self.last = Some((value, number));
        self.pages.put(number, |plain| value.put(plain))?;
        Ok(Some(number))
    }

    fn number(&mut self, value: T, new: impl FnOnce(T)) -> u32 {
        if let Some((last, number)) = self.last
            && last == value
        {
            return number;
        }
        if !self.pages.numbered {
            new(value);
            widen(&mut self.bounds, value);
            return 0;
        }
        *self.known.entry(value).or_insert_with(|| {
            new(value);
            widen(&mut self.bounds, value);
            self.pages.learn(|plain| value.put(plain))
        })
    }

    /// Ends a stretch of rows.
    pub(super) fn end(&mut self, end: u32) -> Result<()> {
        self.pages.skip(end.saturating_sub(self.next) as usize);
        self.next = end;
        self.pages.end_if_full()
    }

    /// The bytes of the column, and what the footer says of it.
    pub(super) fn close(self, column: ColumnDescPtr) -> Result<(Bytes, ColumnCloseResult)> {
        let absent = self.pages.rows - self.pages.values;
        let statistics = T::statistics(self.bounds, absent as u64);
        self.pages.close(column, Some(statistics))
    }
}

fn widen<T: Ord + Copy>(bounds: &mut Option<(T, T)>, value: T) {
    let (min, max) = bounds.unwrap_or((value, value));
    *bounds = Some((min.min(value), max.max(value)));
}

/// A column whose values have numbers already, which are few.
pub(super) struct Numbered {
    /// The number that a value has in the dictionary.
    numbers: Vec<Option<u32>>,
    /// How often numbers had been given anew when these were.
    turn: u64,
    pages: Pages,
}

impl Numbered {
    /// `most` as in [`Chunk::new`].
    pub(super) fn new(most: Option<usize>) -> Self {
        Self {
            numbers: Vec::new(),
            turn: 0,
            pages: Pages::new(most, 0),
        }
    }

    pub(super) fn skip(&mut self, rows: usize) {
        self.pages.skip(rows);
    }

    /// Adds a row with a value and its number, which holds as long as `turn` is the same.
    pub(super) fn put(&mut self, number: u32, turn: u64, value: &str) -> Result<()> {
        if self.turn != turn {
            self.numbers.clear();
            self.turn = turn;
        }
        let at = number as usize;
        if self.numbers.len() <= at {
            self.numbers.resize(at + 1, None);
        }
        let pages = &mut self.pages;
        let known = self.numbers.get_mut(at).filter(|_| pages.numbered);
        let number = known.map_or(0, |known| {
            *known.get_or_insert_with(|| pages.learn(|plain| value.put(plain)))
        });
        pages.put(number, |plain| value.put(plain))
    }

    /// Ends a stretch of rows.
    pub(super) fn end_if_full(&mut self) -> Result<()> {
        self.pages.end_if_full()
    }

    pub(super) fn close(self, column: ColumnDescPtr) -> Result<(Bytes, ColumnCloseResult)> {
        self.pages.close(column, None)
    }
}
