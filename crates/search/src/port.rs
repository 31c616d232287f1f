//! What a searcher promises.

use crate::Progress;
use async_trait::async_trait;
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, Event, Timestamp};
use cresset_query::{Plan, ResultSet};
use std::sync::Arc;

/// A result of a search.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a search gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It took longer than it was given.
    #[error(
        "the search exceeded its time limit of {} s; narrow the time range or the filter, or \
         raise search.timeout",
        .0.as_secs_f64()
    )]
    Timeout(Duration),
    /// It was cancelled.
    #[error("the search was cancelled")]
    Cancelled,
    /// It kept more events than it was given.
    #[error(
        "the search matched more than {0} events, and may keep no more of them in memory; \
         narrow the time range or the filter, or raise search.max_rows or search.max_memory"
    )]
    TooMany(usize),
    /// None of the other instances that it names could be searched.
    #[error("{0}")]
    Elsewhere(String),
    /// A list that the query feeds cannot be fed.
    #[error("{0}")]
    List(String),
    /// The query asks where addresses are, and no database of them is there.
    #[error(
        "the query asks where addresses are, which takes a database: set geoip.places or \
         geoip.networks to a file in MaxMind's format"
    )]
    NoPlaces,
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] cresset_catalog::Error),
    /// A file could not be read.
    #[error(transparent)]
    Store(#[from] cresset_store::Error),
}

/// In [`SearchRequest::repos`], beside addresses of repos at other instances: all repos here.
pub const HERE: &str = "*";

/// What to search.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Names of repos, and addresses `host:port/repo` of repos at other instances; empty
    /// means all that are here, which is [`HERE`] beside addresses.
    pub repos: Vec<String>,
    /// Event time after this moment…
    pub from: Timestamp,
    /// …up to and including this one.
    pub to: Timestamp,
    /// The time range of which this is a part, if it is not the whole: it sets the spans of
    /// a `timechart` that names none.
    pub part_of: Option<Duration>,
    /// IANA time zone for time functions.
    pub timezone: String,
    /// Most rows returned by a simple query, newest first; 0 means no cut.
    pub limit: usize,
    /// Only events whose `seq` is at most this, if given.
    pub up_to_seq: Option<u64>,
    /// Time given.
    pub timeout: Duration,
}

/// Searches everything that was acknowledged before the call, each event once.
#[async_trait]
pub trait Searcher: Send + Sync + 'static {
    /// Runs the whole plan. Simple queries give rows by event time, newest first.
    async fn run(&self, request: SearchRequest) -> Result<ResultSet>;

    /// [`Searcher::run`], telling `progress` how far it is. A searcher that does not know
    /// tells nothing.
    async fn run_watched(
        &self,
        request: SearchRequest,
        progress: Arc<Progress>,
    ) -> Result<ResultSet> {
        let _ = progress;
        self.run(request).await
    }

    /// Events that match the plan's leading filter, by event time then `seq`, oldest first;
    /// [`Error::TooMany`] beyond `max`. Whole events, whatever the plan reads. What event files
    /// in quarantine held is left out: rules that begin must not wait until one is restored.
    async fn matching(&self, request: SearchRequest, max: usize) -> Result<Vec<LoggedEvent>>;
}

/// Events of other instances that match a plan's leading filter.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere {
    /// The events, in any order.
    pub events: Vec<LoggedEvent>,
    /// For plans that [count](Plan::counted_by), instead of events: what they have of the
    /// fields that matter, and how many there are of each.
    pub counted: Vec<(Event, u64)>,
    /// How many there are, which may be more than were fetched.
    pub total: u64,
    /// True if some that matter were not fetched.
    pub truncated: bool,
    /// True if the events still have to meet the plan's leading filter.
    pub unfiltered: bool,
}

/// A searcher of this instance that takes in what others found.
#[async_trait]
pub trait Joins: Searcher {
    /// As [`Searcher::run`] over the repos here that the request names, and these events.
    /// Addresses of repos at other instances are nothing here.
    async fn run_with(&self, request: SearchRequest, others: Elsewhere) -> Result<ResultSet>;
    /// As [`Searcher::matching`], with those of these events that match.
    async fn matching_with(
        &self,
        request: SearchRequest,
        others: Elsewhere,
        max: usize,
    ) -> Result<Vec<LoggedEvent>>;
}
