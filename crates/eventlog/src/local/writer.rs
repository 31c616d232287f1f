//! The thread that writes: one group of batches, one fsync, many answers.

use super::frame::Header;
use super::keys::KeyMap;
use super::segments::Segments;
use crate::port::{Appended, Error, Result};
use crate::tail::{KeyedBatch, Reservation, Tail, TailBatch};
use cresset_model::Packed;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// A group stops growing beyond this many bytes of frames.
const GROUP_BYTES: usize = 16 << 20;
/// A body of so many bytes is written from where it is.
const COPIED: usize = 64 << 10;
/// A write buffer larger than this is given back after use.
const KEEP_BUFFER: usize = 4 << 20;

/// A batch, encoded and with room reserved.
pub(crate) struct Pending {
    pub(crate) repo: Arc<str>,
    /// The idempotency key, and the same with the repo as [`super::keys::key_id`].
    pub(crate) key: Option<(Arc<str>, Arc<str>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) body_crc: u32,
    pub(crate) col_ts: i64,
    pub(crate) events: Arc<Packed>,
    pub(crate) room: Reservation,
    pub(crate) done: oneshot::Sender<Result<Appended>>,
}

/// What the writer is asked to do.
pub(crate) enum Command {
    Append(Pending),
    Seal {
        done: oneshot::Sender<Result<()>>,
    },
    Trim {
        upto: u64,
        done: oneshot::Sender<Result<()>>,
    },
}

/// Owns the files; the only place that gives out `seq`s.
pub(crate) struct Writer {
    pub(crate) segments: Segments,
    pub(crate) keys: KeyMap,
    pub(crate) tail: Arc<Tail>,
    pub(crate) head: watch::Sender<u64>,
    pub(crate) next_seq: u64,
    pub(crate) buffer: Vec<u8>,
    /// Held until the last write is done.
    pub(crate) _lock: Box<dyn Any + Send>,
}

/// A batch of the group being written, at its place.
struct Placed {
    batch: Pending,
    at: Appended,
}

impl Writer {
    /// Works until every sender is gone and everything sent is done.
    pub(crate) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let mut group = Vec::new();
            let (mut seals, mut trims) = (Vec::new(), Vec::new());
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Append(batch) => {
                        bytes += batch.body.len();
                        group.push(batch);
                    }
                    Command::Seal { done } => seals.push(done),
                    Command::Trim { upto, done } => trims.push((upto, done)),
                }
                next = if bytes < GROUP_BYTES {
                    commands.try_recv().ok()
                } else {
                    None
                };
            }
            self.commit(group);
            for done in seals {
                let sealed = self.segments.seal(self.next_seq);
                let _ = done.send(sealed.map_err(|e| Error::Io(format!("no segment: {e}"))));
            }
            for (upto, done) in trims {
                let _ = done.send(self.trim(upto));
            }
        }
    }

    /// Stores a group and answers its callers. An answer can find nobody
    /// waiting: then the caller gave up, and its batch is stored all the same.
    fn commit(&mut self, group: Vec<Pending>) {
        let (placed, repeats, frames) = self.place(group);
        let Some(last) = placed.last() else {
            return;
        };
        let last_seq = last.at.first_seq + last.at.count - 1;
        let stored = self.segments.append(&frames, self.next_seq, last_seq);
        let written: usize = frames.iter().map(Vec::len).sum();
        self.reuse(frames);
        if let Err(e) = stored {
            metrics::counter!("cresset_eventlog_write_errors_total").increment(1);
            tracing::error!(error = %e, batches = placed.len(), "could not store events");
            let error = Error::Io(format!("events could not be stored: {e}; send them again"));
            let waiting = placed.into_iter().map(|p| p.batch.done);
            for done in waiting.chain(repeats.into_iter().map(|(done, _)| done)) {
                let _ = done.send(Err(error.clone()));
            }
            return;
        }
        metrics::counter!("cresset_eventlog_appended_events_total")
            .increment(last_seq + 1 - self.next_seq);
        metrics::counter!("cresset_eventlog_appended_bytes_total").increment(written as u64);
        metrics::counter!("cresset_eventlog_appended_batches_total").increment(placed.len() as u64);
        self.next_seq = last_seq + 1;
        let answers = self.publish(placed);
        self.head.send_replace(last_seq);
        for (done, at) in answers.into_iter().chain(repeats) {
            let _ = done.send(Ok(at));
        }
    }

    /// Gives out numbers and builds the frames of a group, in pieces as they are to be
    /// written. Repeated batches of the group itself are returned apart: they are answered
    /// with it.
    fn place(&mut self, group: Vec<Pending>) -> (Vec<Placed>, Vec<Answer>, Vec<Vec<u8>>) {
        let mut placed: Vec<Placed> = Vec::with_capacity(group.len());
        let mut repeats = Vec::new();
        let mut in_group: HashMap<Arc<str>, Appended> = HashMap::new();
        let mut next = self.next_seq;
        let (mut frames, mut buffer) = (Vec::new(), std::mem::take(&mut self.buffer));
        buffer.clear();
        for mut batch in group {
            let id = batch.key.as_ref().map(|(_, id)| id);
            if let Some(known) = id.and_then(|id| self.keys.get(id)) {
                let _ = batch.done.send(Ok(known));
                continue;
            }
            if let Some(first) = id.and_then(|id| in_group.get(id)) {
                repeats.push((
                    batch.done,
                    Appended {
                        duplicate: true,
                        ..*first
                    },
                ));
                continue;
            }
            let count = batch.events.len() as u64;
            let at = Appended {
                first_seq: next,
                count,
                duplicate: false,
            };
            if let Some(id) = id {
                in_group.insert(id.clone(), at);
            }
            let header = Header {
                body_len: batch.body.len() as u32,
                body_crc: batch.body_crc,
                first_seq: next,
                col_ts: batch.col_ts,
                count: count as u32,
            };
            buffer.extend_from_slice(&header.encode());
            if batch.body.len() < COPIED {
                buffer.extend_from_slice(&batch.body);
            } else {
                frames.push(std::mem::take(&mut buffer));
                frames.push(std::mem::take(&mut batch.body));
            }
            next += count;
            placed.push(Placed { batch, at });
        }
        frames.push(buffer);
        (placed, repeats, frames)
    }

    /// Puts a durable group into the tail and remembers its keys.
    fn publish(&mut self, placed: Vec<Placed>) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(placed.len());
        let mut batches = Vec::with_capacity(placed.len());
        for Placed { batch, at } in placed {
            let key = batch.key.map(|(key, id)| {
                self.keys.insert(id, at.first_seq, at.count);
                let repo = batch.repo.clone();
                KeyedBatch {
                    repo,
                    key,
                    first_seq: at.first_seq,
                    count: at.count,
                }
            });
            batch.room.keep();
            let (repo, events) = (batch.repo, batch.events);
            batches.push(TailBatch {
                repo,
                first_seq: at.first_seq,
                events,
                skip: 0,
                key,
            });
            answers.push((batch.done, at));
        }
        self.tail.publish(batches);
        answers
    }

    fn trim(&mut self, upto: u64) -> Result<()> {
        let upto = upto.min(self.next_seq - 1);
        self.tail.trim(upto);
        self.segments
            .trim(upto)
            .map_err(|e| Error::Io(format!("a finished segment could not be deleted: {e}")))
    }

    /// Keeps the buffer for the next group, which is the last of the pieces.
    fn reuse(&mut self, mut frames: Vec<Vec<u8>>) {
        if let Some(buffer) = frames.pop().filter(|b| b.capacity() <= KEEP_BUFFER) {
            self.buffer = buffer;
        }
    }
}

type Answer = (oneshot::Sender<Result<Appended>>, Appended);
