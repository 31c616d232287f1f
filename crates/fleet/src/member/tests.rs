use super::*;
use cresset_model::ManualClock;
use cresset_testkit::{HttpSink, Reply, http};
use std::time::Instant;

const FORM: [(&str, &str); 1] = [("requestData", "{}")];

fn member(url: &str) -> Member {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let client = http::client().unwrap();
    Member::new(client, clock, "m", url, "ann", SecretString::new("k"))
}

#[test]
fn a_pause_in_seconds_or_until_a_moment() {
    // Sun, 06 Nov 1994 08:49:37 GMT
    let now = Timestamp::from_secs(784_111_777);
    let check = |header: &str, expected: Option<u64>| {
        let found = pause_of(header, now);
        assert_eq!(found, expected.map(Span::from_secs), "{header:?}");
    };
    check("0", Some(0));
    check(" 7 ", Some(7));
    check("99999999999999999999999", Some(60));
    check("Sun, 06 Nov 1994 08:50:00 GMT", Some(23));
    check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
    check("", None);
    check("-5", None);
    check("1.5", None);
    check("soon", None);
}

#[tokio::test]
async fn nobody_waits_for_a_server_that_cannot_be_reached() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let started = Instant::now();
    let error = member(&away)
        .form("/x", &FORM, Repeat::IfReached, MAX_ANSWER)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    // Attempts would have pauses of 1.4 seconds in all.
    assert!(started.elapsed() < Span::from_secs(1));

    let sink = HttpSink::start().unwrap();
    sink.script([
        Reply::status(503).retry_after(0),
        Reply::status(429).retry_after(0),
        Reply::ok().body("{}"),
    ]);
    member(&sink.url(""))
        .form("/x", &FORM, Repeat::IfReached, MAX_ANSWER)
        .await
        .unwrap();
    assert_eq!(sink.requests().len(), 3);
}

#[tokio::test]
async fn no_more_is_read_than_is_wanted() {
    let sink = HttpSink::start().unwrap();
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(2_000));
    sink.otherwise(Reply::ok().body(body));
    let member = member(&sink.url(""));
    for (most, enough) in [(1_000, false), (3_000, true)] {
        let reply = member.form("/x", &FORM, Repeat::Safe, most).await;
        match reply {
            Ok(_) => assert!(enough),
            Err(error) => {
                assert!(matches!(error, Error::TooLarge { .. }), "{error}");
                assert!(!enough && !error.is_outage());
            }
        }
    }
}
