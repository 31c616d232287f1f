//! Arrow arrays of values, for the kinds of columns that the library's writers make pages of.

use crate::columns::Kind;
use crate::overflow;
use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
};
use cresset_model::Value;
use std::ops::Range;
use std::sync::Arc;

pub(crate) fn column_array(kind: Kind, cells: &[(u32, &Value)], rows: &Range<u32>) -> ArrayRef {
    match kind {
        Kind::Int => filled(Int64Builder::new(), cells, rows),
        Kind::Float => filled(Float64Builder::new(), cells, rows),
        Kind::Bool => filled(BooleanBuilder::new(), cells, rows),
        Kind::Text => {
            let texts = cells.iter().map(|(_, value)| match value {
                Value::Str(text) => text.len(),
                _ => 0,
            });
            let builder = StringBuilder::with_capacity(rows.len(), texts.sum());
            filled(builder, cells, rows)
        }
        Kind::List => filled(ListBuilder::new(StringBuilder::new()), cells, rows),
    }
}

/// A builder that takes values of the kinds that its column has.
trait Cells {
    fn absent(&mut self, rows: usize);
    fn put(&mut self, value: &Value);
    fn array(self) -> ArrayRef;
}

fn filled<B: Cells>(mut builder: B, cells: &[(u32, &Value)], rows: &Range<u32>) -> ArrayRef {
    let mut at = rows.start;
    for (row, value) in cells {
        builder.absent((row - at) as usize);
        builder.put(value);
        at = row + 1;
    }
    builder.absent((rows.end - at) as usize);
    builder.array()
}

impl Cells for Int64Builder {
    fn absent(&mut self, rows: usize) {
        self.append_nulls(rows);
    }
    fn put(&mut self, value: &Value) {
        self.append_option(if let Value::Int(n) = value {
            Some(*n)
        } else {
            None
        });
    }
    fn array(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Cells for Float64Builder {
    fn absent(&mut self, rows: usize) {
        self.append_nulls(rows);
    }
    fn put(&mut self, value: &Value) {
        self.append_option(match value {
            Value::Float(n) => Some(*n),
            Value::Int(n) => Some(*n as f64),
            _ => None,
        });
    }
    fn array(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Cells for BooleanBuilder {
    fn absent(&mut self, rows: usize) {
        self.append_nulls(rows);
    }
    fn put(&mut self, value: &Value) {
        self.append_option(if let Value::Bool(b) = value {
            Some(*b)
        } else {
            None
        });
    }
    fn array(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Cells for StringBuilder {
    fn absent(&mut self, rows: usize) {
        self.append_nulls(rows);
    }
    fn put(&mut self, value: &Value) {
        self.append_value(value.text());
    }
    fn array(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Cells for ListBuilder<StringBuilder> {
    fn absent(&mut self, rows: usize) {
        self.append_nulls(rows);
    }
    fn put(&mut self, value: &Value) {
        if let Value::List(items) = value {
            for item in items {
                self.values().append_value(item);
            }
        } else {
            self.values().append_value(value.text());
        }
        self.append(true);
    }
    fn array(mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

pub(crate) fn overflow_array(cells: &[(u32, &str, &Value)], rows: &Range<u32>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    let mut at = rows.start;
    for row in cells.chunk_by(|a, b| a.0 == b.0) {
        let Some((number, _, _)) = row.first() else {
            continue;
        };
        builder.append_nulls((number - at) as usize);
        let mut object = serde_json::Map::new();
        for (_, name, value) in row {
            // A name given twice reads as its first value, as in `Event::get`.
            let first = object.entry((*name).to_owned());
            first.or_insert_with(|| overflow::to_json(value));
        }
        builder.append_value(serde_json::Value::Object(object).to_string());
        at = number + 1;
    }
    builder.append_nulls((rows.end - at) as usize);
    Arc::new(builder.finish())
}
