//! From bytes on the wire to events in the event log.
//!
//! ```text
//! HTTP body ─ decompress ─ ndjson ┐
//!                                 ├─ normalise ─ EventLog::append
//! syslog UDP, TCP ─ framing ──────┘
//! shippers ─ decompress ─ shippers ─ normalise ─ EventLog::append
//! ```
//!
//! - [`decompress`] expands gzip, deflate and zstd under a limit.
//! - [`ndjson`] cuts a body into items and flattens each into fields.
//! - [`normalise`] gives an event its time, its origin and what the signatures
//!   know about its text. Signatures are data: `signatures/*.toml`, and files of the
//!   operator's ([`read_signatures`]).
//! - [`Ingestor`] appends to the event log and tells senders apart from the disk.
//! - [`shippers`] reads what Elasticsearch, Splunk, Loki and OpenTelemetry clients send.
//! - [`syslog`] listens.
//!
//! Every input is bounded by [`IngestSettings`]. Nothing here knows HTTP statuses.

mod body;
pub mod decompress;
mod error;
mod found;
mod ingestor;
pub mod ndjson;
pub mod normalise;
mod repos;
mod settings;
pub mod shippers;
mod signature;
mod stamp;
pub mod syslog;

pub use body::BodyFormat;
pub use error::{IngestError, IngestReply, ItemError, SetupError};
pub use found::Step;
pub use ingestor::{HttpBatch, Ingestor};
pub use normalise::{Explanation, Input, Normaliser, Origin};
pub use settings::IngestSettings;
pub use signature::{SignatureText, read_signatures, signature_problems};
