//! Request targets as people type them for `curl`.

use crate::world::{ALL, World, now};
use anyhow::{Context, Result};
use cresset_auth::lmv1;
use cresset_model::SecretString;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

/// The status and the JSON of the answer to a request that ends its connection.
fn raw(world: &World, request: impl AsRef<[u8]>) -> Result<(u16, Value)> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", world.server.port()))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request.as_ref())?;
    let mut answer = Vec::new();
    std::io::copy(&mut stream, &mut answer)?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let json = serde_json::from_str(body).with_context(|| format!("no JSON: {answer}"))?;
    Ok((status, json))
}

#[tokio::test]
async fn what_the_library_refuses_is_answered_by_the_application() -> Result<()> {
    let world = World::new().await?;
    let end = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let (status, body) = raw(
        &world,
        format!("GET /AlertRules/lists_api?x=\"<> {end}\r\n"),
    )?;
    assert_eq!(status, 401, "{body}");
    let bearer = format!("Authorization: Bearer {}\r\n", world.token(ALL));
    let (status, body) = raw(
        &world,
        format!("GET /AlertRules/lists_api?x=\"<>\u{e9}\u{1} {end}{bearer}\r\n"),
    )?;
    assert_eq!((status, &body["total"]), (200, &Value::from(0)), "{body}");
    Ok(())
}

const TOKENS: &str = "/setting/admins/apitokens";

/// A signed request for a list of tokens, up to its query and behind it.
fn signed(world: &World, version: &str, query: &str) -> String {
    let key = SecretString::new(world.credentials.access_key.clone());
    let id = &world.credentials.access_id;
    let signature = lmv1::header(id, &key, "GET", TOKENS, b"", now() * 1000);
    format!(
        "GET /santaba/rest{TOKENS}?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         X-Version: {version}\r\nAuthorization: {signature}\r\n\r\n"
    )
}

/// Checks that the answer is a refusal in the envelope of the version.
fn refused(answer: &(u16, Value), version: &str, (status, in_v1): (u16, u16), text: &str) {
    let (http, body) = answer;
    let (name, expected) = match version {
        "1" => ("errmsg", json!({"status": in_v1, "data": null})),
        _ => {
            let code = 1000 + status;
            (
                "errorMessage",
                json!({"errorCode": code, "errorDetail": null}),
            )
        }
    };
    assert_eq!(*http, if version == "1" { 200 } else { status }, "{body}");
    let told = body[name].as_str().unwrap_or_default();
    assert!(told.contains(text), "{body}");
    let mut expected = expected;
    expected[name] = json!(told);
    assert_eq!(*body, expected);
}

/// A filter of a megabyte is longer than the library takes, too.
#[tokio::test]
async fn long_targets_are_refused_in_every_envelope() -> Result<()> {
    let world = World::new().await?;
    let (before, _) = world.memory()?;
    for version in ["1", "2", "3"] {
        for (length, piece) in [(40_000, "x"), (10_000, "(")] {
            let query = format!("filter=note:x,{}", piece.repeat(length));
            let answer = raw(&world, signed(&world, version, &query))?;
            refused(&answer, version, (400, 1007), "invalid filter");
        }
        for piece in ["x", "(", "\"", "note:x,", "%22", "\u{e9}", "|"] {
            let query = format!("filter={}", piece.repeat((1 << 20) / piece.len()));
            let answer = raw(&world, signed(&world, version, &query))?;
            refused(&answer, version, (413, 1007), "60000 bytes");
        }
    }
    let long = "x".repeat(1 << 20);
    let end = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for target in [
        format!("/santaba/rest/setting/{long}?v=2"),
        format!("/AlertRules/lists_api?page={long}"),
        format!("/{long}"),
        format!("/api/v1/ingest?repo={long}"),
    ] {
        let (status, body) = raw(&world, format!("GET {target} {end}"))?;
        let cut: String = target.chars().take(20).collect();
        // The version is in the part that was cut.
        let first = target.starts_with("/santaba");
        assert_eq!(status, if first { 200 } else { 413 }, "{cut}: {body}");
        assert!(body.to_string().contains("60000 bytes"), "{cut}: {body}");
    }
    let (_, peak) = world.memory()?;
    assert!(
        peak - before < 64.0,
        "{before} MiB before, {peak} at the peak"
    );
    let answer = raw(&world, signed(&world, "3", "size=1"))?;
    assert_eq!(
        (answer.0, &answer.1["total"]),
        (200, &json!(1)),
        "{answer:?}"
    );
    Ok(())
}

#[tokio::test]
async fn paths_that_are_no_text_lead_nowhere() -> Result<()> {
    let world = World::new().await?;
    let bearer = format!("Authorization: Bearer {}\r\n", world.token("setting:read"));
    for path in [
        &b"/setting/admins/\xff"[..],
        b"/setting/admins/\xc3\x28/apitokens",
        b"/setting/roles/\xed\xa0\x80",
        b"/\xf0\x9f",
    ] {
        for version in ["1", "2", "3"] {
            let head = format!(" HTTP/1.1\r\nHost: x\r\nX-Version: {version}\r\n{bearer}");
            let head = head + "Connection: close\r\n\r\n";
            let request = [b"GET /santaba/rest", path, head.as_bytes()].concat();
            refused(&raw(&world, request)?, version, (404, 1069), "");
        }
    }
    Ok(())
}
