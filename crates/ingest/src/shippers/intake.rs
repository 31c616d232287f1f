//! The way of a request into the event log.

use super::sorter::{Chunk, Outlet, Plan};
use super::{Format, Receipt, Shipment, Stop};
use crate::body::{INLINE_BYTES, INLINE_COMPRESSED_BYTES, INLINE_ITEMS};
use crate::decompress::{Encoding, expand};
use crate::ingestor::count;
use crate::{IngestError, Ingestor};
use cresset_eventlog::Batch;
use cresset_model::repo::OWN_REPO;
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Duration, Instant, sleep};

/// How long a later chunk waits for room in the event log, and how often it looks: what is
/// stored already cannot be taken back, and the sender would send it again.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// What the sender is told, or why nothing was stored.
type Told = Result<Receipt, IngestError>;

impl Ingestor {
    /// Stores the good items of a request, and says what became of the others.
    ///
    /// Returns after the events are durable. A large body is stored chunk by chunk; where that
    /// comes to an end before the items do, the receipt says so. The error means that nothing
    /// is stored. `held` is dropped when the request takes no more memory.
    pub async fn ingest_shipment(
        &self,
        shipment: Shipment,
        held: impl Send + Sync + 'static,
    ) -> Told {
        let limit = self.settings.max_body_bytes;
        let (size, source) = (shipment.body.len(), shipment.format.col_type());
        if size > limit {
            let what = "the body";
            return Err(IngestError::TooLarge { what, limit });
        }
        let repos = self.repos.all().await?;
        let tenant = shipment.tenant.as_deref().filter(|name| *name != OWN_REPO);
        let default = match tenant.and_then(|name| repos.get(name)) {
            Some(repo) => Arc::clone(repo),
            None => self.repos.find(&shipment.repo).await?,
        };
        let plan = Plan {
            normaliser: Arc::clone(&self.normaliser),
            max_line_bytes: self.settings.max_line_bytes,
            max_event_bytes: self.settings.max_batch_bytes,
            default,
            repos,
            received: self.clock.now(),
            shipment,
        };
        let intake = Intake {
            ingestor: self,
            plan: Arc::new(plan),
            held: Arc::new(held),
        };
        let told = intake.run().await;
        if let Ok(receipt) = &told {
            count(source, size, receipt.accepted as usize, receipt.rejected);
        }
        told
    }
}

/// A request on its way.
struct Intake<'i> {
    ingestor: &'i Ingestor,
    plan: Arc<Plan>,
    held: Arc<dyn Send + Sync>,
}

impl Intake<'_> {
    async fn run(self) -> Told {
        let mut chunks = Vec::new();
        if let Some(told) = at_once(&self.plan, &mut chunks) {
            let mut stored = Stored::default();
            for chunk in chunks {
                self.store(chunk, &mut stored).await;
            }
            return stored.into_receipt(told?);
        }
        let mut usual = true;
        loop {
            let (place, limit) = self.ingestor.parser.place(usual).await?;
            let told = self.elsewhere(place, limit).await;
            let too_large = |e: &IngestError| matches!(e, IngestError::TooLarge { limit: l, .. } if *l == limit);
            let all = self.ingestor.settings.max_expanded_bytes;
            if !(usual && limit < all && told.as_ref().is_err_and(too_large)) {
                return told;
            }
            // It expands to more than usual, which is known before anything is stored.
            usual = false;
        }
    }

    /// Sorts on another thread, and stores here what comes from there.
    async fn elsewhere(&self, place: OwnedSemaphorePermit, limit: usize) -> Told {
        let (sender, mut chunks) = mpsc::channel::<Chunk>(1);
        let (plan, held) = (Arc::clone(&self.plan), Arc::clone(&self.held));
        let sorting = tokio::task::spawn_blocking(move || {
            // These bound the memory of this thread, which goes on when the client has gone.
            let _bounds = (place, held);
            let text = text(&plan, limit)?;
            let told = plan.sort(&text, u64::MAX, &mut Sending(sender));
            told.unwrap_or_else(|| Ok(Receipt::default()))
        });
        let mut stored = Stored::default();
        while let Some(chunk) = chunks.recv().await {
            self.store(chunk, &mut stored).await;
            if stored.stop.is_some() {
                chunks.close();
            }
        }
        let told = sorting.await;
        let told =
            told.map_err(|e| IngestError::Malformed(format!("the body cannot be read: {e}")));
        stored.into_receipt(told??)
    }

    /// Stores a chunk, unless an earlier one could not be stored.
    async fn store(&self, chunk: Chunk, stored: &mut Stored) {
        if stored.stop.is_some() {
            return;
        }
        let first = chunk.first;
        for (repo, events) in chunk.by_repo {
            let batch = Batch {
                repo,
                key: None,
                events,
            };
            if let Err(error) = self.append(batch, stored).await {
                stored.stop = Some(Stop { item: first, error });
                return;
            }
        }
    }

    async fn append(&self, batch: Batch, stored: &mut Stored) -> Result<(), IngestError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let later = stored.accepted > 0;
            // The log does not give a batch back that it has no room for.
            let again = later.then(|| batch.clone());
            let held = Box::new(Arc::clone(&self.held));
            let appended = match again {
                Some(again) => self.ingestor.append_holding(again, held).await,
                None => return self.first(batch, stored).await,
            };
            match appended {
                Err(IngestError::Full { .. }) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(error) => return Err(error),
                Ok(appended) => {
                    stored.accepted += appended.count;
                    return Ok(());
                }
            }
        }
    }

    /// The first batch is refused at once if the log is full.
    async fn first(&self, batch: Batch, stored: &mut Stored) -> Result<(), IngestError> {
        let held = Box::new(Arc::clone(&self.held));
        let appended = self.ingestor.append_holding(batch, held).await?;
        stored.accepted = appended.count;
        stored.first_seq = Some(appended.first_seq);
        Ok(())
    }
}

/// To the task that stores chunks, as long as it is there.
struct Sending(mpsc::Sender<Chunk>);

impl Outlet for Sending {
    fn take(&mut self, chunk: Chunk) -> ControlFlow<()> {
        match self.0.blocking_send(chunk) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn is_open(&self) -> bool {
        !self.0.is_closed()
    }
}

/// The few chunks of a small body.
impl Outlet for Vec<Chunk> {
    fn take(&mut self, chunk: Chunk) -> ControlFlow<()> {
        self.push(chunk);
        ControlFlow::Continue(())
    }

    fn is_open(&self) -> bool {
        true
    }
}

/// What is stored so far.
#[derive(Default)]
struct Stored {
    accepted: u64,
    first_seq: Option<u64>,
    stop: Option<Stop>,
}

impl Stored {
    fn into_receipt(self, read: Receipt) -> Told {
        match self.stop {
            Some(stop) if self.accepted == 0 => Err(stop.error),
            stop => Ok(Receipt {
                accepted: self.accepted,
                first_seq: self.first_seq,
                stop,
                ..read
            }),
        }
    }
}

/// Sorts a body that takes no noticeable time; `None` for any other.
fn at_once(plan: &Plan, chunks: &mut Vec<Chunk>) -> Option<Told> {
    let shipment = &plan.shipment;
    let compressed =
        shipment.encoding != Encoding::Identity || shipment.format == Format::LokiProtobuf;
    let most = if compressed {
        INLINE_COMPRESSED_BYTES
    } else {
        INLINE_BYTES
    };
    if shipment.body.len() > most {
        return None;
    }
    let text = match text(plan, INLINE_BYTES) {
        Err(IngestError::TooLarge { .. }) => return None,
        Err(error) => return Some(Err(error)),
        Ok(text) => text,
    };
    let told = plan.sort(&text, INLINE_ITEMS as u64, chunks);
    if told.is_none() {
        chunks.clear();
    }
    told
}

/// The text of a body, expanded.
fn text(plan: &Plan, limit: usize) -> Result<Cow<'_, [u8]>, IngestError> {
    let shipment = &plan.shipment;
    let text = expand(shipment.encoding, &shipment.body, limit)?;
    if shipment.format != Format::LokiProtobuf {
        return Ok(text);
    }
    let bad =
        |e: snap::Error| IngestError::BadEncoding(format!("the body is no snappy block: {e}"));
    let len = snap::raw::decompress_len(&text).map_err(bad)?;
    if len > limit {
        let what = "the expanded body";
        return Err(IngestError::TooLarge { what, limit });
    }
    let message = snap::raw::Decoder::new().decompress_vec(&text);
    message.map(Cow::Owned).map_err(bad)
}
