//! From a body to events, with bounded memory and without holding up other work.
//!
//! A small body is parsed where it was received. Others go to a thread that may
//! block, and to a room: a number of bodies at a time, and how much memory each may
//! take. A body that turns out to be larger than the usual room allows is parsed
//! again, alone, under the limits of the settings.

use crate::decompress::{Encoding, ExpandError, expand};
use crate::{IngestError, IngestReply, IngestSettings, ItemError, Normaliser, Origin};
use bytes::Bytes;
use cresset_model::{Event, Packed, Packer, Timestamp, Value};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies up to here, expanded, may be parsed where they are received.
pub(crate) const INLINE_BYTES: usize = 32 << 10;
/// The same for what may be expanded there.
pub(crate) const INLINE_COMPRESSED_BYTES: usize = 4 << 10;
/// Lines and objects of a body that is parsed where it is received: some microseconds each.
pub(crate) const INLINE_ITEMS: usize = 512;
/// Most that a body in the usual room takes expanded, and as events.
const USUAL: Limits = Limits {
    expanded: 16 << 20,
    events: 32 << 20,
};

/// What a caller wants held for as long as the body or its events take memory.
pub(crate) type Held = Box<dyn Send>;

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

/// A body as it came.
pub(crate) struct Body {
    pub(crate) repo: Arc<str>,
    pub(crate) peer: IpAddr,
    pub(crate) received: Timestamp,
    pub(crate) format: BodyFormat,
    pub(crate) encoding: Encoding,
    pub(crate) bytes: Bytes,
}

/// A body after parsing.
#[derive(Default)]
pub(crate) struct Parsed {
    pub(crate) events: Arc<Packed>,
    pub(crate) rejected: u64,
    pub(crate) errors: Vec<ItemError>,
}

/// A body while it is parsed.
struct Parsing {
    events: Packer,
    parsed: Parsed,
    /// Of the events, in the measure of `Event::size`, and at most.
    bytes: usize,
    limit: usize,
}

impl Parsing {
    /// Keeps an event, while there is room: a body of a few bytes per event would
    /// otherwise take hundreds of times its size.
    fn take(&mut self, event: &Event) -> Result<(), IngestError> {
        self.bytes += event.size();
        if self.bytes > self.limit {
            return Err(IngestError::TooLarge {
                what: IngestError::EVENTS_IN_MEMORY,
                limit: self.limit,
            });
        }
        self.events.push(event);
        Ok(())
    }

    fn refuse(&mut self, index: u64, line: u64, reason: String) {
        self.parsed.rejected += 1;
        if self.parsed.errors.len() < IngestReply::MAX_ERRORS {
            self.parsed.errors.push(ItemError {
                index,
                line,
                reason,
            });
        }
    }
}

/// How much memory a body may take, in bytes.
#[derive(Debug, Clone, Copy)]
struct Limits {
    expanded: usize,
    /// In the measure of `Event::size`.
    events: usize,
}

impl Limits {
    /// Whether what exceeded another limit may be within these.
    fn allow_more_than(&self, error: &IngestError) -> bool {
        match error {
            IngestError::TooLarge { what, limit } if *what == IngestError::EVENTS_IN_MEMORY => {
                *limit < self.events
            }
            IngestError::TooLarge { limit, .. } => *limit < self.expanded,
            _ => false,
        }
    }
}

/// Parses bodies.
pub(crate) struct Parser {
    reader: Arc<Reader>,
    full: Limits,
    usual: Limits,
    usual_slots: Arc<Semaphore>,
    full_slot: Arc<Semaphore>,
}

impl Parser {
    pub(crate) fn new(normaliser: Arc<Normaliser>, settings: &IngestSettings) -> Self {
        let full = Limits {
            expanded: settings.max_expanded_bytes,
            events: settings.max_batch_bytes,
        };
        Self {
            reader: Arc::new(Reader {
                normaliser,
                max_line_bytes: settings.max_line_bytes,
            }),
            full,
            usual: Limits {
                expanded: full.expanded.min(USUAL.expanded),
                events: full.events.min(USUAL.events),
            },
            usual_slots: Arc::new(Semaphore::new(settings.max_large_bodies.max(1))),
            full_slot: Arc::new(Semaphore::new(1)),
        }
    }

    /// A place among the bodies of usual size, or for the one of any size, and how much text
    /// one may have there.
    pub(crate) async fn place(
        &self,
        usual: bool,
    ) -> Result<(OwnedSemaphorePermit, usize), IngestError> {
        let (slots, limits) = if usual {
            (&self.usual_slots, self.usual)
        } else {
            (&self.full_slot, self.full)
        };
        let slot = Arc::clone(slots).acquire_owned().await;
        Ok((slot.map_err(|_| IngestError::Closed)?, limits.expanded))
    }

    /// The events of a body, and what has to be held until they are stored: `held`,
    /// and the body's place among the large ones. Both are held to the end of the
    /// parsing even if the caller gives up before.
    pub(crate) async fn parse(
        &self,
        body: Body,
        held: Held,
    ) -> Result<(Parsed, Held), IngestError> {
        if let Some(parsed) = self.reader.at_once(&body, self.full) {
            return Ok((parsed?, held));
        }
        let fits = body.encoding != Encoding::Identity || body.bytes.len() <= self.usual.expanded;
        if !fits {
            let (parsed, _, held) = self
                .elsewhere(&self.full_slot, self.full, body, held)
                .await?;
            return Ok((parsed?, Box::new(held)));
        }
        let (parsed, body, held) = self
            .elsewhere(&self.usual_slots, self.usual, body, held)
            .await?;
        if !parsed.as_ref().is_err_and(|e| self.full.allow_more_than(e)) {
            return Ok((parsed?, Box::new(held)));
        }
        let (slot, held) = held;
        drop(slot);
        let (parsed, _, held) = self
            .elsewhere(&self.full_slot, self.full, body, held)
            .await?;
        Ok((parsed?, Box::new(held)))
    }

    /// Waits for a slot and parses on another thread. That goes on when the caller
    /// has given up, so it owns what bounds its memory.
    async fn elsewhere(
        &self,
        slots: &Arc<Semaphore>,
        limits: Limits,
        body: Body,
        held: Held,
    ) -> Result<Elsewhere, IngestError> {
        let slot = Arc::clone(slots).acquire_owned().await;
        let slot = slot.map_err(|_| IngestError::Closed)?;
        let reader = Arc::clone(&self.reader);
        let work = move || (reader.parse(&body, limits), body, (slot, held));
        let joined = tokio::task::spawn_blocking(work).await;
        joined.map_err(|e| IngestError::Malformed(format!("the body cannot be read: {e}")))
    }
}

type Elsewhere = (
    Result<Parsed, IngestError>,
    Body,
    (OwnedSemaphorePermit, Held),
);

/// What parsing takes, on any thread.
struct Reader {
    normaliser: Arc<Normaliser>,
    max_line_bytes: usize,
}

impl Reader {
    /// Parses a body that takes no noticeable time; `None` for any other.
    fn at_once(&self, body: &Body, limits: Limits) -> Option<Result<Parsed, IngestError>> {
        let most = match body.encoding {
            Encoding::Identity => INLINE_BYTES,
            Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => INLINE_COMPRESSED_BYTES,
        };
        if body.bytes.len() > most {
            return None;
        }
        // A few bytes can expand to anything, so what they expand to decides.
        let text = match expand(
            body.encoding,
            &body.bytes,
            INLINE_BYTES.min(limits.expanded),
        ) {
            Err(ExpandError::TooLarge { .. }) => return None,
            Err(error) => return Some(Err(error.into())),
            Ok(text) => text,
        };
        let items = memchr::memchr2_iter(b'\n', b'{', &text).count();
        (items <= INLINE_ITEMS).then(|| self.events(body, &text, limits.events))
    }

    fn parse(&self, body: &Body, limits: Limits) -> Result<Parsed, IngestError> {
        let text = expand(body.encoding, &body.bytes, limits.expanded)?;
        self.events(body, &text, limits.events)
    }

    fn events(&self, from: &Body, text: &[u8], limit: usize) -> Result<Parsed, IngestError> {
        let origin = Origin {
            repo: &from.repo,
            peer: Some(from.peer),
            col_type: "http",
            received: from.received,
        };
        let mut parsing = Parsing {
            events: Packer::with_capacity(text.len() / 2),
            parsed: Parsed::default(),
            bytes: 0,
            limit,
        };
        match from.format {
            BodyFormat::Lines => {
                for line in crate::ndjson::lines(text) {
                    let kept = &line[..line.len().min(self.max_line_bytes)];
                    let cut = kept.len() < line.len();
                    parsing.take(&line_event(&self.normaliser, kept, cut, &origin))?;
                }
            }
            BodyFormat::Json => {
                for item in crate::ndjson::items(text) {
                    let event = match item.text {
                        Ok(text) => self.normaliser.json(text, &origin),
                        Err(reason) => Err(reason.to_owned()),
                    };
                    match event {
                        Ok(event) => parsing.take(&event)?,
                        Err(reason) => parsing.refuse(item.index, item.line, reason),
                    }
                }
            }
        }
        Ok(Parsed {
            events: Arc::new(parsing.events.finish()),
            ..parsing.parsed
        })
    }
}

/// The event of a line whose end may have been cut off.
pub(crate) fn line_event(
    normaliser: &Normaliser,
    line: &[u8],
    cut: bool,
    origin: &Origin<'_>,
) -> Event {
    let mut event = normaliser.line(line, origin);
    if cut {
        event.set("_truncated", Value::List(vec!["msg".into()]));
    }
    event
}
