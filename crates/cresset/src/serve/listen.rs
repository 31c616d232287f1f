//! Connections: accept, TLS, time limits, and an orderly end.
//!
//! Every place among `server.max_connections` comes free again, whatever a client does or
//! leaves undone.

use super::patience::{Activity, Patient};
use super::request_target::LenientTarget;
use crate::config::Config;
use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// What every connection needs.
#[derive(Clone)]
struct Connections {
    router: Router,
    builder: Arc<Builder<TokioExecutor>>,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    stop: watch::Receiver<bool>,
}

/// Spans of silence after which a connection is closed.
#[derive(Clone, Copy)]
struct Limits {
    /// Until TLS is agreed on, and until the protocol is clear.
    opening: Duration,
    /// In the middle of something.
    stall: Duration,
    /// Between requests.
    idle: Duration,
}

#[cfg(test)]
mod tests;

/// Serves `router` until `stop` turns true, then finishes what is under way.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    config: &Config,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let opening = config.header_timeout.to_std();
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(opening)
        .max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(opening)
        .keep_alive_timeout(opening)
        .max_concurrent_streams(256);
    let connections = Connections {
        router,
        builder: Arc::new(builder),
        tls: config.tls.as_ref().map(acceptor).transpose()?,
        limits: Limits {
            opening,
            // While a request is worked on, both sides are silent.
            stall: config.request_timeout.to_std() + opening,
            idle: config.idle_timeout.to_std(),
        },
        stop: stop.clone(),
    };
    let places = Arc::new(Semaphore::new(config.max_connections));
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place?,
            _ = stop.changed() => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: the next accept may do better.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = stop.changed() => break,
        };
        let connections = connections.clone();
        tokio::spawn(async move {
            connections.run(stream, peer).await;
            drop(place);
        });
    }
    drop(listener);
    let limit = config.shutdown_timeout.to_std();
    let all = places.acquire_many(u32::try_from(config.max_connections)?);
    if tokio::time::timeout(limit, all).await.is_err() {
        tracing::warn!("requests were cut off at the end of the shutdown time");
    }
    Ok(())
}

impl Connections {
    async fn run(self, stream: TcpStream, peer: SocketAddr) {
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.speak(stream, peer).await,
            Some(tls) => {
                let agreed = tokio::time::timeout(self.limits.opening, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = agreed {
                    self.speak(stream, peer).await;
                }
            }
        }
    }

    /// Answers requests until the client or the server is done, or the client is silent.
    async fn speak(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
    ) {
        let Limits {
            opening,
            stall,
            idle,
        } = self.limits;
        let activity = Activity::new();
        let (router, requests) = (self.router, activity.clone());
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let (answer, busy) = (router.clone().oneshot(request), requests.begin());
            async move {
                let answer = answer.await;
                drop(busy);
                answer
            }
        });
        let stream = Patient::new(LenientTarget::new(stream), opening, stall);
        let stream = TokioIo::new(stream);
        let connection = self.builder.serve_connection(stream, service).into_owned();
        tokio::pin!(connection);
        let (served, silent) = tokio::select! {
            served = connection.as_mut() => (Some(served), false),
            _ = self.stop.wait_for(|stop| *stop) => (None, false),
            () = activity.idle_for(idle) => (None, true),
        };
        let served = match served {
            Some(served) => served,
            None => {
                connection.as_mut().graceful_shutdown();
                if silent {
                    // A client that still does not react is not waited for again.
                    match tokio::time::timeout(opening, connection).await {
                        Ok(served) => served,
                        Err(_) => return,
                    }
                } else {
                    connection.await
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "connection ended early");
        }
    }
}

pub(super) fn acceptor(tls: &crate::config::Tls) -> anyhow::Result<TlsAcceptor> {
    let (certs, key) = certificate(tls, "tls.cert", "tls.key")?;
    let mut server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .context("tls.cert and tls.key do not belong together")?;
    // In this order: over HTTP/2 nothing mends the targets that `curl` sends as they were typed.
    server.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

/// Reads a certificate chain and its key, which the settings of these names give.
pub(super) fn certificate(
    tls: &crate::config::Tls,
    cert_setting: &str,
    key_setting: &str,
) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let none = || {
        let shown = tls.cert.display();
        format!("{cert_setting}: {shown} holds no certificate in PEM")
    };
    let certs = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(none)?;
    anyhow::ensure!(!certs.is_empty(), none());
    let key = PrivateKeyDer::from_pem_file(&tls.key).with_context(|| {
        format!(
            "{key_setting}: {} holds no private key in PEM",
            tls.key.display()
        )
    })?;
    Ok((certs, key))
}
