//! Remembers signed requests, so that one who overheard a request cannot send it again.
//!
//! Nothing that was admitted is admitted again, whatever the clock does and however full the
//! cache is. When something must be forgotten it is the request that was signed first, and from
//! then on nothing signed at that moment or earlier is admitted: under pressure late requests
//! are refused, and replays never pass. What came before the cache was made it does not know.
//!
//! A client that signs the same request twice within one millisecond sends the same signature
//! twice, and the second is refused.

use crate::lmv1::{Lmv1Error, SignedHeader, WINDOW};
use cresset_model::Timestamp;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

/// Signatures that were admitted, for as long as their time would be accepted.
#[derive(Debug)]
pub struct ReplayCache {
    capacity: NonZeroUsize,
    /// In the order in which they were signed, which is also that in which they expire.
    seen: BTreeSet<(Timestamp, [u8; 32])>,
    /// Of what was signed up to here, something may have been forgotten.
    forgotten_to: Timestamp,
}

impl Default for ReplayCache {
    /// Room for 140 requests a second, in about 16 MB when full.
    fn default() -> Self {
        Self::new(NonZeroUsize::MIN.saturating_add((1 << 18) - 1))
    }
}

impl ReplayCache {
    /// An empty cache that remembers up to `capacity` requests.
    pub const fn new(capacity: NonZeroUsize) -> Self {
        Self {
            capacity,
            seen: BTreeSet::new(),
            forgotten_to: Timestamp::MIN,
        }
    }

    /// Admits a request whose signature and time were found good at `now`, or says that it came
    /// before. Only verified requests may come here: a stranger must not fill the cache.
    pub fn admit(&mut self, header: &SignedHeader<'_>, now: Timestamp) -> Result<(), Lmv1Error> {
        while self.seen.first().is_some_and(|(at, _)| *at + WINDOW < now) {
            self.forget_first();
        }
        let signed_at = header.signed_at();
        if signed_at <= self.forgotten_to || !self.seen.insert((signed_at, *header.digest())) {
            return Err(Lmv1Error::Replayed);
        }
        if self.seen.len() > self.capacity.get() {
            self.forget_first();
        }
        Ok(())
    }

    /// How many requests are remembered.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// True if no request is remembered.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    fn forget_first(&mut self) {
        if let Some((at, _)) = self.seen.pop_first() {
            self.forgotten_to = self.forgotten_to.max(at);
        }
    }
}

#[cfg(test)]
mod tests;
