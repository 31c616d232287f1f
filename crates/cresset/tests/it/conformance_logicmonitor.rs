//! `logicmonitor-sdk`, `lm-mcp`, requests that are signed by hand, and the scripts of the manual.

mod mcp;
mod proxy;
mod scripts;

use crate::cli::{cresset, stdout};
use crate::conformance::{installed, run, script};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;

/// What a script of ours prints, which is JSON.
async fn answers(python: &Path, args: &[&str]) -> Result<Value> {
    let home = tempfile::tempdir()?;
    let said = run(python, home.path(), args).await?;
    ensure!(said.success, "{said:?}");
    serde_json::from_str(&said.out).with_context(|| format!("{said:?}"))
}

/// The answer to a request of `cresset api`, in version 3.
fn api(world: &World, method: &str, path: &str, body: &Value) -> Result<Value> {
    let body = body.to_string();
    let mut args = vec!["api", method, path];
    if method != "GET" {
        args.extend(["--data", &body]);
    }
    let text = stdout(&cresset(world.server.data_dir(), &args)?)?;
    serde_json::from_str(&text).context(text)
}

/// One key of every item of a list.
fn column(list: &Value, key: &str) -> Value {
    let items = list["items"].as_array().map(Vec::as_slice);
    let column: Vec<_> = items.unwrap_or_default().iter().map(|i| &i[key]).collect();
    json!(column)
}

/// Compares one key of some answers.
fn check(got: &Value, key: &str, expected: &[(&str, Value)]) {
    for (name, value) in expected {
        assert_eq!(&got[name][key], value, "{key} of {name:?}: {}", got[name]);
    }
}

#[tokio::test]
async fn logicmonitor_sdk_drives_roles_users_and_tokens() -> Result<()> {
    let Some(python) = installed("python") else {
        return Ok(());
    };
    let world = World::new().await?;
    let script = script("logicmonitor_client.py").display().to_string();
    let url = world.server.url("");
    let (id, key) = (&world.credentials.access_id, &world.credentials.access_key);
    let signed = answers(&python, &[&script, &url, id, key]).await?;
    check_client(&signed);

    let path = "/setting/admins/1/apitokens?type=bearer";
    let bearer = api(&world, "POST", path, &json!({}))?;
    let bearer = bearer["accessKey"].as_str().context("no bearer token")?;
    let borne = answers(&python, &[&script, &url, bearer]).await?;
    check_client(&borne);
    Ok(())
}

/// What the client makes of every answer, whatever the credential.
fn check_client(got: &Value) {
    assert_eq!(got["not called"], json!([]));
    check(
        got,
        "refused",
        &[
            ("role twice", json!(409)),
            ("user twice", json!(409)),
            ("weak password", json!(400)),
            ("password of api-only", json!(400)),
            ("role in use", json!(400)),
            ("tokens badly filtered", json!(400)),
            ("token of nobody", json!(404)),
            ("token deleted again", json!(404)),
            ("user deleted again", json!(404)),
            ("role deleted again", json!(404)),
            ("no credential", json!(401)),
            ("role added", Value::Null),
            ("user put back", Value::Null),
        ],
    );
    check(
        got,
        "errorCode",
        &[
            ("role twice", json!(1409)),
            ("weak password", json!(1400)),
            ("token deleted again", json!(1404)),
            ("no credential", json!(1401)),
        ],
    );
    for name in [
        "token deleted",
        "bearer deleted",
        "user deleted",
        "role deleted",
    ] {
        assert_eq!(got[name], json!({}), "{name}");
    }
    // The client itself wants the roles of every user that it reads.
    let refused = got["users without roles"]["client"].to_string();
    assert!(refused.contains("`roles`"), "{refused}");
    check_client_roles_and_users(got);
    check_client_tokens(got);
}

fn check_client_roles_and_users(got: &Value) {
    check(
        got,
        "description",
        &[
            ("role added", json!("")),
            ("role put", json!("put")),
            ("role patched", json!("patched")),
        ],
    );
    assert_eq!(column(&got["roles"], "name"), json!(["tok-admins"]));
    assert_eq!(got["roles cut"]["total"], 5, "the built-in four and one");
    assert_eq!(
        got["roles cut"]["items"].as_array().map(Vec::len),
        Some(2),
        "{}",
        got["roles cut"]
    );
    let privilege = &got["role"]["privileges"][0];
    assert_eq!(
        (&privilege["objectId"], &privilege["operation"]),
        (&json!("useraccess.*"), &json!("write"))
    );

    let user = &got["user added"];
    assert_eq!(
        (&user["username"], &user["apionly"], &user["status"]),
        (&json!("ci@x"), &json!(true), &json!("active"))
    );
    assert_eq!(user["roles"][0]["name"], "tok-admins");
    assert_eq!(user.get("password"), None, "no answer has the password");
    assert_eq!(column(&got["users found"], "id"), json!([user["id"]]));
    assert_eq!(column(&got["users"], "username"), json!(["admin", "ci@x"]));
    check(
        got,
        "note",
        &[
            ("user", json!("n")),
            ("user put back", json!("n")),
            // What was sent for a check only has left no trace.
            ("user patched", json!("n")),
        ],
    );
    check(
        got,
        "firstName",
        &[("user put back", json!("C")), ("user patched", json!("D"))],
    );
}

fn check_client_tokens(got: &Value) {
    let secret = |name: &str| got[name]["accessKey"].as_str().unwrap_or_default();
    let made = &got["token added"];
    assert_eq!(made["accessId"].as_str().map(str::len), Some(20), "{made}");
    assert_eq!(secret("token added").len(), 40, "{made}");
    assert_eq!(
        (&made["adminId"], &made["adminName"], &made["roles"]),
        (
            &got["user added"]["id"],
            &json!("ci@x"),
            &json!(["tok-admins"])
        )
    );
    let note = json!("caf\u{e9} \u{2603} <b>&");
    check(
        got,
        "status",
        &[
            ("token added", json!(2)),
            ("token noted", json!(2)),
            ("token put", json!(1)),
            ("token patched", json!(1)),
        ],
    );
    check(
        got,
        "note",
        &[
            ("token added", json!("")),
            ("token noted", note.clone()),
            // A `PUT` without one takes it away.
            ("token put", json!("")),
            ("token patched", json!("rot")),
        ],
    );
    let two = json!([made["id"], got["token noted"]["id"]]);
    for name in ["tokens", "tokens of user", "async"] {
        assert_eq!(column(&got[name], "id"), two, "{name}");
        assert_eq!(column(&got[name], "accessKey"), json!(["", ""]), "{name}");
    }
    let raw = got["raw"].as_str().unwrap_or_default();
    assert!(raw.starts_with('{') && raw.contains("\"rot\""), "{raw}");
    assert_eq!(column(&got["tokens awkward"], "note"), json!([note]));
    assert_eq!(
        got["tokens cut"]["items"],
        json!([{"id": made["id"], "status": 2}])
    );

    let bearer = secret("bearer added");
    assert!(bearer.starts_with("lmb_"), "{bearer}");
    let masked = column(&got["bearers of user"], "accessKey");
    let masked = masked[0].as_str().unwrap_or_default();
    assert_eq!(masked.get(..20), bearer.get(..20));
    assert_eq!(masked.get(20..), Some("****"));
}

#[tokio::test]
async fn requests_signed_by_hand_are_accepted_and_near_misses_refused() -> Result<()> {
    let Some(python) = installed("python") else {
        return Ok(());
    };
    let world = World::new().await?;
    let script = script("logicmonitor_signed.py").display().to_string();
    let (id, key) = (&world.credentials.access_id, &world.credentials.access_key);
    let got = answers(&python, &[&script, &world.server.url(""), id, key, "1"]).await?;
    for name in [
        "query signed",
        "base signed",
        "raw digest",
        "35 minutes slow",
        "35 minutes fast",
        "other path",
    ] {
        let body = json!({
            "errorCode": 1401, "errorDetail": null, "errorMessage": "Authentication failed",
        });
        assert_eq!(got[name], json!({"status": 401, "body": body}), "{name}");
    }
    let body = |name: &str| -> Result<&Value> {
        ensure!(got[name]["status"] == 200, "{name}: {}", got[name]);
        Ok(&got[name]["body"])
    };
    let note = json!("caf\u{e9}  \u{2603}");
    let made = body("added")?;
    assert_eq!((&made["note"], &made["status"]), (&note, &json!(2)));
    assert_eq!(body("read")?["note"], note);
    assert_eq!(
        body("found")?["items"],
        json!([{"id": made["id"], "note": note}])
    );
    assert_eq!(column(body("awkward")?, "id"), json!([made["id"]]));
    let first = body("spelt otherwise")?;
    assert_eq!(first["total"], 2);
    assert_eq!(column(first, "accessId"), json!([id]));
    let put = body("put")?;
    assert_eq!(
        (&put["status"], &put["errmsg"], &put["data"]["status"]),
        (&json!(200), &json!("OK"), &json!(1))
    );
    // `patchFields` names what the body may change.
    let patched = body("patched")?;
    assert_eq!(
        (&patched["note"], &patched["status"]),
        (&json!("x"), &json!(1))
    );
    for name in ["25 minutes slow", "25 minutes fast"] {
        assert_eq!(body(name)?["id"], made["id"]);
    }
    let gone = json!({"status": 200, "errmsg": "OK", "data": null});
    assert_eq!(body("deleted")?, &gone);
    assert_eq!(
        (
            &got["deleted again"]["status"],
            &got["deleted again"]["body"]["errorCode"]
        ),
        (&json!(404), &json!(1404))
    );
    Ok(())
}
