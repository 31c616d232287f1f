//! What the log asks of a file system.
//!
//! The trait is as small as the log's needs, so that tests can put a disk under
//! it that fills up, fails, or forgets what was not synced.

use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

/// A file system.
pub trait Disk: Send + Sync + 'static {
    /// Makes `dir` and its parents where they are missing, and makes their names
    /// durable, also where an earlier try made them and then failed.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes an exclusive lock that lasts until the result is dropped;
    /// fails with [`io::ErrorKind::WouldBlock`] while somebody else holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send>>;
    /// Name and length in bytes of every file directly in `dir`.
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>>;
    /// The whole content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Makes a new empty file; fails with [`io::ErrorKind::AlreadyExists`] if there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Puts `from` in the place of `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in `dir` durable: creations, renames, removals.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file that is being appended to.
pub trait DiskFile: Send {
    /// Adds `bytes` at the end. After an error any part of them may be there.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes the content durable. After an error nothing written since the last
    /// success can be relied on, and asking again proves nothing.
    fn sync_data(&mut self) -> io::Result<()>;
    /// Cuts the file to `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        make_durable(dir, &|dir| self.sync_dir(dir))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send>> {
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if let (true, Ok(name)) = (meta.is_file(), entry.file_name().into_string()) {
                files.push((name, meta.len()));
            }
        }
        Ok(files)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(
            OpenOptions::new()
                .append(true)
                .create_new(true)
                .open(path)?,
        ))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        // The parent of a bare relative name is the empty path.
        let dir = if dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            dir
        };
        File::open(dir)?.sync_all()
    }
}

/// Makes `dir` and its parents, and syncs the parent of each from the top down.
fn make_durable(dir: &Path, sync: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut chain: Vec<&Path> = dir.ancestors().collect();
    chain.reverse();
    for dir in chain.into_iter().filter(|d| !d.as_os_str().is_empty()) {
        let made = match fs::create_dir(dir) {
            Ok(()) => true,
            Err(_) if dir.is_dir() => false,
            Err(e) => return Err(e),
        };
        let Some(parent) = dir.parent() else { continue };
        match sync(parent) {
            // A folder that we may not write to holds no name that we made.
            Err(e) if !made && is_foreign(&e) => {}
            synced => synced?,
        }
    }
    Ok(())
}

fn is_foreign(e: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    matches!(
        e.kind(),
        PermissionDenied | ReadOnlyFilesystem | Unsupported | InvalidInput
    )
}

impl DiskFile for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::path::PathBuf;

    /// What is synced while `dir` is made, with syncs of `failing` failing.
    fn make(dir: &Path, failing: Option<(&Path, io::ErrorKind)>) -> (io::Result<()>, Vec<PathBuf>) {
        let synced = RefCell::new(Vec::new());
        let made = make_durable(dir, &|parent| match failing {
            Some((path, kind)) if path == parent => Err(kind.into()),
            _ => {
                synced.borrow_mut().push(parent.to_owned());
                Ok(())
            }
        });
        (made, synced.into_inner())
    }

    #[test]
    fn every_new_name_is_synced_even_by_a_later_try() {
        let home = tempfile::tempdir().unwrap();
        let (a, b) = (home.path().join("a"), home.path().join("a/b"));
        let broken = Some((home.path(), io::ErrorKind::Other));
        assert!(make(&b, broken).0.is_err());
        assert!(a.is_dir() && !b.is_dir());
        for _ in 0..2 {
            let (made, synced) = make(&b, None);
            made.unwrap();
            assert!(b.is_dir());
            assert!(
                synced.ends_with(&[home.path().to_owned(), a.clone()]),
                "{synced:?}"
            );
        }
        assert!(make(&b, broken).0.is_err());
    }

    #[test]
    fn folders_of_others_need_no_sync() {
        let home = tempfile::tempdir().unwrap();
        let denied = Some((home.path(), io::ErrorKind::PermissionDenied));
        let a = home.path().join("a");
        assert!(make(&a, denied).0.is_err(), "a name that we made");
        make(&a, denied).0.unwrap();
        std::fs::write(home.path().join("file"), "").unwrap();
        assert!(make(&home.path().join("file"), None).0.is_err());
        assert!(RealDisk.make_dir(&home.path().join("x/y/z")).is_ok());
        assert!(home.path().join("x/y/z").is_dir());
    }
}
