//! The outbox worker against real servers and the real catalog.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod egress;
mod http;
mod mail;
mod outbox;
mod sinks;
mod token_mail;
mod world;
