//! `cresset sign` and `cresset api`.

use crate::cli::{cresset, stdout};
use crate::world::{World, binary};
use anyhow::{Context, Result};
use cresset_auth::lmv1::{self, SignedRequest};
use cresset_auth::signing_key::SigningKey;
use cresset_model::{SecretString, Timestamp};
use cresset_testkit::{HttpSink, Received, Reply};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const ID: &str = "48v2wRzfK94y53sq5EuF";
const KEY: &str = "H_D9i(f5~B^U36^K6i42=^nS~e75gy382Bf6{)P+";

/// A folder with credentials of every kind and a profile.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(url: &str) -> Result<Self> {
        let folder = Self(tempfile::tempdir()?);
        folder.write("key", KEY)?;
        folder.write("bearer", "lmb_secret-of-the-bearer\n")?;
        let token = json!({"username": "x", "access_id": ID, "access_key": KEY});
        folder.write("token.json", &token.to_string())?;
        let profile = format!(
            "[[target]]\nname = \"east\"\nurl = \"{url}\"\naccess_id = \"{ID}\"\naccess_key_file = \"key\"\n\
             [[target]]\nname = \"west\"\nurl = \"{url}\"\nbearer_file = \"bearer\"\n\
             [[target]]\nname = \"half\"\nurl = \"{url}\"\naccess_id = \"{ID}\"\n"
        );
        folder.write("targets.toml", &profile)?;
        Ok(folder)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.0.path().join(name), text)?)
    }

    /// Runs the command here, where no data directory is.
    fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Result<Output> {
        let mut command = Command::new(binary());
        command.args(args).current_dir(self.0.path());
        command.env("HOME", self.0.path()).envs(env.iter().copied());
        Ok(command.output()?)
    }
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Headers of requests that were signed with independent programs.
#[test]
fn a_signature_is_the_documented_one() -> Result<()> {
    let folder = Folder::new("http://127.0.0.1:1")?;
    folder.write("body", "{}\n")?;
    let epoch = ["--epoch", "1700000000000"];
    let token = ["--access-id", ID, "--access-key-file", "key"];
    let check = |request: &[&str], signature: &str| -> Result<()> {
        let output = folder.run(&[&["sign"], request, &epoch, &token].concat(), &[])?;
        let expected = format!("Authorization: LMv1 {ID}:{signature}:1700000000000");
        assert_eq!(stdout(&output)?, expected);
        let both = ["--credentials", "token.json"];
        let output = folder.run(&[&["sign"], request, &epoch, &both].concat(), &[])?;
        assert_eq!(stdout(&output)?, expected);
        let env = [("CRESSET_ACCESS_ID", ID), ("CRESSET_ACCESS_KEY", KEY)];
        let output = folder.run(&[&["sign"], request, &epoch[..]].concat(), &env)?;
        assert_eq!(stdout(&output)?, expected);
        Ok(())
    };
    let list =
        "MWZlMmU1OTg4ZmVhYjBlMTJiMjNhNzVlZGFmNTc5YzdlNzc2MTBjNzk4MGE3OTMzNjMyODI5NDZhYzlhMTQ5Ng==";
    for path in [
        "/setting/admins/apitokens",
        "/santaba/rest/setting/admins/apitokens",
        "/setting/admins/apitokens?filter=note:\"a b\",id>:5&size=1",
        "/setting/admins/%61pitokens",
    ] {
        check(&["GET", path], list)?;
    }
    check(&["get", "/setting/admins/apitokens"], list)?;
    let create = "/setting/admins/32/apitokens";
    check(
        &["POST", create, "-d", "{}"],
        "YWFkZTE4MTJkMWM5Y2M4ZGRkMWU3NjA0YTdiMDM3YmZhOGJkZTFhYjMxNzkxYTZkN2I1YWUyYmYzNWM5ZTk2Yg==",
    )?;
    check(
        &["POST", create, "--data-file", "body"],
        "NjYzODkwMDA0ZTU4NmQ4NjI1M2QzZWI1ODNkMGJmYjI2NzZmOWY3MTZkN2Y2NmVjMGE3YWJhMmU4YTJkMWVlOA==",
    )?;
    check(
        &["POST", create, "--data", "{\"note\":\"caf\u{e9}\"}"],
        "NjJlYjRlZjZkNmEzMmQ2MDY1MDRjNmY2MzU5Y2I5ZDJkZWI3NmY1NDBlMDM4NWQxNzQ3OWVkNTNmODVhODM0Mw==",
    )
}

/// Whether the request is signed with the key, as a server would see it.
fn is_signed(request: &Received, path: &str) -> Result<bool> {
    let header = request.header("authorization").context("no header")?;
    let header = lmv1::parse(header)?;
    let signed = SignedRequest {
        method: &request.method,
        path,
        body: &request.body,
    };
    let now = Timestamp::from_secs(crate::world::now());
    let fits = header.verify(&SigningKey::new(SecretString::new(KEY)), &signed, now);
    Ok(header.access_id == ID && fits.is_ok())
}

#[tokio::test]
async fn requests_are_sent_signed_and_answers_printed() -> Result<()> {
    let sink = HttpSink::start()?;
    sink.otherwise(Reply::ok().body(r#"{"total":1,"items":[{"id":5}]}"#));
    let folder = Folder::new(&sink.url(""))?;
    let url = sink.url("/");
    let east = ["--to", "east", "--profile", "targets.toml"];
    let there = ["--to", &url, "--credentials", "token.json"];
    let get = ["api", "GET", "/setting/admins?filter=username:\"a b\""];
    let printed = stdout(&folder.run(&[&get[..], &east].concat(), &[])?)?;
    assert_eq!(printed, r#"{"total":1,"items":[{"id":5}]}"#);
    let post = [
        "api",
        "post",
        "/santaba/rest/setting/admins",
        "-d",
        "{\"a\":1}",
    ];
    stdout(&folder.run(&[&post[..], &there, &["--v", "1"]].concat(), &[])?)?;
    let delete = ["api", "DELETE", "/setting/admins/1/apitokens/7"];
    let west = ["--to", "west", "--profile", "targets.toml"];
    stdout(&folder.run(&[&delete[..], &west].concat(), &[])?)?;
    let token = [("CRESSET_BEARER_TOKEN", "lmb_other")];
    stdout(&folder.run(&[&delete[..], &["--to", &url]].concat(), &token)?)?;

    let requests = sink.requests();
    assert_eq!(requests.len(), 4);
    let target = "/santaba/rest/setting/admins?filter=username:%22a%20b%22";
    assert_eq!(requests[0].path, target);
    assert!(is_signed(&requests[0], "/setting/admins")?);
    assert_eq!(requests[0].header("x-version"), Some("3"));
    assert_eq!(requests[1].method, "POST");
    assert!(is_signed(&requests[1], "/setting/admins")?);
    assert_eq!(requests[1].header("x-version"), Some("1"));
    assert_eq!(requests[1].header("content-type"), Some("application/json"));
    assert_eq!(requests[1].body, b"{\"a\":1}");
    let bearer = |n: usize| requests[n].header("authorization");
    assert_eq!(bearer(2), Some("Bearer lmb_secret-of-the-bearer"));
    assert_eq!(bearer(3), Some("Bearer lmb_other"));
    Ok(())
}

#[tokio::test]
async fn errors_of_every_envelope_end_with_code_1() -> Result<()> {
    let sink = HttpSink::start()?;
    let folder = Folder::new(&sink.url(""))?;
    let east = ["--to", "east", "--profile", "targets.toml"];
    for (status, body, told) in [
        (
            200,
            r#"{"status":1401,"errmsg":"Authentication failed","data":null}"#,
            "Authentication failed (status 1401)",
        ),
        (
            404,
            r#"{"errorMessage":"No such","errorCode":1404,"errorDetail":null}"#,
            "404 Not Found: No such (errorCode 1404)",
        ),
        (502, "<html>", "no JSON: <html>"),
    ] {
        sink.script([Reply::status(status).body(body)]);
        let output = folder.run(
            &[&["api", "GET", "/setting/roles"], &east[..]].concat(),
            &[],
        )?;
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), body);
        assert!(said(&output).contains(told), "{}", said(&output));
    }
    sink.script([Reply::redirect("https://elsewhere.example/")]);
    let output = folder.run(
        &[&["api", "GET", "/setting/roles"], &east[..]].concat(),
        &[],
    )?;
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("elsewhere.example"));
    assert_eq!(sink.requests().len(), 4, "a redirect was followed");
    Ok(())
}

/// What is wrong is told before anything is sent, and never with a secret in it.
#[test]
fn wrong_calls_say_what_to_do() -> Result<()> {
    let folder = Folder::new("http://127.0.0.1:1")?;
    folder.write(
        "broken.json",
        &format!("{{\"access_id\": \"{ID}\", \"access_key\": {KEY}"),
    )?;
    folder.write("lines", "two\nlines")?;
    let here = ["--to", "http://127.0.0.1:1"];
    let profile = ["--profile", "targets.toml"];
    let check = |args: &[&str], env: &[(&str, &str)], told: &str| -> Result<()> {
        let output = folder.run(args, env)?;
        let said = said(&output);
        assert!(
            !output.status.success() && said.contains(told),
            "{args:?}: {said}"
        );
        assert!(
            !said.contains(KEY) && !said.contains("secret-of"),
            "{args:?}: {said}"
        );
        Ok(())
    };
    let get = ["api", "GET", "/setting/admins"];
    check(&[&get[..], &here].concat(), &[], "CRESSET_ACCESS_KEY")?;
    check(&get, &[], "name it with --to")?;
    check(&["sign", "GET", "/a"], &[], "--credentials")?;
    check(
        &[&get[..], &here].concat(),
        &[("CRESSET_ACCESS_ID", ID)],
        "no CRESSET_ACCESS_KEY",
    )?;
    check(
        &[&get[..], &here].concat(),
        &[("CRESSET_ACCESS_KEY", KEY)],
        "no CRESSET_ACCESS_ID",
    )?;
    let all = [
        ("CRESSET_ACCESS_ID", ID),
        ("CRESSET_ACCESS_KEY", KEY),
        ("CRESSET_BEARER_TOKEN", "lmb_x"),
    ];
    check(&[&get[..], &here].concat(), &all, "both")?;
    check(
        &[&get[..], &here, &["--access-id", ID]].concat(),
        &[],
        "--access-key-file",
    )?;
    check(
        &[&get[..], &here, &["--credentials", "broken.json"]].concat(),
        &[],
        "no JSON",
    )?;
    check(
        &[&get[..], &here, &["--bearer-file", "lines"]].concat(),
        &[],
        "line end",
    )?;
    check(
        &[&get[..], &here, &["--bearer-file", "none"]].concat(),
        &[],
        "cannot read",
    )?;
    check(
        &[&get[..], &profile, &["--to", "half"]].concat(),
        &[],
        "access_key_file",
    )?;
    check(
        &[&get[..], &profile, &["--to", "north"]].concat(),
        &[],
        "no target \"north\"",
    )?;
    check(&["api", "TRACE", "/a"], &[], "methods are GET")?;
    check(&["api", "GET", "a"], &[], "--to")?;
    check(
        &[
            &["api", "GET", "a", "--credentials", "token.json"],
            &here[..],
        ]
        .concat(),
        &[],
        "slash",
    )?;
    check(&["api", "GET", "/a", "--v", "4"], &[], "1..=3")?;
    // A secret on the command line is no flag at all.
    check(
        &["sign", "GET", "/a", "--access-key", "x"],
        &[],
        "--access-key-file",
    )?;
    check(
        &[
            &[
                "api",
                "GET",
                "/a",
                "-d",
                "{}",
                "--credentials",
                "token.json",
            ],
            &here[..],
        ]
        .concat(),
        &[],
        "a GET has no body",
    )?;
    check(
        &[&get[..], &here, &["--credentials", "token.json"]].concat(),
        &[],
        "cannot reach",
    )
}

/// As a newcomer does it: nothing but the data directory is named.
#[tokio::test]
async fn the_data_directory_is_enough_for_its_own_server() -> Result<()> {
    let world = World::new().await?;
    let dir: &Path = world.server.data_dir();
    let list = "/setting/admins/apitokens?size=5&filter=accessId:\"*\"";
    let output = stdout(&cresset(dir, &["api", "GET", list])?)?;
    let listed: Value = serde_json::from_str(&output)?;
    assert_eq!(
        listed["items"][0]["accessId"],
        world.credentials.access_id.as_str()
    );
    let made = [
        "api",
        "POST",
        "/setting/admins/1/apitokens",
        "-d",
        "{\"note\":\"made here\"}",
    ];
    let made: Value = serde_json::from_str(&stdout(&cresset(dir, &made)?)?)?;
    assert_eq!(made["note"], "made here");
    let header = stdout(&cresset(dir, &["sign", "GET", list])?)?;
    let value = header
        .strip_prefix("Authorization: ")
        .context("no header")?;
    let url = world.server.url("/santaba/rest/setting/admins/apitokens");
    let request = cresset_testkit::http::client()?
        .get(url)
        .header("Authorization", value);
    assert_eq!(
        cresset_testkit::http::send(request, None).await?.json()?["status"],
        200
    );
    // Cresset's own API takes the same signature.
    let put = ["api", "PUT", "/api/v1/lists/SEEN", "-d", "[\"a\",\"b\"]"];
    let put: Value = serde_json::from_str(&stdout(&cresset(dir, &put)?)?)?;
    assert_eq!(put["values"], 2);
    let list_of_own = stdout(&cresset(dir, &["api", "GET", "/api/v1/lists?limit=1"])?)?;
    assert!(list_of_own.contains("SEEN"), "{list_of_own}");
    // The first token gone, the user's other one is found in the catalog.
    let first = listed["items"][0]["id"].to_string();
    let path = format!("/setting/admins/1/apitokens/{first}");
    stdout(&cresset(dir, &["api", "DELETE", &path])?)?;
    stdout(&cresset(dir, &["api", "GET", list])?)?;
    let gone = cresset(dir, &["api", "GET", &path])?;
    assert_eq!(gone.status.code(), Some(1));
    assert!(said(&gone).contains("1404"), "{}", said(&gone));
    Ok(())
}

/// The setting reaches the server, from a variable too.
#[tokio::test]
async fn passwords_are_taken_only_where_they_are_allowed() -> Result<()> {
    for (value, status) in [("true", 200), ("false", 1401)] {
        let world = World::with(|server| server.env("CRESSET_AUTH_BASIC", value)).await?;
        let (name, password) = (&world.credentials.username, &world.credentials.password);
        let request = cresset_testkit::http::client()?
            .get(world.server.url("/santaba/rest/setting/admins"))
            .basic_auth(name, Some(password));
        let answer = cresset_testkit::http::send(request, None).await?;
        assert_eq!(answer.json()?["status"], status, "{}", answer.text());
    }
    Ok(())
}
