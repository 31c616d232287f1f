//! Syslog over UDP, TCP and TLS.
//!
//! TCP: messages are framed by octet counting or by line feeds (RFC 6587), told
//! apart message by message. What a connection has sent is appended to the event
//! log as one batch before more is read, so that a full log slows senders down
//! instead of losing messages. UDP has no way to slow a sender down: messages
//! beyond a queue are dropped and counted.

mod framer;
mod lines;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub use lines::{Line, Lines};
pub use tcp::{serve_tcp, serve_tls};
pub use udp::serve_udp;

use crate::{IngestError, Ingestor};
use std::time::Duration;
use tokio::sync::watch;

/// Text after which a batch is appended even if more is there to be read.
const BATCH_BYTES: usize = 256 << 10;
/// Messages after which a batch is appended.
const BATCH_LINES: usize = 4_096;
/// First and longest pause between attempts to append.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long a stop waits for a full log.
const LAST_ATTEMPTS: Duration = Duration::from_secs(5);

/// Completes when the server stops.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

fn drop_lines(reason: &'static str, count: usize) {
    metrics::counter!("cresset_ingest_syslog_dropped_total", "reason" => reason)
        .increment(count as u64);
}

/// Appends until it succeeds. False if the log is closed, or if the server has
/// been stopping for [`LAST_ATTEMPTS`]: then the lines are lost and counted.
async fn append_patiently(
    ingestor: &Ingestor,
    lines: &Lines,
    shutdown: &mut watch::Receiver<bool>,
) -> bool {
    let mut pause = RETRY.0;
    let mut stopping_since = None;
    loop {
        let Err(error) = ingestor.ingest_lines(lines).await else {
            return true;
        };
        if let IngestError::TooLarge { .. } = error {
            return append_halves(ingestor, lines, shutdown).await;
        }
        if error == IngestError::Closed {
            drop_lines("closed", lines.len());
            return false;
        }
        tracing::warn!(%error, lines = lines.len(), "syslog messages wait to be stored");
        if *shutdown.borrow() {
            let since = *stopping_since.get_or_insert_with(std::time::Instant::now);
            if since.elapsed() > LAST_ATTEMPTS {
                drop_lines("stopping", lines.len());
                return false;
            }
            tokio::time::sleep(pause).await;
        } else {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopped(shutdown) => {}
            }
        }
        pause = (pause * 2).min(RETRY.1);
    }
}

/// For a batch that the log finds too large.
async fn append_halves(
    ingestor: &Ingestor,
    lines: &Lines,
    shutdown: &mut watch::Receiver<bool>,
) -> bool {
    let Some((first, second)) = lines.halves() else {
        tracing::warn!("a syslog message is too large for the event log");
        drop_lines("too_large", lines.len());
        return true;
    };
    for half in [first, second] {
        if !Box::pin(append_patiently(ingestor, &half, shutdown)).await {
            return false;
        }
    }
    true
}
