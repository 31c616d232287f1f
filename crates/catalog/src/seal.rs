//! Sealing of secrets at rest.
//!
//! A sealed secret is the text `v1:<key id>:<base64 of nonce, ciphertext, tag>`,
//! encrypted with ChaCha20-Poly1305. The place where it is stored is authenticated
//! with it, so a sealed text copied to another row does not open there.
//!
//! A [`Sealer`] holds several keys, of which each opens what it sealed. It asks where
//! the keys come from, its [`KeySource`], again when it meets a key that it does not know:
//! that is how a running server takes a new one.

mod key;
mod key_file;
mod source;
mod turn;

pub(crate) use key::{Key, key_id_of};
pub use key_file::KeyFile;
pub use source::{KeySource, SourceKind, Stamp};

use crate::elsewhere::elsewhere;
use crate::{Error, Result};
use cresset_model::{Entropy, SecretString};
use key::Keyring;
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::path::Path;
use std::sync::Arc;
use turn::{Asked, Turn, Worth};

/// Longest secret that is sealed, in bytes.
pub const MAX_SECRET_BYTES: usize = 4 << 20;
/// Most keys at a time.
pub const MAX_KEYS: usize = 16;

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
        [key::VERSION, self.table, self.column, self.row]
            .join("\0")
            .into_bytes()
    }

    fn error(self, why: &str) -> Error {
        let Self { table, column, row } = self;
        Error::Seal(format!("{table}.{column} of {row:?}: {why}"))
    }
}

/// Seals with the first of its keys, and opens with all. Clones share the keys.
#[derive(Clone)]
pub struct Sealer {
    shared: Arc<Shared>,
}

struct Shared {
    /// `None` for keys that are given once and for all.
    source: Option<Box<dyn KeySource>>,
    keys: RwLock<Keyring>,
    asked: Mutex<Asked>,
    turn: Turn,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("key_ids", &self.key_ids())
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// Draws a new key and writes it to `path` with mode 0600, durably.
    ///
    /// Never replaces a file: if `path` exists, even if it came into being a
    /// moment ago, the result is an [`Error::Io`] of kind `AlreadyExists`.
    pub fn generate_file(path: &Path, entropy: &dyn Entropy) -> Result<Self> {
        KeyFile::new(path).create(entropy)?;
        Self::load_file(path)
    }

    /// Reads the keys of a file, one a line.
    ///
    /// [`Error::Seal`] if the file can be read by others or holds no key.
    pub fn load_file(path: &Path) -> Result<Self> {
        Self::from_source(Box::new(KeyFile::new(path)))
    }

    /// The sealer of keys given as text, which never change: 32 bytes in base64 each, one a line.
    pub fn from_text(text: &SecretString) -> Result<Self> {
        let keys = Keyring::parse(text.expose()).map_err(Error::Seal)?;
        Ok(Self::of(None, keys, Asked::default()))
    }

    /// The sealer of the keys of a source, which is asked now, and again when it may have more.
    pub fn from_source(source: Box<dyn KeySource>) -> Result<Self> {
        let stamp = source.stamp()?;
        let keys = elsewhere(|| read(&*source))?;
        Ok(Self::of(Some(source), keys, Asked::at(stamp)))
    }

    fn of(source: Option<Box<dyn KeySource>>, keys: Keyring, asked: Asked) -> Self {
        let shared = Shared {
            source,
            keys: RwLock::new(keys),
            asked: Mutex::new(asked),
            turn: Turn::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Names the first key without giving it away: 8 hex characters.
    pub fn key_id(&self) -> String {
        self.first().id().to_owned()
    }

    /// The ids of all keys, in their order.
    pub fn key_ids(&self) -> Vec<String> {
        let keys = self.shared.keys.read();
        keys.iter().map(|key| key.id().to_owned()).collect()
    }

    /// Seals `secret` for `place` with the first key.
    pub fn seal(&self, place: Place<'_>, secret: &SecretString) -> Result<String> {
        self.first().seal(place, secret)
    }

    /// Opens what was sealed for the same `place`.
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretString> {
        let Some(id) = key_id_of(sealed) else {
            return Err(place.error("unknown form, perhaps of a newer Cresset"));
        };
        match self.key_or_ask(id) {
            Ok(Some(key)) => key.open(place, sealed),
            Ok(None) => Err(place.error(&self.lacks(id))),
            Err(error) => Err(place.error(&format!(
                "sealed with key {id}, which is not known, and {error}"
            ))),
        }
    }

    pub(crate) fn first(&self) -> Arc<Key> {
        Arc::clone(self.shared.keys.read().first())
    }

    /// The key of that id, if it is known.
    pub(crate) fn key(&self, id: &str) -> Option<Arc<Key>> {
        self.shared.keys.read().get(id).map(Arc::clone)
    }

    /// The key of that id, for which the source is asked if it may have more by now. Only who
    /// asks for a key that is not known waits for the source, one at a time asks it, and tasks of
    /// a waiting thread go to another one.
    pub(crate) fn key_or_ask(&self, id: &str) -> Result<Option<Arc<Key>>> {
        match self.key(id) {
            Some(key) => Ok(Some(key)),
            None => self.ask_for(id),
        }
    }

    fn ask_for(&self, id: &str) -> Result<Option<Arc<Key>>> {
        let Some(source) = self.shared.source.as_deref() else {
            return Ok(None);
        };
        let stamp = source.stamp()?;
        let (worth, times) = {
            let asked = self.shared.asked.lock();
            (asked.worth(id, stamp.as_ref()), asked.times)
        };
        match worth {
            Worth::Nothing => Ok(None),
            Worth::IfFree => match self.shared.turn.if_free() {
                Some(turn) => self.ask(source, id, times, &turn),
                None => Ok(None),
            },
            Worth::Waiting => elsewhere(|| {
                let turn = self.turn()?;
                self.ask(source, id, times, &turn)
            }),
        }
    }

    /// Asks for a key, unless that was done since the source had been asked so many `times`.
    fn ask(
        &self,
        source: &dyn KeySource,
        id: &str,
        times: u64,
        turn: &MutexGuard<'_, ()>,
    ) -> Result<Option<Arc<Key>>> {
        if let Some(key) = self.key(id) {
            return Ok(Some(key)); // somebody else asked meanwhile
        }
        let asked_since = self.shared.asked.lock().times > times;
        let read = if asked_since {
            Ok(())
        } else {
            self.read_again(source, turn)
        };
        let key = self.key(id);
        if key.is_none() {
            self.shared.asked.lock().in_vain(id);
        }
        read.map(|()| key)
    }

    /// Asks the source whatever it says of itself.
    pub(crate) fn ask_again(&self) -> Result<()> {
        let Some(source) = self.shared.source.as_deref() else {
            return Ok(());
        };
        elsewhere(|| self.read_again(source, &self.turn()?))
    }

    fn turn(&self) -> Result<MutexGuard<'_, ()>> {
        self.shared.turn.wait().ok_or_else(|| {
            Error::Seal(format!(
                "too many wait for {} already; try again in a moment",
                self.source_name()
            ))
        })
    }

    /// Keys that were known stay so if the source fails. Nobody waits meanwhile but those who
    /// want the turn themselves.
    fn read_again(&self, source: &dyn KeySource, _turn: &MutexGuard<'_, ()>) -> Result<()> {
        self.shared.asked.lock().times += 1;
        let stamp = source.stamp()?;
        let keys = elsewhere(|| read(source))?;
        self.shared.asked.lock().stamp = stamp;
        *self.shared.keys.write() = keys;
        tracing::info!(keys = ?self.key_ids(), "the sealing keys were read again");
        Ok(())
    }

    /// The file of the keys, if they come from one.
    pub(crate) fn file(&self) -> Option<&KeyFile> {
        self.shared.source.as_ref()?.file()
    }

    /// Where the keys come from; `None` for keys that were given.
    pub(crate) fn source_kind(&self) -> Option<SourceKind> {
        Some(self.shared.source.as_ref()?.kind())
    }

    /// Where the keys come from, as a person would call it.
    pub(crate) fn source_name(&self) -> String {
        match &self.shared.source {
            Some(source) => source.name(),
            None => "the key given".to_owned(),
        }
    }

    /// Why nothing of the key of that id can be opened.
    pub(crate) fn lacks(&self, id: &str) -> String {
        format!(
            "sealed with key {id}, but {} has {}; restore the key file that belongs to this data directory",
            self.source_name(),
            self.key_ids().join(", ")
        )
    }
}

fn read(source: &dyn KeySource) -> Result<Keyring> {
    let text = source.read()?;
    Keyring::parse(text.expose()).map_err(|why| Error::Seal(format!("{}: {why}", source.name())))
}

fn io_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests;
