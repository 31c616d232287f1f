//! Where event files are kept.

use crate::{FileBytes, Result};
use std::fs::File;
use std::path::Path;

/// Fills a new file, which is at that path for the time being, and gives it back.
pub type Fill<'a> = Box<dyn FnOnce(File, &Path) -> Result<File> + 'a>;

/// A file that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its size.
    pub bytes: u64,
    /// The CRC-32 of all of them.
    pub crc32: u32,
}

/// A place for event files: a local folder, or a bucket of object storage.
///
/// Files are written once, under names that never come again, and are whole or not there at
/// all, whatever fails. All paths are relative to the root and separated by `/`.
///
/// Everything here blocks the calling thread, if need be until a server answers.
pub trait Storage: Send + Sync + std::fmt::Debug {
    /// The folder, or the bucket as a URL: for people, and the begin of the paths in errors.
    fn root(&self) -> &Path;

    /// Fails if the storage as a whole is not there, such as a disk that is not mounted: what
    /// is missing in it is not lost.
    fn present(&self) -> Result<()>;

    /// Writes a new file and returns once it is on stable storage. After an error no part of
    /// it is left, and a file that was there is untouched.
    fn write(&self, path: &str, fill: Fill<'_>) -> Result<Written>;

    /// Opens a file of that size, as it was registered. Whether it is there may show only
    /// when it is read.
    fn open(&self, path: &str, bytes: u64) -> Result<FileBytes>;

    /// The size of a file as it is stored now; [`crate::Error::Missing`] if it is not there.
    fn size(&self, path: &str) -> Result<u64>;

    /// Gives all bytes of a file to `take`, in order, piece by piece: those that are stored,
    /// never those of a copy.
    fn read(&self, path: &str, take: &mut dyn FnMut(&[u8])) -> Result<()>;

    /// All files of ours, whether registered or not. What a process that died left unfinished
    /// is removed, and what is not ours, or is in a folder whose name begins with a dot, is
    /// passed over.
    fn list(&self) -> Result<Vec<String>>;

    /// All files in one folder, whatever they are; none if it is not there.
    fn list_folder(&self, folder: &str) -> Result<Vec<String>>;

    /// Gives a file another path, in the place of any file there. In a folder whose name
    /// begins with a dot no start removes it.
    fn rename(&self, from: &str, to: &str) -> Result<()>;

    /// Removes a file; one that is gone already is fine.
    fn remove(&self, path: &str) -> Result<()>;

    /// A local file without a name, which is gone when it is closed.
    fn scratch(&self) -> Result<File>;
}
