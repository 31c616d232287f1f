//! Files that others took the places of, until nobody reads them any more.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Who holds this may read the files that were registered when it was given.
#[derive(Debug, Clone)]
pub struct Reading(#[expect(dead_code, reason = "held, never looked at")] Arc<()>);

/// Files that wait for their readers to end.
#[derive(Debug, Default)]
pub(crate) struct Leaving(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// Held by all who began to read since files left for the last time.
    current: Arc<()>,
    /// Who read when files left, and those files; the oldest first.
    left: VecDeque<(Weak<()>, Vec<String>)>,
}

impl Leaving {
    pub(crate) fn reading(&self) -> Reading {
        Reading(Arc::clone(&self.0.lock().current))
    }

    /// Takes files that no new reader will ask for.
    pub(crate) fn add(&self, files: Vec<String>) {
        let mut waiting = self.0.lock();
        let before = std::mem::take(&mut waiting.current);
        waiting.left.push_back((Arc::downgrade(&before), files));
    }

    /// The files that nobody reads any more, below the root.
    pub(crate) fn free(&self) -> Vec<String> {
        let mut waiting = self.0.lock();
        let mut free = Vec::new();
        // In turn: who began before earlier files left may read later ones too.
        while let Some((readers, _)) = waiting.left.front()
            && readers.strong_count() == 0
            && let Some((_, files)) = waiting.left.pop_front()
        {
            free.extend(files);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_until_their_readers_end() {
        let leaving = Leaving::default();
        let file = |name: &str| vec![name.to_owned()];
        let early = leaving.reading();
        leaving.add(file("a"));
        let late = leaving.reading();
        leaving.add(file("b"));
        assert!(leaving.free().is_empty());
        drop(late);
        assert!(leaving.free().is_empty(), "the early one may read b");
        drop(early);
        assert_eq!(leaving.free(), ["a", "b"]);
        leaving.add(file("c"));
        assert_eq!(leaving.free(), file("c"));
        assert!(leaving.free().is_empty());
    }
}
