//! Whether a signed request may come twice.

use cresset_auth::lmv1::{Lmv1Error, SignedHeader};
use cresset_auth::replay::ReplayCache;
use cresset_model::Timestamp;
use parking_lot::Mutex;

/// The signed requests that came, if anybody wants to know.
pub(crate) struct Replays(Option<Mutex<ReplayCache>>);

impl Replays {
    /// Remembers requests if `refuse` says that each may come once only.
    pub(crate) fn new(refuse: bool) -> Self {
        Self(refuse.then(Mutex::default))
    }

    /// Admits a request whose signature and time are good, unless it came before.
    pub(super) fn admit(&self, header: &SignedHeader<'_>, now: Timestamp) -> Result<(), Lmv1Error> {
        match &self.0 {
            Some(cache) => cache.lock().admit(header, now),
            None => Ok(()),
        }
    }
}
