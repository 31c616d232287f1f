//! Files that others took the places of, until nobody reads them any more.

use parking_lot::Mutex;
use std::collections::{HashMap, HashSet, VecDeque};
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
    /// Files that nobody reads any more but that are there, and whether one could not be
    /// removed.
    free: HashMap<String, bool>,
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

    /// The files that nobody reads any more, below the root. They are given again until they
    /// are removed.
    pub(crate) fn free(&self) -> Vec<String> {
        let mut waiting = self.0.lock();
        // In turn: who began before earlier files left may read later ones too.
        while let Some((readers, _)) = waiting.left.front()
            && readers.strong_count() == 0
            && let Some((_, files)) = waiting.left.pop_front()
        {
            let free = files.into_iter().map(|file| (file, false));
            waiting.free.extend(free);
        }
        waiting.free.keys().cloned().collect()
    }

    /// Notes that a free file is gone.
    pub(crate) fn removed(&self, file: &str) {
        self.0.lock().free.remove(file);
    }

    /// Notes that a free file could not be removed; true for the first time.
    pub(crate) fn kept(&self, file: &str) -> bool {
        let mut waiting = self.0.lock();
        let failed = waiting.free.get_mut(file);
        failed.is_some_and(|failed| !std::mem::replace(failed, true))
    }

    /// How many of these files are still there.
    pub(crate) fn count(&self, files: &[String]) -> usize {
        let waiting = self.0.lock();
        let left: HashSet<&String> = waiting.left.iter().flat_map(|(_, files)| files).collect();
        let there = |file: &&String| left.contains(*file) || waiting.free.contains_key(*file);
        files.iter().filter(there).count()
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
        let mut free = leaving.free();
        free.sort();
        assert_eq!(free, ["a", "b"]);
        leaving.removed("a");
        assert!(leaving.kept("b") && !leaving.kept("b"));
        let reader = leaving.reading();
        leaving.add(file("c"));
        assert_eq!(leaving.free(), file("b"), "once more");
        assert_eq!(leaving.count(&["a", "b", "c"].map(str::to_owned)), 2);
        leaving.removed("b");
        drop(reader);
        assert_eq!(leaving.free(), file("c"));
        leaving.removed("c");
        assert!(leaving.free().is_empty());
    }
}
