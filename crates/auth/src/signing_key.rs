//! Keys that sign requests and tokens.

use cresset_model::SecretString;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use std::fmt;
use std::sync::OnceLock;

/// A key, and what an HMAC makes of it before the first byte of a message, which is two of the
/// five blocks that an HMAC-SHA-512 over a short token costs. It is worked out once for each
/// hash that is asked for, and forgotten with the key when this is dropped.
pub struct SigningKey {
    secret: SecretString,
    sha256: OnceLock<Hmac<Sha256>>,
    sha384: OnceLock<Hmac<Sha384>>,
    sha512: OnceLock<Hmac<Sha512>>,
}

impl SigningKey {
    /// A key of any length. An empty one fits nothing.
    pub const fn new(secret: SecretString) -> Self {
        Self {
            secret,
            sha256: OnceLock::new(),
            sha384: OnceLock::new(),
            sha512: OnceLock::new(),
        }
    }

    /// The key itself.
    pub const fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// Whether there is a key at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.secret.expose().is_empty()
    }

    pub(crate) fn sha256(&self) -> &Hmac<Sha256> {
        self.sha256.get_or_init(|| begun(&self.secret))
    }

    pub(crate) fn sha384(&self) -> &Hmac<Sha384> {
        self.sha384.get_or_init(|| begun(&self.secret))
    }

    pub(crate) fn sha512(&self) -> &Hmac<Sha512> {
        self.sha512.get_or_init(|| begun(&self.secret))
    }
}

/// Without the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

/// An HMAC that has seen nothing yet. It forgets the key when it is dropped.
pub(crate) fn begun<M: Mac + KeyInit>(key: &SecretString) -> M {
    // RFC 2104 takes keys of any length.
    #[expect(clippy::expect_used, reason = "an HMAC refuses no key")]
    let hmac =
        <M as KeyInit>::new_from_slice(key.expose().as_bytes()).expect("a key of any length");
    hmac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed() {
        let key = SigningKey::new(SecretString::new("open sesame"));
        key.sha512();
        assert_eq!(format!("{key:?}"), "SigningKey { .. }");
        assert_eq!(key.secret().expose(), "open sesame");
    }
}
