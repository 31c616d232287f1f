//! A real Cresset process.

use crate::{free_port, http};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a start or an orderly stop may take.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);
/// How much of the server's output an error shows, in bytes.
const SHOWN: usize = 8 << 10;

/// What the server writes at its first start.
#[derive(Clone, Deserialize)]
pub struct Credentials {
    /// Name of the first user.
    pub username: String,
    /// Its password.
    pub password: String,
    /// The key that signs its tokens.
    pub api_access_key: String,
    /// The public half of its API token.
    pub access_id: String,
    /// The secret half of its API token.
    pub access_key: String,
    /// Where the server is.
    pub url: String,
}

/// A server on 127.0.0.1 with a data directory of its own. Dropping it kills the
/// process; the data directory is the caller's.
pub struct ServerProcess {
    binary: PathBuf,
    data_dir: PathBuf,
    port: u16,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    child: Option<Child>,
}

impl ServerProcess {
    /// A server that is not running yet. `binary` is the `cresset` executable.
    pub fn new(binary: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self {
            binary: binary.into(),
            data_dir: data_dir.into(),
            port: free_port()?,
            args: Vec::new(),
            environment: Vec::new(),
            child: None,
        })
    }

    /// Starts a server and waits until it is ready.
    pub async fn start(binary: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Result<Self> {
        let mut server = Self::new(binary, data_dir)?;
        server.run().await?;
        Ok(server)
    }

    /// Adds an argument after `serve --data-dir … --listen …`.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts the process and waits until `/health/ready` answers 200. For a
    /// server that was killed or terminated this is the restart, at the same port.
    pub async fn run(&mut self) -> Result<()> {
        self.spawn()?;
        self.wait_ready().await
    }

    /// Starts the process without waiting.
    pub fn spawn(&mut self) -> Result<()> {
        anyhow::ensure!(self.child.is_none(), "the server runs already");
        let log = self.log_path();
        let output = OpenOptions::new().create(true).append(true).open(&log)?;
        let child = Command::new(&self.binary)
            .arg("serve")
            .arg("--data-dir")
            .arg(&self.data_dir)
            .arg("--listen")
            .arg(format!("127.0.0.1:{}", self.port))
            .args(&self.args)
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until `/health/ready` answers 200.
    pub async fn wait_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let client = http::client()?;
        let url = self.url("/health/ready");
        loop {
            if let Some(status) = self.exited()? {
                bail!("the server stopped: {status}\n{}", self.output());
            }
            let request = client.get(&url).timeout(Duration::from_secs(5));
            let answer = match http::send(request, None).await {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(answer) => format!("{} {}", answer.status, answer.text()),
                Err(e) => format!("{e:#}"),
            };
            if started.elapsed() > PATIENCE {
                bail!("not ready after {PATIENCE:?}: {answer}\n{}", self.output());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Kills the process at once, as `kill -9` does.
    pub fn kill9(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the server does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks the process to stop (SIGTERM) and waits for its end.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        let pid = self.child.as_ref().context("the server does not run")?.id();
        let sent = Command::new("kill")
            .arg("-TERM")
            .arg(pid.to_string())
            .status()?;
        anyhow::ensure!(sent.success(), "kill -TERM {pid}: {sent}");
        let started = Instant::now();
        loop {
            if let Some(status) = self.exited()? {
                self.child = None;
                return Ok(status);
            }
            if started.elapsed() > PATIENCE {
                bail!(
                    "still running {PATIENCE:?} after SIGTERM\n{}",
                    self.output()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self
            .child
            .as_mut()
            .context("the server does not run")?
            .try_wait()?)
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The port of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The credentials that the first start wrote.
    pub fn credentials(&self) -> Result<Credentials> {
        let path = self.data_dir.join("initial-credentials.json");
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(serde_json::from_reader(file)?)
    }

    /// The end of what the process has printed over all its runs.
    pub fn output(&self) -> String {
        let all = fs::read(self.log_path()).unwrap_or_default();
        let from = all.len().saturating_sub(SHOWN);
        String::from_utf8_lossy(&all[from..]).into_owned()
    }

    /// Beside the data directory, which the server is to make itself.
    fn log_path(&self) -> PathBuf {
        let mut path = self.data_dir.clone().into_os_string();
        path.push(".output.log");
        path.into()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if self.child.is_some() {
            // Nothing is left to do about a process that cannot be killed.
            let _ = self.kill9();
        }
    }
}
