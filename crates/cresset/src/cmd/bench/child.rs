//! A server of this very binary in a temporary directory, and what it costs.

use crate::client::Client;
use crate::cmd::InitialCredentials;
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Clock ticks per second in `/proc`; fixed by the kernel's interface on Linux.
const TICKS: f64 = 100.0;

/// A running server; killed and wiped when dropped.
pub(super) struct BenchServer {
    child: Child,
    dir: PathBuf,
    /// A client with the server's first credentials.
    pub(super) client: Client,
}

impl BenchServer {
    /// Starts a server with further settings, each `CRESSET_…` and its value.
    pub(super) async fn start(settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("cresset-bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&dir)
            .env("CRESSET_SERVER_LOG_LEVEL", "warn")
            .stdout(Stdio::null());
        for (name, value) in settings {
            command.env(name, value);
        }
        let mut child = command.spawn().context("cannot start the server")?;
        let begin = Instant::now();
        let client = loop {
            if let Some(status) = child.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            if begin.elapsed() > Duration::from_secs(30) {
                let _ = child.kill();
                bail!("the server is not ready after 30 seconds");
            }
            if let Ok(Some(initial)) = InitialCredentials::read(&dir)
                && !initial.url.ends_with(":0")
                && let Ok(reply) = crate::client::http(true)?
                    .get(format!("{}/health/ready", initial.url))
                    .send()
                    .await
                && reply.status().is_success()
            {
                break Client::with_credentials(&initial)?;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        Ok(Self { child, dir, client })
    }

    /// CPU seconds that the server has used, user and system.
    pub(super) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.child.id())
    }

    /// A file or folder of the server's data directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Resident memory now and at its peak, in MiB.
    pub(super) fn memory(&self) -> anyhow::Result<(f64, f64)> {
        crate::proc_memory::of(self.child.id()).context("the server's memory is unknown")
    }

    /// Bytes of the event files on disk.
    pub(super) fn stored_bytes(&self) -> u64 {
        fn sum(dir: &std::path::Path) -> u64 {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            entries
                .map(|e| match e.metadata() {
                    Ok(m) if m.is_dir() => sum(&e.path()),
                    Ok(m) => m.len(),
                    Err(_) => 0,
                })
                .sum()
        }
        sum(&self.dir.join("events"))
    }
}

/// CPU seconds that a process has used, user and system.
pub(super) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command's name may hold blanks; the fields after it do not.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |i: usize| {
        rest.split_whitespace()
            .nth(i)
            .and_then(|t| t.parse::<f64>().ok())
    };
    let ticks = field(11).zip(field(12)).map(|(user, system)| user + system);
    Ok(ticks.context("/proc has no CPU times")? / TICKS)
}

impl Drop for BenchServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
