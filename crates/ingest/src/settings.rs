//! What an operator may set.

use crate::signature::SignatureText;
use cresset_model::repo::DEFAULT_REPO;
use std::time::Duration;

/// Limits and names of the ingest; the section `[ingest]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestSettings {
    /// Largest body of one request as it arrives, in bytes.
    pub max_body_bytes: usize,
    /// Largest body after decompression, in bytes.
    pub max_expanded_bytes: usize,
    /// Longest syslog message, in bytes; a longer one is cut.
    pub max_line_bytes: usize,
    /// Longest value of one field, in bytes; a longer one is cut and its field
    /// named in `_truncated`.
    pub max_value_bytes: usize,
    /// Most fields of one event; an item with more is refused.
    pub max_fields: usize,
    /// Longest field name after flattening, in bytes; an item with a longer one is refused.
    pub max_name_bytes: usize,
    /// Levels of nesting that become dotted names; deeper objects stay JSON text.
    pub max_depth: usize,
    /// Most memory that the events of one body may take, in the measure of
    /// `Event::size`. The event log has such a limit as well; the smaller one counts.
    pub max_batch_bytes: usize,
    /// Bodies above 32 KiB, expanded, that are parsed at the same time; further ones
    /// wait. Those above 16 MiB, or whose events take more than 32 MiB, are parsed one
    /// at a time besides. So parsing takes at most 48 MiB for each of these, and
    /// `max_expanded_bytes` and `max_batch_bytes` once.
    pub max_large_bodies: usize,
    /// IANA name of the zone of times that name none.
    pub default_timezone: String,
    /// This server's name, kept in `collected_at`.
    pub server_name: String,
    /// The operator's signature files, in order; they come before the built-in ones.
    pub signatures: Vec<SignatureText>,
    /// The repo of syslog messages.
    pub syslog_repo: String,
    /// A TCP connection that sends nothing for this long is closed.
    pub tcp_idle: Duration,
    /// Most TCP syslog connections at the same time.
    pub max_connections: usize,
    /// Bytes of UDP messages that may wait for the event log.
    pub udp_queue_bytes: usize,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 << 20,
            max_expanded_bytes: 128 << 20,
            max_line_bytes: 64 << 10,
            max_value_bytes: 1 << 20,
            max_fields: 5_000,
            max_name_bytes: 1_024,
            max_depth: 32,
            max_batch_bytes: 128 << 20,
            max_large_bodies: 3,
            default_timezone: "UTC".to_owned(),
            server_name: "cresset".to_owned(),
            signatures: Vec::new(),
            syslog_repo: DEFAULT_REPO.to_owned(),
            tcp_idle: Duration::from_mins(10),
            max_connections: 1_024,
            udp_queue_bytes: 16 << 20,
        }
    }
}
