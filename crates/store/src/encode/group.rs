//! A row group in the making: a writer for each of its columns.

use super::arrays::{column_array, overflow_array};
use super::chunk::{Chunk, Numbered};
use super::{DICTIONARY_BYTES, DICTIONARY_ROWS, TERMS_BYTES};
use crate::columns::{Column, Kind, Survey};
use crate::terms::Index;
use arrow_array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
use arrow_schema::{FieldRef, Schema};
use cresset_model::Value;
use cresset_model::event::LoggedEvent;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::{ParquetError, Result};
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
    Texts(Option<usize>),
    Numbers(Option<usize>),
    Terms(Option<usize>),
    /// The library: for what is rare.
    Library,
}

/// Whether our own code makes the pages of a column.
pub(super) const fn is_of_ours(column: &Column<'_>) -> bool {
    matches!(column.kind, Kind::Text | Kind::Int) && !column.mixed
}

impl Maker {
    fn of(column: &Column<'_>, rows: usize) -> Self {
        let dictionary = rows >= DICTIONARY_ROWS && !column.is_diverse();
        let most = dictionary.then_some(DICTIONARY_BYTES);
        match column.kind {
            _ if !is_of_ours(column) => Self::Library,
            Kind::Int => Self::Numbers(most),
            _ => Self::Texts(most),
        }
    }
}

/// What makes the row groups of a file.
pub(super) struct Groups {
    makers: Vec<Maker>,
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
        let mut makers = vec![Maker::Library; OWN];
        makers.extend(survey.columns.iter().map(|column| Maker::of(column, rows)));
        makers.extend((!survey.overflow.is_empty()).then_some(Maker::Library));
        let terms = (rows >= DICTIONARY_ROWS).then_some(TERMS_BYTES);
        makers.resize(schema.fields().len(), Maker::Terms(terms));
        let fields = schema.fields().iter().zip(&makers);
        let fields = fields.filter(|(_, maker)| matches!(maker, Maker::Library));
        let fields: Vec<FieldRef> = fields.map(|(field, _)| Arc::clone(field)).collect();
        let schema = Arc::new(Schema::new(fields.clone()));
        // Of a file that nobody sees: each factory makes writers for all columns of its file.
        let apart = ArrowWriter::try_new(std::io::sink(), schema, Some(properties))?;
        let (_, library) = apart.into_serialized_writer()?;
        Ok(Self {
            makers,
            library,
            fields,
            made: 0,
        })
    }

    /// The next row group.
    pub(super) fn group<'a>(&mut self) -> Result<Group<'a>> {
        let writers = self.library.create_column_writers(self.made)?;
        self.made += 1;
        let mut library = writers.into_iter().zip(&self.fields);
        let writer = |maker: &Maker| match maker {
            Maker::Texts(most) => Ok(Writer::Texts(Chunk::new(*most))),
            Maker::Numbers(most) => Ok(Writer::Numbers(Chunk::new(*most))),
            Maker::Terms(most) => Ok(Writer::Terms(Numbered::new(*most))),
            Maker::Library => match library.next() {
                Some((writer, field)) => Ok(Writer::Library(Box::new(writer), Arc::clone(field))),
                None => Err(lacking()),
            },
        };
        Ok(Group {
            writers: self.makers.iter().map(writer).collect::<Result<_>>()?,
        })
    }
}

fn lacking() -> ParquetError {
    ParquetError::General("a column has no writer".to_owned())
}

enum Writer<'a> {
    Texts(Chunk<&'a str>),
    Numbers(Chunk<i64>),
    Terms(Numbered),
    Library(Box<ArrowColumnWriter>, FieldRef),
}

impl<'a> Writer<'a> {
    fn array(&mut self, array: &ArrayRef) -> Result<()> {
        let Self::Library(writer, field) = self else {
            return Err(lacking());
        };
        let leaves = compute_leaves(field, array)?;
        leaves.iter().try_for_each(|leaf| writer.write(leaf))
    }

    fn column(
        &mut self,
        column: &Column<'a>,
        cells: &[(u32, &'a Value)],
        rows: &Range<u32>,
        index: &mut Index,
    ) -> Result<()> {
        // Those of a message come from its line.
        let apart = column.has_terms();
        match self {
            Self::Texts(chunk) => {
                let cells = cells.iter().filter_map(|(row, value)| match value {
                    Value::Str(text) => Some((*row, text.as_str())),
                    _ => None,
                });
                chunk.add(cells, rows, |text| {
                    if !apart {
                        index.note_text(text);
                    }
                })
            }
            Self::Numbers(chunk) => {
                let cells = cells.iter().filter_map(|(row, value)| match value {
                    Value::Int(number) => Some((*row, *number)),
                    _ => None,
                });
                // Digits have no terms.
                chunk.add(cells, rows, |_| {})
            }
            Self::Terms(_) => Err(lacking()),
            Self::Library(..) => {
                index.note(cells.iter().map(|(_, value)| *value));
                self.array(&column_array(column, cells, rows))
            }
        }
    }

    fn terms(
        &mut self,
        cells: &[(u32, &'a Value)],
        rows: &Range<u32>,
        index: &mut Index,
    ) -> Result<()> {
        let Self::Terms(lines) = self else {
            return Err(lacking());
        };
        let mut at = rows.start;
        for (row, text) in cells {
            lines.skip((row - at) as usize);
            at = row + 1;
            let number = index.line_of(&text.text());
            lines.put(number, index.forgotten(), index.line(number))?;
        }
        lines.skip((rows.end - at) as usize);
        lines.end_if_full()
    }
}

/// How far each column has been written.
#[derive(Default)]
pub(super) struct Places {
    columns: Vec<usize>,
    overflow: usize,
}

/// A row group in the making.
pub(super) struct Group<'a> {
    writers: Vec<Writer<'a>>,
}

impl<'a> Group<'a> {
    /// Adds some rows of a file.
    pub(super) fn add(
        &mut self,
        survey: &Survey<'a>,
        places: &mut Places,
        index: &mut Index,
        events: &[LoggedEvent],
        rows: Range<usize>,
    ) -> Result<()> {
        let batch = events.get(rows.clone()).unwrap_or_default();
        let rows = rows.start as u32..rows.end as u32;
        let mut writers = self.writers.iter_mut();
        for (array, writer) in own_arrays(batch).iter().zip(&mut writers) {
            writer.array(array)?;
        }
        let mut messages: Option<&[(u32, &'a Value)]> = None;
        places.columns.resize(survey.columns.len(), 0);
        let columns = survey.columns.iter().zip(&mut places.columns);
        for ((column, place), writer) in columns.zip(&mut writers) {
            let rest = &column.cells[*place..];
            let here = &rest[..rest.partition_point(|(row, _)| *row < rows.end)];
            *place += here.len();
            writer.column(column, here, &rows, index)?;
            if column.has_terms() {
                messages = Some(here);
            }
        }
        if !survey.overflow.is_empty() {
            let rest = &survey.overflow[places.overflow..];
            let here = &rest[..rest.partition_point(|(row, _, _)| *row < rows.end)];
            places.overflow += here.len();
            index.note(here.iter().map(|(_, _, value)| *value));
            let writer = writers.next().ok_or_else(lacking)?;
            writer.array(&overflow_array(here, &rows))?;
        }
        if let Some(messages) = messages {
            let writer = writers.next().ok_or_else(lacking)?;
            writer.terms(messages, &rows, index)?;
        }
        Ok(())
    }

    /// Writes the row group.
    pub(super) fn close<W: Write + Send>(self, file: &mut SerializedFileWriter<W>) -> Result<()> {
        let columns = file.schema_descr().columns().to_vec();
        let mut target = file.next_row_group()?;
        for (writer, column) in self.writers.into_iter().zip(columns) {
            let (bytes, close) = match writer {
                Writer::Texts(chunk) => chunk.close(column)?,
                Writer::Numbers(chunk) => chunk.close(column)?,
                Writer::Terms(lines) => lines.close(column)?,
                Writer::Library(writer, _) => {
                    writer.close()?.append_to_row_group(&mut target)?;
                    continue;
                }
            };
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
        time(batch.iter().map(|e| Some(e.event.log_ts.0)).collect()),
        time(batch.iter().map(|e| Some(e.event.col_ts.0)).collect()),
    ]
}
