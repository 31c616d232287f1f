//! Event files in a local folder.

use crate::folders::Folders;
use crate::layout::{EVENT_FILE, SET_ASIDE, UNFINISHED, aside, io_error, is_ours, resolve};
use crate::storage::{Fill, Storage};
use crate::{Error, FileBytes, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A folder of this machine.
///
/// A crash leaves a whole file or none: a file is written under another name, put on stable
/// storage, and then given its name.
#[derive(Debug)]
pub struct LocalFolder(Folders);

impl LocalFolder {
    /// The folder at `root`, which is created if need be.
    pub fn new(root: PathBuf) -> Self {
        Self(Folders::new(root))
    }
}

impl Storage for LocalFolder {
    fn root(&self) -> &Path {
        self.0.root()
    }

    fn write(&self, path: &str, fill: Fill<'_>) -> Result<u64> {
        let root = self.0.root();
        let path = resolve(root, path)?;
        let folder = path.parent().unwrap_or(root);
        self.0.create(folder)?;
        if path.try_exists().map_err(io_error(&path))? {
            return Err(io_error(&path)(io::ErrorKind::AlreadyExists.into()));
        }
        let unfinished = path.with_extension("parquet.tmp");
        let written = File::create(&unfinished)
            .map_err(io_error(&unfinished))
            .and_then(|file| fill(file, &unfinished))
            .and_then(|file| {
                file.sync_all().map_err(io_error(&unfinished))?;
                let bytes = file.metadata().map_err(io_error(&unfinished))?.len();
                fs::rename(&unfinished, &path).map_err(io_error(&path))?;
                sync_folder(folder)?;
                Ok(bytes)
            });
        if written.is_err() {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(&path);
        }
        written
    }

    fn open(&self, path: &str, _bytes: u64) -> Result<FileBytes> {
        let path = resolve(self.0.root(), path)?;
        let opened = File::open(&path).and_then(FileBytes::new);
        opened.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::Missing { path },
            _ => Error::Io { path, source },
        })
    }

    fn list(&self) -> Result<Vec<String>> {
        let root = self.0.root();
        self.0.create(root)?;
        let found = walk(root)?;
        for path in &found.unfinished {
            remove(path)?;
        }
        Ok(found.files)
    }

    fn set_aside(&self, path: &str) -> Result<()> {
        let from = resolve(self.0.root(), path)?;
        let folder = self.0.root().join(SET_ASIDE);
        self.0.create(&folder)?;
        fs::rename(&from, folder.join(aside(path))).map_err(io_error(&from))
    }

    fn remove(&self, path: &str) -> Result<()> {
        remove(&resolve(self.0.root(), path)?)
    }
}

pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(io_error(folder))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error(path)(e)),
        _ => Ok(()),
    }
}

/// What a walk through the root found.
#[derive(Debug, Default)]
struct Found {
    /// Event files, relative to the root.
    files: Vec<String>,
    /// Files that were being written when the process died.
    unfinished: Vec<PathBuf>,
}

/// All files of ours below `root`. Other files are left alone, and so is what
/// was set aside.
fn walk(root: &Path) -> Result<Found> {
    let mut found = Found::default();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, relative)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
            let entry = entry.map_err(io_error(&folder))?;
            let kind = entry.file_type().map_err(io_error(&entry.path()))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let relative = if relative.is_empty() {
                name.clone()
            } else {
                format!("{relative}/{name}")
            };
            if kind.is_dir() && !name.starts_with('.') {
                folders.push((entry.path(), relative));
            } else if kind.is_file() && is_ours(&name, UNFINISHED) {
                found.unfinished.push(entry.path());
            } else if kind.is_file() && is_ours(&name, EVENT_FILE) {
                found.files.push(relative);
            }
        }
    }
    Ok(found)
}
