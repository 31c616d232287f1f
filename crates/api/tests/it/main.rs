//! The HTTP interface over a real catalog, event log, store and searcher.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod auth;
mod incidents;
mod ingest;
mod native;
mod notifications;
mod openapi;
mod routes;
mod rules;
mod search;
mod site;
mod truncated;
