//! The ingest on the real event log.

use crate::memory::{MemoryRepos, NOW, utc};
use cresset_catalog::port::Repos;
use cresset_eventlog::{EventLog, LocalLog, LocalLogConfig};
use cresset_ingest::{BodyFormat, HttpBatch, IngestSettings, Ingestor};
use cresset_model::ManualClock;
use cresset_model::repo::Repo;
use std::sync::Arc;

fn batch(key: &str, body: String) -> HttpBatch {
    HttpBatch {
        repo: "default".to_owned(),
        key: Some(key.to_owned()),
        encoding: None,
        format: BodyFormat::Json,
        body: body.into(),
        peer: "192.0.2.7".parse().unwrap(),
    }
}

#[tokio::test]
async fn what_was_accepted_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let repos = Arc::new(MemoryRepos::default());
    let repo = Repo {
        name: "default".to_owned(),
        retention_days: 30,
    };
    repos.create_repo(repo).await.unwrap();
    let open = || {
        let log = LocalLog::open(LocalLogConfig::new(dir.path()), 0, Vec::new()).unwrap();
        let log: Arc<dyn EventLog> = Arc::new(log);
        let clock = Arc::new(ManualClock::at(utc(NOW)));
        let repos: Arc<dyn Repos> = Arc::clone(&repos) as _;
        (
            Arc::clone(&log),
            Ingestor::new(log, repos, clock, IngestSettings::default()).unwrap(),
        )
    };
    let (log, ingestor) = open();
    let first = batch("k", "{\"msg\":\"a\"}\nx\n{\"msg\":\"b\"}\n".to_owned());
    let reply = ingestor.ingest_http(first.clone()).await.unwrap();
    assert_eq!(
        (reply.accepted, reply.rejected, reply.duplicate),
        (2, 1, false)
    );
    let events = log.read(0, 10);
    log.close().await;
    drop((log, ingestor));

    let (log, ingestor) = open();
    let again = log.read(0, 10);
    let events: Vec<_> = events
        .iter()
        .map(|e| (e.seq, e.event.as_ref().clone()))
        .collect();
    assert_eq!(
        again
            .iter()
            .map(|e| (e.seq, e.event.as_ref().clone()))
            .collect::<Vec<_>>(),
        events
    );
    assert_eq!(events.len(), 2);
    let reply = ingestor.ingest_http(first).await.unwrap();
    assert_eq!(
        (reply.accepted, reply.first_seq, reply.duplicate),
        (2, Some(1), true)
    );
    assert_eq!(log.read(0, 10).len(), 2);
}
