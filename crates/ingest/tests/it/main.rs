//! The ingest against an event log, over its own sockets, and on real logs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics is a test that fails"
)]

mod corpus;
mod durable;
mod http;
mod load;
mod manual;
mod memory;
mod shippers;
mod syslog;
