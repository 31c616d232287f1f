//! The catalog: everything Cresset knows besides the events themselves.
//!
//! [`port`] says what a catalog promises; [`sqlite`] keeps it in one SQLite file.
//! Two promises carry the rest of the system:
//!
//! - [`port::Incidents::commit_firings`] writes incidents, their outbox rows and the
//!   rules' states in one transaction: there is never one without the other.
//! - [`port::Files::register_flush`] writes event files and the event log's cursor
//!   in one transaction: an event is in a file or in the log, never in both.

pub mod audit_chain;
mod elsewhere;
mod error;
pub mod port;
pub mod seal;
pub mod sqlite;

pub use error::{Error, Result};
pub use port::Catalog;
