//! Event files in a local folder.

use crate::folders::Folders;
use crate::layout::{EVENT_FILE, UNFINISHED, io_error, is_ours, resolve};
use crate::storage::{Fill, Storage, Written};
use crate::{Error, FileBytes, Result, checksum};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// A folder of this machine.
///
/// A crash leaves a whole file or none: a file is written under another name, put on stable
/// storage, and then given its name.
#[derive(Debug)]
pub struct LocalFolder {
    folders: Folders,
    sync_file: fn(&File) -> io::Result<()>,
}

impl LocalFolder {
    /// The folder at `root`, which is created if need be.
    pub fn new(root: PathBuf) -> Self {
        Self {
            folders: Folders::new(root),
            sync_file: File::sync_all,
        }
    }
}

impl Storage for LocalFolder {
    fn root(&self) -> &Path {
        self.folders.root()
    }

    fn present(&self) -> Result<()> {
        let root = self.folders.root();
        if root.is_dir() {
            return Ok(());
        }
        let path = root.to_owned();
        Err(Error::Missing { path })
    }

    fn write(&self, path: &str, fill: Fill<'_>) -> Result<Written> {
        let root = self.folders.root();
        let path = resolve(root, path)?;
        let folder = path.parent().unwrap_or(root);
        self.folders.create(folder)?;
        if path.try_exists().map_err(io_error(&path))? {
            return Err(io_error(&path)(io::ErrorKind::AlreadyExists.into()));
        }
        let unfinished = path.with_extension("parquet.tmp");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let written = options
            .open(&unfinished)
            .map_err(io_error(&unfinished))
            .and_then(|file| fill(file, &unfinished))
            .and_then(|file| {
                (self.sync_file)(&file).map_err(io_error(&unfinished))?;
                let written = checksum::of_file(&file).map_err(io_error(&unfinished))?;
                fs::rename(&unfinished, &path).map_err(io_error(&path))?;
                self.folders.sync(folder)?;
                Ok(written)
            });
        if written.is_err() {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(&path);
        }
        written
    }

    fn open(&self, path: &str, _bytes: u64) -> Result<FileBytes> {
        let path = resolve(self.folders.root(), path)?;
        let opened = File::open(&path).and_then(FileBytes::new);
        opened.map_err(refused(&path))
    }

    fn size(&self, path: &str) -> Result<u64> {
        let path = resolve(self.folders.root(), path)?;
        let found = fs::metadata(&path).map_err(refused(&path))?;
        Ok(found.len())
    }

    fn read(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        let path = resolve(self.folders.root(), path)?;
        let mut file = File::open(&path).map_err(refused(&path))?;
        let mut piece = vec![0; checksum::PIECE];
        loop {
            match file.read(&mut piece) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(io_error(&path)(e)),
                Ok(0) => return Ok(()),
                Ok(read) => take(&piece[..read]),
            }
        }
    }

    fn list(&self) -> Result<Vec<String>> {
        let root = self.folders.root();
        self.folders.create(root)?;
        let found = walk(root)?;
        for path in &found.unfinished {
            remove(path)?;
        }
        Ok(found.files)
    }

    fn list_folder(&self, folder: &str) -> Result<Vec<String>> {
        let path = resolve(self.folders.root(), folder)?;
        let entries = match fs::read_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io_error(&path))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io_error(&path))?;
            if let Some(name) = entry.file_name().to_str() {
                found.push(format!("{folder}/{name}"));
            }
        }
        Ok(found)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let root = self.folders.root();
        let (from, to) = (resolve(root, from)?, resolve(root, to)?);
        let folder = to.parent().unwrap_or(root);
        self.folders.create(folder)?;
        fs::rename(&from, &to).map_err(refused(&from))?;
        self.folders.sync(folder)
    }

    fn remove(&self, path: &str) -> Result<()> {
        remove(&resolve(self.folders.root(), path)?)
    }

    fn scratch(&self) -> Result<File> {
        let root = self.folders.root();
        self.folders.create(root)?;
        tempfile::tempfile_in(root).map_err(io_error(root))
    }
}

/// What it means that the system refuses to open a file.
fn refused(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::NotFound => Error::Missing { path },
        _ => Error::Io { path, source },
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::io::Write as _;

    thread_local! {
        /// What was synced, and the files that were there.
        static SYNCED: RefCell<Vec<(String, Vec<String>)>> = const { RefCell::new(Vec::new()) };
        static ROOT: RefCell<PathBuf> = const { RefCell::new(PathBuf::new()) };
        static FAILING: RefCell<String> = const { RefCell::new(String::new()) };
    }

    fn synced(what: String) -> io::Result<()> {
        let found = walk(&ROOT.with_borrow(Clone::clone)).unwrap_or_default();
        let unfinished = found
            .unfinished
            .iter()
            .map(|path| path.display().to_string());
        let there = found.files.into_iter().chain(unfinished).collect();
        let fails = FAILING.with_borrow(|failing| *failing == what);
        SYNCED.with_borrow_mut(|synced| synced.push((what, there)));
        if fails {
            Err(io::Error::other("it fails"))
        } else {
            Ok(())
        }
    }

    fn folder(root: &Path) -> LocalFolder {
        ROOT.set(root.to_owned());
        let sync_folder = |folder: &Path| {
            let name = folder.file_name().unwrap_or_default();
            synced(name.to_string_lossy().into_owned()).map_err(io_error(folder))
        };
        LocalFolder {
            folders: Folders::with_sync(root.to_owned(), sync_folder),
            sync_file: |_| synced("the file".to_owned()),
        }
    }

    /// What the power leaves at any moment is a whole file or none, and a whole one at the end.
    #[test]
    fn a_file_has_its_name_when_it_is_synced_and_then_the_name_is() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        let id = ["0123456789abcdef01234567", "0123456789abcdef01234568"];
        let [one, two] = id.map(|id| format!("r/2026/{id}.parquet"));
        let storage = folder(&root);
        let write = |path: &str| {
            let fill = |mut file: File, _: &Path| {
                file.write_all(b"all of it").unwrap();
                Ok(file)
            };
            storage.write(path, Box::new(fill))
        };
        assert_eq!(write(&one).unwrap().bytes, 9);
        let unfinished = root.join(format!("{one}.tmp")).display().to_string();
        let last = SYNCED.take().split_off(3);
        let expect = [
            ("the file".to_owned(), vec![unfinished]),
            ("2026".to_owned(), vec![one.clone()]),
        ];
        assert_eq!(last, expect);
        for failing in ["the file", "2026"] {
            FAILING.set(failing.to_owned());
            assert!(write(&two).is_err());
            let left = walk(&root).unwrap();
            assert_eq!((left.files, left.unfinished.len()), (vec![one.clone()], 0));
        }
        FAILING.set(String::new());
        write(&two).unwrap();
    }
}
