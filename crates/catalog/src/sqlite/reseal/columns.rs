//! Where sealed secrets stand.

use crate::seal::Place;

/// A column of sealed texts.
pub(super) struct SealedColumn {
    /// As [`Place`] names them.
    table: &'static str,
    column: &'static str,
    /// Reads what is sealed with another key than `$2`, in order after `$1`, at most `$3`:
    /// `number`, which orders the rows, `place` and `sealed`.
    pub(super) others: &'static str,
    /// Writes `$3` to the row `$1` unless it has no longer `$2`.
    pub(super) replace: &'static str,
    /// Counts by `key`.
    pub(super) count: &'static str,
    /// Rows of one transaction.
    pub(super) at_once: i64,
}

impl SealedColumn {
    /// Where the secret of a row stands.
    pub(super) fn place<'a>(&self, row: &'a str) -> Place<'a> {
        Place {
            table: self.table,
            column: self.column,
            row,
        }
    }
}

/// Statements on a column whose row is found by a text.
macro_rules! sealed_column {
    ($table:literal, $column:literal, $row:literal, $at_once:literal) => {
        SealedColumn {
            table: $table,
            column: $column,
            others: concat!(
                "SELECT ",
                $row,
                " AS number, ",
                $row,
                " AS place, ",
                $column,
                " AS sealed FROM ",
                $table,
                " WHERE ",
                $row,
                " > $1 AND substr(",
                $column,
                ", 4, 8) <> $2 ORDER BY ",
                $row,
                " LIMIT $3"
            ),
            replace: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $column,
                " = $3 WHERE ",
                $row,
                " = $1 AND ",
                $column,
                " = $2"
            ),
            count: concat!(
                "SELECT substr(",
                $column,
                ", 4, 8) AS key, count(*) AS secrets FROM ",
                $table,
                " GROUP BY 1"
            ),
            at_once: $at_once,
        }
    };
}

/// All of them. The word by which the keys are checked is not one: it names the current key.
#[rustfmt::skip]
pub(super) static SEALED: [SealedColumn; 4] = [
    sealed_column!("users", "api_access_key", "id", 256),
    SealedColumn {
        // Where these were when they were first sealed.
        table: "api_tokens",
        column: "access_key",
        others: "SELECT CAST(k.token AS TEXT) AS number, t.access_id AS place, k.sealed AS sealed
                 FROM token_keys k JOIN api_tokens t ON t.id = k.token
                 WHERE k.token > CAST($1 AS INTEGER) AND substr(k.sealed, 4, 8) <> $2
                 ORDER BY k.token LIMIT $3",
        replace: "UPDATE token_keys SET sealed = $3
                  WHERE token = CAST($1 AS INTEGER) AND sealed = $2",
        count: "SELECT substr(sealed, 4, 8) AS key, count(*) AS secrets FROM token_keys
                WHERE sealed IS NOT NULL GROUP BY 1",
        at_once: 256,
    },
    // A notification can be long.
    sealed_column!("http_notifications", "settings", "rule_id", 16),
    sealed_column!("instances", "access_key", "id", 64),
];
