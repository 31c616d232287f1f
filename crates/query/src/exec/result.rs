//! What a run gives, and how much it may keep.

use super::additions::ListAdditions;
use super::looked_at::LookedAt;
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
    /// Most bytes that one `chart` keeps for its groups and for the values of
    /// `distinct_count`, `list` and `distinct_list`; what does not fit is dropped.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_groups: 500_000,
            max_rows: 1_000_000,
            max_values: 5_000_000,
            max_bytes: 256 << 20,
        }
    }
}

/// What is left of the limits of one chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) groups: usize,
    pub(super) values: usize,
    pub(super) bytes: usize,
}

impl Room {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            groups: limits.max_groups,
            values: limits.max_values,
            bytes: limits.max_bytes,
        }
    }

    /// Takes room for a group of so many bytes; false if there is none.
    pub(super) fn take_group(&mut self, bytes: usize) -> bool {
        take(&mut self.groups, &mut self.bytes, bytes)
    }

    /// Takes room for a value of so many bytes; false if there is none.
    pub(super) fn take_value(&mut self, bytes: usize) -> bool {
        take(&mut self.values, &mut self.bytes, bytes)
    }
}

fn take(number: &mut usize, bytes: &mut usize, size: usize) -> bool {
    let (Some(one_less), Some(left)) = (number.checked_sub(1), bytes.checked_sub(size)) else {
        return false;
    };
    (*number, *bytes) = (one_less, left);
    true
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
    /// Events that went into the groups of the query's first chart; 0 for a simple query.
    pub aggregated: u64,
    /// Places that were to be searched and were not, each with the reason, for people.
    /// The executor knows of none: who asks several places fills it.
    pub missing: Vec<String>,
    /// What the query adds to lists (`process toList`). Who runs it decides whether that
    /// is written down; a list looked at within the same run does not change.
    pub additions: Vec<ListAdditions>,
    /// What was looked at for it.
    pub looked_at: LookedAt,
}
