//! An instance that is busy, goes away, or answers oddly.

mod health;
mod search;

use anyhow::Result;
use cresset_fleet::document::RuleDoc;
use cresset_fleet::{Error, Member};
use cresset_model::{ManualClock, SecretString, Timestamp};
use cresset_testkit::{HttpSink, Reply, http};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn member(url: &str) -> Result<Member> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let key = SecretString::new("k");
    Ok(Member::new(http::client()?, clock, "m", url, "ann", key))
}

fn rule() -> Result<RuleDoc> {
    Ok(RuleDoc::from_yaml(
        "name: Rule one\nquery: a=b\nover: 10m\nrisk: low\n",
    )?)
}

#[tokio::test]
async fn a_busy_server_is_asked_again_even_to_create() -> Result<()> {
    let sink = HttpSink::start()?;
    sink.script([
        Reply::status(429).retry_after(0),
        Reply::status(429).retry_after(0),
        Reply::ok().body(r#"{"name":"Rule one","id":"abc","message":"m"}"#),
    ]);
    let id = member(&sink.url(""))?.create_rule(&rule()?).await?;
    assert_eq!((id.as_str(), sink.requests().len()), ("abc", 3));
    Ok(())
}

#[tokio::test]
async fn a_server_that_stays_busy_is_an_outage() -> Result<()> {
    let sink = HttpSink::start()?;
    sink.otherwise(Reply::status(429).retry_after(0));
    let error = member(&sink.url(""))?.rules().await.unwrap_err();
    assert!(error.is_outage(), "{error}");
    assert_eq!(sink.requests().len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_gateway_error_is_repeated_only_where_that_is_harmless() -> Result<()> {
    let sink = HttpSink::start()?;
    sink.otherwise(Reply::status(502).body("<h1>Bad Gateway</h1>"));
    let member = member(&sink.url(""))?;
    let error = member.create_rule(&rule()?).await.unwrap_err();
    assert_eq!(error.to_string(), "<h1>Bad Gateway</h1> (502)");
    assert_eq!(sink.requests().len(), 1);
    assert!(member.update_rule("abc", &rule()?).await.is_err());
    assert_eq!(sink.requests().len(), 5);
    Ok(())
}

/// A server that reads each request and closes the connection without an answer.
async fn mute() -> Result<(String, Arc<AtomicUsize>)> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = vec![0; 64 << 10];
            if socket.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            // The peer has gone if this fails, which is as well.
            let _ = socket.shutdown().await;
        }
    });
    Ok((url, count))
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_not_sent_twice() -> Result<()> {
    let (url, count) = mute().await?;
    let member = member(&url)?;
    let error = member.create_rule(&rule()?).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let ids = ["abc".to_owned()];
    assert!(member.set_active(&ids, true).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 5);
    Ok(())
}

#[tokio::test]
async fn pages_are_read_up_to_the_first_short_one() -> Result<()> {
    let page = |rows: std::ops::Range<usize>| {
        let rows: Vec<_> = rows
            .map(|n| serde_json::json!({"_id": format!("{n:024x}"), "name": format!("r{n}")}))
            .collect();
        Reply::ok().body(serde_json::json!({"rows": rows, "total": 7}).to_string())
    };
    let sink = HttpSink::start()?;
    sink.script([page(0..200), page(200..400), page(400..400)]);
    let rules = member(&sink.url(""))?.rules().await?;
    assert_eq!((rules.len(), sink.requests().len()), (400, 3));
    let last = &sink.requests()[2].path;
    assert_eq!(last, "/AlertRules/lists_api?limit=200&page=3");
    Ok(())
}

#[tokio::test]
async fn refusals_and_strange_answers_are_told() -> Result<()> {
    let sink = HttpSink::start()?;
    let member = member(&sink.url(""))?;
    let cases = [
        (
            Reply::ok().body(r#"{"success":false,"validationErrors":{"name":"already exists"}}"#),
            "name: already exists (200)",
        ),
        (
            Reply::status(422).body(r#"{"validationErrors":{"search_params":{"query":"bad"}}}"#),
            "search_params.query: bad (422)",
        ),
        (
            Reply::ok().body(r#"{"status":"failed","message":"no licence"}"#),
            "no licence (200)",
        ),
        (
            Reply::ok().body("<html>"),
            "/AlertRules/update_api answers what was not expected: no JSON; is this the address of a Cresset or Logpoint server?",
        ),
        (Reply::status(404), "no reason given (404)"),
    ];
    for (reply, expected) in cases {
        sink.script([reply]);
        let error = member.update_rule("abc", &rule()?).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_outage());
    }
    Ok(())
}
