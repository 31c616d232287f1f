//! A server whose event files are in a bucket.

use crate::cli::stdout;
use crate::world::{World, binary, now};
use anyhow::{Result, ensure};
use cresset_testkit::{S3Server, ServerProcess, installed};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Stage {
    s3: S3Server,
    folder: TempDir,
}

impl Stage {
    /// An S3 server with a bucket; `None` if it is not installed.
    async fn new() -> Result<Option<Self>> {
        let Some(program) = installed("weed") else {
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("s3");
        std::fs::create_dir(&data)?;
        let s3 = S3Server::start(&program, &data).await?;
        s3.create_bucket("logs").await?;
        std::fs::write(folder.path().join("secret"), S3Server::SECRET_KEY)?;
        Ok(Some(Self { s3, folder }))
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let secret = self.folder.path().join("secret");
        vec![
            ("CRESSET_S3_ENDPOINT", self.s3.endpoint()),
            ("CRESSET_S3_BUCKET", "logs".to_owned()),
            ("CRESSET_S3_PREFIX", "a/b".to_owned()),
            ("CRESSET_S3_ACCESS_KEY_ID", S3Server::ACCESS_KEY.to_owned()),
            (
                "CRESSET_S3_SECRET_ACCESS_KEY_FILE",
                secret.display().to_string(),
            ),
            ("CRESSET_S3_TIMEOUT", "2s".to_owned()),
        ]
    }

    fn set(&self, server: ServerProcess) -> ServerProcess {
        let server = server.env("CRESSET_STORAGE_FLUSH_AGE", "100ms");
        self.variables()
            .into_iter()
            .fold(server, |server, (name, value)| server.env(name, value))
    }

    /// `cresset check` with these settings and one more.
    fn check(&self, name: &str, value: &str) -> Result<Output> {
        let file = self.folder.path().join("cresset.toml");
        std::fs::write(&file, "")?;
        let mut command = Command::new(binary());
        command.arg("check").arg("--config").arg(file);
        command.envs(self.variables()).env(name, value);
        Ok(command.output()?)
    }
}

fn files(folder: &Path) -> Result<usize> {
    let mut found = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        found += if path.is_dir() { files(&path)? } else { 1 };
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_outlive_the_server_and_its_copies() -> Result<()> {
    let Some(stage) = Stage::new().await? else {
        return Ok(());
    };
    let mut world = World::with(|server| stage.set(server)).await?;
    let begin = now();
    let events: Vec<Value> = (0..500)
        .map(|n| json!({"msg": format!("line {n}"), "n": n}))
        .collect();
    world.ingest(&events).await?;
    let range = [begin - 60, begin + 600];
    let data = world.server.data_dir().to_owned();
    // The bucket has them when a copy of what was written is kept.
    let started = Instant::now();
    while files(&data.join("copies"))? == 0 {
        ensure!(started.elapsed().as_secs() < 30, "nothing was flushed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.server.kill9()?;
    // All that is left is in the bucket and the catalog.
    std::fs::remove_dir_all(data.join("copies"))?;
    world.server.run().await?;
    let found = world
        .search("repo_name=default | chart count()", range)
        .await?;
    ensure!(found["rows"][0]["count()"] == 500, "{found}");
    let found = world.search("n=499", range).await?;
    ensure!(found["rows"][0]["msg"] == "line 499", "{found}");
    ensure!(
        !data.join("events").exists(),
        "nothing is in the local folder"
    );
    deletion_and_command(&world, &stage).await?;

    // Another server would take these files for its own.
    let other = tempfile::tempdir()?;
    let mut second = stage.set(ServerProcess::new(binary(), other.path().join("data"))?);
    let refused = second.run().await.map_err(|e| format!("{e:#}"));
    let refused = refused.expect_err("a second server starts on the same files");
    ensure!(refused.contains("belong to another server"), "{refused}");
    Ok(())
}

/// Events are deleted by a query, and the command that looks after files finds the bucket.
async fn deletion_and_command(world: &World, stage: &Stage) -> Result<()> {
    let count = async || {
        let rows = world.rows("repo_name=default | chart count() as c").await?;
        anyhow::Ok(rows.first().map_or(0, |row| row["c"].as_u64().unwrap_or(0)))
    };
    let command = |args: &[&str]| {
        let mut command = Command::new(binary());
        command.args(args).arg("--data-dir");
        command.arg(world.server.data_dir()).envs(stage.variables());
        stdout(&command.output()?)
    };
    let said = command(&[
        "delete", "n>=400", "--repo", "default", "--last", "1d", "--reason", "a test", "--yes",
    ])?;
    ensure!(said == "100 events deleted from 1 event files", "{said}");
    ensure!(count().await? == 400);
    let said = command(&["store", "list"])?;
    ensure!(said == "no event file is in quarantine", "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tries_the_bucket() -> Result<()> {
    let Some(stage) = Stage::new().await? else {
        return Ok(());
    };
    let good = stage.check("CRESSET_S3_REGION", "us-east-1")?;
    let said = String::from_utf8_lossy(&good.stdout).into_owned();
    ensure!(good.status.success(), "{good:?}");
    ensure!(
        said.contains("s3://logs/a/b can be written and read"),
        "{said}"
    );
    let secret = stage.folder.path().join("other");
    std::fs::write(&secret, "not-the-secret")?;
    let secret = secret.display().to_string();
    for (name, value, expect) in [
        ("CRESSET_S3_BUCKET", "nowhere", "no bucket of that name"),
        ("CRESSET_S3_BUCKET", "a", "no name of a bucket"),
        ("CRESSET_S3_ENDPOINT", "localhost:9000", "no URL"),
        ("CRESSET_S3_ENDPOINT", "http://127.0.0.1:1", "refused"),
        ("CRESSET_S3_ENDPOINT", "http://169.254.169.254", "metadata"),
        ("CRESSET_S3_PREFIX", "../x", "no prefix"),
        ("CRESSET_S3_ACCESS_KEY_ID", "", "s3.access_key_id"),
        ("CRESSET_S3_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId"),
        (
            "CRESSET_S3_SECRET_ACCESS_KEY_FILE",
            "",
            "CRESSET_S3_SECRET_ACCESS_KEY",
        ),
        (
            "CRESSET_S3_SECRET_ACCESS_KEY_FILE",
            &secret,
            "SignatureDoesNotMatch",
        ),
        ("CRESSET_S3_CACHE", "1KiB", "16MiB"),
    ] {
        let bad = stage.check(name, value)?;
        let said = String::from_utf8_lossy(&bad.stderr).into_owned();
        ensure!(!bad.status.success(), "{name}={value} passes");
        ensure!(said.contains(expect), "{name}={value}: {said}");
        ensure!(!said.contains("not-the-secret"), "{said}");
    }
    Ok(())
}
