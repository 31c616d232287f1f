//! Where event files are kept.

use crate::{FileBytes, Result};
use std::fs::File;
use std::path::Path;

/// Fills a new file, which is at that path for the time being, and gives it back.
pub type Fill<'a> = Box<dyn FnOnce(File, &Path) -> Result<File> + 'a>;

/// A place for event files: a local folder, or a bucket of object storage.
///
/// Files are written once, under names that never come again, and are whole or not there at
/// all, whatever fails. All paths are relative to the root and separated by `/`.
///
/// Everything here blocks the calling thread, if need be until a server answers.
pub trait Storage: Send + Sync + std::fmt::Debug {
    /// The folder, or the bucket as a URL: for people, and the begin of the paths in errors.
    fn root(&self) -> &Path;

    /// Writes a new file and returns its size in bytes once it is on stable storage. After an
    /// error no part of it is left, and a file that was there is untouched.
    fn write(&self, path: &str, fill: Fill<'_>) -> Result<u64>;

    /// Opens a file of that size, as it was registered. Whether it is there may show only
    /// when it is read.
    fn open(&self, path: &str, bytes: u64) -> Result<FileBytes>;

    /// All files of ours, whether registered or not. What a process that died left unfinished
    /// is removed, and what is not ours, or was [set aside](Self::set_aside), is passed over.
    fn list(&self) -> Result<Vec<String>>;

    /// Moves a file to where no start removes it.
    fn set_aside(&self, path: &str) -> Result<()>;

    /// Removes a file; one that is gone already is fine.
    fn remove(&self, path: &str) -> Result<()>;
}
