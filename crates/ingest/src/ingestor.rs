//! The way into the event log.

use crate::body::{Body, Held, Parsed, Parser, line_event};
use crate::decompress::Encoding;
use crate::repos::KnownRepos;
use crate::syslog::Lines;
use crate::{BodyFormat, IngestError, IngestReply, IngestSettings, Normaliser, Origin, SetupError};
use bytes::Bytes;
use cresset_catalog::port::Repos;
use cresset_eventlog::{Appended, Batch, EventLog};
use cresset_model::{Clock, Event, Packed};
use std::net::IpAddr;
use std::sync::Arc;

/// Longest idempotency key.
const MAX_KEY_BYTES: usize = 256;

/// One body of events.
#[derive(Debug, Clone)]
pub struct HttpBatch {
    /// The repo the events go to.
    pub repo: String,
    /// Idempotency key: a batch of the same repo and key is stored once.
    pub key: Option<String>,
    /// The value of `Content-Encoding`, if there is one.
    pub encoding: Option<String>,
    /// What the body holds.
    pub format: BodyFormat,
    /// The events.
    pub body: Bytes,
    /// The sender's address.
    pub peer: IpAddr,
}

/// Takes what senders send, and returns after it is durable.
pub struct Ingestor {
    log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) repos: KnownRepos,
    pub(crate) normaliser: Arc<Normaliser>,
    pub(crate) settings: IngestSettings,
    pub(crate) parser: Parser,
}

impl Ingestor {
    /// An ingestor for the repos of a catalog.
    pub fn new(
        log: Arc<dyn EventLog>,
        repos: Arc<dyn Repos>,
        clock: Arc<dyn Clock>,
        settings: IngestSettings,
    ) -> Result<Self, SetupError> {
        let normaliser = Arc::new(Normaliser::new(&settings)?);
        let parser = Parser::new(Arc::clone(&normaliser), &settings);
        Ok(Self {
            log,
            clock,
            repos: KnownRepos::new(repos),
            normaliser,
            settings,
            parser,
        })
    }

    /// What it was made with.
    pub const fn settings(&self) -> &IngestSettings {
        &self.settings
    }

    /// Stores the good items of a body, all or none, and reports the others.
    ///
    /// Returns after the events are durable. A batch without a good item is not
    /// recorded under its key, so that the sender may mend and repeat it.
    pub async fn ingest_http(&self, batch: HttpBatch) -> Result<IngestReply, IngestError> {
        self.ingest_http_holding(batch, ()).await
    }

    /// [`Ingestor::ingest_http`], dropping `held` when the body and what was made of
    /// it take no more memory than the event log accounts for.
    ///
    /// That may be later than this future is dropped: parsing and storing go on when
    /// the sender has gone. `held` is the caller's share of a budget for bodies.
    pub async fn ingest_http_holding(
        &self,
        batch: HttpBatch,
        held: impl Send + 'static,
    ) -> Result<IngestReply, IngestError> {
        let limit = self.settings.max_body_bytes;
        if batch.body.len() > limit {
            return Err(IngestError::TooLarge {
                what: "the body",
                limit,
            });
        }
        check_key(batch.key.as_deref())?;
        let encoding = Encoding::parse(batch.encoding.as_deref())?;
        let repo = self.repos.find(&batch.repo).await?;
        let size = batch.body.len();
        let body = Body {
            repo: Arc::clone(&repo),
            peer: batch.peer,
            received: self.clock.now(),
            format: batch.format,
            encoding,
            bytes: batch.body,
        };
        let (parsed, held) = self.parser.parse(body, Box::new(held)).await?;
        let Parsed {
            events,
            rejected,
            errors,
            ..
        } = parsed;
        count("http", size, events.len(), rejected);
        let mut reply = IngestReply {
            rejected,
            errors,
            ..IngestReply::default()
        };
        if !events.is_empty() {
            let key = batch.key;
            let appended = self
                .append_holding(Batch { repo, key, events }, held)
                .await?;
            reply.accepted = appended.count;
            reply.first_seq = Some(appended.first_seq);
            reply.duplicate = appended.duplicate;
        }
        Ok(reply)
    }

    /// Appends in a task of its own, which goes on when the sender has gone: until
    /// the events are in the log they take memory that `held` stands for.
    pub(crate) async fn append_holding(
        &self,
        batch: Batch,
        held: Held,
    ) -> Result<Appended, IngestError> {
        let log = Arc::clone(&self.log);
        let appended = tokio::spawn(async move {
            let appended = log.append(batch).await;
            drop(held);
            appended
        });
        match appended.await {
            Ok(appended) => Ok(appended?),
            Err(e) => Err(IngestError::Disk(format!("storing broke off: {e}"))),
        }
    }

    /// Stores lines in the repo of syslog messages; returns after they are durable.
    pub async fn ingest_lines(&self, lines: &Lines) -> Result<Option<Appended>, IngestError> {
        let repo = self.repos.find(&self.settings.syslog_repo).await?;
        let received = self.clock.now();
        let events: Packed = lines
            .iter()
            .map(|line| {
                let origin = Origin {
                    repo: &repo,
                    peer: Some(line.peer),
                    col_type: "syslog",
                    received,
                };
                line_event(&self.normaliser, line.text, line.cut, &origin)
            })
            .collect();
        if events.is_empty() {
            return Ok(None);
        }
        let count_of = events.len();
        let appended = self
            .log
            .append(Batch {
                repo,
                key: None,
                events: Arc::new(events),
            })
            .await?;
        count("syslog", lines.bytes(), count_of, 0);
        Ok(Some(appended))
    }

    /// Stores events that are complete already, such as the server's own log.
    pub async fn append_events(
        &self,
        repo: &str,
        events: Vec<Event>,
    ) -> Result<Option<Appended>, IngestError> {
        if events.is_empty() {
            return Ok(None);
        }
        let repo = self.repos.find(repo).await?;
        Ok(Some(
            self.log
                .append(Batch {
                    repo,
                    key: None,
                    events: Arc::new(events.into()),
                })
                .await?,
        ))
    }
}

fn check_key(key: Option<&str>) -> Result<(), IngestError> {
    let good = |key: &str| {
        (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| (b' '..=b'~').contains(&b))
    };
    if key.is_none_or(good) {
        return Ok(());
    }
    Err(IngestError::Malformed(format!(
        "an idempotency key is 1 to {MAX_KEY_BYTES} printable ASCII characters"
    )))
}

pub(crate) fn count(source: &'static str, bytes: usize, events: usize, rejected: u64) {
    metrics::counter!("cresset_ingest_received_bytes", "source" => source).increment(bytes as u64);
    metrics::counter!("cresset_ingest_events_total", "source" => source).increment(events as u64);
    if rejected > 0 {
        metrics::counter!("cresset_ingest_rejected_total", "source" => source).increment(rejected);
    }
}
