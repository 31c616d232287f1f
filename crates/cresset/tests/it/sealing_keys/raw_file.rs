//! A stolen database file without the key reveals no secret.

use super::{Signer, keys};
use crate::cli::{cresset, stdout};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;
use std::path::Path;

/// A password that its rules accept.
const PASSWORD: &str = "Raw-file.Canary+41/x";

/// Secrets, and the forms in which they could stand somewhere.
struct Planted(Vec<(String, Vec<Vec<u8>>)>);

impl Planted {
    fn plant(&mut self, name: &str, secret: &str) {
        self.0.push((name.to_owned(), forms(secret.as_bytes())));
    }

    /// Fails on a secret in the files of the database, or if they hold too little to tell.
    fn check(&self, dir: &Path, when: &str, visible: &str, expect_wal: bool) -> Result<()> {
        let mut bytes = Vec::new();
        for name in ["catalog.db", "catalog.db-wal", "catalog.db-shm"] {
            match std::fs::read(dir.join(name)) {
                Ok(read) => bytes.extend(read),
                Err(_) => ensure!(!expect_wal, "{name} is missing {when}"),
            }
        }
        let holds = |form: &[u8]| memchr::memmem::find(&bytes, form).is_some();
        for (name, forms) in &self.0 {
            for form in forms {
                let shown = String::from_utf8_lossy(form);
                ensure!(!holds(form), "{name} is in the database {when}: {shown}");
            }
        }
        ensure!(holds(visible.as_bytes()), "the search itself fails {when}");
        Ok(())
    }
}

/// As it is, in hexadecimal digits, in base64 at any place of a longer text, percent-encoded,
/// and in UTF-16.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = |upper: bool| -> Vec<u8> {
        let digit = |n: u8| char::from_digit(n.into(), 16).unwrap_or('0');
        let text: String = secret
            .iter()
            .flat_map(|b| [digit(b >> 4), digit(b & 15)])
            .collect();
        if upper { text.to_uppercase() } else { text }.into_bytes()
    };
    let percent = |keep: fn(&u8) -> bool| -> Vec<u8> {
        let text: String = secret
            .iter()
            .map(|b| {
                if keep(b) {
                    char::from(*b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        text.into_bytes()
    };
    let mut forms = vec![
        secret.to_vec(),
        hex(false),
        hex(true),
        percent(u8::is_ascii_alphanumeric),
        percent(|_| false),
        secret.iter().flat_map(|b| [*b, 0]).collect(),
    ];
    for before in 0..3 {
        let text = [&[b' '].repeat(before)[..], secret].concat();
        // What depends on the neighbours is left out.
        let (begin, end) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            forms.push(engine.encode(&text).as_bytes()[begin..end].to_vec());
        }
    }
    forms
}

#[test]
fn a_secret_is_found_in_each_form() {
    let secret = b"S3cret?with/signs>and~more";
    let found = |text: &str| {
        let forms = forms(secret);
        forms
            .iter()
            .any(|form| memchr::memmem::find(text.as_bytes(), form).is_some())
    };
    let secret = std::str::from_utf8(secret).unwrap();
    for before in ["", "a", "ab", "abc", "abcd"] {
        for after in ["", "x", "xy"] {
            let text = format!("{before}{secret}{after}");
            assert!(found(&STANDARD_NO_PAD.encode(&text)), "{text}");
            assert!(found(&URL_SAFE_NO_PAD.encode(&text)), "{text}");
        }
    }
    assert!(found("S3cret%3Fwith%2Fsigns%3Eand%7Emore"));
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    assert!(found(&format!("00{hex}00")) && found(&hex.to_uppercase()));
    assert!(found(&format!("x{secret}")));
    assert!(!found("S3cret?with/signs>and~les"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_without_the_key_reveals_no_secret() -> Result<()> {
    let mut world = World::new().await?;
    let dir = world.server.data_dir().to_owned();
    let mut planted = Planted(Vec::new());
    let c = world.credentials.clone();
    planted.plant("the first password", &c.password);
    planted.plant("the first API access key", &c.api_access_key);
    planted.plant("the first LMv1 key", &c.access_key);

    // A user with a password, tokens of both kinds, rotated, by way of the API.
    let first = Signer::first(&world);
    let person = "{\"username\":\"raw\",\"email\":\"r@x.example\",\"roles\":[{\"name\":\"readonly\"}],\
                  \"password\":\"Raw-file.Canary+41/x\"}";
    first.send("POST", "/setting/admins", person).await?.ok()?;
    planted.plant("a password", PASSWORD);
    let made = first.create().await?;
    let key = |made: &serde_json::Value| made["accessKey"].as_str().map(str::to_owned);
    let text = key(&made).context("no key")?;
    planted.plant("an LMv1 key", &text);
    let visible = made["accessId"].as_str().context("no id")?.to_owned();
    let path = format!("/setting/admins/1/apitokens/{}/rotate", made["id"]);
    let rotated = first.send("POST", &path, "{}").await?.ok()?.json()?;
    planted.plant("a rotated LMv1 key", &key(&rotated).context("no key")?);
    let bearer = first.send("POST", "/setting/admins/1/apitokens?type=bearer", "{}");
    let bearer = key(&bearer.await?.ok()?.json()?).context("no bearer token")?;
    planted.plant("a bearer token", &bearer);
    // Its beginning stays visible in lists.
    planted.plant("the hidden part of a bearer token", &bearer[20..]);
    let used = world.server.url("/santaba/rest/setting/roles?size=1");
    cresset_testkit::http::get(&used, Some(&bearer))
        .await?
        .ok()?;

    // Another API access key and another token, by way of the command line.
    let out = dir.join("new-key");
    let file = out.to_str().context("path")?;
    stdout(&cresset(
        &dir,
        &["user", "access-key", "raw", "--regenerate", "--out", file],
    )?)?;
    planted.plant("an API access key", std::fs::read_to_string(&out)?.trim());
    stdout(&cresset(
        &dir,
        &["user", "api-token", "raw", "--out", file],
    )?)?;
    let token: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&out)?)?;
    let text = token["access_key"].as_str().context("no key")?;
    planted.plant("an LMv1 key of the command line", text);

    // Notifications with credentials of each kind, in the address and in the body, too.
    for (n, auth) in [
        json!({"auth_type": "basic_auth", "auth_key": "user", "auth_pass": "hook-basic-canary/+1"}),
        json!({"auth_type": "bearer_token", "auth_key": "hook-bearer-canary/+2"}),
        json!({"auth_type": "api_token", "auth_key": "X-Key", "auth_value": "hook-header-canary/+3"}),
    ]
    .into_iter()
    .enumerate()
    {
        let rule = world.rule(&format!("raw {n}"), &format!("marker=raw{n}")).await?;
        let notification = json!({
            "ids": [rule], "type": "http", "http_url": "https://hooks.example/T-url-canary-4/x",
            "http_request_type": "POST", "http_querystring": "k=query-canary-5", "notify_http": true,
            "http_body": "{\"key\":\"body-canary-66\"}", "protocol": "HTTPS",
            "dispatch_option": "auto", "http_header": auth,
        });
        let path = "/pluggables/Notification/HTTPNotification/create_api";
        world.call(path, &notification).await?;
    }
    for secret in [
        "hook-basic-canary/+1",
        "hook-bearer-canary/+2",
        "hook-header-canary/+3",
        "T-url-canary-4",
        "query-canary-5",
        "body-canary-66",
    ] {
        planted.plant("a notification's secret", secret);
    }
    std::fs::write(&out, "instance-canary-key/+7")?;
    planted.plant("an instance's key", "instance-canary-key/+7");
    let there = ["--url", "https://127.0.0.1:9", "--user", "u", "--no-check"];
    let add = ["instance", "add", "east", "--secret-file", file];
    stdout(&cresset(&dir, &[&add[..], &there].concat())?)?;
    std::fs::remove_file(&out)?;

    let sealing = std::fs::read_to_string(dir.join("sealing.key"))?;
    planted.plant("the sealing key", sealing.trim());
    planted.check(&dir, "while the server runs", &visible, true)?;
    stdout(&cresset(&dir, &["keys", "rotate"])?)?;
    let lines = std::fs::read_to_string(dir.join("sealing.key"))?;
    for line in lines.lines() {
        planted.plant("a sealing key", line);
    }
    planted.check(&dir, "after a rotation", &visible, true)?;
    world.server.kill9()?;
    planted.check(&dir, "after kill -9", &visible, true)?;
    stdout(&cresset(&dir, &["keys", "forget"])?)?;
    world.server.run().await?;
    first.list().await?;
    world.server.terminate().await?;
    planted.check(&dir, "after the end", &visible, false)?;
    let found = keys(&dir)?;
    // Two users, four tokens that sign, three notifications, one instance.
    assert_eq!((found.len(), found[0].2), (1, 10), "{found:?}");
    Ok(())
}
