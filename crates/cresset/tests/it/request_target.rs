//! Request targets as people type them for `curl`.

use crate::world::{ALL, World};
use anyhow::{Context, Result};
use serde_json::Value;
use std::io::Write;
use std::time::Duration;

/// The status and the JSON of the answer to a request that ends its connection.
fn raw(world: &World, request: &str) -> Result<(u16, Value)> {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", world.server.port()))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request.as_bytes())?;
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
        &format!("GET /AlertRules/lists_api?x=\"<> {end}\r\n"),
    )?;
    assert_eq!(status, 401, "{body}");
    let bearer = format!("Authorization: Bearer {}\r\n", world.token(ALL));
    let (status, body) = raw(
        &world,
        &format!("GET /AlertRules/lists_api?x=\"<>\u{e9}\u{1} {end}{bearer}\r\n"),
    )?;
    assert_eq!((status, &body["total"]), (200, &Value::from(0)), "{body}");
    Ok(())
}
