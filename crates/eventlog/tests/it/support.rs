//! Short words for what the tests do often.

use crate::faulty_disk::FaultyDisk;
use cresset_eventlog::{Appended, Batch, EventLog, LocalLog, LocalLogConfig, Result, Resume};
use cresset_model::{Event, Timestamp};
use std::path::Path;
use std::sync::Arc;

/// Where logs live on the disk in memory.
pub(crate) const DIR: &str = "/log";

pub(crate) fn config(dir: impl AsRef<Path>) -> LocalLogConfig {
    LocalLogConfig {
        dir: dir.as_ref().to_owned(),
        segment_bytes: 250,
        max_tail_bytes: 1 << 20,
        max_batch_bytes: 1 << 16,
    }
}

pub(crate) fn open(disk: &FaultyDisk) -> LocalLog {
    resume(disk, Resume::default())
}

pub(crate) fn resume(disk: &FaultyDisk, resume: Resume) -> LocalLog {
    LocalLog::resume(config(DIR), resume, Arc::new(disk.clone())).unwrap()
}

pub(crate) fn event(text: &str) -> Event {
    let mut event = Event::new(Timestamp::from_secs(1_700_000_000), Timestamp(0));
    event.set("msg", text);
    event
}

pub(crate) fn batch(repo: &str, key: Option<&str>, texts: &[&str]) -> Batch {
    Batch {
        repo: repo.into(),
        key: key.map(str::to_owned),
        events: Arc::new(texts.iter().map(|text| event(text)).collect()),
    }
}

pub(crate) async fn append(log: &LocalLog, texts: &[&str]) -> Result<Appended> {
    log.append(batch("default", None, texts)).await
}

/// `seq` and text of everything in the tail.
pub(crate) fn contents(log: &LocalLog) -> Vec<(u64, String)> {
    let text = |e: &Event| e.msg().into_owned();
    log.read(0, usize::MAX)
        .iter()
        .map(|e| (e.seq, text(&e.event)))
        .collect()
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
