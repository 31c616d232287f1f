//! `cresset rules` with the real binary and real servers.

mod files;
mod offline;

use crate::world::World;
use anyhow::{Context, Result};
use cresset_testkit::http;
use files::{Files, Ran};
use serde_json::{Value, json};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// Rules of a full folder.
pub(crate) const COUNT: usize = 60;

async fn listed(world: &World) -> Result<Vec<Value>> {
    let url = world.server.url("/AlertRules/lists_api?limit=1000");
    let token = world.token("alertrules:read");
    let reply = http::send(http::client()?.get(url), Some(&token)).await?;
    let reply = reply.ok()?.json()?;
    Ok(reply["rows"].as_array().context("no rows")?.clone())
}

#[tokio::test]
async fn sixty_rules_on_two_servers_and_then_nothing_to_do() -> Result<()> {
    let (a, b) = (World::new().await?, World::new().await?);
    let files = Files::new(&[&a, &b])?;
    files.many()?;
    let both = ["a", "b"];
    let before = files.to(&both, &["plan", "rules"]).await?.code(2)?;
    assert_eq!(before.matches("60 to create").count(), 2, "{before}");
    let asked = files.to(&both, &["apply", "rules"]).await?.code(1)?;
    assert!(asked.contains("add --yes"), "{asked}");
    assert!(listed(&a).await?.is_empty());

    let text = files
        .to(&both, &["apply", "rules", "--yes"])
        .await?
        .code(0)?;
    assert_eq!(text.matches("60 created").count(), 2, "{text}");
    for world in [&a, &b] {
        let rules = listed(world).await?;
        let active = rules.iter().filter(|r| r["active"] == true).count();
        assert_eq!((rules.len(), active), (COUNT, COUNT - COUNT / 3));
    }
    let again = files
        .to(&both, &["apply", "rules", "--yes"])
        .await?
        .code(0)?;
    assert_eq!(
        again.matches("0 change(s): 60 unchanged").count(),
        2,
        "{again}"
    );

    let edited = fs::read_to_string(files.dir.path().join("rules/rule-7.yaml"))?
        .replace("risk: high", "risk: low")
        .replace("over: 1h", "over: 30m");
    files.write("rule-7.yaml", &edited)?;
    let diff = files.to(&["a"], &["diff", "rules"]).await?.code(2)?;
    for part in [
        "update Rule number 7",
        "over\n      - 1h\n      + 30m",
        "risk\n      - high\n      + low",
    ] {
        assert!(diff.contains(part), "{part:?} is not in {diff}");
    }
    fs::remove_file(files.dir.path().join("rules/rule-9.yaml"))?;
    let kept = files
        .to(&["a"], &["apply", "rules", "--yes"])
        .await?
        .code(0)?;
    assert!(
        kept.contains("1 updated") && kept.contains("0 deleted"),
        "{kept}"
    );
    let pruned = files
        .to(&["a"], &["apply", "rules", "--yes", "--prune"])
        .await?
        .code(0)?;
    assert!(
        pruned.contains("- delete Rule number 9") && pruned.contains("1 deleted"),
        "{pruned}"
    );
    assert_eq!(listed(&a).await?.len(), COUNT - 1);
    Ok(())
}

#[tokio::test]
async fn export_and_apply_changes_nothing() -> Result<()> {
    let world = World::new().await?;
    let id = world
        .rule("As the API made it", "label=Fail | chart count() by user")
        .await?;
    world
        .notify_http(&id, "http://127.0.0.1:9/hook", "{{ alert_name }}\n")
        .await?;
    world
        .notify_email(&id, "Subject: {{x}}", "<p>\n  a # b\n</p>\n")
        .await?;
    let secret = json!({
        "ids": [world.rule("With a secret", "a=1").await?], "type": "http",
        "http_url": "https://h.example.com", "http_request_type": "PUT", "http_querystring": "",
        "http_header": {"auth_type": "api_token", "auth_key": "X-Key", "auth_value": "hidden-one"},
    });
    world
        .call(
            "/pluggables/Notification/HTTPNotification/create_api",
            &secret,
        )
        .await?;
    let files = Files::new(&[&world])?;
    let local = world.server.data_dir().display().to_string();

    let wrote = files
        .run(&["export", "rules", "--data-dir", &local])
        .await?
        .code(0)?;
    assert!(wrote.contains("2 file(s) written"), "{wrote}");
    let text = fs::read_to_string(files.dir.path().join("rules/with-a-secret.yaml"))?;
    assert!(
        !text.contains("hidden-one") && !text.contains("****"),
        "{text}"
    );
    let again = files
        .run(&["export", "rules", "--data-dir", &local])
        .await?
        .code(0)?;
    assert!(again.contains("0 file(s) written, 2 unchanged"), "{again}");
    let nothing = files
        .to(&["a"], &["apply", "rules", "--yes"])
        .await?
        .code(0)?;
    assert!(nothing.contains("0 change(s): 2 unchanged"), "{nothing}");

    let stream = files.to(&["a"], &["export"]).await?;
    stream.code(0)?;
    let mut child = files
        .command(&[
            "apply",
            "-",
            "--yes",
            "--prune",
            "--profile",
            "targets.toml",
            "--to",
            "a",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no stdin")?;
    tokio::io::AsyncWriteExt::write_all(&mut input, &stream.0.stdout).await?;
    drop(input);
    let piped = Ran(child.wait_with_output().await?).code(0)?;
    assert!(piped.contains("0 change(s): 2 unchanged"), "{piped}");

    // A change elsewhere must not overwrite the secret that only the server knows.
    files.write("with-a-secret.yaml", &text.replace("PUT", "POST"))?;
    let refused = files
        .to(&["a"], &["apply", "rules", "--yes"])
        .await?
        .code(1)?;
    assert!(refused.contains("secret_env or secret_file"), "{refused}");
    let named = text
        .replace("PUT", "POST")
        .replace("name: X-Key", "name: X-Key\n      secret_env: HOOK_TOKEN");
    files.write("with-a-secret.yaml", &named)?;
    let set = files
        .to(&["a"], &["apply", "rules", "--yes"])
        .await?
        .code(0)?;
    assert!(set.contains("1 updated"), "{set}");
    assert!(
        files
            .to(&["a"], &["plan", "rules"])
            .await?
            .code(0)?
            .contains("0 change(s)")
    );
    let sent = files
        .to(&["a"], &["apply", "rules", "--yes", "--update-secrets"])
        .await?
        .code(0)?;
    assert!(
        sent.contains("(secret)") && sent.contains("1 updated"),
        "{sent}"
    );
    Ok(())
}

#[tokio::test]
async fn an_apply_that_was_cut_short_is_completed_by_the_next() -> Result<()> {
    let mut world = World::new().await?;
    let files = Files::new(&[&world])?;
    files.many()?;
    let args = [
        "apply",
        "rules",
        "--yes",
        "--profile",
        "targets.toml",
        "--to",
        "a",
    ];
    let child = files
        .command(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    for _ in 0..2_000 {
        if listed(&world).await?.len() >= 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.server.kill9()?;
    let cut = Ran(child.wait_with_output().await?).code(1)?;
    assert!(
        cut.contains("cannot reach") && cut.contains("goes on from here"),
        "{cut}"
    );
    world.server.run().await?;
    let there = listed(&world).await?.len();
    assert!((5..COUNT).contains(&there), "{there}");

    let rest = files.run(&args).await?.code(0)?;
    assert!(rest.contains("0 failed"), "{rest}");
    let last = files.run(&args).await?.code(0)?;
    assert!(last.contains("0 change(s): 60 unchanged"), "{last}");
    let active = listed(&world)
        .await?
        .iter()
        .filter(|r| r["active"] == true)
        .count();
    assert_eq!(active, COUNT - COUNT / 3);
    Ok(())
}

#[tokio::test]
async fn one_dead_server_does_not_stop_the_others() -> Result<()> {
    let world = World::new().await?;
    let files = Files::new(&[&world])?;
    files.write(
        "one.yaml",
        "name: Rule one\nquery: a=b\nover: 10m\nrisk: low\n",
    )?;
    let dead = format!("dead=http://127.0.0.1:{}", cresset_testkit::free_port()?);
    let args = [
        "apply",
        "rules",
        "--yes",
        "--profile",
        "targets.toml",
        "--to",
        "a",
        "--to",
        &dead,
    ];
    let mut command = files.command(&args);
    let told = Ran(command.env("CRESSET_SECRET_DEAD", "x").output().await?).code(1)?;
    assert!(
        told.contains("a: 1 created") && told.contains("failed: cannot reach"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn lists_are_imported_once_or_when_asked() -> Result<()> {
    let world = World::new().await?;
    world.ingest(&[json!({"user": "eve"})]).await?;
    let files = Files::new(&[&world])?;
    fs::create_dir(files.dir.path().join("rules/lists"))?;
    let list = files.dir.path().join("rules/lists/bad_users.txt");
    fs::write(&list, "mallory\ntrent\n")?;
    let first = files
        .to(&["a"], &["apply", "rules", "--yes"])
        .await?
        .code(0)?;
    assert!(
        first.contains("import list BAD_USERS (new)") && first.contains("1 list(s) imported"),
        "{first}"
    );
    assert_eq!(world.rows("user in BAD_USERS").await?.len(), 0);
    fs::write(&list, "mallory\neve\n")?;
    let again = files
        .to(&["a"], &["apply", "rules", "--yes"])
        .await?
        .code(0)?;
    assert!(again.contains("0 change(s)"), "{again}");
    files
        .to(&["a"], &["apply", "rules", "--yes", "--lists"])
        .await?
        .code(0)?;
    assert_eq!(world.rows("user in BAD_USERS").await?.len(), 1);
    Ok(())
}
