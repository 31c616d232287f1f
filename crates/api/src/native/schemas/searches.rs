//! Bodies of our own endpoints for searches.

use crate::logpoint::schemas::search::{QueryWord, ReposForm, TimeRangeForm};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What to search.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewSearch {
    /// The query.
    #[schema(example = "label=Login | chart count() by user")]
    pub query: String,
    /// The time to search.
    pub time_range: TimeRangeForm,
    /// Most rows of a search without commands over several rows; 100 if not given, at most
    /// `search.max_rows`.
    pub limit: Option<u64>,
    /// Where to search; nothing means all permitted repos here.
    pub repos: Option<ReposForm>,
    /// Seconds given, at most `search.timeout`.
    pub timeout: Option<u64>,
    /// The `next` of the same search: begins behind its last row.
    pub page: Option<String>,
}

/// A search that has begun.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchBegun {
    /// Its id.
    pub search_id: String,
    /// What is odd about the query.
    pub warnings: Vec<String>,
}

/// How far a search is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchProgress {
    /// The query's kind.
    pub query_type: QueryWord,
    /// Whether the search has ended and all its rows were given.
    pub done: bool,
    /// Rows behind those that the client has.
    #[schema(example = json!([{"log_ts": 1_700_000_000, "user": "root", "port": 22}]))]
    pub rows: Vec<BTreeMap<String, Value>>,
    /// How far it is in numbers.
    pub progress: SearchCounts,
    /// What the result lacks, for people.
    pub warnings: Vec<String>,
    /// Aggregates in order; once it has ended.
    pub columns: Option<Vec<String>>,
    /// Fields of the groups in order; once it has ended.
    pub grouping: Option<Vec<String>>,
    /// Rows that there were before `limit`, as far as they were counted; once it has ended.
    pub total: Option<u64>,
    /// Whether nothing was cut and every place was searched; once it has ended.
    pub complete: Option<bool>,
    /// Seconds from the start, waiting included; once it has ended.
    pub elapsed_seconds: Option<f64>,
    /// The `page` that begins behind the last row, if there may be more.
    pub next: Option<String>,
}

/// Numbers for a progress bar; all are 0 while the search waits in line.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchCounts {
    /// Files that it goes through.
    pub files: u64,
    /// Those that are done.
    pub files_done: u64,
    /// Events in these files and in memory.
    pub events: u64,
    /// Those that were looked at, or ruled out by an index.
    pub events_done: u64,
    /// Events that met the filter.
    pub found: u64,
}

/// A search that was ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchCancelled {
    /// Its id.
    pub cancelled: String,
}
