//! Reading one Parquet file.

use crate::columns::{self, COL_TS, LOG_TS, OVERFLOW, SEQ};
use crate::encode::{DESCRIPTION, Description};
use crate::{Error, Result, overflow};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use cresset_model::{Event, FieldName, Timestamp, Value};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Rows that become events at a time, at most.
const BATCH_ROWS: u64 = 2_048;
/// Rough size of the rows that become events at a time.
const BATCH_BYTES: u64 = 8 << 20;

/// What a caller does with each event.
pub(crate) type OnEvent<'a> = &'a mut (dyn FnMut(u64, Event) -> ControlFlow<()> + 'a);

/// Which part of a file to read.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    /// Event time after the first and up to the second.
    pub(crate) range: (Timestamp, Timestamp),
    /// Fields; `None` means all.
    pub(crate) fields: Option<&'a BTreeSet<String>>,
}

impl Wanted<'_> {
    fn time(&self, log_ts: i64) -> bool {
        log_ts > self.range.0.0 && log_ts <= self.range.1.0
    }

    fn field(&self, name: &str) -> bool {
        self.fields.is_none_or(|f| f.contains(name))
    }
}

/// Gives the wanted events of the file at `path` to `on_event`, in the file's order:
/// by event time, then `seq`.
pub(crate) fn scan(path: &Path, wanted: &Wanted<'_>, on_event: OnEvent<'_>) -> Result<()> {
    let damaged = |reason: String| Error::Damaged {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::Missing {
            path: path.to_owned(),
        },
        _ => Error::Io {
            path: path.to_owned(),
            source,
        },
    })?;
    // The Parquet reader checks most of what it reads but not all: damage may also
    // show as a panic, which must not pass for a defect of the program.
    let guarded = |work: &mut dyn FnMut() -> std::result::Result<Step, String>| {
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err("its content contradicts itself".to_owned()))
            .map_err(damaged)
    };
    let mut opened = None;
    let mut file = Some(file);
    guarded(&mut || {
        opened = open(file.take(), wanted)?;
        Ok(Step::More)
    })?;
    let Some((mut reader, description)) = opened else {
        return Ok(());
    };
    loop {
        let mut events = Vec::new();
        let step = guarded(&mut || {
            let Some(batch) = reader.next() else {
                return Ok(Step::End);
            };
            events = to_events(&batch.map_err(|e| e.to_string())?, &description, wanted)?;
            Ok(Step::More)
        })?;
        if matches!(step, Step::End) {
            return Ok(());
        }
        for (seq, event) in events {
            if wanted.time(event.log_ts.0) && on_event(seq, event).is_break() {
                return Ok(());
            }
        }
    }
}

enum Step {
    More,
    End,
}

type Opened = (ParquetRecordBatchReader, Description);

/// A reader over the wanted row groups and columns; `None` if no row group is wanted.
fn open(file: Option<File>, wanted: &Wanted<'_>) -> std::result::Result<Option<Opened>, String> {
    let Some(file) = file else { return Ok(None) };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
    let metadata = builder.metadata().clone();
    let description = description(&metadata)?;
    let log_ts = root(&builder, LOG_TS).ok_or("it has no column log_ts")?;
    let groups: Vec<(usize, Overlap)> = metadata
        .row_groups()
        .iter()
        .enumerate()
        .map(|(i, group)| (i, overlap(group, log_ts, wanted)))
        .filter(|(_, overlap)| *overlap != Overlap::None)
        .collect();
    if groups.is_empty() {
        return Ok(None);
    }
    let mask = ProjectionMask::roots(
        builder.parquet_schema(),
        roots(&builder, &description, wanted),
    );
    let rows = batch_rows(&metadata);
    let part = groups.iter().any(|(_, overlap)| *overlap == Overlap::Part);
    let filter = part.then(|| time_filter(&builder, log_ts, wanted.range));
    let mut builder = builder
        .with_row_groups(groups.into_iter().map(|(i, _)| i).collect())
        .with_projection(mask)
        .with_batch_size(rows);
    if let Some(filter) = filter {
        builder = builder.with_row_filter(filter);
    }
    Ok(Some((
        builder.build().map_err(|e| e.to_string())?,
        description,
    )))
}

type Builder = ParquetRecordBatchReaderBuilder<File>;

fn description(metadata: &ParquetMetaData) -> std::result::Result<Description, String> {
    let entries = metadata.file_metadata().key_value_metadata();
    let text = entries
        .and_then(|entries| entries.iter().find(|e| e.key == DESCRIPTION))
        .and_then(|entry| entry.value.as_deref())
        .ok_or("it was not written by Cresset")?;
    let found: Description = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if found.version == 1 {
        Ok(found)
    } else {
        Err(format!(
            "layout {} is newer than this Cresset",
            found.version
        ))
    }
}

fn root(builder: &Builder, name: &str) -> Option<usize> {
    builder
        .schema()
        .fields()
        .iter()
        .position(|f| f.name() == name)
}

/// Columns to read: our own, the wanted ones, and the overflow if it may hold a wanted one.
fn roots(builder: &Builder, description: &Description, wanted: &Wanted<'_>) -> Vec<usize> {
    let fields = builder.schema().fields();
    let own = [SEQ, LOG_TS, COL_TS, OVERFLOW];
    let others = fields.iter().filter(|f| !own.contains(&f.name().as_str()));
    let present: HashSet<&str> = others.map(|f| columns::field_name(f.name())).collect();
    let mixed: HashSet<&str> = description
        .mixed
        .iter()
        .map(|c| columns::field_name(c))
        .collect();
    let overflow = wanted.fields.is_none_or(|names| {
        names
            .iter()
            .any(|n| !present.contains(n.as_str()) || mixed.contains(n.as_str()))
    });
    let read = |name: &str| match name {
        OVERFLOW => overflow,
        _ => own.contains(&name) || wanted.field(columns::field_name(name)),
    };
    (0..fields.len())
        .filter(|i| read(fields[*i].name()))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlap {
    None,
    Part,
    Whole,
}

/// How much of a row group is in the time range, by its statistics.
fn overlap(group: &RowGroupMetaData, log_ts: usize, wanted: &Wanted<'_>) -> Overlap {
    // Our own columns come first and are flat, so the place of the root is that of the leaf.
    let Some(Statistics::Int64(stats)) = group.columns().get(log_ts).and_then(|c| c.statistics())
    else {
        return Overlap::Part;
    };
    let (Some(min), Some(max)) = (stats.min_opt(), stats.max_opt()) else {
        return Overlap::Part;
    };
    match (wanted.time(*min), wanted.time(*max)) {
        (true, true) => Overlap::Whole,
        _ if *max <= wanted.range.0.0 || *min > wanted.range.1.0 => Overlap::None,
        _ => Overlap::Part,
    }
}

/// Keeps pages of other columns unread where no row is in the time range.
fn time_filter(builder: &Builder, log_ts: usize, range: (Timestamp, Timestamp)) -> RowFilter {
    let mask = ProjectionMask::roots(builder.parquet_schema(), [log_ts]);
    let predicate = ArrowPredicateFn::new(mask, move |batch| {
        let wanted = Wanted {
            range,
            fields: None,
        };
        let times = batch
            .column(0)
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| {
                ArrowError::SchemaError("log_ts is not a timestamp in microseconds".to_owned())
            })?;
        Ok(times
            .values()
            .iter()
            .map(|t| Some(wanted.time(*t)))
            .collect::<BooleanArray>())
    });
    RowFilter::new(vec![Box::new(predicate)])
}

fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let groups = metadata.row_groups();
    let bytes: u64 = groups
        .iter()
        .map(|g| g.total_byte_size().unsigned_abs())
        .sum();
    let rows: u64 = groups.iter().map(|g| g.num_rows().unsigned_abs()).sum();
    let per_row = (bytes / rows.max(1)).max(1);
    (BATCH_BYTES / per_row).clamp(16, BATCH_ROWS) as usize
}

fn to_events(
    batch: &RecordBatch,
    description: &Description,
    wanted: &Wanted<'_>,
) -> std::result::Result<Vec<(u64, Event)>, String> {
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .ok_or_else(|| format!("it has no column {name}"))
    };
    let wrong = |name: &str| format!("column {name} has the wrong type");
    let seqs = column(SEQ)?
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| wrong(SEQ))?;
    let time = |name: &str| {
        let array = column(name)?.as_primitive_opt::<TimestampMicrosecondType>();
        array.cloned().ok_or_else(|| wrong(name))
    };
    let (log_ts, col_ts) = (time(LOG_TS)?, time(COL_TS)?);
    let mut events: Vec<(u64, Event)> = (0..batch.num_rows())
        .map(|row| {
            let event = Event::new(Timestamp(log_ts.value(row)), Timestamp(col_ts.value(row)));
            (seqs.value(row) as u64, event)
        })
        .collect();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        match field.name().as_str() {
            SEQ | LOG_TS | COL_TS | OVERFLOW => {}
            name => {
                let mixed = description.mixed.iter().any(|m| m == name);
                add_column(&mut events, columns::field_name(name), array, mixed)
                    .ok_or_else(|| wrong(name))?;
            }
        }
    }
    if let Some(array) = batch.column_by_name(OVERFLOW) {
        add_overflow(&mut events, array, description, wanted)?;
    }
    Ok(events)
}

/// Puts the values of one column into the events; `None` if its type is not one of ours.
fn add_column(
    events: &mut [(u64, Event)],
    name: &str,
    array: &ArrayRef,
    mixed: bool,
) -> Option<()> {
    let name = FieldName::from(name);
    match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive_opt::<Int64Type>()?;
            put(events, &name, array, |row| {
                Some(Value::Int(values.value(row)))
            })
        }
        DataType::Float64 => {
            let values = array.as_primitive_opt::<Float64Type>()?;
            put(events, &name, array, |row| {
                let n = values.value(row);
                let int = if mixed { columns::whole(n) } else { None };
                Some(int.map_or(Value::Float(n), Value::Int))
            })
        }
        DataType::Boolean => {
            let values = array.as_boolean_opt()?;
            put(events, &name, array, |row| {
                Some(Value::Bool(values.value(row)))
            })
        }
        DataType::Utf8 => {
            let values = array.as_string_opt::<i32>()?;
            put(events, &name, array, |row| {
                Some(Value::str(values.value(row)))
            })
        }
        DataType::List(_) => {
            let values = array.as_list_opt::<i32>()?;
            put(events, &name, array, |row| {
                let items = values.value(row);
                let items = items.as_string_opt::<i32>()?;
                if mixed && items.len() == 1 {
                    return Some(Value::str(items.value(0)));
                }
                Some(Value::List(
                    (0..items.len()).map(|i| items.value(i).into()).collect(),
                ))
            })
        }
        _ => None,
    }
}

fn put(
    events: &mut [(u64, Event)],
    name: &FieldName,
    array: &ArrayRef,
    value: impl Fn(usize) -> Option<Value>,
) -> Option<()> {
    let mut add = |row: usize| {
        events
            .get_mut(row)?
            .1
            .fields
            .push((name.clone(), value(row)?));
        Some(())
    };
    match array.nulls() {
        Some(nulls) => nulls.valid_indices().try_for_each(&mut add),
        None => (0..array.len()).try_for_each(&mut add),
    }
}

fn add_overflow(
    events: &mut [(u64, Event)],
    array: &ArrayRef,
    description: &Description,
    wanted: &Wanted<'_>,
) -> std::result::Result<(), String> {
    let wrong = || format!("column {OVERFLOW} does not read");
    let texts = array.as_string_opt::<i32>().ok_or_else(wrong)?;
    let mixed: HashSet<&str> = description
        .mixed
        .iter()
        .map(|c| columns::field_name(c))
        .collect();
    for (row, (_, event)) in events.iter_mut().enumerate() {
        if texts.is_null(row) {
            continue;
        }
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(texts.value(row)).map_err(|_| wrong())?;
        for (name, json) in object.iter().filter(|(name, _)| wanted.field(name)) {
            let value = overflow::from_json(json).ok_or_else(wrong)?;
            if mixed.contains(name.as_str()) {
                // Instead of what the mixed column gave.
                event.set(name, value);
            } else {
                event.fields.push((name.as_str().into(), value));
            }
        }
    }
    Ok(())
}
