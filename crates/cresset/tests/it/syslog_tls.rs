//! Syslog over TLS, as rsyslog and syslog-ng send it.

use crate::world::{World, binary, now};
use anyhow::{Context, Result, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A sender that trusts the certificates in `trusted`, and shows `own` if it has one.
async fn sender(
    port: u16,
    trusted: &Path,
    own: Option<(&Path, &Path)>,
) -> Result<TlsStream<TcpStream>> {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_file_iter(trusted)? {
        roots.add(cert?)?;
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
        }
    };
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("127.0.0.1")?;
    Ok(TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?)
}

async fn wait_for(world: &World, query: &str, count: usize) -> Result<Vec<serde_json::Value>> {
    let mut rows = Vec::new();
    for _ in 0..200 {
        rows = world.rows(query).await?;
        if rows.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(rows.len() == count, "{query}: {rows:?}");
    Ok(rows)
}

#[tokio::test]
async fn both_framings_over_the_servers_own_certificate() -> Result<()> {
    let port = cresset_testkit::free_port()?;
    let mut world = World::with(|s| s.arg("--syslog-tls").arg(format!("127.0.0.1:{port}"))).await?;
    let dir = world.server.data_dir().to_owned();
    let mode =
        |name: &str| -> Result<u32> { Ok(dir.join(name).metadata()?.permissions().mode() & 0o777) };
    assert_eq!(mode("syslog-key.pem")?, 0o600);
    let cert = dir.join("syslog-cert.pem");

    let mut stream = sender(port, &cert, None).await?;
    let stamp = jiff::Timestamp::from_second(now())?;
    // The count covers the line end of the template, as rsyslog sends it, and a line feed
    // inside, as syslog-ng does; count and message come in separate records.
    let message = format!("<13>1 {stamp} vm app 7 - - counted\nsecond half tlsword\n");
    stream
        .write_all(format!("{} ", message.len()).as_bytes())
        .await?;
    stream.flush().await?;
    stream.write_all(message.as_bytes()).await?;
    let line = format!("<13>1 {stamp} vm app 7 - - line tlsword\n");
    stream.write_all(line.as_bytes()).await?;
    stream.shutdown().await?;
    let rows = wait_for(&world, "tlsword", 2).await?;
    let messages: Vec<_> = rows.iter().filter_map(|row| row["msg"].as_str()).collect();
    assert!(messages.contains(&message.trim_end()), "{messages:?}");
    assert!(messages.contains(&line.trim_end()), "{messages:?}");
    assert!(
        rows.iter().all(|row| row["_truncated"].is_null()),
        "{rows:?}"
    );

    // Without TLS nothing is taken, and the certificate stays for the next start.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).await?;
    plain.write_all(b"<13>1 - - - - - - plainword\n").await?;
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), plain.read_buf(&mut rest)).await??;
    let before = std::fs::read(&cert)?;
    world.server.terminate().await?;
    world.server.run().await?;
    assert_eq!(std::fs::read(&cert)?, before);
    sender(port, &cert, None).await?;
    wait_for(&world, "plainword", 0).await?;
    Ok(())
}

#[tokio::test]
async fn senders_show_a_certificate_where_one_is_asked_for() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name);
    let mut made = Vec::new();
    for who in ["server", "friend", "stranger"] {
        let cert = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        let (pem, key) = (path(&format!("{who}.pem")), path(&format!("{who}.key")));
        std::fs::write(&pem, cert.cert.pem())?;
        std::fs::write(&key, cert.signing_key.serialize_pem())?;
        made.push((pem, key));
    }
    let [server, friend, stranger] = made.as_slice() else {
        anyhow::bail!("three certificates");
    };
    let port = cresset_testkit::free_port()?;
    let shown = |path: &Path| path.display().to_string();
    let world = World::with(|s| {
        s.env("CRESSET_INGEST_SYSLOG_TLS", format!("127.0.0.1:{port}"))
            .env("CRESSET_INGEST_SYSLOG_TLS_CERT", shown(&server.0))
            .env("CRESSET_INGEST_SYSLOG_TLS_KEY", shown(&server.1))
            .env("CRESSET_INGEST_SYSLOG_TLS_CLIENT_CA", shown(&friend.0))
    })
    .await?;
    let own =
        |(cert, key): &'_ (std::path::PathBuf, std::path::PathBuf)| (cert.clone(), key.clone());
    for (who, word) in [
        (None, "noword"),
        (Some(own(stranger)), "strangeword"),
        (Some(own(friend)), "friendword"),
    ] {
        let own = who
            .as_ref()
            .map(|(cert, key)| (cert.as_path(), key.as_path()));
        // In TLS 1.3 the sender learns only afterwards that it was turned away.
        if let Ok(mut stream) = sender(port, &server.0, own).await {
            let line = format!("<13>1 - - - - - - {word}\n");
            let _ = stream.write_all(line.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }
    wait_for(&world, "friendword", 1).await?;
    wait_for(&world, "noword", 0).await?;
    wait_for(&world, "strangeword", 0).await?;
    Ok(())
}

#[test]
fn check_names_what_is_wrong_with_the_certificates() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let check = |settings: &str, part: &str| -> Result<()> {
        let file = dir.path().join("c.toml");
        std::fs::write(&file, format!("[ingest]\n{settings}"))?;
        let output = Command::new(binary())
            .args(["check", "--config"])
            .arg(&file)
            .output()?;
        let told = String::from_utf8(output.stderr)?;
        ensure!(told.contains(part), "{settings}: {told}");
        Ok(())
    };
    let broken = dir.path().join("broken.pem");
    std::fs::write(&broken, "no certificate")?;
    let broken = broken.to_str().context("not UTF-8")?;
    check(
        "syslog_tls_cert = \"/nonexistent\"\n",
        "ingest.syslog_tls_key is not",
    )?;
    check(
        &format!("syslog_tls_cert = {broken:?}\nsyslog_tls_key = {broken:?}\n"),
        "ingest.syslog_tls_cert: ",
    )?;
    check(
        &format!("syslog_tls_client_ca = {broken:?}\n"),
        "ingest.syslog_tls_client_ca: ",
    )?;
    Ok(())
}
