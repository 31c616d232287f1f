//! Bodies of deletions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to delete.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewDeletion {
    /// A filter of the search language, without commands; `*` for every event.
    #[schema(example = "user=alice")]
    pub query: String,
    /// Names of repos here.
    #[schema(example = json!(["default"]))]
    pub repos: Vec<String>,
    /// Event time from this moment…
    #[schema(example = "2026-01-01T00:00:00Z")]
    pub from: String,
    /// …up to and including this one.
    #[schema(example = "2026-01-31T23:59:59.999999Z")]
    pub to: String,
    /// Why, for the audit log.
    #[schema(example = "request of the person concerned")]
    pub reason: String,
    /// Only count.
    #[schema(default = false, example = true)]
    pub dry_run: Option<bool>,
}

/// A deletion.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeletionRow {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub state: DeletionWord,
    /// Whether events are only counted.
    pub dry_run: bool,
    /// The filter.
    pub query: String,
    /// The repos.
    pub repos: Vec<String>,
    /// The first moment.
    pub from: String,
    /// The last moment.
    pub to: String,
    /// Why.
    pub reason: String,
    /// The user who asked for it.
    pub begun_by: String,
    /// When.
    pub begun_at: String,
    /// Event files looked at.
    pub files_done: u64,
    /// Event files to look at, as far as known.
    pub files: u64,
    /// Events deleted so far; in a dry run those found.
    pub events: u64,
    /// Event files that held such events.
    pub files_with_events: Option<u64>,
    /// Old files that searches still read; they go when these end.
    pub files_waiting: Option<u64>,
    /// Whether alert rules still need a part of the event log, which goes when they have read it.
    pub log_waiting: Option<bool>,
    /// Event files in quarantine that may hold such events; `cresset store discard` removes them.
    pub in_quarantine: Option<u64>,
    /// Event files that could not be read, each with the reason.
    pub unread: Option<Vec<String>>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How far a deletion is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeletionWord {
    /// Under way, or waiting for its turn.
    Running,
    /// Done.
    Done,
    /// Failed; some events may be deleted.
    Failed,
}
