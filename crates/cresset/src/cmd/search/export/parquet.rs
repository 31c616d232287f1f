//! Parquet with a column for each field, of the type that all its values have; texts where
//! they have none in common. `log_ts` and `col_ts`, which are seconds, become timestamps.

use super::csv::text;
use super::spool::{Column, Kind, Rows};
use crate::cmd::search::Row;
use anyhow::Context;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
    TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;

/// Rows that become columns at a time.
const BATCH: usize = 2_048;
/// Rows and bytes of a row group, which waits in memory.
const GROUP_ROWS: usize = 100_000;
const GROUP_BYTES: usize = 32 << 20;
const ZONE: &str = "UTC";

/// Writes rows in these columns.
pub(super) fn write(
    out: &mut (dyn Write + Send),
    columns: &[Column],
    mut rows: Rows,
) -> anyhow::Result<()> {
    let schema = Arc::new(Schema::new(
        columns
            .iter()
            .map(|column| Field::new(&column.name, data_type(column), true))
            .collect::<Vec<_>>(),
    ));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
    loop {
        let batch: Vec<Row> = rows.by_ref().take(BATCH).collect::<anyhow::Result<_>>()?;
        if batch.is_empty() {
            break;
        }
        let arrays = columns.iter().map(|column| array(column, &batch)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)?;
        writer.write(&batch).context("cannot write Parquet")?;
        if writer.in_progress_size() > GROUP_BYTES {
            writer.flush()?;
        }
    }
    writer.close().context("cannot write Parquet")?;
    Ok(())
}

fn is_time(column: &Column) -> bool {
    column.kind == Kind::Int && matches!(column.name.as_str(), "log_ts" | "col_ts")
}

fn data_type(column: &Column) -> DataType {
    match column.kind {
        Kind::Int if is_time(column) => {
            DataType::Timestamp(TimeUnit::Millisecond, Some(ZONE.into()))
        }
        Kind::Bool => DataType::Boolean,
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::List => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        Kind::Nothing | Kind::Text | Kind::Mixed => DataType::Utf8,
    }
}

fn array(column: &Column, rows: &[Row]) -> ArrayRef {
    let values = rows.iter().map(|row| row.get(&column.name));
    match column.kind {
        Kind::Int if is_time(column) => {
            let mut array = TimestampMillisecondBuilder::new().with_timezone(ZONE);
            let millis = |value: &Value| value.as_i64()?.checked_mul(1000);
            values.for_each(|value| array.append_option(value.and_then(millis)));
            Arc::new(array.finish())
        }
        Kind::Bool => {
            let mut array = BooleanBuilder::new();
            values.for_each(|value| array.append_option(value.and_then(Value::as_bool)));
            Arc::new(array.finish())
        }
        Kind::Int => {
            let mut array = Int64Builder::new();
            values.for_each(|value| array.append_option(value.and_then(Value::as_i64)));
            Arc::new(array.finish())
        }
        Kind::Float => {
            let mut array = Float64Builder::new();
            values.for_each(|value| array.append_option(value.and_then(Value::as_f64)));
            Arc::new(array.finish())
        }
        Kind::List => {
            let mut array = ListBuilder::new(StringBuilder::new());
            for value in values {
                let items = value.and_then(Value::as_array);
                for item in items.into_iter().flatten() {
                    array.values().append_option(item.as_str());
                }
                array.append(items.is_some());
            }
            Arc::new(array.finish())
        }
        Kind::Nothing | Kind::Text | Kind::Mixed => {
            let mut array = StringBuilder::new();
            let some = |value: &&Value| !value.is_null();
            values.for_each(|value| array.append_option(value.filter(some).map(text)));
            Arc::new(array.finish())
        }
    }
}
