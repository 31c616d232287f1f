//! The way of clients that reach only their company's host name: a proxy that says it is it.

use anyhow::{Result, bail, ensure};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// The company's host name.
pub(super) const HOST: &str = "api.logicmonitor.com";
/// Longest request to the proxy itself, in bytes.
const MAX_CONNECT: usize = 4 << 10;

/// A proxy whose certificate is for the company's host name, before a plain server.
pub(super) struct Proxy {
    /// What clients have as `HTTPS_PROXY`.
    pub(super) url: String,
    task: AbortHandle,
    passed: Arc<AtomicUsize>,
}

impl Proxy {
    /// Writes its certificate to `certificate`.
    pub(super) async fn start(server: u16, certificate: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()])?;
        std::fs::write(certificate, made.cert.pem())?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .map_err(|e| anyhow::anyhow!("{e}"))?;
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let passed = Arc::new(AtomicUsize::new(0));
        let count = passed.clone();
        let task = tokio::spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, count) = (acceptor.clone(), count.clone());
                clients.spawn(async move {
                    // The script fails where this does, and says why.
                    let _ = pass(client, &acceptor, server, &count).await;
                });
            }
        });
        Ok(Self {
            url,
            task: task.abort_handle(),
            passed,
        })
    }

    /// How many connections trusted the certificate so far.
    pub(super) fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one client of the proxy.
async fn pass(
    mut client: TcpStream,
    acceptor: &TlsAcceptor,
    server: u16,
    passed: &AtomicUsize,
) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(head.len() < MAX_CONNECT, "an endless request");
        head.push(client.read_u8().await?);
    }
    let wanted = format!("CONNECT {HOST}:443 HTTP/1.");
    if !head.starts_with(wanted.as_bytes()) {
        client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await?;
        bail!("{}", String::from_utf8_lossy(&head));
    }
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    let mut client = acceptor.accept(client).await?;
    passed.fetch_add(1, Ordering::SeqCst);
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    // Clients that end without closing TLS are no concern of this test.
    let _ = copy_bidirectional(&mut client, &mut server).await;
    Ok(())
}
