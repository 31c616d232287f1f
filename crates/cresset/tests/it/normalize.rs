//! `cresset normalize`, and the operator's own signatures in it, in `check` and in the server.

use crate::world::{World, binary};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SIGNATURES: &str = r#"programs = ["door"]
norm_id = "Door"

[[signature]]
id = "door-opened"
pattern = 'badge <badge:int> opened <door:rest>'
labels = ["Door", "Open"]

[[signature.test]]
line = "<13>May  4 10:11:12 gate door[7]: badge 4711 opened the vault"
fields = { badge = 4711, door = "the vault" }
"#;

fn normalize(args: &[&str], input: &str) -> Result<Output> {
    let mut child = Command::new(binary())
        .arg("normalize")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("no input")?
        .write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

fn stdout(output: &Output) -> Result<String> {
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{told}");
    Ok(String::from_utf8(output.stdout.clone())?)
}

#[test]
fn lines_and_why_they_become_what_they_do() -> Result<()> {
    let input = "<38>May  4 10:11:12 bastion sshd[1]: Failed password for root from 203.0.113.9 port 4 ssh2\n\nCEF:0|broken\n";
    let text = stdout(&normalize(&["-"], input)?)?;
    for part in [
        "1: <38>May  4",
        "# syslog header",
        "device_name                  bastion",
        "# signature sshd-login-failed (sshd.toml)",
        "source_address               203.0.113.9",
        "# time from the header",
        "label                        User, Authentication, Login, Fail",
        "3: CEF:0|broken",
        "# refused: no CEF: fewer than six | in the head",
        "# time of arrival",
    ] {
        ensure!(text.contains(part), "{part:?} is not in\n{text}");
    }
    // Each field stands with the step that it came of, also of a text in a text.
    let nested = r#"{"message":"{\"a\":1}","x":1}"#;
    let steps = stdout(&normalize(
        &["-", "--input", "raw", "--format", "json"],
        nested,
    )?)?;
    let row: Value = serde_json::from_str(&steps)?;
    let fields = |n: usize| row["steps"][n]["fields"].clone();
    assert_eq!(fields(0), serde_json::json!(["message", "x"]), "{row}");
    assert_eq!(fields(1), serde_json::json!(["a"]), "{row}");
    // JSON: one object per line, with the values whole.
    let json = stdout(&normalize(
        &["-", "--format", "json", "--repo", "web"],
        input,
    )?)?;
    let rows: Vec<Value> = json
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["fields"]["repo_name"], "web");
    assert_eq!(rows[0]["fields"]["source_port"], 4);
    assert_eq!(rows[0]["line"], 1);
    assert_eq!(rows[1]["line"], 3);
    assert_eq!(rows[1]["steps"][0]["refused"], true);
    Ok(())
}

#[test]
fn json_events_and_what_is_refused() -> Result<()> {
    let input = "{\"winlog\":{\"event_id\":\"4625\",\"channel\":\"Security\",\"event_data\":{\"TargetUserName\":\"bob\"}}}\n{\"a\":\n";
    let output = normalize(&["-"], input)?;
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout)?;
    for part in [
        "# JSON, made flat as Winlogbeat nests it",
        "TargetUserName               bob",
        "# Windows event 4625 of WinServer",
        "  refused: EOF while parsing a value",
    ] {
        ensure!(text.contains(part), "{part:?} is not in\n{text}");
    }
    Ok(())
}

/// As Event Viewer exports a log: one line, however many events.
const EXPORT: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Events><Event xmlns='n'><System><EventID>4624</EventID><Channel>Security</Channel></System><EventData><Data Name='TargetUserName'>bob</Data></EventData></Event><Event><System><EventID>4104</EventID><Channel>Microsoft-Windows-PowerShell/Operational</Channel></System><EventData><Data Name='ScriptBlockText'>one\r\ntwo xmlword</Data></EventData></Event></Events>";

#[tokio::test]
async fn an_event_log_exported_as_xml() -> Result<()> {
    let text = stdout(&normalize(&["-", "--format", "json"], EXPORT)?)?;
    let rows: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(rows.len(), 2, "{text}");
    assert_eq!(rows[0]["fields"]["user"], "bob");
    assert_eq!(rows[1]["fields"]["ScriptBlockText"], "one\r\ntwo xmlword");

    let world = World::new().await?;
    let file = world.server.data_dir().join("security.xml");
    std::fs::write(&file, EXPORT)?;
    let file = file.to_str().context("not UTF-8")?;
    let sent = stdout(&crate::cli::cresset(
        world.server.data_dir(),
        &["ingest", file],
    )?)?;
    ensure!(sent.contains("2 events stored, 0 refused"), "{sent}");
    let rows = world.rows("xmlword EventID=4104").await?;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["ScriptBlockText"], "one\r\ntwo xmlword");
    Ok(())
}

#[tokio::test]
async fn own_signatures_in_check_normalize_and_the_server() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path().join("signatures");
    std::fs::create_dir(&folder)?;
    let file = folder.join("door.toml");
    std::fs::write(&file, SIGNATURES)?;
    std::fs::write(folder.join("notes.txt"), "not TOML [")?;
    let shown = folder.to_str().context("not UTF-8")?.to_owned();
    let check = |folder: &str| -> Result<(bool, String)> {
        let config = dir.path().join("c.toml");
        std::fs::write(&config, format!("[ingest]\nsignatures = {folder:?}\n"))?;
        let output = Command::new(binary())
            .args(["check", "--config"])
            .arg(config)
            .output()?;
        Ok((output.status.success(), String::from_utf8(output.stderr)?))
    };
    assert_eq!(check(&shown)?, (true, String::new()));
    let line = "<13>May  4 10:11:12 gate door[7]: badge 12 opened the lab";
    let text = stdout(&normalize(&["-", "--signatures", &shown], line)?)?;
    ensure!(text.contains("# signature door-opened"), "{text}");

    // Rules are tested with them as well.
    let rule = "name: Door of the lab\nquery: label=Door badge=12\nover: 10m\nrisk: low\ntests:\n  - name: opened\n    events: [{_raw: 'May  4 10:11:12 gate door[7]: badge 12 opened the lab'}]\n    expect: {fires: true}\n";
    let rules = dir.path().join("door.yaml");
    std::fs::write(&rules, rule)?;
    let test = |more: &[&str]| -> Result<bool> {
        let output = Command::new(binary())
            .args(["rules", "test"])
            .arg(&rules)
            .args(more)
            .output()?;
        Ok(output.status.success())
    };
    assert_eq!(
        (test(&[])?, test(&["--signatures", &shown])?),
        (false, true)
    );

    let world = World::with(|s| s.env("CRESSET_INGEST_SIGNATURES", &shown)).await?;
    let line = "door[7]: badge 12 opened the lab";
    ensure!(
        world
            .ingest_raw("default&format=syslog", line, &[])
            .await?
            .status
            == 200
    );
    let rows = world.rows("norm_id=Door label=Open badge=12").await?;
    assert_eq!(rows.len(), 1, "{rows:?}");

    // A test that fails, and a file that does not read, are named with their place.
    std::fs::write(&file, SIGNATURES.replace("badge = 4711", "badge = 4712"))?;
    let (good, told) = check(&shown)?;
    let place = |rest: &str| format!("{}:{rest}", file.display());
    ensure!(
        !good && told.contains(&place("10:8: test: badge is 4711, expected 4712")),
        "{told}"
    );
    std::fs::write(
        &file,
        SIGNATURES.replace("badge <badge:int>", "badge (<badge:int>"),
    )?;
    let (good, told) = check(&shown)?;
    ensure!(!good && told.contains(&place("6:11: ")), "{told}");
    let refused = serve(dir.path(), &shown)?;
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr)?;
    ensure!(told.contains(&place("6:11: ")), "{told}");
    let (good, told) = check("/nonexistent")?;
    ensure!(
        !good && told.contains("/nonexistent: the folder cannot be read"),
        "{told}"
    );
    Ok(())
}

/// A server that is expected to refuse its settings.
fn serve(dir: &Path, signatures: &str) -> Result<Output> {
    Ok(Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.join("data"))
        .env("CRESSET_INGEST_SIGNATURES", signatures)
        .output()?)
}
