//! The sinks against real clients.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test]")]

mod http_sink;
mod server;
mod smtp_sink;
