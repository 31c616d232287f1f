//! A folder whose power goes.
//!
//! It keeps what a storage promises and nothing more: a file whose writing has ended is there,
//! one that was being written may be, whole, and one that was removed may come back.

use cresset_store::{Error, FileBytes, Fill, LocalFolder, Result, Storage, Written};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// A local folder with a power supply.
#[derive(Debug)]
pub(crate) struct FickleFolder {
    folder: LocalFolder,
    power: Mutex<Power>,
}

#[derive(Debug, Default)]
struct Power {
    /// So many more changes until it goes; forever for `None`.
    left: Option<usize>,
    gone: bool,
    /// What was removed since it came.
    removed: Vec<(String, Vec<u8>)>,
    /// Decides what the last change came to and what comes back.
    chance: u64,
}

impl Power {
    fn decide(&mut self) -> bool {
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963);
        (self.chance >> 33) & 1 == 1
    }
}

/// How a change goes.
#[derive(PartialEq)]
enum Change {
    Done,
    /// Done, but nobody is told.
    DoneUnseen,
    NotDone,
}

impl FickleFolder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            folder: LocalFolder::new(root),
            power: Mutex::default(),
        }
    }

    fn power(&self) -> MutexGuard<'_, Power> {
        self.power.lock().unwrap()
    }

    /// The power goes at the change after so many.
    pub(crate) fn fail_after(&self, changes: usize, chance: u64) {
        let mut power = self.power();
        (power.left, power.chance) = (Some(changes), chance);
    }

    /// The power goes, if it has not yet, and comes again.
    pub(crate) fn restart(&self) {
        let mut power = self.power();
        for (path, content) in std::mem::take(&mut power.removed) {
            let path = self.root().join(path);
            if power.decide() && !path.exists() {
                std::fs::write(path, content).unwrap();
            }
        }
        (power.left, power.gone) = (None, false);
    }

    fn change(&self) -> Change {
        let mut power = self.power();
        if power.gone {
            return Change::NotDone;
        }
        match power.left {
            None => Change::Done,
            Some(0) => {
                power.gone = true;
                if power.decide() {
                    Change::DoneUnseen
                } else {
                    Change::NotDone
                }
            }
            Some(left) => {
                power.left = Some(left - 1);
                Change::Done
            }
        }
    }

    fn gone(&self, path: &str) -> Error {
        Error::Io {
            path: self.root().join(path),
            source: io::Error::other("the power is gone"),
        }
    }

    /// What a file that was being written may leave.
    fn leave_unfinished(&self, path: &str) {
        let unfinished = self.root().join(path).with_extension("parquet.tmp");
        if self.power().decide()
            && let Some(folder) = unfinished.parent()
        {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(unfinished, b"PAR1 and no more").unwrap();
        }
    }
}

impl Storage for FickleFolder {
    fn root(&self) -> &Path {
        self.folder.root()
    }

    fn present(&self) -> Result<()> {
        self.folder.present()
    }

    fn write(&self, path: &str, fill: Fill<'_>) -> Result<Written> {
        match self.change() {
            Change::Done => self.folder.write(path, fill),
            Change::DoneUnseen => {
                self.folder.write(path, fill)?;
                Err(self.gone(path))
            }
            Change::NotDone => {
                self.leave_unfinished(path);
                Err(self.gone(path))
            }
        }
    }

    fn open(&self, path: &str, bytes: u64) -> Result<FileBytes> {
        self.folder.open(path, bytes)
    }

    fn list(&self) -> Result<Vec<String>> {
        self.folder.list()
    }

    fn size(&self, path: &str) -> Result<u64> {
        self.folder.size(path)
    }

    fn read(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.folder.read(path, take)
    }

    fn list_folder(&self, folder: &str) -> Result<Vec<String>> {
        self.folder.list_folder(folder)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        match self.change() {
            Change::Done => self.folder.rename(from, to),
            Change::DoneUnseen => {
                self.folder.rename(from, to)?;
                Err(self.gone(from))
            }
            Change::NotDone => Err(self.gone(from)),
        }
    }

    fn scratch(&self) -> Result<File> {
        self.folder.scratch()
    }

    fn remove(&self, path: &str) -> Result<()> {
        let change = self.change();
        if change == Change::NotDone {
            return Err(self.gone(path));
        }
        if let Ok(content) = std::fs::read(self.root().join(path)) {
            self.power().removed.push((path.to_owned(), content));
        }
        self.folder.remove(path)?;
        if change == Change::Done {
            Ok(())
        } else {
            Err(self.gone(path))
        }
    }
}
