//! What a run gives, and how much it may keep.

use crate::eval::ResultRow;
use crate::plan::QueryKind;

/// How much a run may keep in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most groups of one `chart`; events of further groups are dropped.
    pub max_groups: usize,
    /// Most rows kept; of the rows of a simple query, the newest are kept.
    pub max_rows: usize,
    /// Most values kept for `distinct_count`, `list` and `distinct_list`,
    /// over all groups of one `chart`.
    pub max_values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_groups: 500_000,
            max_rows: 1_000_000,
            max_values: 5_000_000,
        }
    }
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultSet {
    /// What kind of query it was.
    pub kind: QueryKind,
    /// Aggregate columns in order; empty for a simple query.
    pub columns: Vec<String>,
    /// Grouping columns in order; empty for a simple query.
    pub grouping: Vec<String>,
    /// The rows. Simple queries without `order by`: newest event first.
    pub rows: Vec<ResultRow>,
    /// Rows that there were before any cut by [`Limits`].
    pub total: u64,
    /// True if a limit cut something off, so that rows or aggregates are incomplete.
    pub truncated: bool,
}
