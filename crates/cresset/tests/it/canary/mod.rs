//! Secrets are planted wherever the server takes one or makes one, everything that it can be
//! asked is asked, well and badly, with the most talkative log there is. Then no secret is
//! found in anything that it said or wrote, in any form.

mod calls;
mod failures;
mod needles;
mod prints;
#[path = "../../../../api/tests/it/authorisation/routes.rs"]
mod routes;
mod settings;
mod shippers;
mod stage;

use crate::cli::cresset;
use crate::world::{World, now};
use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use calls::Outside;
use needles::{Finder, Vault};
use serde_json::json;
use stage::{Seen, Stage};
use std::path::Path;

/// With what the mail server knows us.
const SMTP_PASSWORD: &str = "Cnry-5mtp+password/=&%Jd2";
/// Files of the data directory that are there to hold secrets, for the operator alone.
const FOR_THE_OPERATOR: [&str; 2] = ["initial-credentials.json", "sealing.key"];

#[tokio::test]
async fn no_secret_comes_to_light() -> Result<()> {
    let outside = Outside::new()?;
    let dir = tempfile::tempdir()?;
    let password = dir.path().join("smtp-password");
    std::fs::write(&password, SMTP_PASSWORD)?;
    let mail = outside.mail.address();
    let world = World::with(|server| {
        [
            ("SERVER_LOG_LEVEL", "trace"),
            ("EGRESS_ALLOW", "127.0.0.0/8"),
            ("AUTH_BASIC", "true"),
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", &mail.port().to_string()),
            ("SMTP_MODE", "plain"),
            ("SMTP_USER", "cresset"),
            ("SMTP_PASSWORD_FILE", &password.display().to_string()),
            ("QUOTA_GET", "100000"),
            ("QUOTA_POST", "100000"),
            ("QUOTA_PUT", "100000"),
            ("QUOTA_PATCH", "100000"),
            ("QUOTA_DELETE", "100000"),
        ]
        .into_iter()
        .fold(server, |server, (name, value)| {
            server.env(format!("CRESSET_{name}"), value)
        })
    })
    .await?;
    let mut stage = Stage::new(world)?;
    plant_own(&mut stage)?;
    calls::all(&mut stage, &outside).await?;
    not_tried(&mut stage);
    let own_log = own_log(&mut stage).await?;
    said_on_the_command_line(&mut stage)?;
    said_to_the_outside(&mut stage, &outside)?;
    written(&mut stage, "while it runs")?;
    stage.world.server.terminate().await?;
    written(&mut stage, "after it stopped")?;
    let finder = stage.vault.finder()?;
    println!(
        "{} secrets, {} texts, {own_log} own events",
        stage.vault.len(),
        stage.seen.len()
    );
    let leaks = leaks(&finder, &stage.seen);
    ensure!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        shown(&leaks)
    );
    prints::hide(&stage.vault, &finder)
}

/// Plants what the first start made, and what the configuration holds.
fn plant_own(stage: &mut Stage) -> Result<()> {
    let own = stage.world.credentials.clone();
    let data = stage.world.server.data_dir();
    let key = std::fs::read_to_string(data.join("sealing.key"))?;
    for line in key.lines().map(str::trim).filter(|line| line.len() >= 40) {
        let letters = line.rsplit([' ', ':', '=']).find(|part| part.len() >= 40);
        let letters = letters.unwrap_or(line);
        stage.vault.plant("sealing key", letters);
        if let Ok(bytes) = STANDARD.decode(line) {
            stage.vault.plant("bytes of the sealing key", bytes);
        }
    }
    ensure!(stage.vault.len() >= 2, "no sealing key was found");
    let vault = &mut stage.vault;
    vault.plant("first password", own.password);
    vault.plant("first API access key", own.api_access_key);
    vault.plant("first key of a token", own.access_key);
    vault.plant("SMTP password", SMTP_PASSWORD);
    Ok(())
}

/// A route that is not tried is not tested.
fn not_tried(stage: &mut Stage) {
    let open = |path: &str| {
        let free = [
            "/health/",
            "/metrics",
            "/search",
            "/api/v1/openapi.json",
            "/api/v1/docs",
            "/services/collector/health",
            "/ready",
        ];
        free.iter().any(|start| path.starts_with(start))
    };
    for route in routes::all() {
        let (method, path) = &route;
        if !stage.done.contains(&route) {
            stage.problems.push(format!("never done: {method} {path}"));
        }
        if !stage.refused.contains(&route) && method != "OPTIONS" && !open(path) {
            stage
                .problems
                .push(format!("never refused: {method} {path}"));
        }
    }
}

/// The events of the server's own log; how many there are.
async fn own_log(stage: &mut Stage) -> Result<usize> {
    // They are appended once a second.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let range = [now() - 86_400, now() + 60];
    let repo = json!(["127.0.0.1:5504/_cresset"]);
    let reply = stage
        .world
        .search_in("repo_name=_cresset", range, &repo)
        .await?;
    let rows = reply["rows"].as_array().context("no own log")?.len();
    ensure!(rows > 0, "the own log is empty: {reply}");
    let text = reply.to_string();
    ensure!(
        text.contains("\"type\":\"audit\""),
        "the audit log is not in the own log"
    );
    keep(stage, "events of the repo _cresset", text);
    Ok(rows)
}

fn keep(stage: &mut Stage, what: &str, text: impl Into<Vec<u8>>) {
    stage.seen.push(Seen {
        what: what.to_owned(),
        bytes: text.into(),
        shown: Vec::new(),
    });
}

/// What commands print that are not there to print a secret, and what others see of the
/// process.
fn said_on_the_command_line(stage: &mut Stage) -> Result<()> {
    let data = stage.world.server.data_dir().to_owned();
    for args in [
        &["user", "list"][..],
        &["user", "list", "--json"],
        &["instance", "list"],
        &["instance", "list", "--json"],
        &["group", "list"],
        &["outbox", "list"],
        &["keys", "list"],
        &["keys", "rotate"],
        &["audit", "verify"],
        &["audit", "list", "--json", "--limit", "100000"],
        &["search", "canary=yes"],
        &["api", "GET", "/setting/admins/apitokens"],
    ] {
        let output = cresset(&data, args)?;
        let text = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&text);
        ensure!(output.status.success(), "cresset {args:?}: {said}");
        keep(stage, &format!("cresset {}", args.join(" ")), text);
    }
    if let Some(pid) = stage.world.server.pid()
        && let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline"))
    {
        keep(stage, "the command line of the process", line);
    }
    // A new key is a secret from its first moment.
    plant_own(stage)
}

/// What others were told. Who is told of incidents is proven to, in one header.
fn said_to_the_outside(stage: &mut Stage, outside: &Outside) -> Result<()> {
    let mails = outside.mail.mails();
    ensure!(!mails.is_empty(), "no mail was sent");
    for mail in mails {
        let login = mail.login.as_ref().map(|(_, password)| password.as_str());
        ensure!(login == Some(SMTP_PASSWORD), "{login:?}");
        keep(stage, "a mail", format!("{:?} {}", mail.to, mail.raw));
        for part in mail.parts() {
            keep(stage, "a part of a mail", part.text);
        }
    }
    for request in outside.hook.requests() {
        let headers = request
            .headers
            .iter()
            .filter(|(name, _)| name != "authorization");
        let headers: Vec<_> = headers.collect();
        keep(
            stage,
            "a notification",
            format!("{headers:?} {}", request.text()),
        );
    }
    Ok(())
}

/// Every file of the data directory, and the log.
fn written(stage: &mut Stage, when: &str) -> Result<()> {
    let data = stage.world.server.data_dir().to_owned();
    let mut log = data.clone().into_os_string();
    log.push(".output.log");
    let mut files = vec![std::path::PathBuf::from(log)];
    collect(&data, &mut files)?;
    ensure!(files.len() > 3, "no files were found: {files:?}");
    let catalog = files.iter().any(|file| file.ends_with("catalog.db"));
    ensure!(catalog, "no catalog was found: {files:?}");
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !FOR_THE_OPERATOR.contains(&name.as_str()) {
            // One that was removed meanwhile is no file.
            let bytes = std::fs::read(&file).unwrap_or_default();
            keep(stage, &format!("the file {name} {when}"), bytes);
            let exported = file.parent().is_some_and(|f| f.ends_with("exported"));
            if let Some(seen) = stage.seen.last_mut().filter(|_| exported) {
                // By and for the rule's owner.
                seen.shown.push(calls::ADDRESS.to_owned());
            }
        }
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// A secret, where it came to light, and in what form.
type Leak = (String, String, &'static str, String);

fn leaks(finder: &Finder, seen: &[Seen]) -> Vec<Leak> {
    let mut leaks = Vec::new();
    for text in seen {
        let mut named = Vec::new();
        for hit in finder.find(&text.bytes) {
            if !text.shown.contains(&hit.secret) && !named.contains(&hit.secret) {
                named.push(hit.secret.clone());
                leaks.push((text.what.clone(), hit.secret, hit.form, hit.context));
            }
        }
    }
    leaks
}

fn shown(leaks: &[Leak]) -> String {
    let line = |(place, secret, form, context): &Leak| {
        format!("{secret} ({form}) in {place}: {context:?}")
    };
    let lines: Vec<String> = leaks.iter().take(40).map(line).collect();
    lines.join("\n")
}

/// The whole way from a text to a complaint finds what is put there.
#[test]
fn a_leak_is_named_unless_it_is_meant() {
    let mut vault = Vault::default();
    vault.plant("a key", "0123456789abcdef");
    let finder = vault.finder().unwrap();
    let seen = |shown: &[&str]| Seen {
        what: "an answer".to_owned(),
        bytes: json!({"accessKey": "0123456789abcdef"})
            .to_string()
            .into_bytes(),
        shown: shown.iter().map(|name| (*name).to_owned()).collect(),
    };
    let found = leaks(&finder, &[seen(&[])]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(shown(&found).starts_with("a key ("), "{found:?}");
    assert!(shown(&found).contains("in an answer"), "{found:?}");
    assert!(leaks(&finder, &[seen(&["a key"])]).is_empty());
    assert!(!leaks(&finder, &[seen(&["another key"])]).is_empty());
}
