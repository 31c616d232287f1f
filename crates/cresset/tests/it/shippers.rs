//! Requests of log shippers, sent to the real server as they were recorded, and their events
//! searched for. What each event becomes is tested in `cresset-ingest`.

use crate::world::{World, now};
use anyhow::{Context as _, Result, ensure};
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cresset_testkit::http::{self, Answer};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::net::TcpStream;

const REQUESTS: [&str; 2] = [
    include_str!("../shippers/recorded.ndjson"),
    include_str!("../shippers/documented.ndjson"),
];

/// One line of the files.
#[derive(Debug, Deserialize)]
struct Sent {
    by: String,
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    text: Option<String>,
    base64: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    events: usize,
    msg: Option<String>,
}

impl Sent {
    fn body(&self) -> Result<Vec<u8>> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Ok(text.clone().into_bytes()),
            (None, Some(encoded)) => Ok(STANDARD.decode(encoded)?),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// What is answered, where nothing else is written down.
    fn status(&self) -> u16 {
        let loki = self.target.starts_with("/loki");
        self.status.unwrap_or(if loki { 204 } else { 200 })
    }
}

fn sent() -> Result<Vec<Sent>> {
    let lines = REQUESTS.iter().flat_map(|file| file.lines());
    Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// A token in the place that a scheme has for it.
fn credential(scheme: &str, token: &str) -> String {
    match scheme {
        "Basic" => format!("Basic {}", STANDARD.encode(format!("anybody:{token}"))),
        "ApiKey" => format!("ApiKey {}", STANDARD.encode(format!("any-id:{token}"))),
        scheme => format!("{scheme} {token}"),
    }
}

/// A bearer token as a user makes one for a shipper.
async fn bearer(world: &World) -> Result<String> {
    let url = "/santaba/rest/setting/admins/1/apitokens?type=bearer";
    let request = http::client()?
        .post(world.server.url(url))
        .header("x-version", "3")
        .json(&json!({"note": "a shipper", "scopes": ["logs:write"]}));
    let token = world.token("setting:read setting:write logs:write");
    let made = http::send(request, Some(&token)).await?.ok()?.json()?;
    let key = made["accessKey"].as_str().context("no key")?;
    Ok(key.to_owned())
}

async fn send(world: &World, sent: &Sent, token: &str) -> Result<Answer> {
    let method = reqwest::Method::from_bytes(sent.method.as_bytes())?;
    let url = world.server.url(&sent.target);
    let mut request = http::client()?.request(method, url).body(sent.body()?);
    // Those that were recorded without one have it from their configuration.
    let mut headers = sent.headers.clone();
    let scheme = headers.remove("authorization");
    let scheme = scheme.as_deref().unwrap_or("Bearer");
    headers.insert("authorization".to_owned(), credential(scheme, token));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    http::send(request, None).await
}

/// The rows of all time.
async fn rows(world: &World, query: &str) -> Result<Vec<Value>> {
    let reply = world.search(query, [0, now() + 86_400 * 3_650]).await?;
    let rows = reply["rows"]
        .as_array()
        .with_context(|| format!("no rows: {reply}"))?;
    Ok(rows.clone())
}

#[tokio::test]
async fn what_shippers_send_is_stored_and_found() -> Result<()> {
    let world = World::new().await?;
    let token = bearer(&world).await?;
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for sent in sent()? {
        let answer = send(&world, &sent, &token).await?;
        let (by, text) = (&sent.by, answer.text());
        ensure!(
            answer.status == sent.status(),
            "{by} {}: {} {text}",
            sent.target,
            answer.status
        );
        if sent.target.starts_with("/elastic") || sent.target.starts_with("/_bulk") {
            let product = answer.header("x-elastic-product");
            ensure!(product == Some("Elasticsearch"), "{by}: {product:?}");
        }
        if sent.target.contains("/_bulk") {
            ensure!(text.contains(r#""errors":false,"items":["#), "{by}: {text}");
            let items = answer.json()?["items"].as_array().map(Vec::len);
            ensure!(items == Some(sent.events), "{by}: {text}");
        }
        let event = sent.target.starts_with("/services/collector/event");
        if event && sent.method == "POST" {
            let answer = answer.json()?;
            ensure!(answer["code"] == json!(0), "{by}: {text}");
            // Those who name a channel ask whether it is stored.
            let channel = sent.headers.contains_key("x-splunk-request-channel");
            ensure!(answer["ackId"].is_u64() == channel, "{by}: {text}");
        }
        if let Some(msg) = sent.msg {
            *expected.entry(msg).or_default() += sent.events;
        }
    }
    ensure!(expected.len() > 20, "{expected:?}");
    for (msg, count) in expected {
        let found = rows(&world, &format!("\"{msg}\"")).await?;
        ensure!(found.len() == count, "{msg}: {count} were sent: {found:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn who_they_are_told_it_is() -> Result<()> {
    let world = World::new().await?;
    let token = world.token("logs:write");
    let requests = sent()?;
    let find = |by: &str, target: &str| {
        let found = requests
            .iter()
            .find(|s| s.by.starts_with(by) && s.target == target);
        found.with_context(|| format!("{by} does not send {target}"))
    };
    let answer = async |by: &str, target: &str| send(&world, find(by, target)?, &token).await;
    let root = answer("Filebeat", "/elastic").await?.json()?;
    assert_eq!(root["version"]["number"], json!("8.15.0"));
    assert_eq!(root["version"]["build_flavor"], json!("default"));
    let root = answer("Logstash", "/elastic/").await?;
    assert!(root.body.is_empty(), "HEAD has no body");
    let license = answer("Logstash", "/elastic/_license").await?.json()?;
    assert_eq!(license["license"]["status"], json!("active"));
    assert_eq!(license["license"]["type"], json!("basic"));
    let put = requests
        .iter()
        .find(|s| s.method == "PUT" && s.by.starts_with("Logstash"));
    let put = send(&world, put.context("no template")?, &token).await?;
    assert_eq!(put.json()?, json!({"acknowledged": true}));
    let health = answer("Vector", "/services/collector/health/1.0").await?;
    assert_eq!(health.json()?["code"], json!(17));
    assert_eq!(answer("Vector", "/ready").await?.text(), "ready\n");
    Ok(())
}

/// What a protocol says where something is wrong: status, a header, and the body.
#[tokio::test]
async fn refusals_are_in_the_words_of_the_protocol() -> Result<()> {
    let world = World::new().await?;
    let good = format!("Bearer {}", world.token("logs:write"));
    let reader = format!("Bearer {}", world.token("search:read"));
    let json_type = "application/json";
    let ask = async |path: &str, media: &str, credential: &str, body: &'static [u8]| {
        let url = world.server.url(path);
        let mut request = http::client()?
            .post(url)
            .header("content-type", media)
            .body(body);
        if !credential.is_empty() {
            request = request.header("authorization", credential);
        }
        http::send(request, None).await
    };
    let bulk = "/elastic/_bulk";
    let answer = ask(bulk, json_type, "", b"{}").await?;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()?["error"]["type"], json!("security_exception"));
    assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"));
    assert!(answer.header("www-authenticate").is_some());
    assert_eq!(ask(bulk, json_type, &reader, b"{}").await?.status, 403);
    let answer = ask(bulk, json_type, &good, b"no action\n").await?;
    assert_eq!(
        (answer.status, answer.json()?["status"].clone()),
        (400, json!(400))
    );
    let answer = ask(
        bulk,
        json_type,
        &good,
        b"{\"index\":{}}\n{\"a\":1}\n{\"index\":{}}\n{\"a\":",
    )
    .await?;
    assert_eq!(answer.status, 200);
    let answer = answer.json()?;
    assert_eq!(answer["errors"], json!(true));
    assert_eq!(answer["items"][0]["index"]["status"], json!(201));
    assert_eq!(answer["items"][1]["index"]["status"], json!(400));
    assert_eq!(
        ask("/elastic/_bulk?repo=nope", json_type, &good, b"{}")
            .await?
            .status,
        404
    );
    assert_eq!(
        ask("/elastic/_bulk?repo=_cresset", json_type, &good, b"{}")
            .await?
            .status,
        403
    );
    assert_eq!(
        ask("/elastic/a/b/c", json_type, &good, b"").await?.json()?["status"],
        json!(404)
    );

    let event = "/services/collector/event";
    for (credential, body, status, code) in [
        ("", &b"{\"event\":\"a\"}"[..], 401, 2),
        ("Splunk nonsense", b"{\"event\":\"a\"}", 403, 4),
        (reader.as_str(), b"{\"event\":\"a\"}", 403, 1),
        (good.as_str(), b"", 400, 5),
        (&good, b"{\"event\":\"a\"}{\"event\":", 400, 6),
        (&good, b"{\"event\":\"a\"}{}", 400, 12),
        (&good, b"{\"event\":\"\"}", 400, 13),
        (&good, b"{\"event\":\"a\"}", 200, 0),
    ] {
        let answer = ask(event, json_type, credential, body).await?;
        let said = (answer.status, answer.json()?["code"].clone());
        assert_eq!(
            said,
            (status, json!(code)),
            "{credential} {:?}",
            answer.text()
        );
    }
    let answer = ask(event, json_type, &good, b"{\"event\":\"a\"}{}")
        .await?
        .json()?;
    assert_eq!(answer["invalid-event-number"], json!(1));
    let acks = ask(
        "/services/collector/ack?channel=c",
        json_type,
        &good,
        b"{\"acks\":[3,7]}",
    )
    .await?;
    assert_eq!(acks.json()?, json!({"acks": {"3": true, "7": true}}));

    let push = "/loki/api/v1/push";
    let answer = ask(push, json_type, "", b"{}").await?;
    assert_eq!((answer.status, answer.text().lines().count()), (401, 1));
    assert_eq!(
        ask(push, json_type, &good, b"{\"streams\":").await?.status,
        400
    );
    assert_eq!(ask(push, "", &good, b"no snappy").await?.status, 400);
    assert_eq!(
        ask(push, json_type, &good, b"{\"streams\":[]}")
            .await?
            .status,
        204
    );

    let logs = "/v1/logs";
    let answer = ask(logs, json_type, "", b"{}").await?;
    assert_eq!(
        (answer.status, answer.json()?["code"].clone()),
        (401, json!(16))
    );
    let protobuf = "application/x-protobuf";
    let answer = ask(logs, protobuf, &good, b"\x0a\x05abc").await?;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (400, Some(protobuf))
    );
    assert!(
        answer.body.starts_with(b"\x08\x03\x12"),
        "{:?}",
        answer.body
    );
    let answer = ask(logs, protobuf, &good, b"").await?;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    // One record that reads, and one that does not.
    let answer = ask(
        logs,
        protobuf,
        &good,
        b"\x0a\x0b\x12\x09\x12\x04\x2a\x02\x0a\x00\x12\x01\x2a",
    )
    .await?;
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with(b"\x0a") && answer.body[2..].starts_with(b"\x08\x01\x12"));
    let answer = ask(
        logs,
        json_type,
        &good,
        b"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[7]}]}]}",
    )
    .await?;
    assert_eq!(
        answer.json()?["partialSuccess"]["rejectedLogRecords"],
        json!("1")
    );
    Ok(())
}

/// One call of gRPC, as a client without a library makes it: headers, body, trailers.
async fn call(
    world: &World,
    credential: &str,
    encoding: &str,
    body: Vec<u8>,
) -> Result<(HeaderMap, Vec<u8>, HeaderMap)> {
    let tcp = TcpStream::connect(("127.0.0.1", world.server.port())).await?;
    let (mut client, connection) = h2::client::handshake(tcp).await?;
    let connection = tokio::spawn(connection);
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let request = Request::post(world.server.url(path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-encoding", encoding)
        .header("authorization", credential)
        .body(())?;
    let (response, mut stream) = client.send_request(request, false)?;
    stream.send_data(Bytes::from(body), true)?;
    let response = response.await?;
    ensure!(response.status() == 200, "{response:?}");
    let headers = response.headers().clone();
    let (mut stream, mut body) = (response.into_body(), Vec::new());
    while let Some(data) = stream.data().await {
        body.extend_from_slice(&data?);
    }
    let trailers = stream.trailers().await?.unwrap_or_default();
    connection.abort();
    Ok((headers, body, trailers))
}

fn framed(compressed: bool, message: &[u8]) -> Vec<u8> {
    let len = (message.len() as u32).to_be_bytes();
    [&[u8::from(compressed)][..], &len, message].concat()
}

#[tokio::test]
async fn logs_over_grpc() -> Result<()> {
    let world = World::new().await?;
    let credential = format!("Bearer {}", world.token("logs:write"));
    let requests = sent()?;
    let recorded = requests.iter().find(|s| s.by.starts_with("rotel"));
    // The same messages go over HTTP and over gRPC.
    let message = recorded.context("no recording")?.body()?;
    let (headers, body, trailers) =
        call(&world, &credential, "gzip", framed(true, &message)).await?;
    assert_eq!(headers["content-type"], "application/grpc");
    assert_eq!(body, [0; 5]);
    assert_eq!(trailers["grpc-status"], "0");
    let found = rows(&world, "\"recorded rotel\" user=ann col_type=otlp").await?;
    assert_eq!(found.len(), 1, "{found:?}");
    for (credential, body, status) in [
        ("Bearer nonsense", framed(true, &message), "16"),
        (credential.as_str(), framed(false, b"\x0a\x05abc"), "3"),
        (&credential, framed(true, b"no gzip"), "3"),
        (&credential, b"\0\0".to_vec(), "3"),
    ] {
        let (headers, body, _) = call(&world, credential, "gzip", body).await?;
        assert_eq!(headers["grpc-status"], status);
        assert!(headers.contains_key("grpc-message"));
        assert!(body.is_empty());
    }
    let reader = format!("Bearer {}", world.token("search:read"));
    let (headers, ..) = call(&world, &reader, "gzip", framed(true, &message)).await?;
    assert_eq!(headers["grpc-status"], "7");
    let (headers, ..) = call(&world, &credential, "lzo", framed(true, &message)).await?;
    assert_eq!(headers["grpc-status"], "12");
    Ok(())
}
