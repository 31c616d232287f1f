//! A real server of object storage: SeaweedFS, which comes from PyPI.

use crate::{free_port, http};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);

/// An S3 server on 127.0.0.1 that keeps its data in a folder of the caller's. Dropping it
/// kills the process.
pub struct S3Server {
    child: Child,
    sockets: Vec<PathBuf>,
    port: u16,
    filer: u16,
}

impl S3Server {
    /// The public half of the one credential.
    pub const ACCESS_KEY: &str = "cresset-tests";
    /// The secret half.
    pub const SECRET_KEY: &str = "secret-of-the-tests";

    /// Starts the server `program` and waits until it takes files. There is no bucket yet.
    pub async fn start(program: &Path, folder: &Path) -> Result<Self> {
        let config = folder.join("s3.json");
        let identity = serde_json::json!({
            "name": "tests",
            "credentials": [{ "accessKey": Self::ACCESS_KEY, "secretKey": Self::SECRET_KEY }],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        });
        fs::write(
            &config,
            serde_json::json!({ "identities": [identity] }).to_string(),
        )?;
        let (port, filer) = (free_port()?, free_port()?);
        let mut command = Command::new(program);
        command
            .arg("server")
            .arg(format!("-dir={}", folder.display()))
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false"])
            .args(["-s3.autoCreateBucket=false"])
            .args(["-master.telemetry=false", "-master.volumeSizeLimitMB=64"])
            .args([
                "-volume.max=32",
                "-volume.minFreeSpace=0",
                "-filer.exposeDirectoryData=false",
            ])
            .arg(format!("-s3.config={}", config.display()))
            .arg(format!("-s3.port={port}"))
            .arg(format!("-filer.port={filer}"));
        let mut sockets = vec![socket("s3", port), socket("filer", filer)];
        for part in ["master", "volume", "filer", "s3"] {
            let port = free_port()?;
            command.arg(format!("-{part}.port.grpc={port}"));
            sockets.push(socket(&format!("{part}-grpc"), port));
        }
        for part in ["master", "volume"] {
            command.arg(format!("-{part}.port={}", free_port()?));
        }
        let log = folder.join("log");
        let output = File::create(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self {
            child,
            sockets,
            port,
            filer,
        };
        server.wait_ready(&log).await?;
        Ok(server)
    }

    async fn wait_ready(&mut self, log: &PathBuf) -> Result<()> {
        let started = Instant::now();
        loop {
            // It answers before it can store anything.
            let stored = match self.create_bucket("ready").await {
                Ok(()) => self.filer("PUT", "ready/file", "x").await,
                Err(error) => Err(error),
            };
            let Err(error) = stored else { return Ok(()) };
            let ended = self.child.try_wait()?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                let said = fs::read_to_string(log).unwrap_or_default();
                bail!("the S3 server does not start: {error:#}\n{said}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Makes a bucket.
    pub async fn create_bucket(&self, name: &str) -> Result<()> {
        self.filer("POST", &format!("{name}/"), "").await?;
        let url = format!("{}/{name}", self.endpoint());
        let request = http::client()?.get(url);
        let status = http::send(request, None).await?.status;
        // Refused for want of a credential, by the part that speaks S3.
        anyhow::ensure!(status == 403, "the bucket {name} answers {status}");
        Ok(())
    }

    /// A request to the part of the server that needs no credential.
    async fn filer(&self, method: &str, path: &str, body: &'static str) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/buckets/{path}", self.filer);
        let request = http::client()?.request(method.parse()?, url).body(body);
        let answer = http::send(request, None).await?;
        // A folder that is there already.
        if answer.status != 409 {
            answer.ok()?;
        }
        Ok(())
    }

    /// The URL that clients of S3 are given.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for socket in &self.sockets {
            let _ = fs::remove_file(socket);
        }
    }
}

/// Where the server puts a socket that nobody asked for.
fn socket(part: &str, port: u16) -> PathBuf {
    PathBuf::from(format!("/tmp/seaweedfs-{part}-{port}.sock"))
}
