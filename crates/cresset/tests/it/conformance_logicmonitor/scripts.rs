//! The five Python scripts of LogicMonitor's manual, unchanged but for credentials and ids.
//!
//! They go to `https://api.logicmonitor.com`, so a proxy hands them to the server. Their text is
//! beside the repository; where it is absent, the tests say so.

use super::proxy::Proxy;
use super::{api, column};
use crate::conformance::{installed, run};
use crate::world::World;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the manual prints, and what the tests put in its place.
const ID: &str = "48v2wRzfK94y53sq5EuF";
const KEY: &str = "H_D9i(f5~B^U36^K6i42=^nS~e75gy382Bf6{)P+";

/// The scripts in the order of the manual.
fn manual() -> Result<Option<Vec<String>>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/reference/logicmonitor-api-tokens.txt");
    if !file.exists() {
        println!("skipped: the manual with the scripts is absent");
        return Ok(None);
    }
    let text = std::fs::read_to_string(file)?;
    let last = "print('Response Body:',response.content)";
    let mut scripts = Vec::new();
    for part in text.split("#!/bin/env python").skip(1) {
        let end = part.find(last).context("a script without an end")?;
        scripts.push(format!("#!/bin/env python{}{last}\n", &part[..end]));
    }
    ensure!(scripts.len() == 5, "{} scripts", scripts.len());
    Ok(Some(scripts))
}

/// Puts `new` in the place of the only `old`.
fn replace(script: &str, old: &str, new: &str) -> Result<String> {
    let count = script.matches(old).count();
    ensure!(count == 1, "{old:?} is there {count} times: {script}");
    Ok(script.replace(old, new))
}

/// A server, the proxy before it, and what runs the scripts.
struct Scene {
    world: World,
    proxy: Proxy,
    home: TempDir,
    python: PathBuf,
    scripts: Vec<String>,
}

impl Scene {
    /// `None` where the scripts or what runs them is absent.
    async fn new() -> Result<Option<Self>> {
        let (Some(python), Some(scripts)) = (installed("python"), manual()?) else {
            return Ok(None);
        };
        let (world, home) = (World::new().await?, tempfile::tempdir()?);
        let proxy = Proxy::start(world.server.port(), &home.path().join("ca.pem")).await?;
        Ok(Some(Self {
            world,
            proxy,
            home,
            python,
            scripts,
        }))
    }

    /// The id of a new user without tokens.
    fn user(&self, name: &str) -> Result<Value> {
        let body = json!({
            "username": name, "email": "u@example.org", "password": "Zq8!mmTTv",
            "roles": [{"name": "readonly"}],
        });
        Ok(api(&self.world, "POST", "/setting/admins", &body)?["id"].clone())
    }

    /// The id of a new token of a user.
    fn token(&self, user: &Value, note: &str) -> Result<Value> {
        let path = format!("/setting/admins/{user}/apitokens");
        Ok(api(&self.world, "POST", &path, &json!({"note": note}))?["id"].clone())
    }

    /// Runs a script of the manual on another path than it names, and with a key: the status
    /// and the body that it prints.
    async fn run(&self, script: usize, paths: [&str; 2], key: &str) -> Result<(u16, Value)> {
        let script = &self.scripts[script];
        let script = replace(
            script,
            &format!("'{}'", paths[0]),
            &format!("'{}'", paths[1]),
        )?;
        let script = replace(&script, ID, &self.world.credentials.access_id)?;
        let script = replace(&script, KEY, key)?;
        let file = self.home.path().join("script.py");
        std::fs::write(&file, script)?;
        let python = self.python.display().to_string();
        let args = [
            &format!("HTTPS_PROXY={}", self.proxy.url),
            "REQUESTS_CA_BUNDLE=ca.pem",
            &python,
            "script.py",
        ];
        let said = run(Path::new("/usr/bin/env"), self.home.path(), &args).await?;
        ensure!(said.success && said.err.is_empty(), "{said:?}");
        printed(&said.out).with_context(|| format!("{said:?}"))
    }

    /// The same with the right key, and the data of an answer that is a success.
    async fn good(&self, script: usize, paths: [&str; 2]) -> Result<Value> {
        let key = &self.world.credentials.access_key;
        let (status, body) = self.run(script, paths, key).await?;
        ensure!(status == 200, "{status}: {body}");
        let expected = json!({"status": 200, "errmsg": "OK", "data": body["data"]});
        ensure!(body == expected, "not version 1's envelope: {body}");
        Ok(body["data"].clone())
    }
}

/// Reads the two lines that each script prints. The body is a Python literal.
fn printed(out: &str) -> Result<(u16, Value)> {
    let lines: Vec<&str> = out.lines().collect();
    let [status, body] = lines[..] else {
        bail!("{} lines", lines.len());
    };
    let status = status.strip_prefix("Response Status: ");
    let body = body
        .strip_prefix("Response Body: b'")
        .and_then(|b| b.strip_suffix('\''));
    // Nothing in these bodies is escaped, neither in JSON nor in Python.
    let body = body.filter(|b| !b.contains('\\')).context("no body")?;
    let status = status.context("no status")?;
    Ok((status.parse()?, serde_json::from_str(body)?))
}

/// The properties of a token that the manual lists.
const PROPERTIES: [&str; 11] = [
    "id",
    "accessId",
    "accessKey",
    "adminId",
    "adminName",
    "roles",
    "status",
    "note",
    "createdOn",
    "lastUsedOn",
    "createdBy",
];

#[tokio::test]
async fn the_scripts_of_the_manual_run_unchanged() -> Result<()> {
    let Some(scene) = Scene::new().await? else {
        return Ok(());
    };
    let (ann, ben) = (scene.user("ann")?, scene.user("ben")?);
    let kept = scene.token(&ann, "kept")?;
    let dropped = scene.token(&ben, "dropped")?;
    let other = scene.token(&ben, "other")?;
    let of = |user: &Value| format!("/setting/admins/{user}/apitokens");

    let add = "/setting/admins/32/apitokens";
    let added = scene.good(0, [add, &of(&ann)]).await?;
    for property in PROPERTIES {
        assert!(added.get(property).is_some(), "{property}: {added}");
    }
    assert_eq!(
        (&added["adminId"], &added["adminName"], &added["roles"]),
        (&ann, &json!("ann"), &json!(["readonly"]))
    );
    assert_eq!(
        (&added["status"], &added["note"], &added["createdBy"]),
        (&json!(2), &json!(""), &json!("admin"))
    );
    assert_eq!(added["accessKey"].as_str().map(str::len), Some(40));

    let update = "/setting/admins/32/apitokens/248";
    let path = format!("{}/{kept}", of(&ann));
    let updated = scene.good(1, [update, &path]).await?;
    assert_eq!((&updated["id"], &updated["status"]), (&kept, &json!(1)));
    assert_eq!(updated["accessKey"], "", "secrets are told once");

    let all = "/setting/admins/apitokens";
    let listed = scene.good(2, [all, all]).await?;
    assert_eq!(
        (&listed["total"], &listed["searchId"]),
        (&json!(5), &Value::Null)
    );
    let ids = json!([1, kept, dropped, other, added["id"]]);
    assert_eq!(column(&listed, "id"), ids);
    assert_eq!(column(&listed, "status"), json!([2, 1, 2, 2, 2]));

    let theirs = "/setting/admins/131/apitokens";
    let listed = scene.good(3, [theirs, &of(&ben)]).await?;
    assert_eq!(listed["total"], 2);
    assert_eq!(column(&listed, "note"), json!(["dropped", "other"]));

    let delete = "/setting/admins/131/apitokens/146";
    let path = format!("{}/{dropped}", of(&ben));
    assert_eq!(scene.good(4, [delete, &path]).await?, Value::Null);
    let left = scene.good(3, [theirs, &of(&ben)]).await?;
    assert_eq!(column(&left, "id"), json!([other]));

    assert_eq!(scene.proxy.passed(), 6);
    Ok(())
}

#[tokio::test]
async fn the_scripts_of_the_manual_print_errors_in_the_first_version() -> Result<()> {
    let Some(scene) = Scene::new().await? else {
        return Ok(());
    };
    let key = &scene.world.credentials.access_key;
    let all = "/setting/admins/apitokens";
    let (status, body) = scene.run(2, [all, all], KEY).await?;
    let expected = json!({"status": 1401, "errmsg": "Authentication failed", "data": null});
    assert_eq!((status, body), (200, expected));

    let delete = "/setting/admins/131/apitokens/146";
    let (status, body) = scene.run(4, [delete, delete], key).await?;
    assert_eq!((status, &body["status"]), (200, &json!(1069)), "{body}");
    let add = "/setting/admins/32/apitokens";
    let (status, body) = scene.run(0, [add, add], key).await?;
    assert_eq!((status, &body["status"]), (200, &json!(1069)), "{body}");
    assert_eq!(body["data"], Value::Null);

    // The token that the script disables is its own: it is the last thing that it does.
    let update = "/setting/admins/32/apitokens/248";
    let own = "/setting/admins/1/apitokens/1";
    let disabled = scene.good(1, [update, own]).await?;
    assert_eq!(disabled["status"], 1);
    let (_, body) = scene.run(2, [all, all], key).await?;
    assert_eq!(body["status"], 1401, "{body}");
    Ok(())
}
