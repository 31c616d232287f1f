//! The event store: immutable Parquet files, one row per event, in folders
//! `<repo>/<year>/<month>/<day>`.
//!
//! Any program that reads Parquet reads them. Every field is a real column; besides,
//! a file has
//!
//! - `_seq`: place in the event log, unique on one server,
//! - `log_ts` and `col_ts`: event time and arrival time, UTC, in microseconds,
//! - `_overflow`, if needed: a JSON object of the fields that are too rare for a column
//!   of their own, and of values that their column cannot hold exactly,
//! - `_terms`, if there are messages: the [terms](cresset_query::terms) of `msg`.
//!
//! A field with the name of one of these columns is in the column `_field.<name>`.
//! An absent field is null; empty text is not.

mod checksum;
mod columns;
mod compact;
mod delete;
mod encode;
mod error;
mod folders;
mod layout;
mod leaving;
mod local;
mod merge;
mod overflow;
mod quarantine;
mod read;
mod s3;
mod scan;
mod slices;
mod storage;
mod store;
mod terms;
mod writing;

pub use delete::{DeleteFrom, DeletedFrom, Doomed};
pub use error::{Error, Result};
pub use leaving::Reading;
pub use local::LocalFolder;
pub use quarantine::{Checked, Depth, discard, quarantine_folder, restore};
pub use read::{
    Column, ColumnBatch, Columns, Events, Fate, FileBytes, Overlap, Own, Pruned, StoredFile,
    whole_number,
};
pub use s3::{Bucket, S3Settings, S3Storage};
pub use storage::{Fill, Storage, Written};
pub use store::{EventStore, STORE_CURSOR, StoreSettings};
