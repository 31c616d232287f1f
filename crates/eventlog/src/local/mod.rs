//! An event log in a directory of this machine.
//!
//! ```text
//! DIR/LOCK                          held while the log is open
//! DIR/00000000000000000001.log      segments, named by the first seq they may hold
//! DIR/00000000000000004711.log
//! DIR/….log.unread                  segments that the disk could not read at a start
//! DIR/quarantine/…                  bytes that recovery found damaged
//! ```
//!
//! Whoever appends encodes its batch; one writer thread collects all that wait,
//! gives out numbers, writes the frames, syncs once, puts the events into the
//! tail and answers. What must stay true:
//!
//! - An answer is given after the sync, and the tail shows only what is durable.
//! - A `seq` that was given to a durable event is never given to another. Numbers
//!   are without gaps, except where damage has destroyed events.
//! - After a failed write or sync nothing of the group counts as stored, and the
//!   log goes on as soon as the disk does.
//! - Opening never fails because of damaged content: what is undamaged is kept,
//!   the rest is set aside and reported.

mod frame;
mod keys;
mod quarantine;
mod reader;
mod recover;
mod scan;
mod segments;
mod tidy;
mod writer;

pub use recover::{Cause, Damage, Recovery};

use crate::disk::{Disk, RealDisk};
use crate::port::{Appended, Batch, Error, EventLog, Result};
use crate::tail::{Reservation, Tail};
use async_trait::async_trait;
use cresset_model::event::LoggedEvent;
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};
use writer::{Command, Pending, Writer};

/// Idempotency keys remembered: see [`LocalLog`].
const KEYS: usize = 200_000;
/// Longest idempotency key, in bytes.
const MAX_KEY_BYTES: usize = 1024;
/// A batch beyond this would not fit into the length field of a frame.
const MAX_BATCH_BYTES: usize = 1 << 30;
/// Batches of more packed bytes get their checksum on a thread that may block.
const ENCODE_INLINE_BYTES: usize = 512 << 10;
/// Batches that wait for the writer; further callers wait before they send.
const QUEUE: usize = 1024;

/// Where a log is kept and how large it may grow.
#[derive(Debug, Clone)]
pub struct LocalLogConfig {
    /// The directory; made if it is missing.
    pub dir: PathBuf,
    /// A segment that has reached this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// Most bytes of events, in the measure of `Event::size` and packed, that wait for consumers.
    pub max_tail_bytes: usize,
    /// Most bytes of one batch, in the same measure. At most 1 GiB and never more
    /// than `max_tail_bytes`, whatever is set.
    pub max_batch_bytes: usize,
}

impl LocalLogConfig {
    /// Segments of 64 MiB, a tail of 512 MiB, batches of 128 MiB.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 64 << 20,
            max_tail_bytes: 512 << 20,
            max_batch_bytes: 128 << 20,
        }
    }
}

/// What the rest of the server knows about the log from before it was opened.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// Events up to here are stored elsewhere: they do not come back into the tail.
    pub stored_to: u64,
    /// The furthest place of any consumer. Numbers up to here are not given out
    /// again, even if the disk has lost every trace of them.
    pub issued_to: u64,
    /// Idempotency keys of batches stored elsewhere, oldest first: repo, key, first
    /// `seq`, number of events. The newest 200,000 are remembered.
    pub known_keys: Vec<(String, String, u64, u64)>,
}

/// See the module's documentation.
///
/// A batch with an idempotency key is stored once as long as its key is among the
/// newest 200,000; across a restart, as far as its key is in a segment that is still
/// there, or among [`Resume::known_keys`].
///
/// Dropping it finishes what was sent to the writer and releases the directory.
pub struct LocalLog {
    tail: Arc<Tail>,
    head: watch::Receiver<u64>,
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    stopped: watch::Receiver<bool>,
    recovery: Recovery,
    max_tail_bytes: usize,
    max_batch_bytes: usize,
}

impl LocalLog {
    /// Opens the log in `config.dir`, or begins one.
    ///
    /// Events up to `start_after` are stored elsewhere; `known_keys` are the
    /// idempotency keys of their batches (repo, key, first `seq`, number of events).
    /// Use [`LocalLog::resume`] where a consumer may have gone further.
    pub fn open(
        config: LocalLogConfig,
        start_after: u64,
        known_keys: Vec<(String, String, u64, u64)>,
    ) -> Result<Self> {
        let resume = Resume {
            stored_to: start_after,
            issued_to: start_after,
            known_keys,
        };
        Self::resume(config, resume, Arc::new(RealDisk))
    }

    /// Opens the log in `config.dir` on `disk`, or begins one.
    ///
    /// Fails with [`Error::Io`] if another process has the directory open, or if
    /// the directory itself cannot be made or listed; never because of what a
    /// segment contains.
    pub fn resume(config: LocalLogConfig, resume: Resume, disk: Arc<dyn Disk>) -> Result<Self> {
        let dir = config.dir;
        let failed = |e: io::Error| Error::Io(format!("cannot open {}: {e}", dir.display()));
        disk.make_dir(&dir).map_err(failed)?;
        let lock = disk.lock(&dir.join("LOCK")).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => Error::Io(format!(
                "{} is in use by another server; stop that one or choose another data directory",
                dir.display()
            )),
            _ => failed(e),
        })?;
        let tail = Arc::new(Tail::default());
        let mut keys = keys::KeyMap::new(KEYS);
        let found =
            recover::recover(disk.as_ref(), &dir, &resume, &tail, &mut keys).map_err(failed)?;
        let next_seq = found.report.next_seq;
        let (head_sender, head) = watch::channel(next_seq - 1);
        let writer = Writer {
            segments: segments::Segments::new(
                disk,
                dir.clone(),
                config.segment_bytes.max(1),
                found.segments,
                next_seq,
            ),
            keys,
            tail: tail.clone(),
            head: head_sender,
            next_seq,
            buffer: Vec::new(),
            _lock: lock,
        };
        let (commands, receiver) = mpsc::channel(QUEUE);
        let (running, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("eventlog".to_owned())
            .spawn(move || {
                writer.run(receiver);
                running.send_replace(true);
            });
        Ok(Self {
            tail,
            head,
            commands: Mutex::new(Some(commands)),
            writer: Mutex::new(Some(thread.map_err(failed)?)),
            stopped,
            recovery: found.report,
            max_tail_bytes: config.max_tail_bytes,
            max_batch_bytes: config
                .max_batch_bytes
                .min(config.max_tail_bytes)
                .min(MAX_BATCH_BYTES),
        })
    }

    /// What opening the log found.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Number of events in the tail.
    pub fn tail_events(&self) -> usize {
        self.tail.events()
    }

    fn sender(&self) -> Result<mpsc::Sender<Command>> {
        self.commands.lock().clone().ok_or(Error::Closed)
    }

    /// Checks the limits and takes room for the batch.
    fn admit(&self, batch: &Batch, size: usize) -> Result<Reservation> {
        let key_bytes = batch.key.as_ref().map_or(0, String::len);
        if key_bytes > MAX_KEY_BYTES {
            return Err(Error::BatchTooLarge {
                bytes: key_bytes,
                limit: MAX_KEY_BYTES,
            });
        }
        let (bytes, limit) = (size + key_bytes + batch.repo.len(), self.max_batch_bytes);
        if bytes > limit {
            return Err(Error::BatchTooLarge { bytes, limit });
        }
        self.tail
            .reserve(size, self.max_tail_bytes)
            .map_err(|waiting_bytes| Error::Full { waiting_bytes })
    }
}

/// Does the part of an append that needs no order.
fn encode(
    batch: Batch,
    room: Reservation,
    done: oneshot::Sender<Result<Appended>>,
) -> Result<Pending> {
    let Batch { repo, key, events } = batch;
    let body = frame::encode_body(&repo, key.as_deref(), &events)
        .map_err(|e| Error::Io(format!("a batch cannot be encoded: {e}")))?;
    let key = key.map(|key| (Arc::from(key.as_str()), keys::key_id(&repo, &key)));
    Ok(Pending {
        repo,
        key,
        body_crc: crc32fast::hash(&body),
        body,
        col_ts: events.times(0).map_or(0, |(_, col_ts)| col_ts.0),
        events,
        room,
        done,
    })
}

#[async_trait]
impl EventLog for LocalLog {
    async fn append(&self, batch: Batch) -> Result<Appended> {
        let commands = self.sender()?;
        if batch.events.is_empty() {
            let first_seq = *self.head.borrow() + 1;
            return Ok(Appended {
                first_seq,
                count: 0,
                duplicate: false,
            });
        }
        let packed = batch.events.bytes().len();
        let size = batch.events.size_of_first(batch.events.len()) as usize + packed;
        let room = self.admit(&batch, size)?;
        let (done, answer) = oneshot::channel();
        let pending = if packed > ENCODE_INLINE_BYTES {
            tokio::task::spawn_blocking(move || encode(batch, room, done))
                .await
                .map_err(|e| Error::Io(format!("a batch could not be encoded: {e}")))??
        } else {
            encode(batch, room, done)?
        };
        commands
            .send(Command::Append(pending))
            .await
            .map_err(|_| Error::Closed)?;
        drop(commands);
        answer.await.map_err(|_| Error::Closed)?
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }

    fn read(&self, after: u64, max: usize) -> Vec<LoggedEvent> {
        self.tail.read(after, max)
    }

    fn read_within(&self, after: u64, max: usize, bytes: usize) -> (Vec<LoggedEvent>, usize) {
        self.tail.read_within(after, max, bytes)
    }

    fn pending_bytes(&self, after: u64) -> usize {
        self.tail.pending_bytes(after)
    }

    /// A batch that `after` cuts in two is included: its key is needed until all
    /// of it is stored elsewhere.
    fn batch_keys(&self, after: u64) -> Vec<(String, String, u64, u64)> {
        let keys = self.tail.keys(after).into_iter();
        keys.map(|k| (k.repo.to_string(), k.key.to_string(), k.first_seq, k.count))
            .collect()
    }

    async fn trim(&self, upto: u64) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let commands = self.sender()?;
        commands
            .send(Command::Trim { upto, done })
            .await
            .map_err(|_| Error::Closed)?;
        drop(commands);
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn seal(&self) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let commands = self.sender()?;
        commands
            .send(Command::Seal { done })
            .await
            .map_err(|_| Error::Closed)?;
        drop(commands);
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn close(&self) {
        self.commands.lock().take();
        // An error means that the writer is gone, which is what is waited for.
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }
}

impl Drop for LocalLog {
    fn drop(&mut self) {
        self.commands.lock().take();
        if let Some(writer) = self.writer.lock().take() {
            // A panic of the writer has been reported by its own thread.
            let _ = writer.join();
        }
    }
}
