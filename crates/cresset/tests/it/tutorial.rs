//! docs/tutorial/first-alert.sh with a real mail server, on our sample and on the corpus.

use crate::world::{World, binary, corpus};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The Python that `./dev test` prepares.
pub(crate) fn python() -> Option<PathBuf> {
    let python = root().join("target/venv/bin/python");
    if python.exists() {
        return Some(python);
    }
    // A test run without `./dev` may lack it; CI never does.
    assert!(
        std::env::var_os("CI").is_none(),
        "run the tests through ./dev test, which installs aiosmtpd and PyJWT"
    );
    println!("skipped: target/venv is absent; ./dev setup makes it");
    None
}

struct Sinks(Child);

impl Drop for Sinks {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn run(log: Option<&Path>, expected_address: &str) -> Result<()> {
    let Some(python) = python() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    let sinks = dir.path().join("sinks");
    std::fs::create_dir(&sinks)?;
    let _running = Sinks(
        Command::new(python)
            .arg(root().join("docs/tutorial/sinks.py"))
            .arg(&sinks)
            .spawn()?,
    );
    let mut port = String::new();
    for _ in 0..200 {
        port = std::fs::read_to_string(sinks.join("smtp.port")).unwrap_or_default();
        if sinks.join("http.port").exists() && !port.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let syslog = format!("127.0.0.1:{}", cresset_testkit::free_port()?);
    let world = World::with(|s| {
        s.env("CRESSET_SMTP_HOST", "127.0.0.1")
            .env("CRESSET_SMTP_PORT", port.trim())
            .env("CRESSET_SMTP_MODE", "plain")
            .env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8")
            .arg("--syslog-tcp")
            .arg(&syslog)
    })
    .await?;
    let mut script = Command::new(root().join("docs/tutorial/first-alert.sh"));
    script
        .args(log)
        .env("CRESSET", binary())
        .env("DATA_DIR", world.server.data_dir())
        .env("SYSLOG", &syslog)
        .env("SINKS", &sinks);
    let output = tokio::task::spawn_blocking(move || script.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{text}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        world.server.output()
    );
    let mail = text
        .split("== 6.")
        .nth(1)
        .context("no mail in the output")?;
    ensure!(
        mail.contains(&format!("{expected_address} failed")),
        "{mail}"
    );
    let post = mail
        .split("== 7.")
        .nth(1)
        .context("no request in the output")?;
    ensure!(
        post.contains(&format!("\"address\": \"{expected_address}\"")),
        "{post}"
    );
    ensure!(text.contains("\"risk_level\":\"high\""), "{text}");
    Ok(())
}

#[tokio::test]
async fn on_our_own_sample() -> Result<()> {
    run(None, "203.0.113.77").await
}

#[tokio::test]
async fn on_real_sshd_logs() -> Result<()> {
    match corpus("logs/OpenSSH_2k.log") {
        Some(log) => run(Some(&log), "183.62.140.253").await,
        None => Ok(()),
    }
}
