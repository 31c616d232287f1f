//! `cresset instance` with two real servers, and what the first says of the second.

use crate::cli::{cresset, stdout};
use crate::world::{ALL, World, binary, rule_body};
use anyhow::{Context, Result, ensure};
use cresset_testkit::{free_port, http};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

/// A server, and one that it gets to know.
struct Pair {
    here: World,
    there: World,
    /// `host:port` of the second.
    node: String,
    /// File with its key.
    key: PathBuf,
    _dir: tempfile::TempDir,
}

impl Pair {
    async fn new() -> Result<Self> {
        let (here, there) = (World::new().await?, World::new().await?);
        let dir = tempfile::tempdir()?;
        let key = dir.path().join("there.key");
        std::fs::write(&key, &there.credentials.api_access_key)?;
        let url = there.server.url("");
        let node = url.trim_start_matches("http://").trim_end_matches('/');
        Ok(Self {
            node: node.to_owned(),
            here,
            there,
            key,
            _dir: dir,
        })
    }

    /// The JSON of a command that succeeds.
    fn ran(&self, args: &[&str]) -> Result<Value> {
        let args = [&["instance"][..], args, &["--json"]].concat();
        let text = stdout(&cresset(self.here.server.data_dir(), &args)?)?;
        Ok(serde_json::from_str(&text)?)
    }

    /// What a command that fails says.
    fn refused(&self, args: &[&str]) -> Result<String> {
        let args = [&["instance"][..], args].concat();
        let output = cresset(self.here.server.data_dir(), &args)?;
        let code = output.status.code();
        ensure!(code.is_some_and(|c| c == 1 || c == 2), "{args:?}: {code:?}");
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Arguments that add the second server under a name.
    fn add<'a>(&'a self, name: &'a str, url: &'a str) -> Vec<&'a str> {
        let key = self.key.to_str().unwrap_or_default();
        let user = "admin";
        vec![
            "add",
            name,
            "--url",
            url,
            "--user",
            user,
            "--secret-file",
            key,
        ]
    }

    async fn rows(&self) -> Result<Vec<Value>> {
        let reply = self
            .here
            .call("/Repo/get_all_searchable_logpoint", &json!({}))
            .await?;
        Ok(reply["rows"].as_array().context("no rows")?.clone())
    }
}

#[tokio::test]
async fn an_instance_is_added_listed_checked_and_removed() -> Result<()> {
    let mut pair = Pair::new().await?;
    let url = pair.there.server.url("/");
    let added = pair.ran(&pair.add("east", &url))?;
    let default = format!("{}/default", pair.node);
    let repos = ["_cresset", "default"];
    let repos = repos.map(|name| json!({"name": name, "address": format!("{}/{name}", pair.node)}));
    let repos = json!(repos);
    assert_eq!(added["repos"], repos);
    assert_eq!(
        (&added["up"], &added["product"]),
        (&json!(true), &json!("cresset"))
    );
    assert_eq!(pair.ran(&["list"])?, json!([added]));
    let text = stdout(&cresset(
        pair.here.server.data_dir(),
        &["instance", "list"],
    )?)?;
    for part in ["east", &pair.node, "admin", "up at", "_cresset,default"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }

    // The server says so at once.
    let rows = pair.rows().await?;
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[1]["li"], &rows[1]["li_ip"]),
        (&json!("east"), &json!("127.0.0.1"))
    );
    assert_eq!(rows[1]["repos"][1]["address"], json!(default));

    // Users may be granted its repos.
    let data = pair.here.server.data_dir().to_owned();
    let user = |args: &[&str]| cresset(&data, &[&["user"][..], args].concat());
    stdout(&user(&["create", "mara", "--role", "manager"])?)?;
    let granted = stdout(&user(&["repos", "mara", "--allow", &default, "--json"])?)?;
    let granted: Value = serde_json::from_str(&granted)?;
    assert_eq!(granted["repos"], json!([default]));
    for wrong in [
        format!("{}/nope", pair.node),
        "10.0.0.7:7070/default".to_owned(),
    ] {
        let output = user(&["repos", "mara", "--allow", &wrong])?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(said.contains(&wrong) && said.contains(&pair.node), "{said}");
    }

    // The same server, the same name.
    assert!(
        pair.refused(&pair.add("west", &url))?
            .contains("already exists")
    );
    let other = format!("http://127.0.0.1:{}", free_port()?);
    let mut args = pair.add("east", &other);
    args.push("--no-check");
    assert!(pair.refused(&args)?.contains("already exists"));

    // A rule holds it; a server that is down is told as such.
    let mut body = rule_body("Over two servers", "label=Fail");
    body["search_params"]["repos"] = json!(["default", default]);
    pair.here.call("/AlertRules/create_api", &body).await?;
    let told = pair.refused(&["remove", "east"])?;
    assert!(
        told.contains("Over two servers") && told.contains("--force"),
        "{told}"
    );
    assert_eq!(pair.ran(&["check", "east"])?[0]["up"], json!(true));
    pair.there.server.kill9()?;
    let told = cresset(&data, &["instance", "check"])?;
    assert_eq!(told.status.code(), Some(1));
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        text.contains("down, last seen") && text.contains("cannot reach"),
        "{text}"
    );
    let listed = pair.ran(&["list"])?;
    assert_eq!(listed[0]["repos"], repos, "what it said stays known");
    assert_eq!(listed[0]["up"], json!(false));

    let removed = pair.ran(&["remove", "east", "--force"])?;
    assert_eq!(removed, json!({"name": "east", "removed": true}));
    assert_eq!(pair.ran(&["list"])?, json!([]));
    assert_eq!(pair.rows().await?.len(), 1);
    assert!(
        pair.refused(&["remove", "east"])?
            .contains("cresset instance list")
    );
    assert!(
        pair.refused(&["check", "east"])?
            .contains("cresset instance list")
    );
    Ok(())
}

#[tokio::test]
async fn what_does_not_answer_is_not_added() -> Result<()> {
    let pair = Pair::new().await?;
    let url = pair.there.server.url("");
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    let own = pair.here.server.url("");
    let folder = tempfile::tempdir()?;
    let file = |name: &str, text: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let (wrong, empty) = (file("wrong", "not-the-key")?, file("empty", "\n")?);
    let key = pair.key.display().to_string();
    let with = |name: &'static str, url: &str, file: &str, more: &[&str]| -> Vec<String> {
        let args = [
            "add",
            name,
            "--url",
            url,
            "--user",
            "admin",
            "--secret-file",
            file,
        ];
        args.iter().chain(more).map(ToString::to_string).collect()
    };
    for (args, part) in [
        (with("east", &url, &wrong, &[]), "Invalid token"),
        (with("east", &nowhere, &key, &[]), "cannot reach"),
        (with("east", &url, &empty, &[]), "empty"),
        (
            with("east", &url, "/nonexistent/key", &[]),
            "/nonexistent/key",
        ),
        (with("east", &own, &key, &[]), "this server itself"),
        (with("a b", &url, &key, &[]), "a b"),
        (with("east", "ftp://127.0.0.1", &key, &[]), "https://"),
        (with("east", "http://[::1]:1", &key, &[]), "IPv4"),
        (
            with("east", &url, &key, &["--ca-file", &key]),
            "no certificates",
        ),
        (
            with("east", &url, &key, &["--ca-file", &key, "--insecure"]),
            "--insecure",
        ),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let told = pair.refused(&args)?;
        assert!(told.contains(part), "{args:?}: {told}");
        assert!(
            !told.contains(&pair.there.credentials.api_access_key),
            "{told}"
        );
    }
    let nobody = [
        "add",
        "east",
        "--url",
        &url,
        "--user",
        "nobody",
        "--secret-file",
        &key,
    ];
    assert!(pair.refused(&nobody)?.contains("Invalid token"));
    let keyless = ["add", "east", "--url", &url, "--user", "admin"];
    assert!(pair.refused(&keyless)?.contains("CRESSET_INSTANCE_SECRET"));
    assert_eq!(pair.ran(&["list"])?, json!([]));

    let args = with("later", &nowhere, &key, &["--no-check"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_eq!(pair.ran(&args)?["checked_at"], Value::Null);
    let output = Command::new(binary())
        .args([&["instance"][..], &keyless].concat())
        .arg("--data-dir")
        .arg(pair.here.server.data_dir())
        .env(
            "CRESSET_INSTANCE_SECRET",
            &pair.there.credentials.api_access_key,
        )
        .output()?;
    assert!(stdout(&output)?.contains("it has 2 repos"));

    // The native API shows the same, and never a key.
    let url = pair.here.server.url("/api/v1/instances");
    let answer = http::get(&url, Some(&pair.here.token(ALL))).await?.ok()?;
    let text = answer.text();
    let shown: Value = serde_json::from_str(&text)?;
    let names: Vec<&Value> = shown["instances"]
        .as_array()
        .context("no instances")?
        .iter()
        .map(|instance| &instance["name"])
        .collect();
    assert_eq!(json!(names), json!(["east", "later"]));
    assert!(!text.contains(&pair.there.credentials.api_access_key));
    Ok(())
}

#[tokio::test]
async fn a_key_that_was_regenerated_there_is_replaced_here() -> Result<()> {
    let pair = Pair::new().await?;
    let url = pair.there.server.url("/");
    pair.ran(&pair.add("east", &url))?;
    let made = cresset(
        pair.there.server.data_dir(),
        &["user", "access-key", "admin", "--regenerate", "--json"],
    )?;
    let made: Value = serde_json::from_str(&stdout(&made)?)?;
    let file = made["file"].as_str().with_context(|| made.to_string())?;
    let told = cresset(pair.here.server.data_dir(), &["instance", "check"])?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(text.contains("401"), "{text}");
    let old = pair.key.to_str().unwrap_or_default();
    let told = pair.refused(&["key", "east", "--secret-file", old])?;
    assert!(told.contains("the key of east was not replaced"), "{told}");
    let replaced = pair.ran(&["key", "east", "--secret-file", file])?;
    assert_eq!(replaced["up"], json!(true));
    assert_eq!(pair.ran(&["check"])?[0]["up"], json!(true));
    Ok(())
}

#[tokio::test]
async fn a_server_is_no_instance_of_its_own_however_it_is_spelt() -> Result<()> {
    let pair = Pair::new().await?;
    // Operators keep the first credentials elsewhere.
    std::fs::remove_file(pair.here.server.data_dir().join("initial-credentials.json"))?;
    let port = pair.here.server.port();
    for own in [
        format!("http://127.0.0.1:{port}"),
        format!("http://LocalHost:{port}/"),
        // What the addresses of its own repos begin with.
        "http://127.0.0.1:5504".to_owned(),
    ] {
        let mut args = pair.add("own", &own);
        args.push("--no-check");
        let told = pair.refused(&args)?;
        assert!(told.contains("this server itself"), "{own}: {told}");
    }
    let there = format!("http://localhost:{}", pair.there.server.port());
    assert_eq!(pair.ran(&pair.add("east", &there))?["up"], json!(true));
    Ok(())
}
