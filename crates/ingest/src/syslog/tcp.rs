//! Syslog over TCP, with TLS (RFC 5425) or without.

use super::framer::Framer;
use super::{BATCH_BYTES, BATCH_LINES, Lines, append_patiently, stopped};
use crate::Ingestor;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Bytes taken from a connection at a time.
const READ_BYTES: usize = 64 << 10;
/// Longest that a sender may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause after an accept that failed, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves connections until `shutdown` becomes true; returns after what was read by
/// then is stored.
///
/// At a stop, one more batch of what has arrived is read from each connection (256 KiB
/// or 4,096 messages), and the message that this breaks off is stored as cut. What is
/// still in the sockets is lost, as syslog has no acknowledgement; so is what the event
/// log refuses for five seconds, which is counted.
pub async fn serve_tcp(
    listener: TcpListener,
    ingestor: Arc<Ingestor>,
    shutdown: watch::Receiver<bool>,
) {
    serve(listener, None, ingestor, shutdown).await;
}

/// [`serve_tcp`] behind TLS. Both framings are taken here as well: many senders end
/// messages with a line feed where RFC 5425 asks for octet counting.
///
/// A connection that ends without TLS's own goodbye was broken off: what it has sent last
/// is stored as cut.
pub async fn serve_tls(
    listener: TcpListener,
    tls: TlsAcceptor,
    ingestor: Arc<Ingestor>,
    shutdown: watch::Receiver<bool>,
) {
    serve(listener, Some(tls), ingestor, shutdown).await;
}

async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    ingestor: Arc<Ingestor>,
    mut shutdown: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(ingestor.settings().max_connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stopped(&mut shutdown) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a syslog connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            tracing::warn!(%peer, "too many syslog connections; refused one");
            metrics::counter!("cresset_ingest_syslog_refused_connections_total").increment(1);
            continue;
        };
        let (ingestor, shutdown, tls) = (Arc::clone(&ingestor), shutdown.clone(), tls.clone());
        connections.spawn(async move {
            metrics::gauge!("cresset_ingest_syslog_connections").increment(1);
            match tls {
                None => serve_connection(stream, peer.ip(), &ingestor, shutdown).await,
                Some(tls) => {
                    if let Some(stream) = agree(&tls, stream, peer, shutdown.clone()).await {
                        serve_connection(stream, peer.ip(), &ingestor, shutdown).await;
                    }
                }
            }
            metrics::gauge!("cresset_ingest_syslog_connections").decrement(1);
            drop(slot);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Agrees on TLS; `None` if the sender does not, or if the server stops meanwhile.
async fn agree(
    tls: &TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    mut shutdown: watch::Receiver<bool>,
) -> Option<TlsStream<TcpStream>> {
    let agreed = tokio::select! {
        agreed = tokio::time::timeout(HANDSHAKE, tls.accept(stream)) => agreed,
        () = stopped(&mut shutdown) => return None,
    };
    let reason = match agreed {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no TLS within {} s", HANDSHAKE.as_secs()),
    };
    tracing::info!(%peer, reason, "a sender of syslog and this server did not agree on TLS");
    metrics::counter!("cresset_ingest_syslog_tls_failed_total").increment(1);
    None
}

/// Why a connection is not read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Failed,
    Idle,
    Stopping,
}

/// Serves one connection to its end.
pub(super) async fn serve_connection(
    mut stream: impl AsyncRead + Unpin,
    peer: IpAddr,
    ingestor: &Ingestor,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut framer = Framer::new(ingestor.settings().max_line_bytes);
    let mut lines = Lines::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let mut emit = |text: &[u8], cut| take_line(&mut lines, text, peer, cut);
        let end = tokio::select! {
            biased;
            () = stopped(&mut shutdown) => Some(End::Stopping),
            read = stream.read(&mut buffer) => took(read, &buffer, &mut framer, &mut emit),
            () = tokio::time::sleep(ingestor.settings().tcp_idle) => Some(End::Idle),
        };
        let end = match end {
            None | Some(End::Stopping) => {
                let more =
                    read_what_is_there(&mut stream, &mut buffer, &mut framer, peer, &mut lines)
                        .await;
                end.or(more)
            }
            end => end,
        };
        if let Some(end) = end {
            let mut emit = |text: &[u8], cut| take_line(&mut lines, text, peer, cut);
            framer.finish(end == End::Closed, &mut emit);
        }
        if !lines.is_empty() && !append_patiently(ingestor, &lines, &mut shutdown).await {
            return;
        }
        lines.clear();
        if let Some(end) = end {
            tracing::debug!(%peer, ?end, "a syslog connection ended");
            return;
        }
    }
}

fn took(
    read: io::Result<usize>,
    buffer: &[u8],
    framer: &mut Framer,
    emit: &mut dyn FnMut(&[u8], bool),
) -> Option<End> {
    match read {
        Ok(0) => Some(End::Closed),
        Ok(n) => {
            framer.push(&buffer[..n], emit);
            None
        }
        Err(_) => Some(End::Failed),
    }
}

/// Fills the batch with what has arrived already, without waiting for more.
async fn read_what_is_there(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    framer: &mut Framer,
    peer: IpAddr,
    lines: &mut Lines,
) -> Option<End> {
    while lines.bytes() < BATCH_BYTES && lines.len() < BATCH_LINES {
        let read = tokio::select! {
            biased;
            read = stream.read(buffer) => read,
            () = std::future::ready(()) => return None,
        };
        let mut emit = |text: &[u8], cut| take_line(lines, text, peer, cut);
        let end = took(read, buffer, framer, &mut emit);
        if end.is_some() {
            return end;
        }
    }
    None
}

fn take_line(lines: &mut Lines, text: &[u8], peer: IpAddr, cut: bool) {
    if cut {
        metrics::counter!("cresset_ingest_syslog_cut_total").increment(1);
    }
    lines.push(text, peer, cut);
}
