//! Keys in a file that only its owner can read.

use super::key::{Key, Keyring, id_of_line};
use super::source::{KeySource, SourceKind, Stamp};
use super::{MAX_KEYS, io_error};
use crate::{Error, Result};
use cresset_model::{Entropy, SecretString};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest file, in bytes.
const MAX_FILE: u64 = 4096;

/// A file of keys, one a line.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeySource for KeyFile {
    fn read(&self) -> Result<SecretString> {
        let text = self.text()?;
        Ok(SecretString::new(text.as_str()))
    }

    fn stamp(&self) -> Result<Option<Stamp>> {
        let meta = std::fs::metadata(&self.path).map_err(|e| io_error(&self.path, e))?;
        Ok(Some(Stamp::of(&meta)))
    }

    fn kind(&self) -> SourceKind {
        SourceKind::File
    }

    fn name(&self) -> String {
        format!("the key file {}", self.path.display())
    }

    fn file(&self) -> Option<&KeyFile> {
        Some(self)
    }
}

impl KeyFile {
    /// The file at that path, which need not be there yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Makes the file with a new key; never replaces one.
    pub(super) fn create(&self, entropy: &dyn Entropy) -> Result<()> {
        let (_, line) = Key::draw(entropy);
        let content = Zeroizing::new(format!("{}\n", *line));
        // Linked into place: whoever opens it sees all of the content, and of two writers at
        // once one fails.
        let link = |draft: &Path| std::fs::hard_link(draft, &self.path);
        write(&self.path, content.as_bytes(), None, link).map_err(|e| io_error(&self.path, e))
    }

    /// Puts a new key before the others and gives its id.
    pub(crate) fn add_key(&self, entropy: &dyn Entropy) -> Result<String> {
        let text = self.text()?;
        let bad = |why: String| Error::Seal(format!("{}: {why}", self.name()));
        let known = Keyring::parse(&text).map_err(bad)?;
        if known.iter().count() >= MAX_KEYS {
            return Err(Error::Refused(format!(
                "there are {MAX_KEYS} keys; `cresset keys forget` removes those that nothing needs"
            )));
        }
        let (key, line) = Key::draw(entropy);
        if known.get(key.id()).is_some() {
            return Err(Error::Refused(
                "the new key would have the name of one that there is; try again".to_owned(),
            ));
        }
        let content = Zeroizing::new(format!("{}\n{}", *line, *text));
        self.replace(content.as_bytes())?;
        Ok(key.id().to_owned())
    }

    /// Removes the keys of these ids.
    pub(crate) fn remove_keys(&self, ids: &[String]) -> Result<()> {
        let text = self.text()?;
        let mut content = Zeroizing::new(String::with_capacity(text.len()));
        for line in text.lines() {
            if id_of_line(line).is_none_or(|id| !ids.contains(&id)) {
                content.push_str(line);
                content.push('\n');
            }
        }
        self.replace(content.as_bytes())
    }

    fn text(&self) -> Result<Zeroizing<String>> {
        let fail = |e| io_error(&self.path, e);
        let file = File::open(&self.path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        let mode = meta.permissions().mode() & 0o777;
        let shown = self.path.display();
        if mode & 0o077 != 0 {
            return Err(Error::Seal(format!(
                "the key file {shown} is open to other users (mode {mode:03o}); run: chmod 600 '{shown}'"
            )));
        }
        let malformed = |why: &str| {
            Error::Seal(format!(
                "the key file {shown}: {why}; if it is damaged, restore it from your backup"
            ))
        };
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize + 1));
        std::io::copy(&mut file.take(MAX_FILE + 1), &mut *text).map_err(fail)?;
        let text = Some(&*text).filter(|text| text.len() as u64 <= MAX_FILE);
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        let text = text.ok_or_else(|| malformed("it holds no key (32 bytes in base64)"))?;
        Keyring::parse(text).map_err(|why| malformed(&why))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Replaces the file by one of the same owner.
    fn replace(&self, content: &[u8]) -> Result<()> {
        // A larger one could not be read again.
        if content.len() as u64 > MAX_FILE {
            return Err(Error::Refused(format!(
                "{} would have {} bytes, and at most {MAX_FILE} are read; remove comments from it, \
                 or keys that nothing needs (`cresset keys forget`)",
                self.name(),
                content.len()
            )));
        }
        // What a link leads to is replaced, not the link.
        let path = std::fs::canonicalize(&self.path).map_err(|e| io_error(&self.path, e))?;
        let old = std::fs::metadata(&path).map_err(|e| io_error(&path, e))?;
        let rename = |draft: &Path| std::fs::rename(draft, &path);
        write(&path, content, Some(&old), rename).map_err(|source| match source.kind() {
            ErrorKind::PermissionDenied => Error::Refused(format!(
                "{} cannot be replaced: {source}; run this as the user that it belongs to",
                path.display()
            )),
            _ => io_error(&path, source),
        })
    }
}

/// Writes a draft beside `path`, durably, with mode 0600 and the owner of an older file, and
/// lets `place` put it there.
fn write(
    path: &Path,
    content: &[u8],
    older: Option<&Metadata>,
    place: impl FnOnce(&Path) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Who replaces the file has the catalog's write lock, who makes it has nothing.
    name.push(older.map_or_else(
        || format!(".{}.new", std::process::id()),
        |_| ".new".to_owned(),
    ));
    let draft = folder.join(name);
    let written = (|| {
        gone(std::fs::remove_file(&draft))?; // at most the draft of a process that died here
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        let made = file.metadata()?;
        if let Some(older) = older
            && (older.uid(), older.gid()) != (made.uid(), made.gid())
        {
            std::os::unix::fs::fchown(&file, Some(older.uid()), Some(older.gid()))?;
        }
        file.write_all(content)?;
        file.sync_all()?;
        place(&draft)
    })();
    let removed = gone(std::fs::remove_file(&draft));
    written?;
    removed?;
    File::open(folder)?.sync_all()
}

/// What is gone already need not be removed.
fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
