//! `g6-alert`, the vendor's SDK and command line.

use crate::conformance::{Said, installed, run};
use crate::world::{ALL, World, rule_body};
use anyhow::{Context, Result, ensure};
use cresset_testkit::http;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A rule file in the client's own format.
fn rule_file(name: &str, rule_id: &str, repo: &str, query: &str) -> String {
    format!(
        r#"name: {name}
rule_id: {rule_id}
rule_version: "1.0"
description: A rule of the conformance test
author: The conformance test
{repo}
log_source:
  - category: Windows
detection:
  query: '{query}'
  timerange: 10 min
  risk: high
  condition: {{condition_option: greaterthan, condition_value: 0}}
  additional_config:
    flush_on_trigger: true
    throttling_enabled: true
    throttling_field: user
    throttling_time_range: 30
    aggregate: max
    limit: 100
    search_interval_minute: 5
incident_display_data:
  apply_jinja_template: true
  field_mapping: {{User: user}}
notification:
  email:
    notify_email: true
    email_emails: [soc@example.com]
    subject: 'Alert {{{{alert_name}}}}'
    dispatch_option: auto
    field_mapping: {{User: user}}
    email_threshold_option: minute
    email_threshold_value: 5
"#
    )
}

const QUERY: &str = "error_code=4625 | chart count() as cnt by user | search cnt>5";
const MANIFEST: &str = r#"schema_version: "1.0"
pack: {id: first, name: First pack, version: "1.0.0", description: Two rules, tags: [day-1]}
rules:
  - {path: rules/one.yaml, rule_id: pack-0001}
  - {path: rules/two.yaml, rule_id: pack-0002}
"#;

struct Client {
    program: PathBuf,
    home: TempDir,
}

impl Client {
    /// A client with a profile for the server of `world`.
    async fn new(program: PathBuf, world: &World) -> Result<Self> {
        let client = Self {
            program,
            home: tempfile::tempdir()?,
        };
        let (url, user) = (world.server.url(""), &world.credentials.username);
        let key = &world.credentials.api_access_key;
        client
            .good(&[
                "config",
                "add",
                "here",
                "--type",
                "standalone",
                "--base-url",
                &url,
                "--subject",
                user,
                "--secret",
                key,
            ])
            .await?;
        Ok(client)
    }

    fn file(&self, name: &str, text: &str) -> Result<()> {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        Ok(std::fs::write(path, text)?)
    }

    async fn any(&self, args: &[&str]) -> Result<Said> {
        run(&self.program, self.home.path(), args).await
    }

    async fn good(&self, args: &[&str]) -> Result<String> {
        let said = self.any(args).await?;
        ensure!(said.success, "{args:?}: {said:?}");
        Ok(said.out)
    }

    async fn json(&self, args: &[&str]) -> Result<Value> {
        let out = self.good(args).await?;
        serde_json::from_str(&out).with_context(|| format!("{args:?}: {out}"))
    }

    async fn rules(&self) -> Result<Vec<Value>> {
        let list = self.json(&["list", "--json-output"]).await?;
        Ok(list.as_array().context("no list")?.clone())
    }
}

#[tokio::test]
async fn one_rule_from_creation_to_deletion() -> Result<()> {
    let Some(program) = installed("g6-alert") else {
        return Ok(());
    };
    let world = World::new().await?;
    let client = Client::new(program, &world).await?;
    assert!(client.good(&["config", "list"]).await?.contains("here"));
    assert!(client.good(&["config", "show"]).await?.contains("admin"));
    assert_eq!(client.rules().await?, Vec::<Value>::new());
    client.file(
        "rule.yaml",
        &rule_file("Brute force", "probe-0001", "repo: default", QUERY),
    )?;
    let said = client.good(&["create", "rule.yaml"]).await?;
    let rules = client.rules().await?;
    assert_eq!(rules.len(), 1, "{said}");
    let id = rules[0]["id"].as_str().context("no id")?.to_owned();
    // What the client sent stands there as it was sent.
    let read = client.json(&["get", &id, "--json-output"]).await?;
    assert_eq!(read["search_params"]["query"], QUERY);
    assert_eq!(
        read["search_params"]["repos"],
        json!(["127.0.0.1:5504/default"])
    );
    assert_eq!(read["search_params"]["timerange_minute"], 10);
    assert_eq!(
        read["taxonomy"]["metadata"][0],
        json!({"field": "rule_id", "value": "probe-0001"})
    );
    assert_eq!(read["active"], true);
    let summary = client.good(&["get", &id]).await?;
    assert!(
        summary.contains("Brute force") && summary.contains("high"),
        "{summary}"
    );
    // The e-mail notification came with it.
    let path = format!("/pluggables/Notification/EmailNotification/read_api?id={id}");
    let request = http::client()?.get(world.server.url(&path));
    let mail = http::send(request, Some(&world.token(ALL))).await?;
    let mail = mail.ok()?.json()?;
    assert_eq!(mail["data"]["subject"], "Alert {{alert_name}}", "{mail}");
    assert!(mail.to_string().contains("soc@example.com"), "{mail}");
    assert!(mail.to_string().contains("alert-table"), "{mail}");

    client.good(&["deactivate", &id]).await?;
    assert_eq!(active(&client).await?, [false]);
    let off = client.good(&["list", "--active", "false"]).await?;
    assert!(off.contains(&id), "{off}");
    client.good(&["activate", &id]).await?;
    assert_eq!(active(&client).await?, [true]);

    let changed = "error_code=4625 | chart count() as cnt by user | search cnt>9";
    client.file(
        "rule.yaml",
        &rule_file("Brute force", "probe-0001", "repo: default", changed),
    )?;
    client.good(&["update", &id, "rule.yaml"]).await?;
    let read = client.json(&["get", &id, "--json-output"]).await?;
    assert_eq!(read["search_params"]["query"], changed);

    client.good(&["delete", &id, "--yes"]).await?;
    let gone = client.any(&["get", &id]).await?;
    assert!(!gone.success, "{gone:?}");
    assert!(gone.text().contains("not found"), "{gone:?}");
    assert_eq!(client.rules().await?, Vec::<Value>::new());
    Ok(())
}

async fn active(client: &Client) -> Result<Vec<bool>> {
    let rules = client.rules().await?;
    // The client turns the row's boolean into a word with a picture.
    Ok(rules
        .iter()
        .map(|rule| {
            rule["status"]
                .as_str()
                .is_some_and(|s| s.starts_with("Active"))
        })
        .collect())
}

#[tokio::test]
async fn a_duplicate_name_is_recognised() -> Result<()> {
    let Some(program) = installed("g6-alert") else {
        return Ok(());
    };
    let world = World::new().await?;
    let client = Client::new(program, &world).await?;
    client.file(
        "one.yaml",
        &rule_file("Same name", "probe-0001", "repo: default", QUERY),
    )?;
    client.good(&["create", "one.yaml"]).await?;
    // The same rule again: the client finds it and leaves it, or updates it.
    let again = client.any(&["create", "one.yaml"]).await?;
    assert!(again.text().to_lowercase().contains("exists"), "{again:?}");
    client
        .good(&["create", "one.yaml", "--update-if-exists"])
        .await?;
    // Another rule of the same name never overwrites it.
    client.file(
        "two.yaml",
        &rule_file("Same name", "probe-0002", "repo: default", "event=other"),
    )?;
    let other = client.any(&["create", "two.yaml"]).await?;
    assert!(other.text().to_lowercase().contains("exists"), "{other:?}");
    let rules = client.rules().await?;
    assert_eq!(rules.len(), 1);
    let id = rules[0]["id"].as_str().context("no id")?;
    let read = client.json(&["get", id, "--json-output"]).await?;
    assert_eq!(read["search_params"]["query"], QUERY);
    // A wrong key is told as such.
    let key = "0".repeat(32);
    let wrong = [
        "config",
        "add",
        "wrong",
        "--type",
        "standalone",
        "--base-url",
        &world.server.url(""),
        "--subject",
        "admin",
        "--secret",
        &key,
    ];
    client.good(&wrong).await?;
    let refused = client.any(&["--profile", "wrong", "list"]).await?;
    assert!(!refused.success, "{refused:?}");
    assert!(refused.text().contains("401"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_pack_is_installed_twice_and_after_losses() -> Result<()> {
    let Some(program) = installed("g6-alert") else {
        return Ok(());
    };
    let world = World::new().await?;
    let client = Client::new(program, &world).await?;
    client.file("Packs/first/manifest.yaml", MANIFEST)?;
    client.file(
        "rules/one.yaml",
        &rule_file("Pack rule one", "pack-0001", "", QUERY),
    )?;
    client.file(
        "rules/two.yaml",
        &rule_file("Pack rule two", "pack-0002", "repo: default", QUERY),
    )?;
    let check = async |args: &[&str], ending: &str| -> Result<()> {
        let out = client.good(args).await?;
        ensure!(out.contains(ending), "{args:?}: {out}");
        Ok(())
    };
    let install = ["install-pack", "first"];
    check(&["install-pack", "first", "--dry-run"], "would CREATE").await?;
    check(&install, "2 installed, 0 skipped, 0 deprecated, 0 failed").await?;
    check(&install, "0 installed, 2 skipped, 0 deprecated, 0 failed").await?;
    check(
        &["install-pack", "first", "--update-if-exists"],
        "2 installed",
    )
    .await?;
    check(&["pack-diff", "first"], "0 missing").await?;
    // One switched off and one deleted: both come back.
    check(
        &["deactivate", "Pack rule one", "--by-name", "--yes"],
        "1 alert(s)",
    )
    .await?;
    client
        .good(&["delete", "Pack rule two", "--by-name", "--yes"])
        .await?;
    check(&install, "2 installed, 0 skipped, 0 deprecated, 0 failed").await?;
    assert_eq!(active(&client).await?, [true, true]);
    check(
        &["deactivate", "day-1", "--by-pack-tags", "--yes"],
        "2 alert(s)",
    )
    .await?;
    assert_eq!(active(&client).await?, [false, false]);
    Ok(())
}

#[tokio::test]
async fn more_rules_than_a_page_holds() -> Result<()> {
    let Some(program) = installed("g6-alert") else {
        return Ok(());
    };
    let world = World::new().await?;
    let client = Client::new(program, &world).await?;
    let (http, token) = (http::client()?, world.token(ALL));
    let url = world.server.url("/AlertRules/create_api");
    for n in 0..620 {
        let body = rule_body(&format!("Rule number {n:03}"), "event=never");
        let reply = http::send(http.post(&url).json(&body), Some(&token)).await?;
        ensure!(reply.ok()?.json()?["id"].is_string(), "rule {n}");
    }
    let rules = client.rules().await?;
    let mut names: Vec<&str> = rules.iter().filter_map(|r| r["name"].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((rules.len(), names.len()), (620, 620));
    let some = client
        .json(&["list", "--json-output", "--search", "number 61"])
        .await?;
    assert_eq!(some.as_array().map(Vec::len), Some(10), "{some}");
    // Switching by name goes through a list of its own.
    client
        .good(&["deactivate", "Rule number 619", "--by-name", "--yes"])
        .await?;
    let off = client
        .json(&["list", "--json-output", "--active", "false"])
        .await?;
    assert_eq!(off.as_array().map(Vec::len), Some(1), "{off}");
    Ok(())
}

/// What the client knows of MITRE ATT&CK, in its own words.
const KNOWN: &str = "import json, g6_alert_core.mitre as m; print(json.dumps(m.load_mitre_map()))";

#[tokio::test]
async fn techniques_have_the_hashes_that_the_client_sends() -> Result<()> {
    let (Some(python), Some(program)) = (installed("python3"), installed("g6-alert")) else {
        return Ok(());
    };
    let world = World::new().await?;
    let client = Client::new(program, &world).await?;
    let said = run(&python, client.home.path(), &["-c", KNOWN]).await?;
    ensure!(said.success, "{said:?}");
    let known: BTreeMap<String, Vec<BTreeMap<String, String>>> = serde_json::from_str(&said.out)?;
    let mut theirs = BTreeSet::new();
    for (id, rows) in &known {
        for row in rows {
            let text = |key: &str| row.get(key).cloned().unwrap_or_default();
            let (tag, category) = (text("attack_tag"), text("attack_category"));
            theirs.insert([text("hash"), id.clone(), tag, category]);
        }
    }
    let url = world.server.url("/api/v1/attack/techniques");
    let reply = http::send(http::client()?.get(url), Some(&world.token(ALL))).await?;
    let reply = reply.ok()?.json()?;
    let rows = reply["techniques"].as_array().context("no techniques")?;
    let mut ours = BTreeSet::new();
    for row in rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let (tag, category) = (text("attack_tag"), text("attack_category"));
        ours.insert([text("hash"), text("attack_id"), tag, category]);
    }
    let missing: Vec<_> = theirs.difference(&ours).collect();
    let more: Vec<_> = ours.difference(&theirs).collect();
    ensure!(missing.is_empty(), "missing here: {missing:?}");
    ensure!(more.is_empty(), "unknown to the client: {more:?}");
    ensure!(ours.len() > 800, "only {} techniques", ours.len());

    // A rule of the client's arrives with the hash of one technique and one tactic.
    let mitre = "mitre: [{technique_id: T1078, tactic: [{name: Persistence}]}]\n";
    let rule = rule_file("Valid accounts", "probe-0001", "repo: default", QUERY);
    client.file("rule.yaml", &format!("{rule}{mitre}"))?;
    client.good(&["create", "rule.yaml"]).await?;
    let id = client.rules().await?[0]["id"].clone();
    let id = id.as_str().context("no id")?;
    let read = client.json(&["get", id, "--json-output"]).await?;
    let persistence = rows
        .iter()
        .find(|r| r["attack_id"] == "T1078" && r["attack_category"] == "Persistence")
        .context("no T1078")?;
    assert_eq!(
        read["taxonomy"]["attack_tag_hashes"],
        json!([persistence["hash"]])
    );
    Ok(())
}
