//! A row group in the making: a writer for each of its columns.

use super::chunk::{Chunk, Numbered};
use super::library::{Library, Others, Overflow, lacking};
use super::source::{Place, Source};
use super::survey::{Column, Expected, Survey};
use super::{DICTIONARY_BYTES, DICTIONARY_ROWS, TERMS_BYTES};
use crate::columns::{Kind, reads_back};
use crate::terms::Index;
use arrow_array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
use arrow_schema::{FieldRef, Schema};
use cresset_model::Value;
use cresset_model::event::LoggedEvent;
use cresset_model::packed::{Cell, ValueRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

/// Columns that come before those of fields.
const OWN: usize = 3;

/// Who makes the pages of a column, and for our own the bytes of a dictionary.
#[derive(Debug, Clone, Copy)]
enum Maker {
    Texts(Option<usize>, Expected, Terms),
    Numbers(Option<usize>, Expected),
    /// The library: for what is rare.
    Library(Kind, Mixed),
}

/// Whether the terms of texts stand in a column of their own.
type Terms = bool;
/// Whether a column has values of several kinds.
type Mixed = bool;

/// What has no number yet.
const NEW: u32 = u32::MAX;

/// Whether our own code makes the pages of a column.
pub(super) const fn is_of_ours(column: &Column<'_>) -> bool {
    matches!(column.kind, Kind::Text | Kind::Int) && !column.mixed
}

impl Maker {
    fn of(column: &Column<'_>, rows: usize) -> Self {
        let dictionary = rows >= DICTIONARY_ROWS && !column.diverse;
        let most = dictionary.then_some(DICTIONARY_BYTES);
        match column.kind {
            kind if !is_of_ours(column) => Self::Library(kind, column.mixed),
            Kind::Int => Self::Numbers(most, column.expected),
            _ => Self::Texts(most, column.expected, column.has_terms()),
        }
    }
}

/// What makes the row groups of a file.
pub(super) struct Groups {
    makers: Vec<Maker>,
    overflow: bool,
    /// Whether there is a column of lines of terms, …
    terms: bool,
    /// … and the bytes of its dictionary, if it has one.
    lines: Option<usize>,
    /// Makes writers for the columns of the library.
    library: ArrowRowGroupWriterFactory,
    fields: Vec<FieldRef>,
    made: usize,
}

impl Groups {
    /// For files of `rows` rows with the columns of `schema`.
    pub(super) fn new(
        survey: &Survey<'_>,
        schema: &Schema,
        properties: WriterProperties,
        rows: usize,
    ) -> Result<Self> {
        let columns = survey.columns.iter();
        let makers: Vec<Maker> = columns.map(|column| Maker::of(column, rows)).collect();
        let of_library = |place: usize| match place.checked_sub(OWN) {
            None => true,
            Some(place) => match makers.get(place) {
                Some(maker) => matches!(maker, Maker::Library(..)),
                None => survey.overflow && place == makers.len(),
            },
        };
        let fields = schema.fields().iter().enumerate();
        let fields = fields.filter(|(place, _)| of_library(*place));
        let fields: Vec<FieldRef> = fields.map(|(_, field)| Arc::clone(field)).collect();
        let schema = Arc::new(Schema::new(fields.clone()));
        // Of a file that nobody sees: each factory makes writers for all columns of its file.
        let apart = ArrowWriter::try_new(std::io::sink(), schema, Some(properties))?;
        let (_, library) = apart.into_serialized_writer()?;
        Ok(Self {
            makers,
            overflow: survey.overflow,
            terms: survey.columns.iter().any(Column::has_terms),
            lines: (rows >= DICTIONARY_ROWS).then_some(TERMS_BYTES),
            library,
            fields,
            made: 0,
        })
    }

    /// The row group that begins with row `first`.
    pub(super) fn group<'s, 'a>(
        &mut self,
        first: u32,
        source: &'s Source<'a>,
        survey: &'s Survey<'a>,
    ) -> Result<Group<'s, 'a>> {
        let writers = self.library.create_column_writers(self.made)?;
        self.made += 1;
        let writers = writers.into_iter().zip(&self.fields);
        let mut library = writers.map(|(writer, field)| Library::new(writer, Arc::clone(field)));
        let own: Vec<Library> = library.by_ref().take(OWN).collect();
        let writer = |maker: &Maker| {
            Ok(match maker {
                Maker::Texts(most, expected, terms) => {
                    Writer::Texts(Chunk::new(first, *most, *expected), *terms)
                }
                Maker::Numbers(most, expected) => {
                    Writer::Numbers(Chunk::new(first, *most, *expected))
                }
                Maker::Library(kind, mixed) => {
                    let library = library.next().ok_or_else(lacking)?;
                    Writer::Others(Others::new(library, *kind, first), *mixed)
                }
            })
        };
        let columns = self.makers.iter().map(writer).collect::<Result<_>>()?;
        let overflow = self.overflow.then(|| library.next().ok_or_else(lacking));
        Ok(Group {
            source,
            survey,
            own,
            columns,
            overflow: overflow.transpose()?.map(Overflow::new),
            lines: self.terms.then(|| Numbered::new(self.lines)),
            messages: Vec::new(),
            numbers: vec![Vec::new(); source.batches.len()],
            values: Vec::new(),
        })
    }
}

enum Writer<'a> {
    Texts(Chunk<&'a str>, Terms),
    Numbers(Chunk<i64>),
    Others(Others, Mixed),
}

/// A row group in the making.
pub(super) struct Group<'s, 'a> {
    source: &'s Source<'a>,
    survey: &'s Survey<'a>,
    own: Vec<Library>,
    columns: Vec<Writer<'a>>,
    overflow: Option<Overflow<'a>>,
    lines: Option<Numbered>,
    /// Of the rows at hand, the texts whose terms stand in a column of their own.
    messages: Vec<(u32, &'a str)>,
    /// Of each batch, the numbers that values have in their columns, or among `values`.
    numbers: Vec<Vec<u32>>,
    /// Those of the library's columns.
    values: Vec<Value>,
}

impl Group<'_, '_> {
    /// Adds some rows of a file.
    pub(super) fn add(
        &mut self,
        index: &mut Index,
        events: &[LoggedEvent],
        places: &[Place],
        rows: Range<usize>,
    ) -> Result<()> {
        let batch = events.get(rows.clone()).unwrap_or_default();
        let places = places.get(rows.clone()).unwrap_or_default();
        let rows = rows.start as u32..rows.end as u32;
        for (array, writer) in own_arrays(batch).iter().zip(&mut self.own) {
            writer.array(array)?;
        }
        for (row, place) in rows.clone().zip(places) {
            self.row(row, *place, index)?;
        }
        for writer in &mut self.columns {
            match writer {
                Writer::Texts(chunk, _) => chunk.end(rows.end)?,
                Writer::Numbers(chunk) => chunk.end(rows.end)?,
                Writer::Others(others, _) => others.end(&self.values, &rows)?,
            }
        }
        if let Some(overflow) = &mut self.overflow {
            overflow.end(&self.values, &rows)?;
        }
        self.end_lines(index, &rows)
    }

    fn row(&mut self, row: u32, place: Place, index: &mut Index) -> Result<()> {
        let (source, survey) = (self.source, self.survey);
        let numbers = self.numbers.get_mut(place.batch);
        let (Some(batch), Some(numbers)) = (source.batches.get(place.batch), numbers) else {
            return Ok(());
        };
        // Only now, because a file may have rows of few of very many batches.
        numbers.resize(batch.values().len(), NEW);
        let columns = survey.fields.get(place.batch);
        for cell in batch.cells(place.row) {
            let column = columns.and_then(|columns| columns.get(cell.field as usize));
            self.cell(row, place.batch, *cell, column.copied(), index)?;
        }
        Ok(())
    }

    fn cell(
        &mut self,
        row: u32,
        batch: usize,
        cell: Cell,
        column: Option<u32>,
        index: &mut Index,
    ) -> Result<()> {
        let numbers = self.numbers.get_mut(batch);
        let number = numbers.and_then(|numbers| numbers.get_mut(cell.value as usize));
        let (Some(rows), Some(number)) = (self.source.batches.get(batch), number) else {
            return Ok(());
        };
        let value = || rows.values().get(cell.value as usize).copied();
        let writer = column.and_then(|place| self.columns.get_mut(place as usize));
        match writer {
            Some(Writer::Texts(chunk, terms)) => {
                let known = *number != NEW;
                if known && chunk.is_numbered() && !*terms {
                    return chunk.add_known(row, *number);
                }
                let Some(ValueRef::Str(text)) = value() else {
                    return Ok(());
                };
                if *terms && self.messages.last().is_none_or(|(last, _)| *last != row) {
                    self.messages.push((row, text));
                }
                // The terms of a message come from its line.
                let note = |text| {
                    if !known && !*terms {
                        index.note_text(text);
                    }
                };
                *number = chunk.add(row, text, note)?.unwrap_or(*number);
            }
            Some(Writer::Numbers(chunk)) => {
                if *number != NEW && chunk.is_numbered() {
                    return chunk.add_known(row, *number);
                }
                if let Some(ValueRef::Int(n)) = value() {
                    // Digits have no terms.
                    *number = chunk.add(row, n, |_| {})?.unwrap_or(*number);
                }
            }
            other => {
                let Some(value) = value() else {
                    return Ok(());
                };
                if *number == NEW {
                    *number = self.values.len() as u32;
                    self.values.push(value.to_value());
                    index.note(self.values.last().into_iter());
                }
                let back = match other {
                    Some(Writer::Others(others, mixed)) => {
                        let is_first = others.add(row, *number);
                        let value = self.values.get(*number as usize);
                        let back = value.is_some_and(|value| reads_back(others.kind, value));
                        !is_first || !*mixed || back
                    }
                    _ => false,
                };
                let name = rows.names().get(cell.field as usize);
                if let (false, Some(name), Some(overflow)) = (back, name, &mut self.overflow) {
                    overflow.add(row, name, *number);
                }
            }
        }
        Ok(())
    }

    /// The lines of the terms of some rows.
    fn end_lines(&mut self, index: &mut Index, rows: &Range<u32>) -> Result<()> {
        let Some(lines) = &mut self.lines else {
            return Ok(());
        };
        let mut at = rows.start;
        for (row, text) in self.messages.drain(..) {
            lines.skip((row - at) as usize);
            at = row + 1;
            let number = index.line_of(text);
            lines.put(number, index.forgotten(), index.line(number))?;
        }
        lines.skip((rows.end - at) as usize);
        lines.end_if_full()
    }

    /// Writes the row group.
    pub(super) fn close<W: Write + Send>(self, file: &mut SerializedFileWriter<W>) -> Result<()> {
        let columns = file.schema_descr().columns().to_vec();
        let mut columns = columns.into_iter();
        let mut target = file.next_row_group()?;
        for library in self.own {
            columns.next();
            library.close(&mut target)?;
        }
        for writer in self.columns {
            let column = columns.next().ok_or_else(lacking)?;
            let (bytes, close) = match writer {
                Writer::Texts(chunk, _) => chunk.close(column)?,
                Writer::Numbers(chunk) => chunk.close(column)?,
                Writer::Others(others, _) => {
                    others.close(&mut target)?;
                    continue;
                }
            };
            target.append_column(&bytes, close)?;
        }
        if let Some(overflow) = self.overflow {
            columns.next();
            overflow.close(&mut target)?;
        }
        if let Some(lines) = self.lines {
            let (bytes, close) = lines.close(columns.next().ok_or_else(lacking)?)?;
            target.append_column(&bytes, close)?;
        }
        target.close()?;
        Ok(())
    }
}

/// The columns of each file that are not those of fields.
fn own_arrays(batch: &[LoggedEvent]) -> [ArrayRef; OWN] {
    let time = |a: TimestampMicrosecondArray| -> ArrayRef { Arc::new(a.with_timezone("UTC")) };
    [
        Arc::new(Int64Array::from_iter_values(
            batch.iter().map(|e| e.seq as i64),
        )),
        time(batch.iter().map(|e| Some(e.event.log_ts().0)).collect()),
        time(batch.iter().map(|e| Some(e.event.col_ts().0)).collect()),
    ]
}
