//! Syslog over UDP.

use super::{BATCH_BYTES, BATCH_LINES, Lines, drop_lines, stopped};
use crate::{IngestError, Ingestor};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, watch};

/// Largest datagram there is.
const DATAGRAM_BYTES: usize = 65_535;
/// Bytes that a waiting message counts besides its text.
const ENTRY_BYTES: usize = 64;
/// Most datagrams that are still taken from the socket at a stop.
const LAST_DATAGRAMS: usize = 10_000;
/// Pause after a receive that failed.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// Messages between the socket and the event log.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: Lines,
    closed: bool,
}

/// Serves datagrams, one message each, until `shutdown` becomes true; returns
/// after the messages received by then are stored or counted as dropped.
pub async fn serve_udp(
    socket: UdpSocket,
    ingestor: Arc<Ingestor>,
    shutdown: watch::Receiver<bool>,
) {
    let queue = Queue::default();
    tokio::join!(
        receive(&socket, &ingestor, &queue, shutdown),
        store(&ingestor, &queue)
    );
}

async fn receive(
    socket: &UdpSocket,
    ingestor: &Ingestor,
    queue: &Queue,
    mut shutdown: watch::Receiver<bool>,
) {
    let limits = ingestor.settings();
    let take = |text: &[u8], peer: IpAddr| {
        let kept = text.len().min(limits.max_line_bytes);
        queue.push(
            &text[..kept],
            peer,
            kept < text.len(),
            limits.udp_queue_bytes,
        );
    };
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let received = tokio::select! {
            biased;
            () = stopped(&mut shutdown) => break,
            received = socket.recv_from(&mut buffer) => received,
        };
        match received {
            Ok((n, peer)) => take(&buffer[..n], peer.ip()),
            Err(error) => {
                tracing::warn!(%error, "cannot receive syslog datagrams");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
    for _ in 0..LAST_DATAGRAMS {
        let Ok((n, peer)) = socket.try_recv_from(&mut buffer) else {
            break;
        };
        take(&buffer[..n], peer.ip());
    }
    queue.waiting.lock().closed = true;
    queue.filled.notify_one();
}

async fn store(ingestor: &Ingestor, queue: &Queue) {
    loop {
        queue.filled.notified().await;
        loop {
            let (lines, closed) = queue.take();
            if lines.is_empty() {
                if closed {
                    return;
                }
                break;
            }
            store_batch(ingestor, lines).await;
        }
    }
}

/// Stores the lines in batches; what the log does not take now is lost.
async fn store_batch(ingestor: &Ingestor, lines: Lines) {
    let mut parts = vec![lines];
    while let Some(lines) = parts.pop() {
        if (lines.bytes() > BATCH_BYTES || lines.len() > BATCH_LINES)
            && let Some((first, second)) = lines.halves()
        {
            parts.extend([second, first]);
            continue;
        }
        match ingestor.ingest_lines(&lines).await {
            Ok(_) => {}
            Err(IngestError::Full { .. }) => drop_lines("full", lines.len()),
            Err(IngestError::TooLarge { .. }) => match lines.halves() {
                Some((first, second)) => parts.extend([second, first]),
                None => drop_lines("too_large", 1),
            },
            Err(error) => {
                tracing::warn!(%error, lines = lines.len(), "syslog datagrams are lost");
                drop_lines("failed", lines.len());
            }
        }
    }
}

impl Queue {
    fn push(&self, text: &[u8], peer: IpAddr, cut: bool, limit: usize) {
        let mut waiting = self.waiting.lock();
        let lines = &mut waiting.lines;
        if lines.bytes() + text.len() + (lines.len() + 1) * ENTRY_BYTES > limit {
            drop(waiting);
            drop_lines("queue_full", 1);
            return;
        }
        lines.push(text, peer, cut);
        drop(waiting);
        self.filled.notify_one();
    }

    fn take(&self) -> (Lines, bool) {
        let mut waiting = self.waiting.lock();
        (std::mem::take(&mut waiting.lines), waiting.closed)
    }
}
