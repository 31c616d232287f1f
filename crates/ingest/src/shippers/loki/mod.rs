//! Loki's push: streams of lines under common labels.
//!
//! As JSON, or as protobuf in a snappy block. Labels and structured metadata become fields, the
//! line is the message. A line that is a JSON object is read as one. Facts: grafana.com, "Loki
//! HTTP API", and `push.proto` of Loki.

mod json;
mod labels;
mod protobuf;

pub(super) use json::json;
pub(super) use protobuf::protobuf;

use cresset_model::{FieldName, Timestamp, Value};

/// Labels that name the program that wrote the line, the best first.
const PROGRAMS: [&str; 5] = [
    "syslog_identifier",
    "program",
    "process_name",
    "app",
    "service_name",
];

/// The program that wrote the lines of a stream, as far as its labels say.
fn program(labels: &[(FieldName, Value)]) -> Option<&str> {
    PROGRAMS.iter().find_map(|name| {
        let found = labels.iter().find(|(label, _)| label == name);
        match found {
            Some((_, Value::Str(text))) => Some(text.as_str()),
            _ => None,
        }
    })
}

/// Nanoseconds since the epoch.
const fn nanos(n: i64) -> Timestamp {
    Timestamp(n.div_euclid(1_000))
}
