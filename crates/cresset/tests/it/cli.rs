//! The command line, as a person and as a script would use it.

use crate::world::{World, binary};
use anyhow::{Result, ensure};
use cresset_testkit::http;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

pub(crate) fn cresset(data: &Path, args: &[&str]) -> Result<Output> {
    Ok(Command::new(binary())
        .args(args)
        .arg("--data-dir")
        .arg(data)
        .env("XDG_STATE_HOME", data.join("state"))
        .output()?)
}

pub(crate) fn stdout(output: &Output) -> Result<String> {
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[tokio::test]
async fn tokens_of_every_algorithm_are_accepted_and_scopes_are_enforced() -> Result<()> {
    let world = World::new().await?;
    let dir = world.server.data_dir();
    let url = world.server.url("/AlertRules/lists_api");
    for alg in ["HS256", "HS384", "HS512"] {
        let token = stdout(&cresset(
            dir,
            &[
                "token",
                "--user",
                "admin",
                "--scope",
                "alertrules:read",
                "--alg",
                alg,
            ],
        )?)?;
        assert_eq!(http::get(&url, Some(&token)).await?.status, 200, "{alg}");
    }
    let narrow = stdout(&cresset(
        dir,
        &["token", "--user", "admin", "--scope", "search:read"],
    )?)?;
    assert_eq!(http::get(&url, Some(&narrow)).await?.status, 403);
    assert_eq!(http::get(&url, None).await?.status, 401);
    Ok(())
}

/// The reference's own script makes its tokens with PyJWT.
#[tokio::test]
async fn tokens_made_with_pyjwt_are_accepted() -> Result<()> {
    let Some(python) = crate::tutorial::python() else {
        return Ok(());
    };
    let world = World::new().await?;
    let code = "import jwt, sys, datetime as d; n=d.datetime.now(d.timezone.utc); \
        print(jwt.encode({'sub':'admin','scope':'user:read alertrules:read logsources:read','iat':n,'exp':n+d.timedelta(hours=1),'iss':'self-signed'}, sys.argv[1], algorithm='HS256'))";
    let output = Command::new(python)
        .args(["-c", code, &world.credentials.api_access_key])
        .output()?;
    let token = stdout(&output)?;
    assert_eq!(
        http::get(&world.server.url("/AlertRules/lists_api"), Some(&token))
            .await?
            .status,
        200
    );
    let repos = world.server.url("/Repo/get_all_searchable_logpoint");
    assert_eq!(
        http::post_json(&repos, Some(&token), &serde_json::json!({}))
            .await?
            .status,
        200
    );
    Ok(())
}

#[tokio::test]
async fn users_are_managed_while_the_server_runs() -> Result<()> {
    let world = World::new().await?;
    let dir = world.server.data_dir();
    let made = stdout(&cresset(
        dir,
        &["user", "create", "mara", "--role", "manager", "--json"],
    )?)?;
    let made: Value = serde_json::from_str(&made)?;
    let file: Value = serde_json::from_str(&std::fs::read_to_string(
        made["credentials"].as_str().unwrap(),
    )?)?;
    let secret = file["api_access_key"].as_str().unwrap();
    assert!(!made.to_string().contains(secret));
    let key_file = dir.join("mara.key");
    std::fs::write(&key_file, secret)?;
    let key_path = key_file.display().to_string();
    let token = |scope: &str| {
        stdout(&cresset(
            dir,
            &[
                "token",
                "--user",
                "mara",
                "--scope",
                scope,
                "--secret-file",
                &key_path,
            ],
        )?)
    };
    let url = world.server.url("/AlertRules/lists_api");
    let first = token("alertrules:read")?;
    assert_eq!(http::get(&url, Some(&first)).await?.status, 200);
    stdout(&cresset(
        dir,
        &["user", "access-key", "mara", "--regenerate"],
    )?)?;
    assert_eq!(
        http::get(&url, Some(&first)).await?.status,
        401,
        "the old key must be dead"
    );
    let fresh = stdout(&cresset(
        dir,
        &["token", "--user", "mara", "--scope", "alertrules:read"],
    )?)?;
    assert_eq!(http::get(&url, Some(&fresh)).await?.status, 200);
    stdout(&cresset(dir, &["user", "disable", "mara"])?)?;
    assert_eq!(http::get(&url, Some(&fresh)).await?.status, 401);
    assert!(stdout(&cresset(dir, &["user", "list"])?)?.contains("disabled"));
    assert!(!cresset(dir, &["user", "create", "mara"])?.status.success());
    stdout(&cresset(
        dir,
        &["user", "api-token", "admin", "--note", "ci"],
    )?)?;
    Ok(())
}

#[tokio::test]
async fn files_are_sent_once_and_searched() -> Result<()> {
    let world = World::new().await?;
    let dir = world.server.data_dir();
    let log = dir.join("auth.log");
    let line = |i: usize| {
        format!(
            "sshd[{i}]: Failed password for root from 203.0.113.{} port 4711 ssh2\n",
            i % 5
        )
    };
    std::fs::write(&log, (0..500).map(line).collect::<String>())?;
    let path = log.display().to_string();
    assert!(
        stdout(&cresset(dir, &["ingest", &path, "--format", "syslog"])?)?
            .starts_with("500 events stored")
    );
    let again = cresset(dir, &["ingest", &path, "--format", "syslog"])?;
    assert!(stdout(&again)?.starts_with("0 events stored"));
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(
        told.contains("500 lines were sent to http://127.0.0.1:"),
        "{told}"
    );
    assert!(told.contains("--restart"), "{told}");
    // What was appended since is sent, and nothing else.
    let grown: String = (0..510).map(line).collect();
    std::fs::write(&log, grown)?;
    assert!(
        stdout(&cresset(dir, &["ingest", &path, "--format", "syslog"])?)?
            .starts_with("10 events stored")
    );
    let query = "label=Login label=Fail | chart count() as cnt by source_address order by cnt desc";
    let csv = stdout(&cresset(dir, &["search", query, "--csv"])?)?;
    assert_eq!(csv.lines().next(), Some("source_address,cnt"));
    assert_eq!(
        csv.lines().nth(1).and_then(|l| l.split(',').nth(1)),
        Some("102"),
        "{csv}"
    );
    let json = stdout(&cresset(
        dir,
        &["search", "user=root", "--limit", "3", "--json"],
    )?)?;
    assert_eq!(json.lines().count(), 3);
    assert!(stdout(&cresset(dir, &["search", query])?)?.contains("203.0.113.4"));
    let explained = stdout(&cresset(dir, &["search", "--explain", query])?)?;
    for part in [
        "  (label=\"Login\" and label=\"Fail\") | chart count() as cnt by source_address",
        "  1. counts them by source_address in the columns",
        "  files   ",
    ] {
        assert!(explained.contains(part), "{part}: {explained}");
    }
    let wrong = cresset(dir, &["search", "user=root | chrat count()"])?;
    let text = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(
        !wrong.status.success() && text.contains("chart"),
        "no suggestion: {text}"
    );
    Ok(())
}

/// Where no server is, or none that is known.
#[test]
fn a_query_is_explained_without_a_server() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let key = dir.path().join("key");
    std::fs::write(&key, "secret")?;
    let key = key.display().to_string();
    let nowhere = ["--url", "http://127.0.0.1:9", "--secret-file", &key];
    for at in [&[][..], &nowhere] {
        let args = [&["search", "--explain", "a=1 b=2 or c=3"], at].concat();
        let output = cresset(dir.path(), &args)?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("nothing was searched"), "{told}");
        let explained = stdout(&output)?;
        assert!(explained.contains("(a=1 and (b=2 or c=3))"), "{explained}");
        let json = stdout(&cresset(dir.path(), &[&args[..], &["--json"]].concat())?)?;
        let json: Value = serde_json::from_str(&json)?;
        assert_eq!(json["tree"], "(a=1 and (b=2 or c=3))");
        assert!(json["looked_at"].is_null());
    }
    let wrong = cresset(dir.path(), &["search", "--explain", "a=1 | chrat count()"])?;
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && told.contains("chart"), "{told}");
    Ok(())
}

#[test]
fn every_command_has_help_with_examples_and_completions_exist() -> Result<()> {
    for command in [
        "serve",
        "check",
        "user",
        "token",
        "sign",
        "api",
        "ingest",
        "search",
        "delete",
        "store",
        "outbox",
        "audit",
        "bench",
        "completions",
    ] {
        let help = stdout(&Command::new(binary()).args([command, "--help"]).output()?)?;
        assert!(help.contains("Examples:"), "{command}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            stdout(
                &Command::new(binary())
                    .args(["completions", shell])
                    .output()?
            )?
            .contains("cresset")
        );
    }
    let list = stdout(&Command::new(binary()).args(["check", "--list"]).output()?)?;
    assert!(list.contains("CRESSET_SMTP_HOST") && list.contains("[egress]"));
    Ok(())
}
