//! What a search looked at, and what it could pass over.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// So many files, blocks or events, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// All that there are.
    pub all: u64,
    /// Passed over, because they are outside the time range.
    pub by_time: u64,
    /// Passed over, because what is kept about their contents shows that no event of them meets
    /// the filter.
    pub by_contents: u64,
    /// Read.
    pub read: u64,
}

/// What a search looked at. The executor knows of none of it: who runs it fills it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAt {
    /// Event files of the repos that were asked for.
    pub files: Share,
    /// Blocks (row groups) of the files that were opened.
    pub blocks: Share,
    /// Events in all of these files.
    pub events: Share,
    /// Of the events that were read, those with values that do not fit their columns, which
    /// were judged whole.
    pub whole: u64,
    /// Events that are in no file yet, all of which are looked at.
    pub newest: u64,
    /// Events that other instances found.
    pub elsewhere: u64,
}

impl Display for LookedAt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        share(f, "files ", self.files, "opened")?;
        share(f, "blocks", self.blocks, "read")?;
        share(f, "events", self.events, "read")?;
        let more = [
            (
                self.whole,
                "of these judged whole: a value does not fit its column",
            ),
            (self.newest, "more that are in no file yet"),
            (self.elsewhere, "found at other instances"),
        ];
        for (number, what) in more.iter().filter(|(number, _)| *number > 0) {
            writeln!(f, "  {:8}{number} {what}", "")?;
        }
        Ok(())
    }
}

fn share(f: &mut Formatter<'_>, name: &str, share: Share, read: &str) -> fmt::Result {
    write!(f, "  {name}  {} of {} {read}", share.read, share.all)?;
    if share.by_time > 0 {
        write!(f, ", {} outside the time range", share.by_time)?;
    }
    if share.by_contents > 0 {
        write!(f, ", {} without what the filter needs", share.by_contents)?;
    }
    writeln!(f)
}
