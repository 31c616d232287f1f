//! `pylogpoint`, and `logpoint` over TLS.

use crate::conformance::{installed, run, script};
use crate::world::{World, binary};
use anyhow::{Context, Result, ensure};
use cresset_testkit::{Credentials, ServerProcess};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Events as the queries of the scripts ask for them: three of alice, one of bob.
fn events() -> Vec<Value> {
    ["alice", "bob", "alice", "alice"]
        .iter()
        .map(|user| json!({"kind": "probe", "user": user, "source_address": "192.0.2.1"}))
        .collect()
}

/// The groups of a chart as `user=cnt`, in order.
fn groups(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter()
        .map(|row| {
            format!(
                "{}={}",
                row["user"].as_str().unwrap_or_default(),
                row["cnt"]
            )
        })
        .collect()
}

async fn answers(python: &Path, args: &[&str]) -> Result<Value> {
    let home = tempfile::tempdir()?;
    let said = run(python, home.path(), args).await?;
    ensure!(said.success, "{args:?}: {said:?}");
    serde_json::from_str(&said.out).with_context(|| format!("{said:?}"))
}

#[tokio::test]
async fn pylogpoint_reads_every_kind_of_allowed_data_and_searches() -> Result<()> {
    let Some(python) = installed("python") else {
        return Ok(());
    };
    let world = World::new().await?;
    world.ingest(&events()).await?;
    world.rule("A live search", "kind=never").await?;
    let script = script("pylogpoint_client.py").display().to_string();
    let Credentials {
        username,
        api_access_key,
        ..
    } = &world.credentials;
    let url = world.server.url("");
    let got = answers(&python, &[&script, &url, username, api_access_key]).await?;
    assert_eq!(got["preferences"]["timezone"], "UTC");
    assert_eq!(got["preferences"]["hour_format"], "24 Hour");
    assert_eq!(
        got["loginspects"]["allowed_loginspects"][0]["ip"],
        "127.0.0.1"
    );
    let repos = got["repos"]["allowed_repos"]
        .as_array()
        .context("no repos")?;
    assert!(
        repos.contains(&json!({"repo": "default", "address": "127.0.0.1:5504/default"})),
        "{repos:?}"
    );
    let devices = got["devices"]["allowed_devices"].to_string();
    assert!(devices.contains("127.0.0.1/"), "{devices}");
    let live = &got["livesearches"]["livesearches"][0];
    assert_eq!(live["searchname"], "A live search");
    assert_eq!(live["life_id"].as_str().map(str::len), Some(40));

    let simple = &got["simple"];
    assert_eq!(
        (&simple["final"], &simple["query_type"]),
        (&json!(true), &json!("simple"))
    );
    assert_eq!(simple["rows"].as_array().map(Vec::len), Some(4), "{simple}");
    assert_eq!(simple["rows"][0]["repo_name"], "default");
    assert_eq!(
        got["one_repo"]["rows"],
        json!([]),
        "the other repo is empty"
    );
    assert_eq!(groups(&got["chart"]["rows"]), ["alice=3", "bob=1"]);
    let timechart = &got["timechart"];
    assert_eq!(timechart["query_type"], "timechart");
    let counted: i64 = timechart["rows"]
        .as_array()
        .context("no rows")?
        .iter()
        .filter_map(|row| row["count()"].as_i64())
        .sum();
    assert_eq!(counted, 4, "{timechart}");
    let refused = |name: &str| got[name].as_str().unwrap_or_default().to_owned();
    assert!(refused("bad_query").contains("ApiCallFailure"), "{got}");
    assert_eq!(refused("bad_key"), "ApiCallFailure: Authentication Failed");
    Ok(())
}

#[tokio::test]
async fn logpoint_searches_over_tls_with_a_self_signed_certificate() -> Result<()> {
    let Some(python) = installed("python") else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    std::fs::write(&cert, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let mut server = ServerProcess::new(binary(), dir.path().join("data"))?
        .arg("--tls-cert")
        .arg(cert.display().to_string())
        .arg("--tls-key")
        .arg(key.display().to_string());
    server.spawn()?;
    let host = format!("127.0.0.1:{}", server.port());
    let url = format!("https://{host}");
    let curl = |args: Vec<String>| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--insecure", "--noproxy", "*"]);
        command.args(args);
        tokio::task::spawn_blocking(move || command.output())
    };
    for attempt in 0.. {
        if curl(vec![format!("{url}/health/ready")])
            .await??
            .status
            .success()
        {
            break;
        }
        ensure!(attempt < 300, "not ready: {}", server.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let credentials = server.credentials()?;
    ensure!(
        credentials.url.starts_with("https://"),
        "{}",
        credentials.url
    );
    ingest_over_tls(&server, &url, curl).await?;

    let script = script("logpoint_client.py").display().to_string();
    let (user, key) = (&credentials.username, &credentials.api_access_key);
    let got = answers(&python, &[&script, &host, user, key]).await?;
    assert_eq!(got["preferences"]["success"], true);
    assert_eq!(got["repos"]["logpoint"][0]["ip"], "127.0.0.1");
    assert_eq!(got["simple"]["started"]["success"], true);
    // This client adds up the rows of all polls: none may come twice.
    assert_eq!(
        got["simple"]["rows"].as_array().map(Vec::len),
        Some(4),
        "{got}"
    );
    assert_eq!(groups(&got["chart"]["rows"]), ["alice=3", "bob=1"]);
    // Plain HTTP is not spoken on this port.
    let plain = curl(vec![format!("http://{host}/health/live")]).await??;
    assert!(!plain.status.success(), "{plain:?}");
    Ok(())
}

async fn ingest_over_tls<F>(
    server: &ServerProcess,
    url: &str,
    curl: impl Fn(Vec<String>) -> F,
) -> Result<()>
where
    F: Future<
        Output = std::result::Result<std::io::Result<std::process::Output>, tokio::task::JoinError>,
    >,
{
    let token = Command::new(binary())
        .args([
            "token",
            "--user",
            "admin",
            "--scope",
            "logs:write",
            "--data-dir",
        ])
        .arg(server.data_dir())
        .output()?;
    ensure!(token.status.success(), "{token:?}");
    let token = String::from_utf8_lossy(&token.stdout).trim().to_owned();
    let body: String = events().iter().map(|e| format!("{e}\n")).collect();
    let sent = curl(vec![
        "--header".to_owned(),
        format!("Authorization: Bearer {token}"),
        "--data-binary".to_owned(),
        body,
        format!("{url}/api/v1/ingest?repo=default"),
    ])
    .await??;
    ensure!(
        String::from_utf8_lossy(&sent.stdout).contains("\"accepted\":4"),
        "{sent:?}"
    );
    Ok(())
}
