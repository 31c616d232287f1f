//! The way into the event log.

use crate::decompress::{Encoding, expand};
use crate::repos::KnownRepos;
use crate::syslog::Lines;
use crate::{IngestError, IngestReply, IngestSettings, ItemError, Normaliser, Origin, SetupError};
use bytes::Bytes;
use cresset_catalog::port::Repos;
use cresset_eventlog::{Appended, Batch, EventLog};
use cresset_model::{Clock, Event, Timestamp, Value};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Bodies up to here are parsed where they are received; parsing takes well under a millisecond.
const INLINE_BYTES: usize = 32 << 10;
/// The same for compressed bodies, which may grow a thousandfold.
const INLINE_COMPRESSED_BYTES: usize = 4 << 10;
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

/// What a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyFormat {
    /// NDJSON or a JSON array.
    #[default]
    Json,
    /// One event per line that is not blank; syslog headers are read where there are some.
    Lines,
}

impl std::str::FromStr for BodyFormat {
    type Err = ();

    /// `ndjson` and `json`; `syslog` and `raw`, which are one: a header is looked
    /// for in every line.
    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "ndjson" | "json" => Ok(Self::Json),
            "syslog" | "raw" => Ok(Self::Lines),
            _ => Err(()),
        }
    }
}

/// Takes what senders send, and returns after it is durable.
pub struct Ingestor {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    repos: KnownRepos,
    normaliser: Arc<Normaliser>,
    settings: IngestSettings,
    large: Arc<Semaphore>,
}

/// A body after parsing.
#[derive(Default)]
struct Parsed {
    events: Vec<Event>,
    bytes: usize,
    rejected: u64,
    errors: Vec<ItemError>,
}

impl Parsed {
    /// Keeps an event, while there is room: a body of a few bytes per event would
    /// otherwise take hundreds of times its size.
    fn take(&mut self, event: Event, limit: usize) -> Result<(), IngestError> {
        self.bytes += event.size();
        if self.bytes > limit {
            return Err(IngestError::TooLarge {
                what: "the batch in memory",
                limit,
            });
        }
        self.events.push(event);
        Ok(())
    }

    fn refuse(&mut self, index: u64, line: u64, reason: String) {
        self.rejected += 1;
        if self.errors.len() < IngestReply::MAX_ERRORS {
            self.errors.push(ItemError {
                index,
                line,
                reason,
            });
        }
    }
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
        let large = Arc::new(Semaphore::new(settings.max_large_bodies.max(1)));
        Ok(Self {
            log,
            clock,
            repos: KnownRepos::new(repos),
            normaliser,
            settings,
            large,
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
        let HttpBatch {
            repo,
            key,
            encoding,
            format,
            body,
            peer,
        } = batch;
        let limit = self.settings.max_body_bytes;
        if body.len() > limit {
            return Err(IngestError::TooLarge {
                what: "the body",
                limit,
            });
        }
        check_key(key.as_deref())?;
        let encoding = Encoding::parse(encoding.as_deref())?;
        let repo = self.repos.find(&repo).await?;
        let received = self.clock.now();
        let size = body.len();
        let inline = match encoding {
            Encoding::Identity => INLINE_BYTES,
            Encoding::Gzip | Encoding::Zstd => INLINE_COMPRESSED_BYTES,
        };
        let origin = HttpOrigin {
            repo: Arc::clone(&repo),
            peer,
            received,
            format,
        };
        // Held until the events are in the log: it bounds the memory of large bodies.
        let mut _slot = None;
        let parsed = if size <= inline {
            parse(&self.normaliser, &self.settings, encoding, &body, &origin)?
        } else {
            _slot = Some(
                self.large
                    .acquire()
                    .await
                    .map_err(|_| IngestError::Closed)?,
            );
            let normaliser = Arc::clone(&self.normaliser);
            let settings = self.settings.clone();
            let work = move || parse(&normaliser, &settings, encoding, &body, &origin);
            let joined = tokio::task::spawn_blocking(work).await;
            joined
                .map_err(|e| IngestError::Malformed(format!("the body cannot be read: {e}")))??
        };
        count("http", size, parsed.events.len(), parsed.rejected);
        let Parsed {
            events,
            rejected,
            errors,
            ..
        } = parsed;
        let mut reply = IngestReply {
            rejected,
            errors,
            ..IngestReply::default()
        };
        if !events.is_empty() {
            let appended = self.log.append(Batch { repo, key, events }).await?;
            reply.accepted = appended.count;
            reply.first_seq = Some(appended.first_seq);
            reply.duplicate = appended.duplicate;
        }
        Ok(reply)
    }

    /// Stores lines in the repo of syslog messages; returns after they are durable.
    pub async fn ingest_lines(&self, lines: &Lines) -> Result<Option<Appended>, IngestError> {
        let repo = self.repos.find(&self.settings.syslog_repo).await?;
        let received = self.clock.now();
        let events: Vec<Event> = lines
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
                events,
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
                    events,
                })
                .await?,
        ))
    }
}

/// What all events of a body share.
struct HttpOrigin {
    repo: Arc<str>,
    peer: IpAddr,
    received: Timestamp,
    format: BodyFormat,
}

fn parse(
    normaliser: &Normaliser,
    settings: &IngestSettings,
    encoding: Encoding,
    body: &[u8],
    from: &HttpOrigin,
) -> Result<Parsed, IngestError> {
    let body = expand(encoding, body, settings.max_expanded_bytes)?;
    let origin = Origin {
        repo: &from.repo,
        peer: Some(from.peer),
        col_type: "http",
        received: from.received,
    };
    let mut parsed = Parsed::default();
    let limit = settings.max_batch_bytes;
    match from.format {
        BodyFormat::Lines => {
            for line in crate::ndjson::lines(&body) {
                let kept = &line[..line.len().min(settings.max_line_bytes)];
                parsed.take(
                    line_event(normaliser, kept, kept.len() < line.len(), &origin),
                    limit,
                )?;
            }
        }
        BodyFormat::Json => {
            for item in crate::ndjson::items(&body) {
                let event = match item.text {
                    Ok(text) => normaliser.json(text, &origin),
                    Err(reason) => Err(reason.to_owned()),
                };
                match event {
                    Ok(event) => parsed.take(event, limit)?,
                    Err(reason) => parsed.refuse(item.index, item.line, reason),
                }
            }
        }
    }
    Ok(parsed)
}

/// The event of a line whose end may have been cut off.
fn line_event(normaliser: &Normaliser, line: &[u8], cut: bool, origin: &Origin<'_>) -> Event {
    let mut event = normaliser.line(line, origin);
    if cut {
        event.set("_truncated", Value::List(vec!["msg".into()]));
    }
    event
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

fn count(source: &'static str, bytes: usize, events: usize, rejected: u64) {
    metrics::counter!("cresset_ingest_received_bytes", "source" => source).increment(bytes as u64);
    metrics::counter!("cresset_ingest_events_total", "source" => source).increment(events as u64);
    if rejected > 0 {
        metrics::counter!("cresset_ingest_rejected_total", "source" => source).increment(rejected);
    }
}
