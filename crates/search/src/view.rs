//! What a search sees: files and tail at one moment, each event once.

use crate::Result;
use cresset_catalog::Catalog;
use cresset_catalog::port::{FileEntry, FilesTotal};
use cresset_eventlog::EventLog;
use cresset_model::Timestamp;
use cresset_model::event::LoggedEvent;
use cresset_store::STORE_CURSOR;
use std::collections::HashSet;

/// Which events a search is about.
#[derive(Debug, Clone)]
pub(crate) struct Extent {
    /// Names of repos; empty means all.
    pub(crate) repos: Vec<String>,
    /// Event time after this…
    pub(crate) from: Timestamp,
    /// …up to this.
    pub(crate) to: Timestamp,
    /// Largest `seq`.
    pub(crate) up_to_seq: u64,
}

/// Files and tail events of an [`Extent`], without an event in both.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// By earliest event time.
    pub(crate) files: Vec<FileEntry>,
    /// All files of the repos, whatever their time.
    pub(crate) total: FilesTotal,
    /// By `seq`; all within the extent.
    pub(crate) tail: Vec<LoggedEvent>,
}

/// Events asked from the log at a time.
const READ: usize = 16_384;

impl View {
    /// Everything that was acknowledged before the call.
    ///
    /// The tail is read first: what leaves it later was in files before it left. Then
    /// the files, between two equal readings of the place up to which events are in
    /// files. An event of the tail up to that place is in a file and is dropped here.
    pub(crate) async fn take(
        catalog: &dyn Catalog,
        log: &dyn EventLog,
        extent: &Extent,
    ) -> Result<Self> {
        if extent.from >= extent.to {
            return Ok(Self::default());
        }
        let mut before = catalog.cursor(STORE_CURSOR).await?;
        let tail = tail(log, before, extent);
        loop {
            let mut files = catalog.files(&extent.repos, extent.from, extent.to).await?;
            let total = catalog.files_total(&extent.repos).await?;
            let after = catalog.cursor(STORE_CURSOR).await?;
            if before != after {
                before = after;
                continue;
            }
            files.retain(|f| f.min_seq <= extent.up_to_seq && f.max_log_ts > extent.from);
            files.sort_unstable_by_key(|f| (f.min_log_ts, f.id));
            let tail = tail.into_iter().filter(|e| e.seq > before).collect();
            return Ok(Self { files, total, tail });
        }
    }
}

fn tail(log: &dyn EventLog, after: u64, extent: &Extent) -> Vec<LoggedEvent> {
    let head = *log.head().borrow();
    let repos: HashSet<&str> = extent.repos.iter().map(String::as_str).collect();
    let wanted = |e: &LoggedEvent| {
        let time = e.event.log_ts();
        time > extent.from
            && time <= extent.to
            && e.seq <= extent.up_to_seq
            && (repos.is_empty() || repos.contains(&*e.repo))
    };
    let (mut found, mut last) = (Vec::new(), after);
    // Not beyond the head at the start, or a fast sender could keep this going.
    while last < head.min(extent.up_to_seq) {
        let events = log.read(last, READ);
        let Some(newest) = events.last() else { break };
        last = newest.seq;
        found.extend(events.into_iter().filter(wanted));
    }
    found
}
