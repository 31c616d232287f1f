//! Bodies: good, bad and hostile.

use crate::memory::{MemoryLog, MemoryRepos, NOW, ingestor, ingestor_at, ingestor_of, utc};
use bytes::Bytes;
use cresset_catalog::port::Repos;
use cresset_eventlog::Error;
use cresset_ingest::{BodyFormat, HttpBatch, IngestError, IngestReply, IngestSettings};
use cresset_model::repo::Repo;
use cresset_model::{ManualClock, Value};
use std::io::Write;
use std::sync::Arc;

fn batch(body: impl Into<Bytes>) -> HttpBatch {
    HttpBatch {
        repo: "default".to_owned(),
        key: None,
        encoding: None,
        format: BodyFormat::Json,
        body: body.into(),
        peer: "192.0.2.7".parse().unwrap(),
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    w.write_all(data).unwrap();
    w.finish().unwrap()
}

fn encoded(encoding: &str, body: Vec<u8>) -> HttpBatch {
    HttpBatch {
        encoding: Some(encoding.to_owned()),
        ..batch(body)
    }
}

/// Index, line and the beginning of the reason of every refusal.
fn refusals(reply: &IngestReply) -> Vec<(u64, u64, String)> {
    let short = |r: &str| r.chars().take(24).collect();
    reply
        .errors
        .iter()
        .map(|e| (e.index, e.line, short(&e.reason)))
        .collect()
}

#[tokio::test]
async fn good_items_are_stored_whatever_the_others_are() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let body = "{\"n\":1}\n\nnonsense\n{\"n\":2}\n{\"n\":\n[1]\n{\"n\":3}";
    let reply = ingestor.ingest_http(batch(body)).await.unwrap();
    assert_eq!(
        (reply.accepted, reply.rejected, reply.first_seq),
        (3, 3, Some(1))
    );
    assert_eq!(
        refusals(&reply),
        [
            (1, 3, "each item must be a JSON".to_owned()),
            (3, 5, "EOF while parsing a valu".to_owned()),
            (4, 6, "each item must be a JSON".to_owned()),
        ]
    );
    let body = "[{\"n\":4},\n{\"n\":tru},\n{\"n\":5}]";
    let reply = ingestor.ingest_http(batch(body)).await.unwrap();
    assert_eq!(
        (reply.accepted, reply.rejected, reply.first_seq),
        (2, 1, Some(4))
    );
    assert_eq!((reply.errors[0].index, reply.errors[0].line), (1, 2));
    let numbers: Vec<_> = log
        .events()
        .iter()
        .map(|(_, e)| e.get("n").cloned())
        .collect();
    assert_eq!(
        numbers,
        (1..=5).map(|n| Some(Value::Int(n))).collect::<Vec<_>>()
    );
    assert_eq!(log.appends(), [3, 2]);
}

#[tokio::test]
async fn every_event_knows_where_it_came_from() {
    let log = MemoryLog::new();
    let settings = IngestSettings {
        server_name: "node1".to_owned(),
        ..IngestSettings::default()
    };
    ingestor(&log, settings)
        .await
        .ingest_http(batch("{\"a\":1}"))
        .await
        .unwrap();
    let (repo, event) = log.events().remove(0);
    assert_eq!(repo, "default");
    assert_eq!((event.log_ts, event.col_ts), (utc(NOW), utc(NOW)));
    for (name, value) in [
        ("msg", "{\"a\":1}"),
        ("device_ip", "192.0.2.7"),
        ("repo_name", "default"),
        ("col_type", "http"),
        ("collected_at", "node1"),
    ] {
        assert_eq!(event.get(name), Some(&Value::str(value)), "{name}");
    }
}

#[tokio::test]
async fn compressed_bodies() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let body = b"{\"n\":1}\n{\"n\":2}\n".repeat(10_000);
    let reply = ingestor
        .ingest_http(encoded("gzip", gzip(&body)))
        .await
        .unwrap();
    assert_eq!(reply.accepted, 20_000);
    let zstd = zstd::stream::encode_all(&body[..], 1).unwrap();
    let reply = ingestor.ingest_http(encoded("zstd", zstd)).await.unwrap();
    assert_eq!(reply.first_seq, Some(20_001));
    let reply = ingestor
        .ingest_http(encoded("identity", body))
        .await
        .unwrap();
    assert_eq!(reply.accepted, 20_000);
}

#[tokio::test]
async fn hostile_bodies_store_nothing() {
    let log = MemoryLog::new();
    let settings = IngestSettings {
        max_body_bytes: 12 << 20,
        max_expanded_bytes: 1 << 20,
        ..IngestSettings::default()
    };
    let ingestor = ingestor(&log, settings).await;
    let whole = gzip(&b"{\"n\":1}\n".repeat(1_000));
    let check = async |batch: HttpBatch, expect: &str| {
        let e = ingestor.ingest_http(batch).await.unwrap_err();
        assert!(e.to_string().contains(expect), "{e}");
        e
    };
    let truncated = whole[..whole.len() - 9].to_vec();
    let e = check(encoded("gzip", truncated), "the gzip body is truncated").await;
    assert!(matches!(e, IngestError::BadEncoding(_)));
    check(encoded("gzip", b"{}".to_vec()), "gzip").await;
    check(encoded("zstd", b"{}".to_vec()), "not valid zstd").await;
    check(
        encoded("br", b"{}".to_vec()),
        "content encoding \"br\" is not supported",
    )
    .await;
    let bomb = gzip(&vec![0; 10_000_000]).repeat(1_000);
    let e = check(
        encoded("gzip", bomb),
        "the expanded body exceeds the limit of 1048576",
    )
    .await;
    assert_eq!(
        e,
        IngestError::TooLarge {
            what: "the expanded body",
            limit: 1 << 20
        }
    );
    check(
        batch(vec![b' '; (12 << 20) + 1]),
        "the body exceeds the limit of 12582912",
    )
    .await;
    check(
        HttpBatch {
            key: Some("k".repeat(257)),
            ..batch("{}")
        },
        "idempotency key",
    )
    .await;
    check(
        HttpBatch {
            key: Some(String::new()),
            ..batch("{}")
        },
        "idempotency key",
    )
    .await;
    let e = check(
        HttpBatch {
            repo: "nope".into(),
            ..batch("{}")
        },
        "unknown repo \"nope\"",
    )
    .await;
    let known = vec!["default".to_owned()];
    assert_eq!(
        e,
        IngestError::UnknownRepo {
            name: "nope".to_owned(),
            known
        }
    );
    assert!(log.events().is_empty());
}

#[tokio::test]
async fn empty_bodies_are_no_error() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    for body in ["", "\n\n", "[]", " [ ] "] {
        assert_eq!(
            ingestor.ingest_http(batch(body)).await,
            Ok(IngestReply::default()),
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn errors_are_listed_up_to_a_limit() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let reply = ingestor
        .ingest_http(batch("x\n".repeat(1_000)))
        .await
        .unwrap();
    assert_eq!(
        (reply.accepted, reply.rejected, reply.errors.len()),
        (0, 1_000, 100)
    );
    assert_eq!((reply.errors[99].index, reply.errors[99].line), (99, 100));
}

#[tokio::test]
async fn a_key_is_stored_once_and_only_with_events() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let keyed = |body: &'static str| HttpBatch {
        key: Some("k1".to_owned()),
        ..batch(body)
    };
    let reply = ingestor.ingest_http(keyed("nonsense")).await.unwrap();
    assert_eq!(
        (reply.accepted, reply.rejected, reply.duplicate),
        (0, 1, false)
    );
    let reply = ingestor.ingest_http(keyed("{}\n{}")).await.unwrap();
    assert_eq!(
        (reply.accepted, reply.first_seq, reply.duplicate),
        (2, Some(1), false)
    );
    let reply = ingestor.ingest_http(keyed("{}\n{}")).await.unwrap();
    assert_eq!(
        (reply.accepted, reply.first_seq, reply.duplicate),
        (2, Some(1), true)
    );
    assert_eq!(log.events().len(), 2);
}

#[tokio::test]
async fn invalid_utf8_is_replaced() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let body = b"{\"a\":\"caf\xe9\"}\n{\"a\":\"\xff\xfe\"}\n{\"a\":\"ok\"}\n".to_vec();
    let reply = ingestor.ingest_http(batch(body)).await.unwrap();
    assert_eq!((reply.accepted, reply.rejected), (3, 0));
    let found: Vec<_> = log
        .events()
        .iter()
        .map(|(_, e)| e.get("a").cloned())
        .collect();
    let expect = ["caf\u{fffd}", "\u{fffd}\u{fffd}", "ok"].map(|t| Some(Value::str(t)));
    assert_eq!(found, expect);
}

#[tokio::test]
async fn what_the_log_says_reaches_the_sender() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    log.refuse([
        Error::Full { waiting_bytes: 1 },
        Error::Io("no space left".to_owned()),
        Error::Closed,
        Error::BatchTooLarge { bytes: 2, limit: 1 },
    ]);
    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(ingestor.ingest_http(batch("{}")).await.unwrap_err());
    }
    assert_eq!(
        found,
        [
            IngestError::Full {
                retry_after_secs: 5
            },
            IngestError::Disk("no space left".to_owned()),
            IngestError::Closed,
            IngestError::TooLarge {
                what: IngestError::EVENTS_IN_MEMORY,
                limit: 1
            },
        ]
    );
    assert!(ingestor.ingest_http(batch("{}")).await.is_ok());
}

#[tokio::test]
async fn a_new_repo_takes_events_at_once() {
    let log = MemoryLog::new();
    let repos = Arc::new(MemoryRepos::default());
    let clock = Arc::new(ManualClock::at(utc(NOW)));
    let ingestor = ingestor_of(&log, IngestSettings::default(), clock, Arc::clone(&repos));
    let to = |repo: &str| HttpBatch {
        repo: repo.to_owned(),
        ..batch("{}")
    };
    assert!(ingestor.ingest_http(to("web")).await.is_err());
    repos
        .create_repo(Repo {
            name: "web".to_owned(),
            retention_days: 1,
        })
        .await
        .unwrap();
    assert!(ingestor.ingest_http(to("web")).await.is_ok());
    assert_eq!(log.events()[0].0, "web");
}

#[tokio::test]
async fn a_yearless_stamp_around_new_year() {
    let log = MemoryLog::new();
    let clock = Arc::new(ManualClock::at(utc("2025-01-01T00:00:05Z")));
    let ingestor = ingestor_at(&log, IngestSettings::default(), Arc::clone(&clock)).await;
    let send = async |line: &str| {
        ingestor
            .ingest_http(batch(format!("{{\"msg\":\"{line}\"}}")))
            .await
            .unwrap();
        log.events().pop().unwrap().1.log_ts.to_rfc3339()
    };
    assert_eq!(send("Dec 31 23:59:59 h a: x").await, "2024-12-31T23:59:59Z");
    clock.set(utc("2024-12-31T23:59:59Z"));
    assert_eq!(send("Jan  1 00:00:05 h a: x").await, "2025-01-01T00:00:05Z");
}

#[tokio::test]
async fn a_body_of_lines() {
    let log = MemoryLog::new();
    let settings = IngestSettings {
        max_line_bytes: 64,
        ..IngestSettings::default()
    };
    let ingestor = ingestor(&log, settings).await;
    let long = "x".repeat(65);
    let body = format!("<34>Mar  4 10:11:12 gate su: a\r\n\n{{\"not\":\"JSON\"}}\n{long}");
    let lines = HttpBatch {
        format: BodyFormat::Lines,
        ..batch(body)
    };
    let reply = ingestor.ingest_http(lines).await.unwrap();
    assert_eq!((reply.accepted, reply.rejected), (3, 0));
    let messages = [
        "<34>Mar  4 10:11:12 gate su: a",
        "{\"not\":\"JSON\"}",
        &long[..64],
    ];
    assert_eq!(log.messages(), messages);
    let events = log.events();
    assert_eq!(events[0].1.get("device_name"), Some(&Value::str("gate")));
    assert_eq!(events[0].1.get("_truncated"), None);
    assert_eq!(
        events[2].1.get("_truncated"),
        Some(&Value::List(vec!["msg".into()]))
    );
}

#[tokio::test]
async fn a_body_of_countless_tiny_events_is_too_large() {
    let log = MemoryLog::new();
    let settings = IngestSettings {
        max_batch_bytes: 1 << 20,
        ..IngestSettings::default()
    };
    let ingestor = ingestor(&log, settings).await;
    let too_large = IngestError::TooLarge {
        what: IngestError::EVENTS_IN_MEMORY,
        limit: 1 << 20,
    };
    for format in [BodyFormat::Json, BodyFormat::Lines] {
        let many = HttpBatch {
            format,
            ..batch("{}\n".repeat(1_000_000))
        };
        assert_eq!(ingestor.ingest_http(many).await, Err(too_large.clone()));
    }
    assert!(log.events().is_empty());
}
