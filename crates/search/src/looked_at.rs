//! What a search looked at, from what was in its view and what its scan counted.

use crate::view::View;
use cresset_query::{LookedAt, Share};
use cresset_store::{Fate, Pruned};

/// Of a search whose scan has ended, and for which other instances found so many events.
pub(crate) fn looked_at(view: &View, pruned: &Pruned, elsewhere: u64) -> LookedAt {
    let in_time: u64 = view.files.iter().map(|file| file.rows).sum();
    let fates = [Fate::OutOfTime, Fate::NothingWanted, Fate::Read];
    let [late, unwanted, read] = fates.map(|fate| pruned.met(fate));
    LookedAt {
        files: Share {
            all: view.total.files,
            by_time: view.total.files.saturating_sub(view.files.len() as u64),
            by_contents: 0,
            read: pruned.files(),
        },
        blocks: Share {
            all: late.0 + unwanted.0 + read.0,
            by_time: late.0,
            by_contents: unwanted.0,
            read: read.0,
        },
        events: Share {
            all: view.total.events,
            by_time: view.total.events.saturating_sub(in_time) + late.1,
            by_contents: unwanted.1,
            read: read.1,
        },
        whole: pruned.whole(),
        newest: view.tail.len() as u64,
        elsewhere,
    }
}
