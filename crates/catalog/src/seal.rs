//! Sealing of secrets at rest.
//!
//! A sealed secret is the text `v1:<key id>:<base64 of nonce, ciphertext, tag>`,
//! encrypted with ChaCha20-Poly1305. The place where it is stored is authenticated
//! with it, so a sealed text copied to another row does not open there.

use crate::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cresset_model::{Entropy, SecretString};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

const KEY_LEN: usize = 32;
const VERSION: &str = "v1";
/// Longest secret that is sealed, in bytes.
pub const MAX_SECRET_BYTES: usize = 4 << 20;

/// Where a secret is stored: the row of a column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// What names the row.
    pub row: &'a str,
}

impl Place<'_> {
    /// Table and column names hold no NUL, so no two places give the same bytes.
    fn associated_data(self) -> Vec<u8> {
        [VERSION, self.table, self.column, self.row]
            .join("\0")
            .into_bytes()
    }
}

/// Seals and opens secrets with one key.
#[derive(Clone)]
pub struct Sealer {
    key: LessSafeKey,
    key_id: String,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// Draws a new key and writes it to `path` with mode 0600, durably.
    ///
    /// Never replaces a file: if `path` exists, even if it came into being a
    /// moment ago, the result is an [`Error::Io`] of kind `AlreadyExists`.
    pub fn generate_file(path: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        entropy.fill(&mut *key);
        let sealer = Self::from_key(&key)?;
        let text = Zeroizing::new(format!("{}\n", BASE64.encode(*key)));
        write_new_file(path, text.as_bytes()).map_err(|source| io_error(path, source))?;
        Ok(sealer)
    }

    /// Reads the key that [`Sealer::generate_file`] wrote.
    ///
    /// [`Error::Seal`] if the file can be read by others or holds no key.
    pub fn load_file(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(|source| io_error(path, source))?;
        let meta = file.metadata().map_err(|source| io_error(path, source))?;
        let mode = meta.permissions().mode() & 0o777;
        let shown = path.display();
        if mode & 0o077 != 0 {
            return Err(Error::Seal(format!(
                "the key file {shown} is open to other users (mode {mode:03o}); run: chmod 600 '{shown}'"
            )));
        }
        let malformed = || {
            Error::Seal(format!(
                "{shown} holds no key (32 bytes in base64); restore the key file of this data directory from a backup"
            ))
        };
        let len = usize::try_from(meta.len())
            .ok()
            .filter(|n| *n <= 256)
            .ok_or_else(malformed)?;
        let mut text = Zeroizing::new(vec![0; len]);
        file.read_exact(&mut text)
            .map_err(|source| io_error(path, source))?;
        let text = std::str::from_utf8(&text).map_err(|_| malformed())?;
        let key = decode_key(text).ok_or_else(malformed)?;
        Self::from_key(&key)
    }

    /// The sealer of a key given as text: 32 bytes in base64, as in the file.
    pub fn from_text(text: &SecretString) -> Result<Self> {
        let key = decode_key(text.expose())
            .ok_or_else(|| Error::Seal("the sealing key must be 32 bytes in base64".to_owned()))?;
        Self::from_key(&key)
    }

    /// Names the key without giving it away: 8 hex characters.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Seals `secret` for `place`.
    pub fn seal(&self, place: Place<'_>, secret: &SecretString) -> Result<String> {
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
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.associated_data()),
                &mut data,
            )
            .map_err(|_| Error::Seal("encryption failed".to_owned()))?;
        let whole = [&nonce, data.as_slice(), tag.as_ref()].concat();
        Ok(format!(
            "{VERSION}:{}:{}",
            self.key_id,
            BASE64.encode(whole)
        ))
    }

    /// Opens what [`Sealer::seal`] sealed for the same `place`.
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretString> {
        let Place { table, column, row } = place;
        let bad = |why: String| Error::Seal(format!("{table}.{column} of {row:?}: {why}"));
        let mut parts = sealed.splitn(3, ':');
        let (Some(VERSION), Some(key_id), Some(body)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(bad("unknown form, perhaps of a newer Cresset".to_owned()));
        };
        if key_id != self.key_id {
            return Err(bad(format!(
                "sealed with key {key_id}, but the key in use is {}; \
                 restore the key file that belongs to this data directory",
                self.key_id
            )));
        }
        let damaged = || bad("damaged, or copied here from another place".to_owned());
        let mut data = Zeroizing::new(BASE64.decode(body).map_err(|_| damaged())?);
        if data.len() < NONCE_LEN {
            return Err(damaged());
        }
        let (nonce, text) = data.split_at_mut(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(place.associated_data()), text)
            .map_err(|_| damaged())?;
        std::str::from_utf8(plain)
            .map(SecretString::new)
            .map_err(|_| damaged())
    }

    fn from_key(key: &[u8; KEY_LEN]) -> Result<Self> {
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, key)
            .map_err(|_| Error::Seal("the key has the wrong length".to_owned()))?;
        let named = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
        let digest = ring::hmac::sign(&named, b"cresset key id");
        let name = digest
            .as_ref()
            .iter()
            .take(4)
            .fold(0_u32, |n, b| n << 8 | u32::from(*b));
        let key_id = format!("{name:08x}");
        Ok(Self {
            key: LessSafeKey::new(unbound),
            key_id,
        })
    }
}

fn decode_key(text: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let bytes = Zeroizing::new(BASE64.decode(text.trim()).ok()?);
    Some(Zeroizing::new(
        <[u8; KEY_LEN]>::try_from(bytes.as_slice()).ok()?,
    ))
}

/// Writes beside `path` and links into place: whoever opens `path` sees all of
/// the content, and of two writers at once one fails.
fn write_new_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = folder.join(name);
    let written = (|| {
        match std::fs::remove_file(&draft) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {} // at most the draft of a process that died here
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::hard_link(&draft, path)
    })();
    let removed = std::fs::remove_file(&draft);
    written?;
    removed?;
    File::open(folder)?.sync_all()
}

fn io_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests;
