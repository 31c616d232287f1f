//! Reading rows and writing documents.

use crate::{Error, Result};
use cresset_model::{ObjectId, Timestamp};
use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// Typed access to the columns of a row.
pub(super) trait Columns {
    fn text(&self, column: &'static str) -> Result<String>;
    fn text_or_null(&self, column: &'static str) -> Result<Option<String>>;
    fn int(&self, column: &'static str) -> Result<i64>;
    fn int_or_null(&self, column: &'static str) -> Result<Option<i64>>;

    fn natural(&self, column: &'static str) -> Result<u64> {
        Ok(self.int(column)?.max(0) as u64)
    }

    fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    fn time(&self, column: &'static str) -> Result<Timestamp> {
        self.int(column).map(Timestamp)
    }

    fn time_or_null(&self, column: &'static str) -> Result<Option<Timestamp>> {
        Ok(self.int_or_null(column)?.map(Timestamp))
    }

    fn id(&self, column: &'static str) -> Result<ObjectId> {
        parse_id(column, &self.text(column)?)
    }

    fn id_or_null(&self, column: &'static str) -> Result<Option<ObjectId>> {
        self.text_or_null(column)?
            .map(|text| parse_id(column, &text))
            .transpose()
    }

    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        from_json(column, &self.text(column)?)
    }

    fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let word = serde_json::Value::String(self.text(column)?);
        serde_json::from_value(word).map_err(|source| Error::Stored {
            what: column,
            source,
        })
    }
}

impl Columns for SqliteRow {
    fn text(&self, column: &'static str) -> Result<String> {
        Ok(self.try_get(column)?)
    }

    fn text_or_null(&self, column: &'static str) -> Result<Option<String>> {
        Ok(self.try_get(column)?)
    }

    fn int(&self, column: &'static str) -> Result<i64> {
        Ok(self.try_get(column)?)
    }

    fn int_or_null(&self, column: &'static str) -> Result<Option<i64>> {
        Ok(self.try_get(column)?)
    }
}

impl Columns for rusqlite::Row<'_> {
    fn text(&self, column: &'static str) -> Result<String> {
        Ok(self.get(column)?)
    }

    fn text_or_null(&self, column: &'static str) -> Result<Option<String>> {
        Ok(self.get(column)?)
    }

    fn int(&self, column: &'static str) -> Result<i64> {
        Ok(self.get(column)?)
    }

    fn int_or_null(&self, column: &'static str) -> Result<Option<i64>> {
        Ok(self.get(column)?)
    }
}

pub(super) fn parse_id(what: &'static str, text: &str) -> Result<ObjectId> {
    text.parse().map_err(|e| Error::Stored {
        what,
        source: serde_json::Error::custom(format!("{text:?}: {e}")),
    })
}

/// Reads a document; `what` names it in the error.
pub(super) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::Stored { what, source })
}

/// Writes a document.
pub(super) fn to_json<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::Stored { what, source })
}

/// The word that a plain enum is written as.
pub(super) fn to_word<T: Serialize>(what: &'static str, value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(Error::Stored {
            what,
            source: serde_json::Error::custom(format!("{other} is not a word")),
        }),
        Err(source) => Err(Error::Stored { what, source }),
    }
}

/// A number as the database holds it; beyond its range, the largest.
pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The error for something that is not there.
pub(super) fn not_found(what: &'static str, name: impl ToString) -> Error {
    Error::NotFound {
        what,
        name: name.to_string(),
    }
}

/// The same error unless a statement met a row.
pub(super) fn expect_row(
    met: &sqlx::sqlite::SqliteQueryResult,
    what: &'static str,
    name: impl ToString,
) -> Result<()> {
    if met.rows_affected() == 0 {
        Err(not_found(what, name))
    } else {
        Ok(())
    }
}

/// Turns the breach of a reference into the absence of what it refers to.
pub(super) fn absent_on_foreign_key(
    error: sqlx::Error,
    what: &'static str,
    name: impl ToString,
) -> Error {
    match error.as_database_error() {
        Some(e) if e.is_foreign_key_violation() => not_found(what, name),
        _ => Error::Database(error),
    }
}
