//! Local copies of what was read of remote files, or of what was written to them.
//!
//! A copy is a sparse file of the size of the original, which has the bytes that were fetched
//! so far. Which these are is known in memory alone, so that the folder is emptied at start.
//! The copies that were opened longest ago go first when there are too many bytes; whoever
//! reads one keeps it open and goes on.

use super::ranges::Ranges;
use crate::Result;
use crate::layout::io_error;
use lru::LruCache;
use parking_lot::Mutex;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most copies, however small.
const MOST: usize = 20_000;
/// End of the name of a copy.
const COPY: &str = ".copy";

/// All copies.
#[derive(Debug)]
pub(super) struct Copies {
    folder: PathBuf,
    max_bytes: u64,
    made: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    by_path: LruCache<String, Entry>,
    bytes: u64,
}

#[derive(Debug)]
struct Entry {
    copy: Arc<Copy>,
    bytes: u64,
}

/// The copy of one file.
#[derive(Debug)]
pub(super) struct Copy {
    place: PathBuf,
    present: Mutex<Ranges>,
}

impl Copies {
    /// Makes the folder, and empties it. No other process uses it.
    pub(super) fn new(folder: PathBuf, max_bytes: u64) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(io_error(&folder))?;
        for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
            let path = entry.map_err(io_error(&folder))?.path();
            if path.to_string_lossy().ends_with(COPY) {
                fs::remove_file(&path).map_err(io_error(&path))?;
            }
        }
        Ok(Self {
            folder,
            max_bytes,
            made: AtomicU64::new(0),
            kept: Mutex::new(Kept {
                by_path: LruCache::unbounded(),
                bytes: 0,
            }),
        })
    }

    /// A new file, with its place.
    pub(super) fn create(&self) -> Result<(File, PathBuf)> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let place = self.folder.join(format!("{number}{COPY}"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&place).map_err(io_error(&place))?;
        Ok((file, place))
    }

    /// A file without a name.
    pub(super) fn scratch(&self) -> Result<File> {
        tempfile::tempfile_in(&self.folder).map_err(io_error(&self.folder))
    }

    /// The copy of the file at `path`, open; a new one, without any bytes, if there is none.
    pub(super) fn open(&self, path: &str, len: u64) -> Result<(Arc<Copy>, File)> {
        if let Some(copy) = self.known(path) {
            let opened = OpenOptions::new().read(true).write(true).open(&copy.place);
            match opened {
                Ok(file) => return Ok((copy, file)),
                // It went meanwhile, or somebody emptied the folder.
                Err(e) if e.kind() == io::ErrorKind::NotFound => self.forget(path),
                Err(e) => return Err(io_error(&copy.place)(e)),
            }
        }
        let (file, place) = self.create()?;
        file.set_len(len).map_err(io_error(&place))?;
        Ok((self.keep(path, place, Ranges::default(), 0), file))
    }

    /// Takes a file that was made for it, whole, as the copy of the one at `path`.
    pub(super) fn adopt(&self, path: &str, place: PathBuf, len: u64) {
        let mut present = Ranges::default();
        present.insert(0..len);
        self.keep(path, place, present, len);
    }

    fn known(&self, path: &str) -> Option<Arc<Copy>> {
        let mut kept = self.kept.lock();
        Some(Arc::clone(&kept.by_path.get(path)?.copy))
    }

    fn keep(&self, path: &str, place: PathBuf, present: Ranges, bytes: u64) -> Arc<Copy> {
        let copy = Arc::new(Copy {
            place,
            present: Mutex::new(present),
        });
        let entry = Entry {
            copy: Arc::clone(&copy),
            bytes,
        };
        let mut kept = self.kept.lock();
        kept.bytes += bytes;
        if let Some(old) = kept.by_path.put(path.to_owned(), entry) {
            kept.leave(&old);
        }
        self.shrink(&mut kept);
        copy
    }

    /// Drops the copy of a file.
    pub(super) fn forget(&self, path: &str) {
        let mut kept = self.kept.lock();
        if let Some(old) = kept.by_path.pop(path) {
            kept.leave(&old);
        }
    }

    /// Puts bytes into a copy, which `file` is.
    pub(super) fn add(
        &self,
        path: &str,
        copy: &Arc<Copy>,
        file: &File,
        at: u64,
        bytes: &[u8],
    ) -> Result<()> {
        file.write_all_at(bytes, at)
            .map_err(io_error(&copy.place))?;
        let new = copy.present.lock().insert(at..at + bytes.len() as u64);
        let mut kept = self.kept.lock();
        // Else it has gone, and its bytes with it as soon as nobody reads them.
        if let Some(entry) = kept.by_path.peek_mut(path)
            && Arc::ptr_eq(&entry.copy, copy)
        {
            entry.bytes += new;
            kept.bytes += new;
            self.shrink(&mut kept);
        }
        Ok(())
    }

    fn shrink(&self, kept: &mut Kept) {
        while (kept.bytes > self.max_bytes || kept.by_path.len() > MOST)
            && let Some((_, old)) = kept.by_path.pop_lru()
        {
            kept.leave(&old);
        }
        metrics::gauge!("cresset_store_copies_bytes").set(kept.bytes as f64);
    }
}

impl Kept {
    fn leave(&mut self, old: &Entry) {
        self.bytes -= old.bytes;
        remove(&old.copy.place);
    }
}

/// Removes a file of the folder; what stays goes at the next start.
pub(super) fn remove(place: &Path) {
    if let Err(error) = fs::remove_file(place)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, file = %place.display(), "a copy of an event file stays until the next start");
    }
}

impl Copy {
    /// What of these stretches is not there yet.
    pub(super) fn missing(&self, wanted: &[Range<u64>]) -> Vec<Range<u64>> {
        let present = self.present.lock();
        wanted.iter().flat_map(|w| present.missing(w)).collect()
    }
}

#[cfg(test)]
#[expect(
    clippy::single_range_in_vec_init,
    reason = "stretches, not the numbers in them"
)]
mod tests {
    use super::*;

    fn names(copies: &Copies) -> usize {
        fs::read_dir(&copies.folder).unwrap().count()
    }

    #[test]
    fn the_copies_that_were_opened_longest_ago_go_and_their_readers_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let copies = Copies::new(folder.path().join("copies"), 100).unwrap();
        let fill = |path: &str, bytes: u64| {
            let (copy, file) = copies.open(path, 1_000).unwrap();
            copies
                .add(path, &copy, &file, 10, &vec![7; bytes as usize])
                .unwrap();
            (copy, file)
        };
        let (a, a_file) = fill("a", 60);
        fill("b", 30);
        assert_eq!(a.missing(&[0..80]), [0..10, 70..80]);
        copies.open("a", 1_000).unwrap();
        fill("c", 40);
        assert_eq!(names(&copies), 2, "b has gone");
        let (b, _) = copies.open("b", 1_000).unwrap();
        assert_eq!(b.missing(&[10..20]), [10..20]);

        // More than all that may be: nothing stays, but the reader has it.
        let (d, d_file) = fill("d", 101);
        assert_eq!((names(&copies), copies.kept.lock().bytes), (0, 0));
        for (copy, file) in [(a, a_file), (d, d_file)] {
            assert!(copy.missing(&[10..70]).is_empty());
            let mut read = [0; 60];
            file.read_exact_at(&mut read, 10).unwrap();
            assert_eq!(read, [7; 60]);
        }
    }

    #[test]
    fn a_copy_that_is_lost_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let copies = Copies::new(folder.path().to_owned(), 100).unwrap();
        let (_, place) = copies.create().unwrap();
        copies.adopt("a", place.clone(), 10);
        let (copy, _) = copies.open("a", 10).unwrap();
        assert!(copy.missing(&[0..10]).is_empty());
        fs::remove_file(place).unwrap();
        let (copy, _) = copies.open("a", 10).unwrap();
        assert_eq!(copy.missing(&[0..10]), [0..10]);
        copies.forget("a");
        assert_eq!(names(&copies), 0);
        // What another process left is not known to be whole.
        fs::write(folder.path().join("7.copy"), b"").unwrap();
        fs::write(folder.path().join("notes"), b"").unwrap();
        let copies = Copies::new(folder.path().to_owned(), 100).unwrap();
        assert_eq!(names(&copies), 1);
    }
}
