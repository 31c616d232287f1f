//! From a body to events, in pieces that the event log takes at a time.

use super::{
    Action, BulkItem, Each, Entry, Fault, Format, Receipt, Shipment, elastic, loki, otlp, splunk,
};
use crate::repos::Names;
use crate::{IngestError, IngestReply, ItemError, Normaliser, Origin};
use cresset_model::repo::OWN_REPO;
use cresset_model::{Packed, Packer, Timestamp};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A chunk is full with so many bytes of events, in the measure of `Event::size`.
const CHUNK_BYTES: usize = 8 << 20;

/// Consecutive events, by repo.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The first item that is in it.
    pub(super) first: u64,
    pub(super) by_repo: Vec<(Arc<str>, Arc<Packed>)>,
}

/// A chunk in the making.
#[derive(Debug, Default)]
struct Filling {
    first: u64,
    by_repo: Vec<(Arc<str>, Packer)>,
    bytes: usize,
}

/// Everything that the work needs but the text.
pub(super) struct Plan {
    pub(super) normaliser: Arc<Normaliser>,
    pub(super) max_line_bytes: usize,
    pub(super) max_event_bytes: usize,
    pub(super) repos: Names,
    /// The repo of entries that name none of `repos`.
    pub(super) default: Arc<str>,
    pub(super) received: Timestamp,
    pub(super) shipment: Shipment,
}

/// Where chunks go.
pub(super) trait Outlet {
    /// Takes a full chunk, or says that no more are wanted.
    fn take(&mut self, chunk: Chunk) -> ControlFlow<()>;

    /// Whether there is still somebody to tell. Items that are refused fill no chunk, so this
    /// is what ends the work for a request that has run out of time.
    fn is_open(&self) -> bool;
}

impl Plan {
    /// Hands the events of `text` to `outlet`, and says what else is to be said of it; nothing if
    /// it has more than `most` items.
    pub(super) fn sort(
        &self,
        text: &[u8],
        most: u64,
        outlet: &mut dyn Outlet,
    ) -> Option<Result<Receipt, IngestError>> {
        let mut sorter = Sorter {
            plan: self,
            most,
            items: 0,
            wanted: true,
            chunk: Filling::default(),
            receipt: Receipt::default(),
            outlet,
        };
        if let Format::ElasticBulk(index) = &self.shipment.format {
            if elastic::has_too_many(text) {
                let (what, limit) = ("actions", elastic::MAX_ACTIONS);
                return Some(Err(IngestError::TooMany { what, limit }));
            }
            let read = elastic::decode(text, index.as_deref(), &mut |action, item| {
                sorter.act(action, item)
            });
            return sorter.end(read);
        }
        let limits = *self.normaliser.limits();
        let each: Each<'_> = &mut |item| sorter.take(item);
        let read = match &self.shipment.format {
            Format::ElasticBulk(_) => Ok(()),
            Format::SplunkEvents(defaults) => splunk::events(text, defaults, &limits, each),
            Format::SplunkRaw(defaults) => {
                splunk::raw(text, defaults, each);
                Ok(())
            }
            Format::LokiJson => loki::json(text, &limits, each),
            Format::LokiProtobuf => loki::protobuf(text, &limits, each),
            Format::OtlpJson => otlp::json(text, each),
            Format::OtlpProtobuf => otlp::protobuf(text, each),
        };
        sorter.end(read)
    }
}

struct Sorter<'p> {
    plan: &'p Plan,
    most: u64,
    items: u64,
    /// False once storing has come to an end.
    wanted: bool,
    chunk: Filling,
    receipt: Receipt,
    outlet: &'p mut dyn Outlet,
}

impl Sorter<'_> {
    fn end(mut self, read: Result<(), String>) -> Option<Result<Receipt, IngestError>> {
        if self.items > self.most {
            return None;
        }
        self.flush();
        self.receipt.broken = read.err();
        Some(Ok(self.receipt))
    }

    /// An item of any format but `_bulk`.
    fn take(&mut self, item: Result<Entry<'_>, Fault>) -> ControlFlow<()> {
        let _ = self.item(item);
        self.next()
    }

    /// An action of `_bulk`, each of which is named in the answer.
    fn act(&mut self, action: Action, item: Result<Entry<'_>, Fault>) -> ControlFlow<()> {
        let refusal = match action {
            Action::Delete => {
                self.items += 1;
                None
            }
            _ => self.item(item),
        };
        self.receipt.actions.push(BulkItem { action, refusal });
        if self.items > self.most {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn next(&self) -> ControlFlow<()> {
        if self.wanted && self.items <= self.most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// Makes the item an event, or says why not.
    fn item(&mut self, item: Result<Entry<'_>, Fault>) -> Option<Box<str>> {
        self.wanted &= self.outlet.is_open();
        let at = self.items;
        self.items += 1;
        let stored = item.and_then(|entry| {
            if self.wanted {
                self.store(at, entry).map_err(Fault::unreadable)
            } else {
                Ok(())
            }
        });
        let fault = stored.err()?;
        let reason = fault.reason.clone();
        self.receipt.rejected += 1;
        if self.receipt.errors.len() < IngestReply::MAX_ERRORS {
            self.receipt.errors.push(ItemError {
                index: at,
                line: 0,
                reason: reason.clone(),
            });
        }
        self.receipt.first_fault.get_or_insert((at, fault));
        Some(reason.into())
    }

    fn store(&mut self, at: u64, mut entry: Entry<'_>) -> Result<(), String> {
        let plan = self.plan;
        let wanted = entry.repo.take().filter(|name| name != OWN_REPO);
        let repo = wanted.and_then(|name| plan.repos.get(name.as_ref()));
        let repo = repo.unwrap_or(&plan.default);
        let origin = Origin {
            repo,
            peer: Some(plan.shipment.peer),
            col_type: plan.shipment.format.col_type(),
            received: plan.received,
        };
        let event = plan.normaliser.entry(entry, plan.max_line_bytes, &origin)?;
        let size = event.size();
        if size > plan.max_event_bytes {
            return Err("takes more memory than one event may".to_owned());
        }
        if self.chunk.bytes + size > CHUNK_BYTES.min(plan.max_event_bytes) {
            self.flush();
        }
        let chunk = &mut self.chunk;
        if chunk.by_repo.is_empty() {
            chunk.first = at;
        }
        chunk.bytes += size;
        match chunk.by_repo.iter_mut().find(|(name, _)| name == repo) {
            Some((_, events)) => events.push(&event),
            None => {
                let mut events = Packer::default();
                events.push(&event);
                chunk.by_repo.push((Arc::clone(repo), events));
            }
        }
        Ok(())
    }

    fn flush(&mut self) {
        let Filling { first, by_repo, .. } = std::mem::take(&mut self.chunk);
        if self.wanted && !by_repo.is_empty() {
            let packed = |(repo, events): (_, Packer)| (repo, Arc::new(events.finish()));
            let by_repo = by_repo.into_iter().map(packed).collect();
            self.wanted = self.outlet.take(Chunk { first, by_repo }).is_continue();
        }
    }
}
