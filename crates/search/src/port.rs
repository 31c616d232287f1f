//! What a searcher promises.

use async_trait::async_trait;
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, Timestamp};
use cresset_query::{Plan, ResultSet};
use std::sync::Arc;

/// A result of a search.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a search gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It took longer than it was given.
    #[error("the search exceeded its time limit of {0:?}; narrow the time range or the filter")]
    Timeout(Duration),
    /// It was cancelled.
    #[error("the search was cancelled")]
    Cancelled,
    /// It kept more events than it was given.
    #[error("the search matched more than {0} events; narrow the time range or the filter")]
    TooMany(usize),
    /// A list that the query feeds cannot be fed.
    #[error("{0}")]
    List(String),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] cresset_catalog::Error),
    /// A file could not be read.
    #[error(transparent)]
    Store(#[from] cresset_store::Error),
}

/// What to search.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Names of repos; empty means all.
    pub repos: Vec<String>,
    /// Event time after this moment…
    pub from: Timestamp,
    /// …up to and including this one.
    pub to: Timestamp,
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
    /// Events that match the plan's leading filter, by event time then `seq`, oldest first;
    /// [`Error::TooMany`] beyond `max`. Whole events, whatever the plan reads.
    async fn matching(&self, request: SearchRequest, max: usize) -> Result<Vec<LoggedEvent>>;
}
