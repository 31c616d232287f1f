//! `id_set(id)`: the ids of all rows that a statement finds, in one value. To hand over a row
//! costs more than to find it, and lists find many rows of which they show few.

use crate::Result;
use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};

/// The name of the function.
pub(super) const ID_SET: &str = "id_set";

const BYTES: usize = size_of::<i64>();

/// Makes the function known to a connection.
pub(super) fn add(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    Ok(connection.create_aggregate_function(ID_SET, 1, flags, IdSet)?)
}

/// The ids in a value of the function.
pub(super) fn ids(value: &[u8]) -> Vec<i64> {
    let ids = value.as_chunks::<BYTES>().0;
    ids.iter().map(|id| i64::from_le_bytes(*id)).collect()
}

struct IdSet;

impl Aggregate<Vec<u8>, Vec<u8>> for IdSet {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn step(&self, context: &mut Context<'_>, ids: &mut Vec<u8>) -> rusqlite::Result<()> {
        ids.extend_from_slice(&context.get::<i64>(0)?.to_le_bytes());
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, ids: Option<Vec<u8>>) -> rusqlite::Result<Vec<u8>> {
        Ok(ids.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_are() {
        let database = Connection::open_in_memory().unwrap();
        add(&database).unwrap();
        let check = |values: &str, expected: &[i64]| {
            let asked =
                format!("WITH v (id) AS (VALUES {values}) SELECT id_set(id) FROM v WHERE id");
            let found: Vec<u8> = database.query_row(&asked, [], |row| row.get(0)).unwrap();
            assert_eq!(ids(&found), expected, "{values}");
        };
        check("(0)", &[]);
        check("(7)", &[7]);
        check("(9223372036854775807), (-1), (256)", &[i64::MAX, -1, 256]);
    }
}
