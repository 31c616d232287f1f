//! Packed events as rows of numbered values.

use super::read::{Source, ValueRef};
use crate::{Event, FieldName, Timestamp};

/// Packed events as rows of numbered values: cells of one field that have the same value have
/// the same number, but for those whose values hardly come again.
#[derive(Debug, Default)]
pub struct Rows<'p> {
    names: Vec<&'p str>,
    values: Vec<ValueRef<'p>>,
    cells: Vec<Cell>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    log_ts: Timestamp,
    col_ts: Timestamp,
    /// Where its cells end.
    end: usize,
}

/// A field of a row.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Number of its name.
    pub field: u32,
    /// Number of its value, which no other field has.
    pub value: u32,
}

impl<'p> Rows<'p> {
    /// Reads so many events, which must be all.
    pub(super) fn read(bytes: &'p [u8], count: usize) -> Option<Self> {
        let mut source = Source(bytes);
        let mut rows = Self {
            rows: Vec::with_capacity(count.min(bytes.len())),
            ..Self::default()
        };
        // Of each field, which of all values those are that have numbers.
        let mut numbered: Vec<Vec<u32>> = Vec::new();
        let (mut log_ts, mut col_ts) = (Timestamp(0), Timestamp(0));
        for _ in 0..count {
            (log_ts, col_ts) = (source.time(log_ts)?, source.time(col_ts)?);
            for _ in 0..source.number()? {
                let field = usize::try_from(source.number()?).ok()?;
                if field == rows.names.len() {
                    rows.names.push(source.text()?);
                    numbered.push(Vec::new());
                }
                let known = numbered.get_mut(field)?;
                let value = match source.number()? {
                    code @ (0 | 1) => {
                        let number = u32::try_from(rows.values.len()).ok()?;
                        rows.values.push(source.value()?);
                        if code == 1 {
                            known.push(number);
                        }
                        number
                    }
                    code => *known.get(usize::try_from(code - 2).ok()?)?,
                };
                let field = field as u32;
                rows.cells.push(Cell { field, value });
            }
            let end = rows.cells.len();
            rows.rows.push(Row {
                log_ts,
                col_ts,
                end,
            });
        }
        source.0.is_empty().then_some(rows)
    }

    /// Names of fields, by number.
    pub fn names(&self) -> &[&'p str] {
        &self.names
    }

    /// Different values of fields, by number.
    pub fn values(&self) -> &[ValueRef<'p>] {
        &self.values
    }

    /// The fields of a row, in its order.
    pub fn cells(&self, row: usize) -> &[Cell] {
        let begin = row.checked_sub(1).and_then(|before| self.rows.get(before));
        let begin = begin.map_or(0, |before| before.end);
        let end = self.rows.get(row).map_or(begin, |row| row.end);
        self.cells.get(begin..end).unwrap_or_default()
    }

    /// Event time and arrival time of a row, if there is one at that place.
    pub fn times(&self, row: usize) -> Option<(Timestamp, Timestamp)> {
        self.rows.get(row).map(|row| (row.log_ts, row.col_ts))
    }

    /// Name and value of each field of a row.
    pub fn fields(&self, row: usize) -> impl Iterator<Item = (&'p str, ValueRef<'p>)> {
        self.cells(row).iter().filter_map(|cell| {
            let name = self.names.get(cell.field as usize)?;
            Some((*name, *self.values.get(cell.value as usize)?))
        })
    }

    /// The event of a row.
    pub fn event(&self, row: usize) -> Option<Event> {
        let (log_ts, col_ts) = self.times(row)?;
        let mut event = Event::new(log_ts, col_ts);
        event.fields.reserve_exact(self.cells(row).len());
        let fields = self.fields(row);
        let fields = fields.map(|(name, value)| (FieldName::from(name), value.to_value()));
        event.fields.extend(fields);
        Some(event)
    }

    /// [`Event::size`] of a row.
    pub(super) fn size(&self, row: usize) -> usize {
        let fields = self.fields(row);
        Event::size_of(fields.map(|(name, value)| (name, value.size())))
    }
}
