//! Detection from the outside: one meaning in three ways, and a detector over the
//! real catalog, event log, store and searcher.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod agree;
mod changes;
mod clocks;
mod elsewhere;
mod lists;
mod macros;
mod oracle;
mod permissions;
mod random;
mod restart;
mod rules;
mod running;
mod server;
mod spans;
