//! `cresset rules` with the real binary and real servers.

mod files;
mod honest;
mod mistakes;
mod offline;

use crate::world::World;
use anyhow::{Context, Result};
use cresset_testkit::http;
use files::{Files, Ran};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// Rules of a full folder.
pub(crate) const COUNT: usize = 300;
/// Lists of a full folder.
pub(crate) const LISTS: usize = 4;

async fn active(world: &World) -> Result<(usize, usize)> {
    let rules = listed(world).await?;
    let active = rules.iter().filter(|r| r["active"] == true).count();
    Ok((rules.len(), active))
}

async fn listed(world: &World) -> Result<Vec<Value>> {
    let url = world.server.url("/AlertRules/lists_api?limit=1000");
    let token = world.token("alertrules:read");
    let reply = http::send(http::client()?.get(url), Some(&token)).await?;
    let reply = reply.ok()?.json()?;
    Ok(reply["rows"].as_array().context("no rows")?.clone())
}

#[tokio::test]
async fn many_rules_on_two_servers_and_then_nothing_to_do() -> Result<()> {
    let (a, b) = (World::new().await?, World::new().await?);
    let files = Files::new(&[&a, &b])?;
    files.many()?;
    let both = ["a", "b"];
    let before = files.to(&both, &["plan", "rules"]).await?.code(2)?;
    let planned = format!("{COUNT} to create, {LISTS} list(s) to import");
    assert_eq!(before.matches(&planned).count(), 2, "{before}");
    let asked = files.to(&both, &["apply", "rules"]).await?.code(1)?;
    assert!(asked.contains("add --yes"), "{asked}");
    assert!(listed(&a).await?.is_empty());

    let text = files.applied(&both).await?;
    for name in both {
        let done = format!("{name}: {COUNT} created, 0 updated, 0 switched, 0 deleted");
        assert!(text.contains(&done), "{text}");
    }
    for world in [&a, &b] {
        assert_eq!(active(world).await?, (COUNT, COUNT - COUNT / 3));
    }
    let unchanged = format!("0 change(s): {COUNT} unchanged");
    let again = files.applied(&both).await?;
    assert_eq!(again.matches(&unchanged).count(), 2, "{again}");
    let piped = files.piped("a", &both).await?;
    assert_eq!(piped.matches(&unchanged).count(), 2, "{piped}");

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
    let kept = files.applied(&["a"]).await?;
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
    let nothing = files.applied(&["a"]).await?;
    assert!(nothing.contains("0 change(s): 2 unchanged"), "{nothing}");

    let piped = files.piped("a", &["a"]).await?;
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
    let set = files.applied(&["a"]).await?;
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
    let (mut a, b) = (World::new().await?, World::new().await?);
    let files = Files::new(&[&a, &b])?;
    files.many()?;
    let both = ["a", "b"];
    let child = files
        .command_to(&both, &["apply", "rules", "--yes"])
        .spawn()?;
    for _ in 0..2_000 {
        if listed(&a).await?.len() >= COUNT / 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    a.server.kill9()?;
    let cut = Ran(child.wait_with_output().await?).code(1)?;
    for part in [
        "cannot reach".to_owned(),
        "the same command goes on from here".to_owned(),
        // The other server is not held up by it.
        format!("b: {COUNT} created"),
    ] {
        assert!(cut.contains(&part), "{part:?} is not in {cut}");
    }
    a.server.run().await?;
    let there = listed(&a).await?.len();
    assert!((COUNT / 4..COUNT).contains(&there), "{there}");

    let rest = files.applied(&both).await?;
    let created = format!("a: {} created", COUNT - there);
    assert!(
        rest.contains(&created) && rest.contains("0 failed"),
        "{rest}"
    );
    let unchanged = format!("0 change(s): {COUNT} unchanged");
    let last = files.applied(&both).await?;
    assert_eq!(last.matches(&unchanged).count(), 2, "{last}");
    for world in [&a, &b] {
        assert_eq!(active(world).await?, (COUNT, COUNT - COUNT / 3));
    }
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
    let mut command = files.command_to(&["a", &dead], &["apply", "rules", "--yes"]);
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
    let first = files.applied(&["a"]).await?;
    assert!(
        first.contains("import list BAD_USERS (new)") && first.contains("1 list(s) imported"),
        "{first}"
    );
    assert_eq!(world.rows("user in BAD_USERS").await?.len(), 0);
    fs::write(&list, "mallory\neve\n")?;
    let again = files.applied(&["a"]).await?;
    assert!(again.contains("0 change(s)"), "{again}");
    files
        .to(&["a"], &["apply", "rules", "--yes", "--lists"])
        .await?
        .code(0)?;
    assert_eq!(world.rows("user in BAD_USERS").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn macros_go_before_the_rules_that_call_them() -> Result<()> {
    let world = World::new().await?;
    world.ingest(&[json!({"user": "eve", "msg": "x"})]).await?;
    let files = Files::new(&[&world])?;
    fs::create_dir(files.dir.path().join("rules/macros"))?;
    // The one that is called comes later in the alphabet.
    files.write(
        "macros/a_pair.yaml",
        "text: '`of_user(eve)` or `of_user(\"amy b\")`'\n",
    )?;
    files.write(
        "macros/OF_USER.yaml",
        "description: Somebody\nparameters: [who]\ntext: user=$who$\n",
    )?;
    files.write(
        "one.yaml",
        "name: Rule one\nquery: '`A_PAIR` x=1'\nover: 10m\nrisk: low\ntests:\n\
         - name: fires\n  events: [{user: amy b, x: 1}]\n  expect: {fires: true}\n",
    )?;
    let said = files.run(&["test", "rules"]).await?.code(0)?;
    assert!(said.contains("fires ... ok"), "{said}");
    let first = files.applied(&["a"]).await?;
    assert!(
        first.contains("send macro A_PAIR (new)") && first.contains("2 macro(s) sent, 0 failed"),
        "{first}"
    );
    assert_eq!(world.rows("`a_pair`").await?.len(), 1);
    let again = files.applied(&["a"]).await?;
    assert!(again.contains("0 change(s)"), "{again}");
    files.write("macros/A_pair.yml", "text: user=eve\n")?;
    files.write("macros/BROKEN.yaml", "text: a=(\n")?;
    files.write("macros/LOST.yaml", "text: '`nowhere`'\n")?;
    let said = files.run(&["validate", "rules"]).await?.code(1)?;
    for part in [
        "the macro A_PAIR is in",
        "in the macro `BROKEN`",
        "calls the macro `nowhere`, which there is not",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    Ok(())
}
