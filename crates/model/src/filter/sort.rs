//! Sort orders: `+name`, `-name`, or several of them with commas between.

use super::{Column, ColumnKind, find};
use std::fmt;

/// Most columns of an order.
const MAX_KEYS: usize = 8;
/// Longest sort parameter in bytes.
const MAX_TEXT: usize = 1024;

/// A column to sort by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sort {
    /// Its name as it was written.
    pub column: String,
    /// From the greatest to the least.
    pub descending: bool,
}

/// Why a sort order is not accepted. Prints as `invalid sort: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortError(
    /// What is wrong and what to do.
    pub String,
);

impl fmt::Display for SortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid sort: {}", self.0)
    }
}

impl std::error::Error for SortError {}

impl Sort {
    /// Reads a sort parameter. A space in place of `+`, which is what a query string's
    /// decoding makes of it, or nothing at all is ascending, too. Of blank text: no order.
    pub fn parse(text: &str) -> Result<Vec<Self>, SortError> {
        if text.len() > MAX_TEXT {
            return Err(SortError(format!("it is longer than {MAX_TEXT} bytes")));
        }
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<&str> = text.split(',').map(str::trim).collect();
        if keys.len() > MAX_KEYS {
            return Err(SortError(format!("it has more than {MAX_KEYS} fields")));
        }
        keys.into_iter().map(Self::parse_one).collect()
    }

    fn parse_one(key: &str) -> Result<Self, SortError> {
        let (descending, column) = match key.split_at_checked(1) {
            Some(("-", column)) => (true, column),
            Some(("+", column)) => (false, column),
            _ => (false, key),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if column.is_empty() || !column.chars().all(is_name) || column.starts_with('-') {
            return Err(SortError(format!(
                "{key:?} is not a field; write +name or -name"
            )));
        }
        Ok(Self {
            column: column.to_owned(),
            descending,
        })
    }

    /// The column that it names, which has to have one value.
    pub fn check<'a>(&self, columns: &'a [Column]) -> Result<&'a Column, SortError> {
        let can = |column: &&Column| column.kind != ColumnKind::Texts;
        find(columns, &self.column).filter(can).ok_or_else(|| {
            let can: Vec<&str> = columns.iter().filter(can).map(|c| c.name).collect();
            SortError(format!(
                "there is no sorting by {:?}; the fields for that are {}",
                self.column,
                can.join(", ")
            ))
        })
    }
}
