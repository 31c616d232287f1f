//! `lm-mcp`, through which assistants use the API: its tools for users, roles and tokens.
//!
//! It reaches nothing but `https://NAME.logicmonitor.com`, so it goes through the proxy.

use super::proxy::{HOST, Proxy};
use super::{api, check};
use crate::conformance::{installed, run, script};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;

/// What the tools make of a server; `credential` are settings of the program.
async fn answers(world: &World, credential: &[String]) -> Result<Option<Value>> {
    let (Some(python), Some(program)) = (installed("python"), installed("lm-mcp-server")) else {
        return Ok(None);
    };
    let home = tempfile::tempdir()?;
    let proxy = Proxy::start(world.server.port(), &home.path().join("ca.pem")).await?;
    let program = program.canonicalize()?;
    let settings = [
        format!("HTTPS_PROXY={}", proxy.url),
        format!("SSL_CERT_FILE={}", home.path().join("ca.pem").display()),
        format!("LM_PORTAL={HOST}"),
        "LM_ENABLE_WRITE_OPERATIONS=true".to_owned(),
    ];
    let command = [
        python.display().to_string(),
        script("logicmonitor_mcp.py").display().to_string(),
        program.display().to_string(),
    ];
    let args = settings.iter().chain(credential).chain(&command);
    let args: Vec<&str> = args.map(String::as_str).collect();
    let said = run(Path::new("/usr/bin/env"), home.path(), &args).await?;
    ensure!(said.success, "{said:?}");
    assert!(proxy.passed() > 0, "nothing came through the proxy");
    let answers = serde_json::from_str(&said.out);
    answers.with_context(|| format!("{said:?}")).map(Some)
}

#[tokio::test]
async fn lm_mcp_drives_users_and_roles_and_reads_tokens() -> Result<()> {
    let world = World::new().await?;
    let (id, key) = (&world.credentials.access_id, &world.credentials.access_key);
    let signs = [format!("LM_ACCESS_ID={id}"), format!("LM_ACCESS_KEY={key}")];
    let Some(signed) = answers(&world, &signs).await? else {
        return Ok(());
    };
    check_tools(&signed);

    let path = "/setting/admins/1/apitokens?type=bearer";
    let bearer = api(&world, "POST", path, &json!({}))?;
    let bearer = bearer["accessKey"].as_str().context("no bearer token")?;
    let bears = [format!("LM_BEARER_TOKEN={bearer}")];
    let borne = answers(&world, &bears).await?.context("not installed")?;
    check_tools(&borne);

    let wrong = [signs[0].clone(), "LM_ACCESS_KEY=wrong".to_owned()];
    let refused = answers(&world, &wrong).await?.context("not installed")?;
    let text = refused["roles"]["error"].as_str().unwrap_or_default();
    assert!(text.contains("Authentication failed"), "{refused}");
    Ok(())
}

/// What the tools make of every answer, whatever the credential.
fn check_tools(got: &Value) {
    assert_eq!(got["not called"], json!([]));
    check_refusals(got);
    check_roles(got);
    check_users(got);
    check(
        got,
        "message",
        &[
            ("user added", json!("User 'mcp@x' created")),
            ("user deleted", json!("User 'mcp@x' deleted")),
            ("person deleted", json!("User 'ui@x' deleted")),
        ],
    );
    assert_eq!(
        got["tokens of none"],
        json!({"total": 0, "count": 0, "api_tokens": []})
    );
    let log = &got["audit of all tokens"]["api_token_logs"][0];
    let told = log["description"].as_str().unwrap_or_default();
    assert!(
        told.starts_with("Update account ui@x") && told.contains("via API token"),
        "{log}"
    );
    assert_eq!(log["ip_address"], "127.0.0.1");
}

/// The program shows the texts of errors, and what it advises for their statuses.
fn check_refusals(got: &Value) {
    for (name, text) in [
        ("role of nobody", "there is no role with the id 999999"),
        ("role of nobody", "resource does not exist"),
        ("user twice", "user \"mcp@x\" already exists"),
        ("user twice", "HTTP 409"),
        ("weak password", "at least 8 characters"),
        ("weak password", "HTTP 400"),
        (
            "users badly filtered",
            "invalid filter: there is no field \"nosuch\"",
        ),
        ("nothing changed", "No updates provided"),
        ("token of nobody", "API token 999999 not found"),
        ("token elsewhere", "there is no API token with the id 1"),
        ("user deleted again", "there is no user with the id"),
        // It takes the roles of a token for objects; LogicMonitor documents names.
        ("tokens", "'str' object has no attribute 'get'"),
        ("token", "'str' object has no attribute 'get'"),
    ] {
        let error = got[name]["error"].as_str().unwrap_or_default();
        assert!(error.contains(text), "{name}: {}", got[name]);
    }
    let refused = |name: &&String| got[name.as_str()].get("error").is_some();
    let refused = got
        .as_object()
        .map(|all| all.keys().filter(refused).count());
    assert_eq!(refused, Some(10), "{got}");
}

/// One key of every element of a list.
fn each(list: &Value, key: &str) -> Value {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item[key].clone()).collect()
}

fn check_roles(got: &Value) {
    let names = |name: &str| each(&got[name]["roles"], "name");
    assert_eq!(
        names("roles"),
        json!(["administrator", "manager", "ackonly", "readonly"])
    );
    assert_eq!(names("roles found"), json!(["readonly"]));
    assert_eq!(names("roles by filter"), json!(["administrator"]));
    assert_eq!(names("roles cut"), json!(["readonly"]));
    assert_eq!(got["roles cut"]["total"], 4);
    let role = &got["role"];
    assert_eq!(
        (&role["name"], &role["two_fa_required"]),
        (&json!("readonly"), &json!(false))
    );
    let privileges = each(&role["privileges"], "objectId");
    assert_eq!(privileges, json!(["useraccess.apitoken", "*"]));
}

fn check_users(got: &Value) {
    let names = |name: &str| each(&got[name]["users"], "username");
    assert_eq!(names("users"), json!(["admin", "mcp@x", "ui@x"]));
    assert_eq!(names("users cut"), json!(["mcp@x"]));
    assert_eq!(got["users cut"]["has_more"], true);
    assert_eq!(names("users found"), json!(["mcp@x"]));
    assert_eq!(names("users by filter"), json!(["mcp@x", "ui@x"]));
    let listed = &got["users"]["users"][1];
    assert_eq!(
        (&listed["roles"], &listed["api_only"]),
        (&json!(["readonly"]), &json!(true))
    );
    let made = &got["user added"]["result"];
    assert_eq!(made["id"], got["user added"]["user_id"]);
    let read = &got["user"];
    assert_eq!(
        (&read["first_name"], &read["last_name"], &read["created_by"]),
        (
            &json!("M\u{e4}x"),
            &json!("C <b>& \u{2603}"),
            &json!("admin")
        )
    );
    assert_eq!(
        (&read["note"], &read["phone"], &read["sms_email"]),
        (&json!("n"), &json!("+31 6 1"), &json!("s@x"))
    );
    let changed = &got["user read again"];
    assert_eq!(
        (&changed["first_name"], &changed["note"], &changed["phone"]),
        (&json!("D"), &json!("changed"), &json!("+31 6 2"))
    );
    assert_eq!(changed["last_name"], read["last_name"]);
    assert_eq!(each(&changed["roles"], "name"), json!(["manager"]));
}
