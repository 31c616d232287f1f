//! Keys that sign, as they are remembered.

use crate::Result;
use crate::seal::{Place, Sealer};
use cresset_auth::signing_key::SigningKey;
use std::sync::{Arc, OnceLock};

/// A key as it was read, and opened once somebody asked for it. Opening may take long, so it
/// is not done while a connection is held.
pub(super) struct SealedKey {
    sealed: String,
    opened: OnceLock<Arc<SigningKey>>,
}

impl SealedKey {
    pub(super) const fn new(sealed: String) -> Self {
        Self {
            sealed,
            opened: OnceLock::new(),
        }
    }

    /// The key, which was sealed for `place`.
    pub(super) fn open(&self, place: Place<'_>, sealer: &Sealer) -> Result<Arc<SigningKey>> {
        if let Some(key) = self.opened.get() {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(SigningKey::new(sealer.open(place, &self.sealed)?));
        Ok(Arc::clone(self.opened.get_or_init(|| key)))
    }
}
