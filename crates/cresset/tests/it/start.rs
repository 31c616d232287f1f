//! The first start, later starts, and stops.

use crate::world::{World, binary};
use anyhow::Result;
use cresset_testkit::http;
use serde_json::json;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

fn mode(path: &std::path::Path) -> Result<u32> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
}

#[tokio::test]
async fn the_first_start_makes_everything_with_narrow_permissions() -> Result<()> {
    let mut world = World::new().await?;
    let dir = world.server.data_dir().to_owned();
    assert_eq!(mode(&dir)?, 0o700);
    for file in ["sealing.key", "initial-credentials.json", "catalog.db"] {
        assert_eq!(mode(&dir.join(file))?, 0o600, "{file}");
    }
    let c = &world.credentials;
    assert_eq!(
        (c.username.as_str(), c.access_id.len(), c.access_key.len()),
        ("admin", 20, 40)
    );
    assert_eq!(
        http::get(&format!("{}/health/live", c.url), None)
            .await?
            .status,
        200
    );
    for secret in [&c.password, &c.api_access_key, &c.access_key] {
        assert!(
            !world.server.output().contains(secret.as_str()),
            "a secret is in the output"
        );
    }
    let repos = world
        .call("/Repo/get_all_searchable_logpoint", &json!({}))
        .await?;
    let names: Vec<_> = repos["rows"][0]["repos"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["repo"].clone())
        .collect();
    assert!(
        names.contains(&json!("default")) && names.contains(&json!("_cresset")),
        "{names:?}"
    );

    // Nothing changes at the second start.
    let before = std::fs::read_to_string(dir.join("initial-credentials.json"))?;
    assert!(world.server.terminate().await?.success());
    world.server.run().await?;
    assert_eq!(
        std::fs::read_to_string(dir.join("initial-credentials.json"))?,
        before
    );
    Ok(())
}

/// Syslog has no reply that could say that its repo is missing.
#[tokio::test]
async fn the_repo_of_syslog_is_there_from_the_start() -> Result<()> {
    let tcp = cresset_testkit::free_port()?;
    let world = World::with(|s| {
        s.env("CRESSET_INGEST_SYSLOG_REPO", "web")
            .arg("--syslog-tcp")
            .arg(format!("127.0.0.1:{tcp}"))
    })
    .await?;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", tcp))?;
    stream.write_all(b"<13>app: sent-to-web\n")?;
    drop(stream);
    for _ in 0..100 {
        let rows = world.rows("sent-to-web").await?;
        if let [row] = &rows[..] {
            assert_eq!(row["repo_name"], "web");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the message is lost: {}", world.server.output())
}

#[tokio::test]
async fn a_stop_by_signal_flushes_and_ends_with_success() -> Result<()> {
    let mut world = World::new().await?;
    world
        .ingest(&[json!({"msg": "last words", "n": 1})])
        .await?;
    assert!(world.server.terminate().await?.success());
    let events = world.server.data_dir().join("events");
    let files = walk(&events);
    assert!(
        files.iter().any(|f| f.ends_with(".parquet")),
        "no event file after the stop: {files:?}"
    );
    world.server.run().await?;
    assert_eq!(world.rows("\"last words\"").await?.len(), 1);
    Ok(())
}

fn walk(dir: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .flat_map(|e| {
            if e.path().is_dir() {
                walk(&e.path())
            } else {
                vec![e.path().display().to_string()]
            }
        })
        .collect()
}

#[tokio::test]
async fn two_servers_cannot_share_a_data_directory() -> Result<()> {
    let world = World::new().await?;
    let output = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(world.server.data_dir())
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && text.contains("in use"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn check_and_serve_give_the_same_verdict() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("cresset.toml");
    let garbage = dir.path().join("garbage.pem");
    std::fs::write(&garbage, "no certificate")?;
    let garbage = garbage.display();
    let no_pem = format!("[tls]\ncert = \"{garbage}\"\nkey = \"{garbage}\"\n");
    let no_ca = format!("[smtp]\nhost = \"mail\"\nca_file = \"{garbage}\"\n");
    for (text, good) in [
        (no_pem.as_str(), false),
        (no_ca.as_str(), false),
        ("[server]\nlisten = \"127.0.0.1:0\"\n", true),
        ("[server]\nlisten = \"127.0.0.1:0\"\nnmae = \"x\"\n", false),
        ("[egress]\nallow = [\"10.0.0.0/33\"]\n", false),
        ("[tls]\ncert = \"missing.pem\"\n", false),
        ("[smtp]\nhost = \"mail\"\nmode = \"ssl\"\n", false),
        ("[server\n", false),
    ] {
        std::fs::write(&file, text)?;
        let check = Command::new(binary())
            .arg("check")
            .arg("--config")
            .arg(&file)
            .output()?;
        assert_eq!(check.status.success(), good, "{text}");
        if !good {
            let serve = Command::new(binary())
                .args(["serve", "--config"])
                .arg(&file)
                .arg("--data-dir")
                .arg(dir.path().join("d"))
                .output()?;
            assert_eq!(serve.status.code(), Some(2), "{text}");
            let last = |o: &std::process::Output| {
                String::from_utf8_lossy(&o.stderr)
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            assert_eq!(last(&check), last(&serve), "{text}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn its_own_log_is_searchable() -> Result<()> {
    let world = World::new().await?;
    for _ in 0..100 {
        if !world.rows("repo_name=_cresset ready").await?.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("the line 'ready' is not in the repo _cresset")
}

#[tokio::test]
async fn a_node_answers_only_for_its_roles() -> Result<()> {
    let world = World::with(|s| s.arg("--roles").arg("ingest,control")).await?;
    world.ingest(&[json!({"k": 1})]).await?;
    assert!(
        world
            .call("/Repo/get_all_searchable_logpoint", &json!({}))
            .await
            .is_ok()
    );
    let answer = http::post_json(&world.server.url("/getsearchlogs"), None, &json!({})).await?;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("server.roles"), "{}", answer.text());
    Ok(())
}
