//! How a search is done.

use crate::logpoint::schemas::search::{QueryWord, ReposForm, TimeRangeForm};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A search to explain.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ToExplain {
    /// The query.
    #[schema(example = "label=Fail | chart count() by user")]
    pub query: String,
    /// The time to search; without it nothing is searched, and `looked_at` is null.
    pub time_range: Option<TimeRangeForm>,
    /// Where to search; nothing means all permitted repos.
    pub repos: Option<ReposForm>,
    /// Most rows of a query without aggregates, 100 if not given.
    #[schema(minimum = 1, example = 100)]
    pub limit: Option<u64>,
    /// Seconds after which the search is given up, 300 if not given, and no more than the
    /// server gives a request.
    #[schema(minimum = 1, example = 30)]
    pub timeout: Option<u64>,
}

/// How a search is done, of what kind it is, and how long it took.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    /// The query's kind.
    pub query_type: QueryWord,
    /// What is doubtful about the query.
    pub warnings: Vec<String>,
    /// Why nothing was searched; null if something was.
    pub not_searched: Option<String>,
    /// Seconds that the search took; null if nothing was searched.
    pub elapsed_seconds: Option<f64>,
    /// How it is done.
    #[serde(flatten)]
    pub explanation: Explanation,
}

/// How a search is done.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The query, fully parenthesised.
    #[schema(example = "label=\"Fail\" | chart count() by user")]
    pub tree: String,
    /// What events have to meet: all of these, or, for a pattern, all of one stream.
    pub filter: Vec<FilterPartRow>,
    /// The fields that are read of events that meet it; null means all.
    pub fields_read: Option<Vec<String>>,
    /// What is done with events that meet it, one step after the other.
    pub steps: Vec<String>,
    /// What was looked at; null if nothing was searched.
    pub looked_at: Option<LookedAtRow>,
}

/// A condition on events.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FilterPartRow {
    /// The stream of a pattern that it belongs to.
    pub stream: Option<String>,
    /// The condition, fully parenthesised.
    pub condition: String,
    /// What tells whether an event meets it.
    pub decided_by: DecidedWord,
    /// The columns that are read for it; `msg` is the raw text.
    pub columns: Vec<String>,
    /// The lists that are looked into.
    pub lists: Vec<String>,
}

/// What tells whether an event meets a condition.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedWord {
    /// Columns of fields.
    Columns,
    /// The raw text of each event that the other conditions leave.
    RawText,
}

/// What a search looked at, on this server.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LookedAtRow {
    /// Event files of the repos that were asked for.
    pub files: ShareRow,
    /// Blocks (row groups) of the files that were opened.
    pub blocks: ShareRow,
    /// Events in all of these files.
    pub events: ShareRow,
    /// Of the events that were read, those with values that do not fit their columns.
    pub whole: u64,
    /// Events that are in no file yet, all of which are looked at.
    pub newest: u64,
    /// Events that other instances found.
    pub elsewhere: u64,
}

/// So many things, by what became of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ShareRow {
    /// All that there are.
    pub all: u64,
    /// Passed over, because they are outside the time range.
    pub by_time: u64,
    /// Passed over, because their statistics show that nothing in them meets the filter.
    pub by_contents: u64,
    /// Read.
    pub read: u64,
}
