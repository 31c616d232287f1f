//! What a careless or hostile client sends: a clear answer each time, memory bounded,
//! and the server goes on.

use crate::world::{ALL, World, now, rule_body};
use anyhow::{Context, Result};
use cresset_testkit::{HttpSink, SmtpSink, http};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::time::Duration;

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[tokio::test]
async fn bad_lines_are_named_and_good_ones_kept() -> Result<()> {
    let world = World::new().await?;
    let body = b"{\"a\":1,\"k\":\"good\"}\n{broken\n\n[1,2]\n{\"a\":\"\xff\xfe\",\"k\":\"good\"}\n"
        .to_vec();
    let reply = world.ingest_raw("default", body, &[]).await?.ok()?.json()?;
    assert_eq!(
        (reply["accepted"].as_u64(), reply["rejected"].as_u64()),
        (Some(2), Some(2)),
        "{reply}"
    );
    assert!(
        reply["errors"][0]["reason"]
            .as_str()
            .is_some_and(|r| !r.is_empty()),
        "{reply}"
    );
    assert_eq!(world.rows("k=good").await?.len(), 2);
    assert_eq!(
        world
            .ingest_raw("default", "not json at all\n", &[])
            .await?
            .status,
        400
    );
    let unknown = world.ingest_raw("nowhere", "{\"a\":1}\n", &[]).await?;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.text().contains("default"),
        "the answer names the repos that exist: {}",
        unknown.text()
    );
    Ok(())
}

#[tokio::test]
async fn compressed_bodies_are_checked_before_they_hurt() -> Result<()> {
    let world = World::with(|s| {
        s.env("CRESSET_INGEST_MAX_BODY", "16MiB")
            .env("CRESSET_INGEST_MAX_EXPANDED", "16MiB")
    })
    .await?;
    let gz = [("Content-Encoding", "gzip")];
    let good = gzip(b"{\"k\":\"zipped\"}\n")?;
    let truncated = good[..good.len() - 6].to_vec();
    assert_eq!(world.ingest_raw("default", good, &gz).await?.status, 200);
    assert_eq!(
        world.ingest_raw("default", truncated, &gz).await?.status,
        400
    );
    let (before, _) = world.memory()?;
    let bomb = gzip(&vec![b' '; 400 << 20])?;
    assert_eq!(world.ingest_raw("default", bomb, &gz).await?.status, 413);
    let (_, peak) = world.memory()?;
    assert!(
        peak - before < 96.0,
        "{before} MiB before, {peak} MiB at the peak"
    );
    let zstd = zstd::encode_all(&b"{\"k\":\"zipped\"}\n"[..], 1)?;
    assert_eq!(
        world
            .ingest_raw("default", zstd, &[("Content-Encoding", "zstd")])
            .await?
            .status,
        200
    );
    assert_eq!(
        world
            .ingest_raw("default", "x", &[("Content-Encoding", "br")])
            .await?
            .status,
        415
    );
    assert_eq!(world.rows("k=zipped").await?.len(), 2);
    Ok(())
}

/// The largest body that the defaults promise to take, of ordinary lines.
#[tokio::test]
async fn a_body_of_the_largest_size_is_stored_with_bounded_memory() -> Result<()> {
    // The time limit is for a release build on any machine; this is neither.
    let world = World::with(|s| s.env("CRESSET_SERVER_REQUEST_TIMEOUT", "10m")).await?;
    let (before, _) = world.memory()?;
    let line = |n: usize| {
        let text = "a request of ordinary length that a proxy wrote into its log ".repeat(9);
        format!(
            "{{\"n\":{n},\"user\":\"alice\",\"source_address\":\"203.0.113.9\",\"msg\":\"{text}\"}}\n"
        )
    };
    let (mut body, mut lines) = (String::new(), 0);
    while body.len() + 700 < 64 << 20 {
        body.push_str(&line(lines));
        lines += 1;
    }
    let url = world.server.url("/api/v1/ingest?repo=default");
    let client = http::client()?;
    let request = client
        .post(url)
        .timeout(Duration::from_mins(10))
        .header("Idempotency-Key", "large")
        .body(body);
    let answer = http::send(request, Some(&world.token("logs:write"))).await?;
    let reply = answer.ok()?.json()?;
    assert_eq!(
        (reply["accepted"].as_u64(), reply["rejected"].as_u64()),
        (Some(lines as u64), Some(0))
    );
    let (_, peak) = world.memory()?;
    println!("{before} MiB before, {peak} MiB at the peak");
    assert!(
        peak - before < 600.0,
        "{before} MiB before, {peak} MiB at the peak"
    );
    // A megabyte and a half that are many times that in memory.
    let tiny = "{\"a\":1}\n".repeat(3 << 16);
    let reply = world.ingest_raw("default", tiny, &[]).await?.ok()?.json()?;
    assert_eq!(reply["accepted"], 3 << 16);
    Ok(())
}

/// Two gigabytes, announced in the head or streamed without one.
#[tokio::test]
async fn a_body_of_two_gigabytes_is_refused_with_bounded_memory() -> Result<()> {
    let world = World::new().await?;
    let (before, _) = world.memory()?;
    let port = world.server.port();
    let token = world.token("logs:write");
    for head in ["Content-Length: 2147483648", "Transfer-Encoding: chunked"] {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "POST /api/v1/ingest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{head}\r\n\r\n"
        )?;
        let line = vec![b'a'; 1 << 20];
        for _ in 0..2048 {
            let sent = if head.starts_with("Content") {
                stream.write_all(&line)
            } else {
                write!(stream, "{:x}\r\n", line.len())
                    .and_then(|()| stream.write_all(&line))
                    .and_then(|()| stream.write_all(b"\r\n"))
            };
            if sent.is_err() {
                break;
            }
        }
        let mut answer = [0; 64];
        // The server may close hard while the client still writes; then there is no answer to read.
        let n = stream.read(&mut answer).unwrap_or(0);
        let answer = String::from_utf8_lossy(&answer[..n]).into_owned();
        assert!(n == 0 || answer.contains(" 413 "), "{head}: {answer}");
    }
    let (_, peak) = world.memory()?;
    assert!(
        peak - before < 200.0,
        "{before} MiB before, {peak} MiB at the peak"
    );
    assert_eq!(
        http::get(&world.server.url("/health/live"), None)
            .await?
            .status,
        200
    );
    Ok(())
}

#[tokio::test]
async fn a_syslog_line_of_ten_megabytes_is_cut_and_the_next_one_is_whole() -> Result<()> {
    let tcp = cresset_testkit::free_port()?;
    let world = World::with(|s| s.arg("--syslog-tcp").arg(format!("127.0.0.1:{tcp}"))).await?;
    let (before, _) = world.memory()?;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", tcp))?;
    let mut bytes = b"<13>app: giant ".to_vec();
    bytes.resize(10 << 20, b'x');
    bytes.extend_from_slice(b"\n<13>app: \xff\xfe invalid-utf8 after-the-giant\n");
    stream.write_all(&bytes)?;
    drop(stream);
    for _ in 0..100 {
        if world.rows("after-the-giant").await?.len() == 1 {
            let (_, peak) = world.memory()?;
            assert!(
                peak - before < 64.0,
                "{before} MiB before, {peak} MiB at the peak"
            );
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("the line after the giant is missing")
}

#[tokio::test]
async fn extreme_timestamps_are_kept_and_found() -> Result<()> {
    let world = World::new().await?;
    let events = [
        json!({"@timestamp": "0001-01-01T00:00:00Z", "k": "first"}),
        json!({"@timestamp": "9999-12-31T23:59:59Z", "k": "last"}),
        json!({"@timestamp": "not a time", "k": "none"}),
        json!({"@timestamp": 1e300, "k": "huge"}),
    ];
    world.ingest(&events).await?;
    let whole = [-62_135_596_800_i64 - 10, 253_402_300_799];
    let reply = world.search("k=* | chart count() by k", whole).await?;
    assert_eq!(reply["rows"].as_array().map(Vec::len), Some(4), "{reply}");
    assert_eq!(
        world.rows("k=none or k=huge").await?.len(),
        2,
        "unusable stamps get the time of arrival"
    );
    Ok(())
}

#[tokio::test]
async fn monstrous_queries_and_patterns_get_an_answer() -> Result<()> {
    let world = World::new().await?;
    world
        .ingest(&[json!({"msg": "x", "user": "u4711"})])
        .await?;
    let terms: Vec<String> = (0..10_000).map(|i| format!("user=u{i}")).collect();
    assert_eq!(world.rows(&terms.join(" or ")).await?.len(), 1);
    let range = [now() - 60, now() + 60];
    for query in [
        "(".repeat(100_000),
        "user=*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b ".repeat(300),
        format!("user IN [{}]", "\"a*b?c*\",".repeat(20_000)),
        "| chart count(".to_owned(),
    ] {
        let reply = world.search(&query, range).await;
        // Refused with a message or answered; the connection and the server live on.
        let text = match reply {
            Ok(reply) => reply.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(!text.is_empty());
    }
    let bomb = json!({"query": "msg=x | process regex(\"(((a{1,1000}){1,1000}){1,1000})\", msg)", "time_range": range, "repos": []});
    let form = [
        ("username", world.credentials.username.clone()),
        ("secret_key", world.credentials.api_access_key.clone()),
        ("requestData", bomb.to_string()),
    ];
    let reply = http::send(
        http::client()?
            .post(world.server.url("/getsearchlogs"))
            .form(&form),
        None,
    )
    .await?
    .json()?;
    assert_eq!(reply["success"], false, "{reply}");
    assert!(
        reply["message"].as_str().is_some_and(|m| m.len() > 10),
        "{reply}"
    );
    Ok(())
}

#[tokio::test]
async fn a_template_without_end_still_notifies() -> Result<()> {
    let (mail, web) = (SmtpSink::start()?, HttpSink::start()?);
    let world = World::with(|s| {
        s.env("CRESSET_EGRESS_ALLOW", "127.0.0.0/8")
            .env("CRESSET_SMTP_HOST", "127.0.0.1")
            .env("CRESSET_SMTP_PORT", mail.address().port().to_string())
            .env("CRESSET_SMTP_MODE", "plain")
    })
    .await?;
    let rule = world.rule("Endless template", "event=here").await?;
    let endless = "{% for a in range(100000) %}{% for b in range(100000) %}{{ a * b }}{% endfor %}{% endfor %}";
    world.notify_email(&rule, "subject", endless).await?;
    world.notify_http(&rule, &web.url("/"), endless).await?;
    world
        .ingest(&[json!({"event": "here", "user": "mara"})])
        .await?;
    let mails = mail.wait_for(1, Duration::from_secs(15)).await?;
    let html = mails[0].text_of("text/html").context("no HTML part")?;
    assert!(
        html.contains("template"),
        "the mail must say that its template failed: {html}"
    );
    let posts = web.wait_for(1, Duration::from_secs(15)).await?;
    assert!(posts[0].text().contains("template"), "{}", posts[0].text());
    Ok(())
}

/// Every truncation of a good body is refused with a shape that clients know, and changes nothing.
#[tokio::test]
async fn truncated_rules_are_refused_and_change_nothing() -> Result<()> {
    let world = World::new().await?;
    let body = rule_body("Truncated rule", "user=mara").to_string();
    let url = world.server.url("/AlertRules/create_api");
    let token = world.token(ALL);
    for cut in (0..body.len()).step_by(7) {
        let request = http::client()?
            .post(&url)
            .header("Content-Type", "application/json")
            .body(body[..cut].to_owned());
        let answer = http::send(request, Some(&token)).await?;
        assert!(
            (400..500).contains(&answer.status),
            "{} at {cut}",
            answer.status
        );
        let value: Value = answer.json()?;
        assert!(
            value.get("message").or(value.get("error")).is_some(),
            "{value}"
        );
    }
    let list = http::get(&world.server.url("/AlertRules/lists_api"), Some(&token))
        .await?
        .ok()?
        .json()?;
    assert_eq!(list["total"], 0);
    Ok(())
}

/// A batch sent again under its key is stored once.
#[tokio::test]
async fn an_idempotency_key_makes_a_retry_harmless() -> Result<()> {
    let mut world = World::new().await?;
    let key = [("Idempotency-Key", "batch-1")];
    for turn in 0..4 {
        if turn == 2 {
            world.server.kill9()?;
            world.server.run().await?;
        }
        let reply = world
            .ingest_raw("default", "{\"k\":\"once\"}\n", &key)
            .await?
            .ok()?
            .json()?;
        assert_eq!(
            (reply["accepted"].as_u64(), reply["duplicate"].as_bool()),
            (Some(1), Some(turn > 0)),
            "{reply}"
        );
    }
    assert_eq!(world.rows("k=once").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn slow_clients_are_let_go() -> Result<()> {
    let world = World::with(|s| s.env("CRESSET_SERVER_HEADER_TIMEOUT", "1s")).await?;
    let mut slow = std::net::TcpStream::connect(("127.0.0.1", world.server.port()))?;
    slow.write_all(b"GET /health/live HTTP/1.1\r\nHost:")?;
    slow.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut answer = Vec::new();
    // The server closes, with or without a 408; a time-out here would be an error.
    std::io::copy(&mut slow, &mut answer)?;
    Ok(())
}
