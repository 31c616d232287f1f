//! Requests of shippers: what becomes of recorded ones, and of hostile ones.

use crate::memory::{MemoryLog, MemoryRepos, NOW, ingestor, ingestor_of, utc};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cresset_catalog::port::Repos as _;
use cresset_eventlog::Error;
use cresset_ingest::decompress::Encoding;
use cresset_ingest::shippers::{Defaults, FaultKind, Format, MAX_ACTIONS, Shipment};
use cresset_ingest::{IngestError, IngestSettings, Ingestor};
use cresset_model::repo::Repo;
use cresset_model::{Event, ManualClock};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// The requests that `crates/cresset/tests/it` sends to the real server.
const REQUESTS: [&str; 2] = [
    include_str!("../../../cresset/tests/shippers/recorded.ndjson"),
    include_str!("../../../cresset/tests/shippers/documented.ndjson"),
];

#[derive(Deserialize)]
struct Request {
    by: String,
    target: String,
    headers: BTreeMap<String, String>,
    text: Option<String>,
    base64: Option<String>,
    events: u64,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn format(&self) -> Format {
        let json = self.header("content-type").starts_with("application/json");
        match self.target.split('?').next().unwrap() {
            "/v1/logs" if json => Format::OtlpJson,
            "/v1/logs" => Format::OtlpProtobuf,
            "/loki/api/v1/push" if json => Format::LokiJson,
            "/loki/api/v1/push" => Format::LokiProtobuf,
            "/services/collector/raw" => Format::SplunkRaw(Defaults::default()),
            path if path.starts_with("/services") => Format::SplunkEvents(Defaults::default()),
            path if path.contains("/_bulk") => Format::ElasticBulk(None),
            path => panic!("{path}"),
        }
    }

    fn body(&self) -> Bytes {
        match (&self.text, &self.base64) {
            (Some(text), _) => text.clone().into(),
            (None, Some(encoded)) => STANDARD.decode(encoded).unwrap().into(),
            (None, None) => Bytes::new(),
        }
    }
}

fn shipment(format: Format, body: impl Into<Bytes>) -> Shipment {
    Shipment {
        repo: "default".to_owned(),
        tenant: None,
        format,
        encoding: Encoding::Identity,
        body: body.into(),
        peer: "192.0.2.7".parse().unwrap(),
    }
}

/// An ingestor for the repos `default`, `web` and `_cresset`.
async fn with_repos(log: &Arc<MemoryLog>) -> Arc<Ingestor> {
    let repos = Arc::new(MemoryRepos::default());
    for name in ["default", "web", "_cresset"] {
        let repo = Repo {
            name: name.to_owned(),
            retention_days: 30,
        };
        repos.create_repo(repo).await.unwrap();
    }
    let clock = Arc::new(ManualClock::at(utc(NOW)));
    ingestor_of(log, IngestSettings::default(), clock, repos)
}

/// The time, and the fields that are not the same for all.
fn shown(event: &Event) -> String {
    let same = ["device_ip", "collected_at"];
    let fields = event
        .shown()
        .filter(|(name, _)| !same.contains(&name.as_str()));
    let fields: String = fields
        .map(|(name, value)| format!("\n    {name} = {:?}", value.text()))
        .collect();
    let at = jiff::Timestamp::from_microsecond(event.log_ts.0).unwrap();
    format!("  {at}{fields}\n")
}

#[tokio::test]
async fn every_recorded_request_becomes_these_events() {
    let mut text = String::new();
    for line in REQUESTS.iter().flat_map(|file| file.lines()) {
        let request: Request = serde_json::from_str(line).unwrap();
        if request.events == 0 {
            continue;
        }
        let log = MemoryLog::new();
        let ingestor = with_repos(&log).await;
        let encoding = match request.header("content-encoding") {
            "snappy" => Encoding::Identity,
            other => Encoding::parse(Some(other)).unwrap(),
        };
        let tenant = request.headers.get("x-scope-orgid").cloned();
        let sent = Shipment {
            tenant,
            encoding,
            ..shipment(request.format(), request.body())
        };
        let receipt = ingestor.ingest_shipment(sent, ()).await.unwrap();
        let by = &request.by;
        assert_eq!(
            (receipt.accepted, receipt.rejected),
            (request.events, 0),
            "{by}"
        );
        assert_eq!((receipt.broken, receipt.stop), (None, None), "{by}");
        let _ = writeln!(text, "{by}: {}", request.target);
        for (_, event) in log.events() {
            text += &shown(&event);
        }
    }
    insta::assert_snapshot!("recorded", text);
}

fn hec(body: impl Into<Bytes>) -> Shipment {
    shipment(Format::SplunkEvents(Defaults::default()), body)
}

#[tokio::test]
async fn entries_go_to_the_repo_that_they_name_if_there_is_one() {
    let log = MemoryLog::new();
    let ingestor = with_repos(&log).await;
    let body = r#"{"event":"a","index":"web"}{"event":"b","index":"nope"}{"event":"c","index":"_cresset"}{"event":"d"}"#;
    ingestor.ingest_shipment(hec(body), ()).await.unwrap();
    let of_tenant = |tenant: &str| Shipment {
        tenant: Some(tenant.to_owned()),
        ..shipment(Format::LokiJson, r#"{"streams":[{"values":[["1","x"]]}]}"#)
    };
    for tenant in ["web", "fake", "_cresset"] {
        ingestor
            .ingest_shipment(of_tenant(tenant), ())
            .await
            .unwrap();
    }
    let stored: Vec<_> = log
        .events()
        .into_iter()
        .map(|(repo, event)| format!("{repo} {}", event.msg()))
        .collect();
    assert_eq!(
        stored,
        [
            "web a",
            "default b",
            "default c",
            "default d",
            "web x",
            "default x",
            "default x"
        ]
    );
    let unknown = Shipment {
        repo: "nope".to_owned(),
        ..hec("{\"event\":\"a\"}")
    };
    let error = ingestor.ingest_shipment(unknown, ()).await.unwrap_err();
    assert!(
        matches!(error, IngestError::UnknownRepo { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_protocol_says_when_and_whence_unless_the_event_does() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    for body in [
        // The protocol's time beats all but `@timestamp`, which is not kept otherwise.
        r#"{"time":1700000000.5,"event":{"message":"a","timestamp":"2020-01-01T00:00:00Z"}}"#,
        r#"{"time":1700000000.5,"event":{"message":"b","@timestamp":"2020-01-01T00:00:00Z"}}"#,
        r#"{"time":"2023-01-01T00:00:00Z","event":"c"}"#,
        r#"{"time":"soon","event":"d"}"#,
        r#"{"event":"2021-01-01T00:00:00Z e"}"#,
        // What both name stays twice, and what only the server says is not believed.
        r#"{"event":{"msg":"f","host":"own","x":"1"},"host":"gate","fields":{"x":"1","label":"l","repo_name":"web","log_ts":"5"}}"#,
        r#"{"event":"g","host":"gate","fields":{"":"e","host":"h"}}"#,
    ] {
        let receipt = ingestor.ingest_shipment(hec(body), ()).await.unwrap();
        assert_eq!((receipt.accepted, receipt.rejected), (1, 0), "{body}");
    }
    let text: String = log.events().iter().map(|(_, event)| shown(event)).collect();
    insta::assert_snapshot!("precedence", text);
}

#[tokio::test]
async fn a_bad_item_costs_no_other() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let body = "{\"event\":\"a\"}{\"event\":\"\"}{\"time\":1}{\"event\":\"b\"}{\"event\":";
    let receipt = ingestor.ingest_shipment(hec(body), ()).await.unwrap();
    assert_eq!((receipt.accepted, receipt.rejected), (2, 2));
    let (at, fault) = receipt.first_fault.unwrap();
    assert_eq!((at, fault.kind), (1, FaultKind::Blank));
    assert!(receipt.broken.is_some());
    let body = "{\"create\":{}}\n{\"n\":1}\n{\"create\":{}}\n{\"n\":\n{\"delete\":{}}\n{\"index\":{}}\n{\"n\":2}\n";
    let receipt = ingestor
        .ingest_shipment(shipment(Format::ElasticBulk(None), body), ())
        .await
        .unwrap();
    assert_eq!((receipt.accepted, receipt.rejected), (2, 1));
    let refused: Vec<_> = receipt
        .actions
        .iter()
        .map(|a| a.refusal.is_some())
        .collect();
    assert_eq!(refused, [false, true, false, false]);
    assert_eq!(log.messages(), ["a", "b", "{\"n\":1}", "{\"n\":2}"]);
}

/// A body of 28 events of a megabyte each, which takes several chunks.
fn large() -> Vec<u8> {
    let line = "x".repeat(1_000_000);
    let mut body = String::new();
    for n in 0..28 {
        let _ = writeln!(
            body,
            "{{\"create\":{{}}}}\n{{\"n\":{n},\"message\":\"{line}\"}}"
        );
    }
    body.into_bytes()
}

#[tokio::test]
async fn a_large_body_is_stored_in_chunks() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let sent = shipment(Format::ElasticBulk(None), large());
    let receipt = ingestor.ingest_shipment(sent, ()).await.unwrap();
    assert_eq!((receipt.accepted, receipt.actions.len()), (28, 28));
    assert_eq!(receipt.first_seq, Some(1));
    let chunks = log.appends();
    assert!(
        chunks.len() > 2 && chunks.iter().sum::<usize>() == 28,
        "{chunks:?}"
    );
}

#[tokio::test]
async fn what_could_not_be_stored_is_told_from_what_was() {
    let io = || Error::Io("no space left".to_owned());
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let sent = || shipment(Format::ElasticBulk(None), large());
    // Nothing stored: the request as a whole failed, at once.
    log.refuse([Error::Full { waiting_bytes: 1 }]);
    let error = ingestor.ingest_shipment(sent(), ()).await.unwrap_err();
    assert!(matches!(error, IngestError::Full { .. }), "{error:?}");
    assert!(log.appends().is_empty());
    log.refuse([io()]);
    let error = ingestor
        .ingest_shipment(hec("{\"event\":\"a\"}"), ())
        .await
        .unwrap_err();
    assert!(matches!(error, IngestError::Disk(_)), "{error:?}");
}

#[tokio::test]
async fn a_later_chunk_waits_for_room() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let full = || Error::Full { waiting_bytes: 1 };
    log.refuse_after(2, [full(), full()]);
    let sent = shipment(Format::ElasticBulk(None), large());
    let receipt = ingestor.ingest_shipment(sent, ()).await.unwrap();
    assert_eq!((receipt.accepted, receipt.stop), (28, None));
    let numbers: Vec<_> = log
        .events()
        .iter()
        .map(|(_, e)| e.get("n").cloned())
        .collect();
    assert_eq!(numbers, (0..28).map(|n| Some(n.into())).collect::<Vec<_>>());
}

#[tokio::test]
async fn where_storing_stopped_is_told() {
    for format in [
        Format::ElasticBulk(None),
        Format::SplunkRaw(Defaults::default()),
    ] {
        let log = MemoryLog::new();
        let ingestor = ingestor(&log, IngestSettings::default()).await;
        log.refuse_after(2, [Error::Io("no space left".to_owned())]);
        let sent = shipment(format.clone(), large());
        let receipt = ingestor.ingest_shipment(sent, ()).await.unwrap();
        let stop = receipt.stop.unwrap();
        assert!(
            receipt.accepted > 0 && log.appends().len() == 2,
            "{format:?}"
        );
        assert_eq!(stop.item, receipt.accepted, "{format:?}");
        assert!(matches!(stop.error, IngestError::Disk(_)), "{format:?}");
        // Every action is named in the answer all the same.
        let named = if format == Format::ElasticBulk(None) {
            28
        } else {
            0
        };
        assert_eq!(receipt.actions.len(), named, "{format:?}");
    }
}

#[tokio::test]
async fn a_body_of_very_many_actions_is_refused_before_any_is_stored() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let body = "{\"index\":{}}\n{}\n".repeat(MAX_ACTIONS + 1);
    let sent = shipment(Format::ElasticBulk(None), body);
    let error = ingestor.ingest_shipment(sent, ()).await.unwrap_err();
    assert!(matches!(error, IngestError::TooMany { .. }), "{error:?}");
    assert!(log.appends().is_empty());
}

#[tokio::test]
async fn bodies_that_do_not_expand_are_refused() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let gzip = Shipment {
        encoding: Encoding::Gzip,
        ..hec("nonsense")
    };
    let error = ingestor.ingest_shipment(gzip, ()).await.unwrap_err();
    assert!(matches!(error, IngestError::BadEncoding(_)), "{error:?}");
    for block in [
        &b""[..],
        b"\xff\xff\xff\xff\xff",
        b"\x05\x10ab",
        b"nonsense",
    ] {
        let sent = shipment(Format::LokiProtobuf, block);
        let error = ingestor.ingest_shipment(sent, ()).await.unwrap_err();
        assert!(matches!(error, IngestError::BadEncoding(_)), "{error:?}");
    }
    // A block that says that it becomes 4 GB.
    let sent = shipment(Format::LokiProtobuf, &b"\xff\xff\xff\xff\x0f\x00a"[..]);
    let error = ingestor.ingest_shipment(sent, ()).await.unwrap_err();
    assert!(matches!(error, IngestError::TooLarge { .. }), "{error:?}");
}

/// A stream with more labels than an event may have, so that no line ever fills a chunk.
fn endless() -> Vec<u8> {
    let labels: Vec<_> = (0..4_998).map(|n| format!("\"label{n}\":\"v\"")).collect();
    let lines = "[\"1\",\"x\"],".repeat(300_000);
    let labels = labels.join(",");
    format!("{{\"streams\":[{{\"stream\":{{{labels}}},\"values\":[{lines}[]]}}]}}").into_bytes()
}

#[tokio::test]
async fn the_work_ends_when_nobody_waits_for_it() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    let held = Arc::new(());
    let sent = shipment(Format::LokiJson, endless());
    let storing = ingestor.ingest_shipment(sent, Arc::clone(&held));
    let given_up = tokio::time::timeout(std::time::Duration::from_secs(1), storing).await;
    assert!(given_up.is_err(), "it takes longer than that");
    for _ in 0..2_000 {
        if Arc::strong_count(&held) == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it goes on");
}
