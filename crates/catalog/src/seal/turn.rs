//! Whose turn it is to ask the source of the keys.

use super::source::Stamp;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a source that cannot tell whether it changed is not asked again for a key that it
/// did not have.
const PATIENCE: Duration = Duration::from_secs(10);
/// Unknown keys that are remembered for that.
const REMEMBERED: usize = 64;
/// Most that wait for the source at a time; each keeps a thread waiting.
const MAX_WAITING: usize = 64;
/// Longest that one waits for others to be done with the source.
const LONGEST: Duration = Duration::from_secs(30);

/// When the source was asked. Locked for moments only, never while the source works.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) stamp: Option<Stamp>,
    /// How often it was asked since the start.
    pub(super) times: u64,
    in_vain: HashMap<String, Instant>,
}

/// Whether it is worth while to ask for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// The source had no such key, and has none now.
    Nothing,
    /// If nobody else asks just now: the source had no such key the last time.
    IfFree,
    /// Even if that means to wait for others.
    Waiting,
}

impl Asked {
    /// For a source that was read when it had this stamp.
    pub(super) fn at(stamp: Option<Stamp>) -> Self {
        Self {
            stamp,
            ..Self::default()
        }
    }

    pub(super) fn worth(&self, id: &str, stamp: Option<&Stamp>) -> Worth {
        match (stamp, self.in_vain.get(id)) {
            (Some(stamp), _) if self.stamp.as_ref() == Some(stamp) => Worth::Nothing,
            (Some(_), _) | (None, None) => Worth::Waiting,
            (None, Some(at)) if at.elapsed() < PATIENCE => Worth::Nothing,
            (None, Some(_)) => Worth::IfFree,
        }
    }

    pub(super) fn in_vain(&mut self, id: &str) {
        if self.in_vain.len() >= REMEMBERED {
            self.in_vain.clear();
        }
        self.in_vain.insert(id.to_owned(), Instant::now());
    }
}

/// Lets one at a time ask the source.
#[derive(Default)]
pub(super) struct Turn {
    taken: Mutex<()>,
    waiting: AtomicUsize,
}

impl Turn {
    /// Takes the turn if nobody has it.
    pub(super) fn if_free(&self) -> Option<MutexGuard<'_, ()>> {
        self.taken.try_lock()
    }

    /// Waits for the turn, unless too many do so already.
    pub(super) fn wait(&self) -> Option<MutexGuard<'_, ()>> {
        if let Some(turn) = self.taken.try_lock() {
            return Some(turn);
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let turn = (waiting < MAX_WAITING).then(|| self.taken.try_lock_for(LONGEST));
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        turn.flatten()
    }
}
