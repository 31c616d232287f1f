//! What log shippers send over HTTP, each in the protocol of another product.
//!
//! ```text
//! body ─ expand ─ decode: elastic, splunk, loki, otlp ─ entries ─ normalise ─ event log
//! ```
//!
//! A decoder is a pure function from bytes to entries and faults, one per item, which it
//! hands to a callback as it goes. So a body takes no more memory than its text and the events
//! that wait for the event log, however many items it has. What cannot be read is refused item
//! by item; a decoder gives up on the rest of a body only where the end of the broken item
//! cannot be told.
//!
//! [`Ingestor::ingest_shipment`](crate::Ingestor::ingest_shipment) does the rest.

mod elastic;
mod entry;
mod intake;
mod loki;
mod otlp;
mod pieces;
mod receipt;
mod sorter;
mod splunk;
#[cfg(test)]
mod tests;
mod wire;

pub use elastic::{Action, MAX_ACTIONS};
pub(crate) use entry::{Entry, Text, Time};
pub use receipt::{BulkItem, Fault, FaultKind, Receipt, Stop};
pub use splunk::Defaults;

use crate::decompress::Encoding;
use bytes::Bytes;
use std::net::IpAddr;
use std::ops::ControlFlow;

/// Whom a decoder tells of each item.
pub(crate) type Each<'e> = &'e mut dyn FnMut(Result<Entry<'_>, Fault>) -> ControlFlow<()>;

/// What a body holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Elasticsearch's `_bulk`, with the index of the path if it names one.
    ElasticBulk(Option<String>),
    /// Events of Splunk's HTTP Event Collector.
    SplunkEvents(Defaults),
    /// Lines sent to it.
    SplunkRaw(Defaults),
    /// Loki's push as JSON.
    LokiJson,
    /// Loki's push as protobuf in a snappy block.
    LokiProtobuf,
    /// OpenTelemetry's logs as JSON.
    OtlpJson,
    /// OpenTelemetry's logs as protobuf.
    OtlpProtobuf,
}

impl Format {
    /// What events that came this way have in `col_type`.
    pub const fn col_type(&self) -> &'static str {
        match self {
            Self::ElasticBulk(_) => "elasticsearch",
            Self::SplunkEvents(_) | Self::SplunkRaw(_) => "splunk_hec",
            Self::LokiJson | Self::LokiProtobuf => "loki",
            Self::OtlpJson | Self::OtlpProtobuf => "otlp",
        }
    }
}

/// One request of a shipper.
#[derive(Debug, Clone)]
pub struct Shipment {
    /// The repo of entries that name none which exists.
    pub repo: String,
    /// A repo that is taken instead if it exists.
    pub tenant: Option<String>,
    /// What the body holds.
    pub format: Format,
    /// How the body is encoded.
    pub encoding: Encoding,
    /// The entries.
    pub body: Bytes,
    /// The sender's address.
    pub peer: IpAddr,
}
