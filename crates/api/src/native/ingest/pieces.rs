//! Batches whose events take more memory than the ingest holds for one body.
//!
//! Events take many times the memory of their text, so a large body goes to the event log
//! piece by piece. A batch that fits at once is stored all or none. Of a larger one the
//! first pieces may be stored when a later one fails; each piece has a key of its own, so
//! that a repetition under the same `Idempotency-Key` passes over what is there.

use super::refused;
use crate::budget::Held;
use crate::error::{Error, Result};
use crate::state::Context;
use bytes::{Bytes, BytesMut};
use cresset_ingest::decompress::{Encoding, expand};
use cresset_ingest::ndjson::{items, lines};
use cresset_ingest::{BodyFormat, HttpBatch, IngestError, IngestReply, ItemError};
use cresset_model::Duration;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration as Span;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};

/// Larger bodies are not tried at once.
const WHOLE_BYTES: usize = 8 << 20;
/// The same for compressed ones, which grow.
const WHOLE_COMPRESSED_BYTES: usize = 128 << 10;
/// A piece ends after so much text …
const PIECE_BYTES: usize = 2 << 20;
/// … or so many items.
const PIECE_ITEMS: usize = 10_000;
/// Texts up to here are hashed where they are; it takes a tenth of a millisecond.
const HASH_INLINE_BYTES: usize = 64 << 10;
/// How long a later piece waits for room in the event log, and how often it looks.
const PATIENCE: Span = Span::from_secs(30);
const PAUSE: Span = Span::from_millis(50);

/// What the ingest says of a piece.
type Stored = std::result::Result<IngestReply, IngestError>;

/// Stores a batch, at once if it fits.
pub(super) async fn store(api: &Context, mut batch: HttpBatch, held: Held) -> Result<IngestReply> {
    let encoding = Encoding::parse(batch.encoding.as_deref());
    let encoding = encoding.map_err(|e| refused(e.into()))?;
    if let Some(key) = &batch.key {
        let (text, slot) = expanded(api, encoding, &batch.body).await?;
        batch.key = Some(format!("{key}.{}", hash(text).await?));
        drop(slot);
    }
    let whole = match encoding {
        Encoding::Identity => WHOLE_BYTES,
        Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => WHOLE_COMPRESSED_BYTES,
    };
    let held = Arc::new(held);
    if batch.body.len() <= whole {
        let stored = api
            .ingestor
            .ingest_http_holding(batch.clone(), Arc::clone(&held))
            .await;
        if !too_many_events(&stored) {
            return stored.map_err(refused);
        }
    }
    let (text, _slot) = expanded(api, encoding, &batch.body).await?;
    let mut store = Store {
        api,
        batch,
        reply: IngestReply::default(),
        pieces: 0,
        repeated: 0,
    };
    let mut cutter = Cutter::new(&text, store.batch.format);
    while let Some(piece) = cutter.next_piece(&mut store.reply) {
        store.piece(&text, piece).await?;
    }
    // What a cutter refuses it refuses before what stands in front of it is read.
    store.reply.errors.sort_by_key(|error| error.index);
    store.reply.duplicate = store.pieces > 0 && store.repeated == store.pieces;
    Ok(store.reply)
}

fn too_many_events(stored: &Stored) -> bool {
    matches!(stored, Err(IngestError::TooLarge { what, .. }) if *what == IngestError::EVENTS_IN_MEMORY)
}

/// The text of a body, with its place among the few that are expanded at a time.
async fn expanded(
    api: &Context,
    encoding: Encoding,
    body: &Bytes,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>)> {
    if encoding == Encoding::Identity {
        return Ok((body.clone(), None));
    }
    let gone = |_| refused(IngestError::Closed);
    let slot = Arc::clone(&api.expanding).acquire_owned().await;
    let (slot, body) = (slot.map_err(gone)?, body.clone());
    let limit = api.ingestor.settings().max_expanded_bytes;
    // The thread goes on if the client leaves, so it owns the place.
    let work = move || {
        (
            expand(encoding, &body, limit).map(std::borrow::Cow::into_owned),
            slot,
        )
    };
    let (text, slot) = blocking(work).await?;
    let text = text.map_err(|e| refused(e.into()))?;
    Ok((text.into(), Some(slot)))
}

/// Tells texts apart.
async fn hash(text: Bytes) -> Result<String> {
    let short = text.len() <= HASH_INLINE_BYTES;
    let digest = move || {
        let hash = ring::digest::digest(&ring::digest::SHA256, &text);
        let half = hash.as_ref().iter().take(16);
        half.map(|b| format!("{b:02x}")).collect::<String>()
    };
    if short {
        return Ok(digest());
    }
    blocking(digest).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|e| Error::Malformed(format!("the body cannot be read: {e}")))
}

/// Where an item stands in the body.
struct Place {
    index: u64,
    line: u64,
    text: Range<usize>,
}

/// Consecutive items.
struct Piece {
    /// Whether they are elements of an array, or lines.
    array: bool,
    places: Vec<Place>,
}

impl Piece {
    /// A body of these items alone.
    fn body(&self, text: &Bytes) -> Bytes {
        if let (false, [first, .., last]) = (self.array, &self.places[..])
            // None between them was refused.
            && last.index - first.index + 1 == self.places.len() as u64
            // Nor are most of its lines blank.
            && last.text.end - first.text.start <= 2 * PIECE_BYTES + last.text.len()
        {
            return text.slice(first.text.start..last.text.end);
        }
        let (open, between, close) = if self.array {
            ("[", ",", "]")
        } else {
            ("", "\n", "")
        };
        let mut body = BytesMut::with_capacity(PIECE_BYTES + (64 << 10));
        body.extend_from_slice(open.as_bytes());
        for (n, place) in self.places.iter().enumerate() {
            if n > 0 {
                body.extend_from_slice(between.as_bytes());
            }
            body.extend_from_slice(&text[place.text.clone()]);
        }
        body.extend_from_slice(close.as_bytes());
        body.freeze()
    }

    /// Names the piece within its batch.
    fn name(&self) -> String {
        let index = |place: Option<&Place>| place.map_or(0, |p| p.index);
        let (first, last) = (self.places.first(), self.places.last());
        format!("{}-{}", index(first), index(last))
    }

    fn halves(mut self) -> [Self; 2] {
        let array = self.array;
        let places = self.places.split_off(self.places.len() / 2);
        [self, Self { array, places }]
    }
}

/// An item with its index and line, or why it is none.
type Found<'a> = (u64, u64, std::result::Result<&'a [u8], &'static str>);

/// Cuts a text into pieces.
struct Cutter<'a> {
    text: &'a [u8],
    json: bool,
    array: bool,
    items: Box<dyn Iterator<Item = Found<'a>> + Send + 'a>,
}

impl<'a> Cutter<'a> {
    fn new(text: &'a [u8], format: BodyFormat) -> Self {
        let items: Box<dyn Iterator<Item = Found<'a>> + Send + 'a> = match format {
            BodyFormat::Json => Box::new(items(text).map(|i| (i.index, i.line, i.text))),
            // No line is ever refused, so that its number does not matter.
            BodyFormat::Lines => Box::new((0..).zip(lines(text)).map(|(n, t)| (n, n + 1, Ok(t)))),
        };
        let unmarked = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let array = format == BodyFormat::Json && unmarked.trim_ascii_start().starts_with(b"[");
        let json = format == BodyFormat::Json;
        Self {
            text,
            json,
            array,
            items,
        }
    }

    /// The next piece; items that cannot be told apart are refused in `reply`.
    fn next_piece(&mut self, reply: &mut IngestReply) -> Option<Piece> {
        let (mut places, mut bytes) = (Vec::new(), 0);
        while bytes < PIECE_BYTES && places.len() < PIECE_ITEMS {
            let Some((index, line, found)) = self.items.next() else {
                break;
            };
            match found {
                // It would be an array of all lines behind it, if it came first in a piece.
                Ok(item)
                    if self.json && !self.array && item.trim_ascii_start().starts_with(b"[") =>
                {
                    refuse(
                        reply,
                        index,
                        line,
                        "each item must be a JSON object".to_owned(),
                    );
                }
                Ok(item) => {
                    let start = item.as_ptr().addr() - self.text.as_ptr().addr();
                    let text = start..start + item.len();
                    bytes += item.len() + 1;
                    places.push(Place { index, line, text });
                }
                Err(reason) => refuse(reply, index, line, reason.to_owned()),
            }
        }
        let array = self.array;
        (!places.is_empty()).then_some(Piece { array, places })
    }
}

fn refuse(reply: &mut IngestReply, index: u64, line: u64, reason: String) {
    reply.rejected += 1;
    if reply.errors.len() < IngestReply::MAX_ERRORS {
        reply.errors.push(ItemError {
            index,
            line,
            reason,
        });
    }
}

/// A batch that is stored piece by piece.
struct Store<'a> {
    api: &'a Context,
    batch: HttpBatch,
    reply: IngestReply,
    pieces: u64,
    /// Pieces that were stored before.
    repeated: u64,
}

impl Store<'_> {
    /// Stores a piece, halved as often as it takes.
    async fn piece(&mut self, text: &Bytes, piece: Piece) -> Result<()> {
        let mut waiting = vec![piece];
        while let Some(piece) = waiting.pop() {
            let sent = self.send(text, &piece).await;
            match sent {
                Ok(reply) => self.stored(reply, &piece),
                Err(_) if too_many_events(&sent) => match &piece.places[..] {
                    [Place { index, line, .. }] => {
                        let reason = "takes more memory than one event may".to_owned();
                        refuse(&mut self.reply, *index, *line, reason);
                    }
                    _ => waiting.extend(piece.halves().into_iter().rev()),
                },
                Err(error) => return Err(self.broken_off(error)),
            }
        }
        Ok(())
    }

    /// The first piece is refused at once if the log is full. Later ones wait, because what
    /// is stored cannot be taken back.
    async fn send(&self, text: &Bytes, piece: &Piece) -> Stored {
        let (body, name) = (piece.body(text), piece.name());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let batch = HttpBatch {
                encoding: None,
                body: body.clone(),
                key: self.batch.key.as_ref().map(|key| format!("{key}.{name}")),
                ..self.batch.clone()
            };
            let stored = self.api.ingestor.ingest_http(batch).await;
            let full = matches!(stored, Err(IngestError::Full { .. }));
            if !full || self.reply.accepted == 0 || Instant::now() >= deadline {
                return stored;
            }
            sleep(PAUSE).await;
        }
    }

    fn stored(&mut self, reply: IngestReply, piece: &Piece) {
        for error in reply.errors {
            if let Some(place) = piece.places.get(error.index as usize) {
                refuse(&mut self.reply, place.index, place.line, error.reason);
                self.reply.rejected -= 1;
            }
        }
        self.reply.rejected += reply.rejected;
        if reply.accepted > 0 {
            self.pieces += 1;
            self.repeated += u64::from(reply.duplicate);
            self.reply.accepted += reply.accepted;
            self.reply.first_seq = self.reply.first_seq.or(reply.first_seq);
        }
    }

    fn broken_off(&self, error: IngestError) -> Error {
        let stored = self.reply.accepted;
        match refused(error) {
            Error::Busy { message, .. } if stored > 0 => Error::Busy {
                message: format!(
                    "{message}; {stored} events of the batch are stored: without the same \
                     Idempotency-Key a repetition stores them twice"
                ),
                retry_after: Duration::seconds(10),
            },
            error => error,
        }
    }
}
