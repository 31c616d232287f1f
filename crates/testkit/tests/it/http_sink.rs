use cresset_testkit::{HttpSink, Reply, http};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn collects_requests_and_answers_as_scripted() {
    let sink = HttpSink::start().unwrap();
    sink.script([
        Reply::status(503).retry_after(7),
        Reply::redirect("http://example.com/"),
        Reply::status(201).header("x-test", "yes").body("made"),
    ]);
    sink.otherwise(Reply::status(204));
    let url = sink.url("/hook?a=1");
    let busy = http::post_json(&url, Some("token"), &json!({"n": 1}))
        .await
        .unwrap();
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("7")));
    let moved = http::get(&url, None).await.unwrap();
    assert_eq!(
        (moved.status, moved.header("location")),
        (302, Some("http://example.com/"))
    );
    let made = http::post(&url, None, "text/plain", "hello").await.unwrap();
    assert_eq!((made.status, made.text().as_str()), (201, "made"));
    assert_eq!(made.header("x-test"), Some("yes"));
    assert_eq!(
        http::get(&url, None).await.unwrap().ok().unwrap().status,
        204
    );
    assert!(busy.ok().is_err());

    let got = sink.requests();
    let lines: Vec<String> = got
        .iter()
        .map(|r| format!("{} {}", r.method, r.path))
        .collect();
    let want = [
        "POST /hook?a=1",
        "GET /hook?a=1",
        "POST /hook?a=1",
        "GET /hook?a=1",
    ];
    assert_eq!(lines, want);
    assert_eq!(got[0].header("authorization"), Some("Bearer token"));
    assert_eq!(got[0].json().unwrap(), json!({"n": 1}));
    assert_eq!(got[2].text(), "hello");
    assert!(got[0].at <= got[3].at);
}

#[tokio::test]
async fn a_streamed_body_and_a_head_request_work() {
    let sink = HttpSink::start().unwrap();
    sink.otherwise(Reply::ok().body("not for HEAD"));
    let client = http::client().unwrap();
    // As curl sends large bodies: in chunks, after the server has agreed.
    let mut curl = TcpStream::connect(sink.address()).await.unwrap();
    let head = "POST /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\
        Expect: 100-continue\r\nConnection: close\r\n\r\n";
    curl.write_all(head.as_bytes()).await.unwrap();
    let mut agreed = [0; 25];
    curl.read_exact(&mut agreed).await.unwrap();
    assert_eq!(&agreed, b"HTTP/1.1 100 Continue\r\n\r\n");
    let (first, second) = ("x".repeat(70_000), "y".repeat(10));
    let body = format!(
        "{:x}\r\n{first}\r\na;ext=1\r\n{second}\r\n0\r\n\r\n",
        first.len()
    );
    curl.write_all(body.as_bytes()).await.unwrap();
    let mut reply = String::new();
    curl.take(1000).read_to_string(&mut reply).await.unwrap();
    assert!(
        reply.starts_with("HTTP/1.1 200") && reply.ends_with("not for HEAD"),
        "{reply}"
    );
    let head = http::send(client.head(sink.url("/")), None).await.unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(sink.requests()[0].text(), first + &second);
    assert_eq!(sink.requests()[1].method, "HEAD");
}

#[tokio::test]
async fn hanging_slow_and_returning_destinations() {
    let sink = HttpSink::start().unwrap();
    sink.script([Reply::hang(), Reply::ok().after(Duration::from_millis(50))]);
    let request = http::client().unwrap().get(sink.url("/"));
    let hung = http::send(request.timeout(Duration::from_millis(100)), None).await;
    assert!(hung.is_err());
    assert_eq!(sink.wait_for(1, SOON).await.unwrap().len(), 1);
    let started = Instant::now();
    http::get(&sink.url("/"), None).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(50));
    let short = Duration::from_millis(20);
    let missing = sink.wait_for(3, short).await.unwrap_err().to_string();
    assert!(missing.contains("for 3 items, got 2"), "{missing}");

    let (url, port) = (sink.url("/"), sink.address().port());
    drop(sink);
    assert!(http::get(&url, None).await.is_err());
    let back = HttpSink::start_on(port).unwrap();
    assert_eq!(http::get(&url, None).await.unwrap().status, 200);
    assert_eq!(back.requests().len(), 1);
}
