//! One key, and several.

use super::{MAX_KEYS, MAX_SECRET_BYTES, Place};
use crate::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cresset_model::{Entropy, SecretString};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) const KEY_LEN: usize = 32;
pub(super) const VERSION: &str = "v1";
const ID_LEN: usize = 8;

/// The id of the key that a text was sealed with; nothing if it is no sealed text.
pub(crate) fn key_id_of(sealed: &str) -> Option<&str> {
    let mut parts = sealed.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(VERSION), Some(id), Some(_)) => Some(id),
        _ => None,
    }
}

/// A key with its name.
pub(crate) struct Key {
    id: String,
    aead: LessSafeKey,
}

impl Key {
    pub(super) fn new(bytes: &[u8; KEY_LEN]) -> Self {
        let named = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, bytes);
        let digest = ring::hmac::sign(&named, b"cresset key id");
        let name = digest
            .as_ref()
            .iter()
            .take(ID_LEN / 2)
            .fold(0_u32, |n, b| n << 8 | u32::from(*b));
        #[expect(clippy::expect_used, reason = "the length is that of the algorithm")]
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, bytes).expect("a key of 32 bytes");
        Self {
            id: format!("{name:08x}"),
            aead: LessSafeKey::new(unbound),
        }
    }

    /// Draws a key; gives it and its text.
    pub(super) fn draw(entropy: &dyn Entropy) -> (Self, Zeroizing<String>) {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        entropy.fill(&mut *bytes);
        (Self::new(&bytes), Zeroizing::new(BASE64.encode(*bytes)))
    }

    /// Names the key without giving it away.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Seals `secret` for `place`.
    pub(crate) fn seal(&self, place: Place<'_>, secret: &SecretString) -> Result<String> {
        if secret.expose().len() > MAX_SECRET_BYTES {
            return Err(Error::Refused(format!(
                "a secret of {} bytes is too long, at most {MAX_SECRET_BYTES} can be stored",
                secret.expose().len()
            )));
        }
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| Error::Seal("the system gives no random numbers".to_owned()))?;
        let mut data = Zeroizing::new(secret.expose().as_bytes().to_vec());
        let tag = self
            .aead
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.associated_data()),
                &mut data,
            )
            .map_err(|_| Error::Seal("encryption failed".to_owned()))?;
        let whole = [&nonce, data.as_slice(), tag.as_ref()].concat();
        Ok(format!("{VERSION}:{}:{}", self.id, BASE64.encode(whole)))
    }

    /// Opens what this key sealed for the same `place`.
    pub(super) fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretString> {
        let damaged = || place.error("damaged, or copied here from another place");
        let body = sealed.splitn(3, ':').nth(2).ok_or_else(damaged)?;
        let mut data = Zeroizing::new(BASE64.decode(body).map_err(|_| damaged())?);
        if data.len() < NONCE_LEN {
            return Err(damaged());
        }
        let (nonce, text) = data.split_at_mut(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let plain = self
            .aead
            .open_in_place(nonce, Aad::from(place.associated_data()), text)
            .map_err(|_| damaged())?;
        std::str::from_utf8(plain)
            .map(SecretString::new)
            .map_err(|_| damaged())
    }
}

/// At least one key, each once; the first is the one to seal with.
pub(super) struct Keyring {
    first: Arc<Key>,
    others: Vec<Arc<Key>>,
}

impl Keyring {
    /// The keys of a text; the error says what is wrong with it, without quoting it.
    pub(super) fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if !is_key(line) {
                continue;
            }
            let bytes = decode(line)
                .ok_or_else(|| format!("line {number} holds no key (32 bytes in base64)"))?;
            let key = Key::new(&bytes);
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(Arc::new(key));
            }
            if keys.len() > MAX_KEYS {
                return Err(format!(
                    "there are more than {MAX_KEYS} keys; `cresset keys forget` removes those that nothing needs"
                ));
            }
        }
        let mut keys = keys.into_iter();
        let first = keys
            .next()
            .ok_or_else(|| "it holds no key (32 bytes in base64)".to_owned())?;
        Ok(Self {
            first,
            others: keys.collect(),
        })
    }

    pub(super) fn first(&self) -> &Arc<Key> {
        &self.first
    }

    pub(super) fn get(&self, id: &str) -> Option<&Arc<Key>> {
        self.iter().find(|key| key.id == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Key>> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// Whether a line is to hold a key.
fn is_key(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// The id of the key in a line; nothing for a line without one.
pub(super) fn id_of_line(line: &str) -> Option<String> {
    let bytes = is_key(line).then(|| decode(line)).flatten()?;
    Some(Key::new(&bytes).id)
}

fn decode(line: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let bytes = Zeroizing::new(BASE64.decode(line.trim()).ok()?);
    Some(Zeroizing::new(
        <[u8; KEY_LEN]>::try_from(bytes.as_slice()).ok()?,
    ))
}
