//! What is read is what the library's reader of columns reads.

use super::*;
use arrow_array::{Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::ZstdLevel;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

/// So many rows have several pages.
const ROWS: usize = 45_000;

/// How a file is written.
#[derive(Debug, Clone, Copy)]
struct Written {
    dictionary: bool,
    compression: Compression,
    deltas: bool,
}

fn written(column: &ArrayRef, how: Written) -> Bytes {
    let nullable = column.null_count() > 0;
    let batch = RecordBatch::try_from_iter_with_nullable([("c", Arc::clone(column), nullable)]);
    let batch = batch.unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(how.dictionary)
        .set_compression(how.compression);
    let properties = if how.deltas {
        properties.set_encoding(Encoding::DELTA_BINARY_PACKED)
    } else {
        properties
    };
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    Bytes::from(writer.into_inner().unwrap())
}

/// The values as texts, from whatever array.
fn shown(array: &ArrayRef) -> Vec<Option<String>> {
    let array = match array.as_dictionary_opt::<Int32Type>() {
        Some(numbered) => {
            arrow_select::take::take(numbered.values(), numbered.keys(), None).unwrap()
        }
        None => Arc::clone(array),
    };
    let text = |row: usize| match array.as_string_opt::<i32>() {
        Some(texts) => texts.value(row).to_owned(),
        None => array.as_primitive::<Int64Type>().value(row).to_string(),
    };
    let rows = 0..array.len();
    rows.map(|row| array.is_valid(row).then(|| text(row)))
        .collect()
}

fn check(column: &ArrayRef, how: Written) {
    let file = written(column, how);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let reader = reader.with_batch_size(ROWS).build().unwrap();
    let expect: Vec<Option<String>> = reader
        .flat_map(|batch| shown(batch.unwrap().column(0)))
        .collect();
    assert_eq!(expect.len(), ROWS);

    let metadata = SerializedFileReader::new(file.clone()).unwrap();
    let metadata = metadata.metadata().row_group(0).column(0).clone();
    assert!(is_of_ours(&metadata), "{how:?}");
    let (start, len) = metadata.byte_range();
    let bytes = file.slice(start as usize..(start + len) as usize);
    let chunk = Chunk::read(bytes, &metadata, ROWS).unwrap();
    assert!(chunk.pages.len() > 1, "{how:?}: one page proves little");
    assert_eq!(chunk.values().is_some(), how.dictionary, "{how:?}");
    assert!(shown(&chunk.rows(None).unwrap()) == expect, "{how:?}");

    for wanted in [
        vec![0, 7, 19_999, 20_000, 20_001, ROWS - 1],
        vec![30_000],
        vec![],
    ] {
        let mut rows = BooleanBufferBuilder::new(ROWS);
        rows.append_n(ROWS, false);
        for row in &wanted {
            rows.set_bit(*row, true);
        }
        let found = shown(&chunk.rows(Some(&rows.finish())).unwrap());
        let expect: Vec<Option<String>> = wanted.iter().map(|row| expect[*row].clone()).collect();
        assert_eq!(found, expect, "{how:?} {wanted:?}");
    }
    if let Some(values) = chunk.values() {
        let known = shown(values);
        let known: Vec<bool> = known
            .iter()
            .map(|v| v.as_ref().unwrap().ends_with('3'))
            .collect();
        let held: Vec<bool> = expect
            .iter()
            .map(|v| v.as_ref().is_some_and(|v| v.ends_with('3')))
            .collect();
        let found: Vec<bool> = chunk.rows_with(&known).unwrap().iter().collect();
        assert!(found == held, "{how:?}");
    }
}

#[test]
fn columns_are_what_the_library_reads() {
    let number = |row: usize| (row * row % 1_013) as i64 - 500;
    // Stretches without a value, across the ends of pages.
    let there = |row: usize| !(19_000..21_500).contains(&row) && row % 7 != 3;
    let texts = |some: &dyn Fn(usize) -> bool| -> ArrayRef {
        let text = |row: usize| some(row).then(|| format!("text {}", number(row)));
        Arc::new((0..ROWS).map(text).collect::<StringArray>())
    };
    let numbers = |some: &dyn Fn(usize) -> bool| -> ArrayRef {
        let number = |row: usize| some(row).then(|| number(row));
        Arc::new((0..ROWS).map(number).collect::<Int64Array>())
    };
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).unwrap());
    for compression in [zstd, Compression::UNCOMPRESSED] {
        for dictionary in [true, false] {
            let how = Written {
                dictionary,
                compression,
                deltas: false,
            };
            for column in [
                texts(&|_| true),
                texts(&there),
                numbers(&|_| true),
                numbers(&there),
            ] {
                check(&column, how);
            }
        }
        let how = Written {
            dictionary: false,
            compression,
            deltas: true,
        };
        check(&numbers(&|_| true), how);
        check(&numbers(&there), how);
    }
}
