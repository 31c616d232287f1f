//! OpenTelemetry's logs: records of a scope of a resource, each with attributes.
//!
//! As protobuf or as JSON (OTLP 1.x; facts: opentelemetry.io, "OTLP Specification", and
//! `logs.proto`). Both become a [`Record`](record::Record), and that an entry:
//!
//! - A body that is text is the line; a body of named values is read like a JSON event.
//! - Attributes become fields under their own dotted names, those of the record before those
//!   of the scope before those of the resource.
//! - `severity` is the text, or else the name of the number's range, which is kept as
//!   `severity_number`. `trace_id` and `span_id` are lower-case hexadecimal.
//! - The time is that of the event, or else the one at which a collector saw it.

mod json;
mod protobuf;
mod record;
mod value;

pub(super) use json::json;
pub(super) use protobuf::protobuf;

/// Most values in one record or resource: one of two bytes takes up to fifty while it is read.
const MAX_VALUES: usize = 100_000;
/// Deepest nesting of a value; deeper ones are refused, as there is no end to them.
const MAX_DEPTH: usize = 32;
