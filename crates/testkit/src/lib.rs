//! Helpers for the tests of other crates: real little servers that collect what
//! they are sent, and a real Cresset process. Never part of a release.
//!
//! The sinks run on threads of their own, so that they answer whatever the
//! test's own runtime is busy with, and stop when they are dropped.

mod background;
pub mod http;
mod http_sink;
mod http_wire;
mod installed;
mod journal;
mod mail;
mod mime;
mod ports;
mod s3_server;
mod server;
mod small_disk;
mod smtp_sink;

pub use http_sink::{HttpSink, Received, Reply};
pub use installed::installed;
pub use mail::{Mail, Part};
pub use ports::free_port;
pub use s3_server::S3Server;
pub use server::{Credentials, ServerProcess};
pub use small_disk::SmallDisk;
pub use smtp_sink::{SmtpMode, SmtpSink};
