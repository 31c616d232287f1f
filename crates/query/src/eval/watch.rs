//! Giving up in the middle of a long evaluation.

use std::cell::Cell;

/// Steps between two questions: a fraction of a millisecond of work.
const STRIDE: usize = 1 << 16;

/// Tells long loops that nobody waits for their result any more.
///
/// A loop reports its work with [`Watch::spend`] and ends when that is true. Whatever
/// it then returns means nothing and must not be shown.
pub struct Watch<'a> {
    given_up: Option<&'a dyn Fn() -> bool>,
    /// Since the last question.
    steps: Cell<usize>,
    ended: Cell<bool>,
}

impl<'a> Watch<'a> {
    /// Asks `given_up` in proportion to the work, and never again once it was true.
    pub const fn new(given_up: &'a dyn Fn() -> bool) -> Self {
        Self {
            given_up: Some(given_up),
            steps: Cell::new(0),
            ended: Cell::new(false),
        }
    }

    /// For work that is always finished.
    pub const fn never() -> Self {
        Self {
            given_up: None,
            steps: Cell::new(0),
            ended: Cell::new(false),
        }
    }

    /// Notes that about as many characters have been, or are about to be, looked at;
    /// true if the work should end.
    #[inline]
    pub fn spend(&self, steps: usize) -> bool {
        let spent = self.steps.get().saturating_add(steps);
        if spent < STRIDE {
            self.steps.set(spent);
        } else {
            self.ask();
        }
        self.ended.get()
    }

    /// Whether the work should end, as far as known.
    pub const fn ended(&self) -> bool {
        self.ended.get()
    }

    #[cold]
    fn ask(&self) {
        self.steps.set(0);
        if let Some(given_up) = self.given_up
            && !self.ended.get()
        {
            self.ended.set(given_up());
        }
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("ended", &self.ended.get())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
