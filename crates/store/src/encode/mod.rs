//! Writing one Parquet file.

mod arrays;
mod chunk;
mod group;
mod library;
mod pages;
mod runs;
mod source;
mod survey;

pub(crate) use self::arrays::{column_array, overflow_array};
pub(crate) use self::source::{Source, all_packed};

use self::group::Groups;
use self::survey::{Column, survey};
use crate::columns::{self, COL_TS, Kind, LOG_TS, OVERFLOW, SEQ, TERMS};
use crate::terms::{self, Index};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use cresset_model::event::LoggedEvent;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use std::ops::Range;
use std::sync::Arc;

/// Key of the file's own description in its footer.
pub(crate) const DESCRIPTION: &str = "cresset";

/// What a file says about itself, besides what Parquet has words for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Description {
    /// Version of the layout, 1.
    pub(crate) version: u32,
    /// Columns that hold values of several kinds.
    pub(crate) mixed: Vec<String>,
}

/// Rows that are turned into columns at a time.
const BATCH_ROWS: usize = 8_192;
/// Size of events that are turned into columns at a time: dictionaries outgrow their bounds by no
/// more than that, and arrow's text arrays, for those columns that the library makes, end at 2 GiB.
const BATCH_BYTES: usize = 4 << 20;
/// Rows of a row group: what a search can skip as one.
pub(crate) const GROUP_ROWS: usize = 65_536;
/// Smaller files have no dictionaries. Measured with log lines of 16 fields, they are
/// 6 % smaller and written in two thirds of the time without, and each dictionary
/// takes memory while the file is written.
const DICTIONARY_ROWS: usize = 1_000;

/// Bytes of the different values of a column of a row group that have numbers.
const DICTIONARY_BYTES: usize = 1 << 20;

/// Different lines of terms of a row group that have a number: those of 65,536 real Windows events
/// take 2 to 9 MB.
const TERMS_BYTES: usize = 16 << 20;

/// Writes `events`, which are in the order of the file, and gives the sink back. `index` remembers
/// words from file to file.
pub(crate) fn encode<W: std::io::Write + Send>(
    events: &[LoggedEvent],
    max_columns: usize,
    index: &mut Index,
    sink: W,
) -> Result<W, ParquetError> {
    let events = all_packed(events);
    let source = Source::of(events.iter());
    encode_packed(&source, &events, max_columns, index, sink)
}

/// The same for events of `source`, all of which are packed.
pub(crate) fn encode_packed<W: std::io::Write + Send>(
    source: &Source<'_>,
    events: &[LoggedEvent],
    max_columns: usize,
    index: &mut Index,
    sink: W,
) -> Result<W, ParquetError> {
    let places = source.places(events);
    let survey = survey(
        source,
        &places,
        max_columns,
        events.len() >= DICTIONARY_ROWS,
    );
    let kinds = survey.columns.iter().map(|c| (c.field, c.kind));
    let extra = Extra {
        overflow: survey.overflow,
        terms: survey.columns.iter().any(Column::has_terms),
    };
    let schema = Arc::new(schema(kinds, extra));
    let mixed = survey.columns.iter().filter(|c| c.mixed);
    let mut properties = properties(mixed.map(|c| c.field), events.len())?;
    for column in survey.columns.iter().filter(|c| !group::is_of_ours(c)) {
        if column.small {
            let none = Compression::UNCOMPRESSED;
            properties = properties.set_column_compression(path(column), none);
        } else if column.diverse {
            properties = properties.set_column_dictionary_enabled(path(column), false);
        }
    }
    let properties = properties.build();
    let mut groups = Groups::new(&survey, &schema, properties.clone(), events.len())?;
    let writer = ArrowWriter::try_new(sink, schema, Some(properties))?;
    let (mut file, _) = writer.into_serialized_writer()?;
    let mut vocabularies = Vec::new();
    let mut group = None;
    for rows in batches(events) {
        let end = rows.end;
        let mut open = match group.take() {
            Some(open) => open,
            None => groups.group(rows.start as u32, source, &survey)?,
        };
        open.add(index, events, &places, rows)?;
        if end % GROUP_ROWS == 0 || end == events.len() {
            open.close(&mut file)?;
            vocabularies.push(index.end_group());
        } else {
            group = Some(open);
        }
    }
    let mut write = |packed: &[u8]| {
        let at = file.bytes_written() as u64;
        file.write_all(packed).map(|()| at)
    };
    let places = terms::write_all(&vocabularies, &mut write, |error| error).map_err(sink_error)?;
    file.append_key_value_metadata(KeyValue::new(terms::PLACES.to_owned(), places));
    file.into_inner()
}

/// An error of the outer world as the Parquet writer wraps it.
pub(crate) fn sink_error(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// Which columns a file has besides those of fields and the first three.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extra {
    pub(crate) overflow: bool,
    pub(crate) terms: bool,
}

/// The schema of a file whose columns are of these fields and kinds.
pub(crate) fn schema<'a>(columns: impl Iterator<Item = (&'a str, Kind)>, extra: Extra) -> Schema {
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new(SEQ, DataType::Int64, false),
        Field::new(LOG_TS, time(), false),
        Field::new(COL_TS, time(), false),
    ];
    fields.extend(columns.map(|(field, kind)| {
        let kind = match kind {
            Kind::Int => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Bool => DataType::Boolean,
            Kind::Text => DataType::Utf8,
            Kind::List => DataType::new_list(DataType::Utf8, true),
        };
        Field::new(columns::column_name(field), kind, true)
    }));
    let extra = [(extra.overflow, OVERFLOW), (extra.terms, TERMS)];
    let extra = extra.iter().filter(|(there, _)| *there);
    fields.extend(extra.map(|(_, name)| Field::new(*name, DataType::Utf8, true)));
    Schema::new(fields)
}

/// Where the values of a column are.
fn path(column: &Column<'_>) -> ColumnPath {
    let name = columns::column_name(column.field).into_owned();
    ColumnPath::new(match column.kind {
        Kind::List => vec![name, "list".to_owned(), "element".to_owned()],
        _ => vec![name],
    })
}

/// How a file of so many rows is written, some of whose columns are mixed.
pub(crate) fn properties<'a>(
    mixed: impl Iterator<Item = &'a str>,
    rows: usize,
) -> Result<WriterPropertiesBuilder, ParquetError> {
    let description = Description {
        version: 1,
        mixed: mixed
            .map(|field| columns::column_name(field).into_owned())
            .collect(),
    };
    let description =
        serde_json::to_string(&description).map_err(|e| ParquetError::External(e.into()))?;
    // Differences of neighbours, not a dictionary, which would hold every value once
    // and in addition a number per row.
    let steady =
        [SEQ, LOG_TS, COL_TS]
            .iter()
            .fold(WriterProperties::builder(), |properties, column| {
                properties
                    .set_column_dictionary_enabled((*column).into(), false)
                    .set_column_encoding((*column).into(), Encoding::DELTA_BINARY_PACKED)
            });
    Ok(steady
        .set_dictionary_enabled(rows >= DICTIONARY_ROWS)
        .set_column_dictionary_page_size_limit(TERMS.into(), TERMS_BYTES)
        .set_column_statistics_enabled(TERMS.into(), EnabledStatistics::None)
        // Level 3 was measured to cost a quarter more time for the same size.
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by("cresset".to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(
            DESCRIPTION.to_owned(),
            description,
        )])))
}

/// Cuts the rows into pieces that are small in rows and in bytes.
fn batches(events: &[LoggedEvent]) -> Vec<Range<usize>> {
    let (mut cuts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (row, event) in events.iter().enumerate() {
        let size = event.event.size();
        let full = row - start == BATCH_ROWS || bytes + size > BATCH_BYTES;
        // A piece belongs to one row group.
        if row > start && (full || row % GROUP_ROWS == 0) {
            cuts.push(start..row);
            (start, bytes) = (row, 0);
        }
        bytes += size;
    }
    if start < events.len() {
        cuts.push(start..events.len());
    }
    cuts
}

#[cfg(test)]
mod tests;
