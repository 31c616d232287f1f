//! What bodies may cost: memory, and the time of others.

use crate::memory::{MemoryLog, ingestor};
use cresset_eventlog::Error;
use cresset_ingest::{BodyFormat, HttpBatch, IngestError, IngestSettings};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::Runtime;

fn batch(encoding: Option<&str>, body: Vec<u8>) -> HttpBatch {
    HttpBatch {
        repo: "default".to_owned(),
        key: None,
        encoding: encoding.map(str::to_owned),
        format: BodyFormat::Json,
        body: body.into(),
        peer: "192.0.2.7".parse().unwrap(),
    }
}

/// One thread for events, and one for work that may block.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// Keeps the thread that may block from working until it is dropped.
struct Blocker(#[allow(dead_code, reason = "dropping it is its use")] mpsc::Sender<()>);

impl Blocker {
    fn start() -> Self {
        let (sender, receiver) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || receiver.recv());
        Self(sender)
    }
}

/// Whether work goes on without the thread that may block.
async fn completes_at_once<T>(work: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(50), work)
        .await
        .is_ok()
}

/// A share of a budget.
struct Share(Arc<AtomicUsize>);

impl Share {
    fn of(budget: &Arc<AtomicUsize>) -> Self {
        budget.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(budget))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn becomes_free(budget: &AtomicUsize) {
    while budget.load(Ordering::SeqCst) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_sender_that_goes_away_does_not_free_what_its_body_takes() {
    runtime().block_on(async {
        let log = MemoryLog::new();
        let settings = IngestSettings {
            max_large_bodies: 1,
            ..IngestSettings::default()
        };
        let ingestor = ingestor(&log, settings).await;
        let large = || batch(None, b"{\"n\":1}\n".repeat(10_000));
        let blocker = Blocker::start();
        let (first, second) = (Arc::default(), Arc::default());
        // Both give up; the first has its slot and its work waits for the thread.
        let gone = ingestor.ingest_http_holding(large(), Share::of(&first));
        assert!(!completes_at_once(gone).await);
        assert_eq!(first.load(Ordering::SeqCst), 1, "its body is still there");
        // The second would have to wait for that slot, so all of it is gone.
        let gone = ingestor.ingest_http_holding(large(), Share::of(&second));
        assert!(!completes_at_once(gone).await);
        assert_eq!(second.load(Ordering::SeqCst), 0, "it was given a slot");
        drop(blocker);
        becomes_free(&first).await;
        // The slot is free again.
        let reply = ingestor
            .ingest_http_holding(large(), Share::of(&second))
            .await;
        assert_eq!(reply.unwrap().accepted, 10_000);
        becomes_free(&second).await;
    });
}

#[test]
fn what_a_body_takes_is_held_until_its_events_are_stored() {
    runtime().block_on(async {
        let log = MemoryLog::new();
        let ingestor = ingestor(&log, IngestSettings::default()).await;
        let budget = Arc::default();
        let hold = log.hold();
        for body in [b"{}".to_vec(), b"{}\n".repeat(20_000)] {
            let mut sent =
                pin!(ingestor.ingest_http_holding(batch(None, body), Share::of(&budget)));
            let waited = tokio::time::timeout(Duration::from_secs(2), &mut sent).await;
            assert!(waited.is_err(), "the log holds it up");
        }
        // Their senders are gone, and their events still wait for the log.
        assert_eq!(budget.load(Ordering::SeqCst), 2);
        drop(hold);
        becomes_free(&budget).await;
        assert_eq!(log.events().len(), 20_001);
    });
}

#[test]
fn only_what_is_small_when_expanded_is_parsed_at_once() {
    runtime().block_on(async {
        let log = MemoryLog::new();
        let ingestor = ingestor(&log, IngestSettings::default()).await;
        let zstd = |text: &[u8]| zstd::stream::encode_all(text, 19).unwrap();
        let _blocker = Blocker::start();
        let check = async |encoding: Option<&str>, body: Vec<u8>, expect: bool| {
            let shown = format!("{encoding:?} {} bytes", body.len());
            let found = completes_at_once(ingestor.ingest_http(batch(encoding, body))).await;
            assert_eq!(found, expect, "{shown}");
        };
        let bomb = zstd(&b"x\n".repeat(1 << 20));
        assert!(bomb.len() < 4_096, "{}", bomb.len());
        check(Some("zstd"), bomb, false).await;
        check(Some("zstd"), zstd(&b" ".repeat(1 << 20)), false).await;
        check(Some("zstd"), zstd(&b"{\"n\":1}\n".repeat(100)), true).await;
        check(None, b"{\"n\":1}\n".repeat(100), true).await;
        // Small, but of very many items.
        check(None, b"x\n".repeat(16_000), false).await;
        check(None, [b"[".to_vec(), b"{},".repeat(10_000)].concat(), false).await;
        check(None, vec![b' '; 40_000], false).await;
    });
}

#[tokio::test]
async fn large_bodies_are_stored_as_one_batch() {
    let log = MemoryLog::new();
    let ingestor = ingestor(&log, IngestSettings::default()).await;
    // 40 MiB of events: more than most bodies may take at the same time.
    let text = format!("{{\"text\":\"{}\"}}\n", "x".repeat(60_000));
    let body = text.repeat(350).into_bytes();
    let packed = zstd::stream::encode_all(&body[..], 1).unwrap();
    for (encoding, body) in [(None, body), (Some("zstd"), packed)] {
        let keyed = HttpBatch {
            key: encoding.map(str::to_owned),
            ..batch(encoding, body)
        };
        let reply = ingestor.ingest_http(keyed.clone()).await.unwrap();
        assert_eq!((reply.accepted, reply.duplicate), (350, false));
        if encoding.is_some() {
            assert!(ingestor.ingest_http(keyed).await.unwrap().duplicate);
        }
    }
    assert_eq!(log.appends(), [350, 350]);
    let size: usize = log.events().iter().map(|(_, e)| e.size()).sum();
    assert!(size / 2 > 32 << 20, "{size}");
}

#[tokio::test]
async fn a_refusal_says_which_limit_it_was() {
    let log = MemoryLog::new();
    let settings = IngestSettings {
        max_batch_bytes: 40 << 20,
        max_expanded_bytes: 20 << 20,
        ..IngestSettings::default()
    };
    let ingestor = ingestor(&log, settings).await;
    let check = async |body: Vec<u8>, expect: &str| {
        let error = ingestor.ingest_http(batch(None, body)).await.unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    check(
        b"{}\n".repeat(400_000),
        "the memory that the events of the batch take exceeds the limit of 41943040 bytes; send smaller batches",
    )
    .await;
    check(
        vec![b' '; 21 << 20],
        "the expanded body exceeds the limit of 20971520 bytes; send smaller batches",
    )
    .await;
    log.refuse([Error::BatchTooLarge { bytes: 2, limit: 1 }]);
    let error = ingestor.ingest_http(batch(None, b"{}".to_vec())).await;
    let what = IngestError::EVENTS_IN_MEMORY;
    assert_eq!(error, Err(IngestError::TooLarge { what, limit: 1 }));
}
