//! Searches: a plan of the query language over event files and the event log's tail,
//! and the way from the tail to the files.
//!
//! [`StoreSearcher`] sees everything that was acknowledged before it was asked, each
//! event once, although [`Flusher`] moves events meanwhile. [`SearchSessions`] keeps
//! searches for callers that come back for the result. [`ListCache`] holds the named
//! lists that queries refer to, and [`ListFeeder`] writes down what queries add to them.

mod columnar;
mod delete;
mod deletions;
mod feed;
mod flush;
mod kept;
mod lists;
mod looked_at;
mod lost;
mod macros;
mod newest;
mod port;
mod progress;
mod scan;
mod searcher;
mod sessions;
mod view;

pub use delete::{
    DeleteError, DeleteProgress, DeleteRequest, Deleted, Deleter, NotAFilter, filter_alone,
};
pub use deletions::{Deletion, DeletionState, Deletions, Mandate};
pub use feed::{ListFeeder, why_not_fed};
pub use flush::{FlushError, Flushed, Flusher, FlusherSettings};
pub use lists::{ListCache, ListSnapshot, Places};
pub use macros::MacroCache;
pub use port::{Elsewhere, Error, HERE, Joins, Result, SearchRequest, Searcher};
pub use progress::{Counts, Place, Progress};
pub use searcher::{SearchSettings, StoreSearcher};
pub use sessions::{SearchSessions, Session, SessionSettings, SessionState, StartError};
