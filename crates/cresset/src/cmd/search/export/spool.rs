//! Rows that wait in a temporary file until every column is known.

use super::file::folder;
use crate::cmd::search::Row;
use anyhow::{Context, bail};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::Path;

/// Most columns that are remembered, and that a file gets.
const MOST_COLUMNS: usize = 20_000;
/// Hardly slower than no compression, and a tenth of the disk.
const LEVEL: i32 = 1;
/// Whole numbers up to here are floating-point numbers as well.
const EXACT: u64 = 1 << 53;

/// What the values of a column have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No value yet.
    Nothing,
    Bool,
    Int,
    Float,
    Text,
    /// Lists of texts.
    List,
    /// No one type: each value is written as text.
    Mixed,
}

/// A column of the file to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What is known of a column so far.
#[derive(Debug, Clone, Copy)]
struct Seen {
    kind: Kind,
    /// Whether whole numbers are small enough to be floating-point numbers.
    exact: bool,
}

/// Rows on disk, in a file without a name.
pub(in crate::cmd::search) struct Spool {
    out: zstd::stream::write::Encoder<'static, File>,
    columns: HashMap<String, Seen>,
}

/// The rows of a [`Spool`], once more.
pub(super) type Rows = Box<dyn Iterator<Item = anyhow::Result<Row>>>;

impl Spool {
    /// In the folder of the file to come, which must have room for more anyway, else where
    /// temporary files are.
    pub(super) fn new(file: Option<&Path>) -> anyhow::Result<Self> {
        let made = match file {
            Some(file) => tempfile::tempfile_in(folder(file)),
            None => tempfile::tempfile(),
        };
        let made = made.context("cannot make a temporary file")?;
        Ok(Self {
            out: zstd::stream::write::Encoder::new(made, LEVEL)?,
            columns: HashMap::new(),
        })
    }

    pub(super) fn rows(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        for row in rows {
            for (name, value) in row {
                self.see(name, value)?;
            }
            serde_json::to_writer(&mut self.out, row).context("cannot write a temporary file")?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn see(&mut self, name: &str, value: &Value) -> anyhow::Result<()> {
        let found = kind_of(value);
        let full = self.columns.len() >= MOST_COLUMNS;
        match self.columns.get_mut(name) {
            Some(seen) => *seen = seen.and(found),
            None if full => bail!(
                "the rows have more than {MOST_COLUMNS} fields; name those that you want with \
                 `| fields a, b`, or use --format ndjson, which has no columns"
            ),
            None => {
                self.columns.insert(name.to_owned(), found);
            }
        }
        Ok(())
    }

    /// The columns in order, and the rows from the first.
    pub(super) fn read(self, order: &[String]) -> anyhow::Result<(Vec<Column>, Rows)> {
        let named: Row = self
            .columns
            .keys()
            .map(|n| (n.clone(), Value::Null))
            .collect();
        let names = crate::cmd::search::table::columns(order, &[named]);
        let kind = |name: &String| self.columns.get(name).map_or(Kind::Nothing, |s| s.kind);
        let columns = names.into_iter().map(|name| Column {
            kind: kind(&name),
            name,
        });
        let columns = columns.collect();
        let mut file = self.out.finish().context("cannot write a temporary file")?;
        file.rewind()?;
        let lines = BufReader::new(zstd::stream::read::Decoder::new(file)?).lines();
        let rows = lines.map(|line| Ok(serde_json::from_str(&line?)?));
        Ok((columns, Box::new(rows)))
    }
}

fn kind_of(value: &Value) -> Seen {
    let exact = value.as_i64().is_none_or(|n| n.unsigned_abs() <= EXACT);
    let kind = match value {
        Value::Null => Kind::Nothing,
        Value::Bool(_) => Kind::Bool,
        Value::Number(n) if n.is_i64() => Kind::Int,
        Value::Number(_) => Kind::Float,
        Value::String(_) => Kind::Text,
        Value::Array(items) if items.iter().all(Value::is_string) => Kind::List,
        Value::Array(_) | Value::Object(_) => Kind::Mixed,
    };
    Seen { kind, exact }
}

impl Seen {
    /// What is true of both.
    fn and(self, other: Self) -> Self {
        let exact = self.exact && other.exact;
        let kind = match (self.kind, other.kind) {
            (a, b) if a == b => a,
            (Kind::Nothing, kind) | (kind, Kind::Nothing) => kind,
            (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) => Kind::Float,
            _ => Kind::Mixed,
        };
        let kind = if kind == Kind::Float && !exact {
            Kind::Mixed
        } else {
            kind
        };
        Self { kind, exact }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_column_has_the_type_of_all_its_values() {
        let check = |values: Value, expect: Kind| {
            let mut spool = Spool::new(None).unwrap();
            for value in values.as_array().unwrap() {
                let row = json!({ "x": value });
                spool.rows(&[row.as_object().unwrap().clone()]).unwrap();
            }
            let (columns, rows) = spool.read(&[]).unwrap();
            let back: Vec<Value> = rows.map(|row| row.unwrap()["x"].clone()).collect();
            assert_eq!(json!(back), values);
            assert_eq!(columns[0].kind, expect, "{values}");
        };
        check(json!([1, 2]), Kind::Int);
        check(json!([1, null, 2.5]), Kind::Float);
        check(json!([2.5, 9_007_199_254_740_993_i64]), Kind::Mixed);
        check(json!([9_007_199_254_740_993_i64, 2.5]), Kind::Mixed);
        check(json!([9_007_199_254_740_993_i64]), Kind::Int);
        check(json!(["a", "b"]), Kind::Text);
        check(json!([["a"], ["b", "c"]]), Kind::List);
        check(json!([["a"], "b"]), Kind::Mixed);
        check(json!([true, false]), Kind::Bool);
        check(json!([true, 1]), Kind::Mixed);
        check(json!([null]), Kind::Nothing);
    }

    #[test]
    fn columns_are_bounded() {
        let mut spool = Spool::new(None).unwrap();
        let wide = |from: usize| -> Row {
            (from..from + MOST_COLUMNS)
                .map(|n| (n.to_string(), Value::Null))
                .collect()
        };
        spool.rows(&[wide(0)]).unwrap();
        spool.rows(&[wide(0)]).unwrap();
        let refused = spool.rows(&[wide(1)]).unwrap_err().to_string();
        assert!(refused.contains("| fields"), "{refused}");
    }
}
