//! Folders whose names survive a crash.

use crate::layout::io_error;
use crate::local::sync_folder;
use crate::{Error, Result};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders remembered; a sync that is done twice costs little.
const MAX_REMEMBERED: usize = 10_000;

/// Makes the folders of a store.
///
/// A name is durable once its parent is on stable storage. That there is a folder
/// proves nothing: whoever made it may have failed before that. So each is synced
/// once by every process.
#[derive(Debug)]
pub(crate) struct Folders {
    root: PathBuf,
    durable: Mutex<HashSet<PathBuf>>,
    sync: fn(&Path) -> Result<()>,
}

impl Folders {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            durable: Mutex::default(),
            sync: sync_folder,
        }
    }

    #[cfg(test)]
    pub(crate) fn with_sync(root: PathBuf, sync: fn(&Path) -> Result<()>) -> Self {
        Self {
            sync,
            ..Self::new(root)
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Puts the names in a folder on stable storage.
    pub(crate) fn sync(&self, folder: &Path) -> Result<()> {
        (self.sync)(folder)
    }

    /// Makes `folder`, which is the root or below it, durably. The root's parent has
    /// to be there.
    pub(crate) fn create(&self, folder: &Path) -> Result<()> {
        if self.durable.lock().contains(folder) && folder.is_dir() {
            return Ok(());
        }
        let parent = folder.parent();
        if folder != self.root
            && let Some(parent) = parent
        {
            self.create(parent)?;
        }
        let made = match fs::create_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
            Err(e) => return Err(io_error(folder)(e)),
            Ok(()) => true,
        };
        match parent.map_or(Ok(()), self.sync) {
            // Whoever may not read the root's parent has not made the root.
            Err(Error::Io { source, .. })
                if !made
                    && folder == self.root
                    && source.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
        let mut durable = self.durable.lock();
        if durable.len() >= MAX_REMEMBERED {
            durable.clear();
        }
        durable.insert(folder.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    thread_local! {
        static SYNCED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
        static FAILING: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
    }

    fn recording(folder: &Path) -> Result<()> {
        if FAILING.with_borrow(|f| f.as_deref() == Some(folder)) {
            return Err(io_error(folder)(io::ErrorKind::Other.into()));
        }
        SYNCED.with_borrow_mut(|s| s.push(folder.to_owned()));
        Ok(())
    }

    fn process(root: &Path) -> Folders {
        SYNCED.take();
        Folders::with_sync(root.to_owned(), recording)
    }

    #[test]
    fn a_folder_that_is_there_is_synced_once_by_every_process() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        let (repo, year) = (root.join("r"), root.join("r/2024"));
        let chain = [home.path().to_owned(), root.clone(), repo.clone()];

        let folders = process(&root);
        FAILING.set(Some(root.clone()));
        assert!(folders.create(&year).is_err());
        assert!(repo.is_dir() && !year.is_dir());
        FAILING.set(None);
        folders.create(&year).unwrap();
        assert_eq!(SYNCED.take(), chain);
        folders.create(&year).unwrap();
        assert!(SYNCED.take().is_empty());
        // A process that died at any point leaves the rest to the next.
        process(&root).create(&year).unwrap();
        assert_eq!(SYNCED.take(), chain);
        // What is removed is made again.
        fs::remove_dir_all(&repo).unwrap();
        folders.create(&year).unwrap();
        assert!(year.is_dir());
        assert_eq!(SYNCED.take(), [root, repo]);
    }
}
