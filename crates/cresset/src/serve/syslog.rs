//! The listeners for syslog, and the certificate of the one with TLS.

use super::parts::Parts;
use super::{bind_tcp, listen};
use crate::config::{Config, Tls};
use anyhow::{Context, bail};
use cresset_ingest::syslog;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// The certificate that the server makes for itself, in the data directory.
const OWN_CERT: &str = "syslog-cert.pem";
/// The key of that certificate (0600).
const OWN_KEY: &str = "syslog-key.pem";

/// Starts the listeners that the configuration asks for.
pub(super) async fn start(
    config: &Config,
    parts: &Parts,
    tasks: &mut JoinSet<()>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let ingestor = || Arc::clone(&parts.ingestor);
    if let Some(addr) = config.syslog_udp {
        let socket = UdpSocket::bind(addr)
            .await
            .with_context(|| format!("ingest.syslog_udp: cannot listen on {addr}"))?;
        tracing::info!(address = %socket.local_addr()?, "syslog over UDP");
        tasks.spawn(syslog::serve_udp(socket, ingestor(), stopped.clone()));
    }
    if let Some(addr) = config.syslog_tcp {
        let listener = bind_tcp(addr, "ingest.syslog_tcp").await?;
        tracing::info!(address = %listener.local_addr()?, "syslog over TCP");
        tasks.spawn(syslog::serve_tcp(listener, ingestor(), stopped.clone()));
    }
    if let Some(addr) = config.syslog_tls {
        let tls = match named(config) {
            Some(tls) => tls,
            None => own_certificate(&config.data_dir, &config.node_ip)?,
        };
        let acceptor = acceptor(&tls, config.syslog_tls_client_ca.as_deref())?;
        let listener = bind_tcp(addr, "ingest.syslog_tls").await?;
        tracing::info!(
            address = %listener.local_addr()?,
            certificate = %tls.cert.display(),
            "syslog over TLS"
        );
        let stopped = stopped.clone();
        tasks.spawn(syslog::serve_tls(listener, acceptor, ingestor(), stopped));
    }
    Ok(())
}

/// Reads what the configuration names for syslog over TLS, to see whether it is good.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    let ca = config.syslog_tls_client_ca.as_deref();
    match named(config) {
        Some(tls) => acceptor(&tls, ca).map(drop),
        None => ca.map_or(Ok(()), |ca| client_roots(ca).map(drop)),
    }
}

/// The certificate that the configuration names: for syslog, or else for HTTPS.
fn named(config: &Config) -> Option<Tls> {
    config
        .syslog_tls_cert
        .clone()
        .or_else(|| config.tls.clone())
}

fn acceptor(tls: &Tls, client_ca: Option<&Path>) -> anyhow::Result<TlsAcceptor> {
    let (cert, key) = ("ingest.syslog_tls_cert", "ingest.syslog_tls_key");
    let (certs, private) = listen::certificate(tls, cert, key)?;
    let builder = rustls::ServerConfig::builder();
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let verifier = WebPkiClientVerifier::builder(Arc::new(client_roots(ca)?))
                .build()
                .context("ingest.syslog_tls_client_ca")?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let server = builder
        .with_single_cert(certs, private)
        .with_context(|| format!("{cert} and {key} do not belong together"))?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn client_roots(path: &Path) -> anyhow::Result<RootCertStore> {
    let shown = path.display();
    let certs = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| {
            format!("ingest.syslog_tls_client_ca: {shown} holds no certificate in PEM")
        })?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certs);
    if added == 0 {
        bail!("ingest.syslog_tls_client_ca: {shown} holds no certificate in PEM");
    }
    Ok(roots)
}

/// The server's own certificate, made on the first start. Senders are given the file
/// `syslog-cert.pem` to trust.
fn own_certificate(dir: &Path, name: &str) -> anyhow::Result<Tls> {
    let own = Tls {
        cert: dir.join(OWN_CERT),
        key: dir.join(OWN_KEY),
    };
    // The certificate is written last: without it, both are made again.
    if own.cert.exists() && own.key.exists() {
        return Ok(own);
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    if !names.iter().any(|n| n == name) {
        names.push(name.to_owned());
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Cresset syslog");
    let cert = params.self_signed(&key)?;
    write_new(&own.key, &key.serialize_pem(), 0o600)?;
    write_new(&own.cert, &cert.pem(), 0o644)?;
    tracing::info!(
        certificate = %own.cert.display(),
        "made a certificate for syslog over TLS; senders must be told to trust it"
    );
    Ok(own)
}

/// Writes a file in the place of any that is there, and never with a wider mode.
fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let write = || {
        if path.exists() {
            std::fs::remove_file(path)?;
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
