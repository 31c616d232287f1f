//! Setting damaged bytes aside, so that nothing is thrown away unseen.

use super::segments::remove_if_there;
use crate::disk::Disk;
use std::io;
use std::path::{Path, PathBuf};

/// Ending of a file that is being written to replace a segment.
pub(super) const UNFINISHED: &str = ".tmp";

/// Saves `bytes`, found at `offset` of a segment, durably; returns where.
pub(super) fn save(
    disk: &dyn Disk,
    dir: &Path,
    segment: &str,
    offset: u64,
    bytes: &[u8],
) -> io::Result<PathBuf> {
    let dir = dir.join("quarantine");
    disk.make_dir(&dir)?;
    let stem = segment.trim_end_matches(".log");
    let path = dir.join(format!(
        "{stem}-{offset}-{:08x}.bad",
        crc32fast::hash(bytes)
    ));
    if disk.read(&path).is_ok_and(|old| old == bytes) {
        return Ok(path);
    }
    write_new(disk, &path, &[bytes])?;
    disk.sync_dir(&dir)?;
    Ok(path)
}

/// Replaces a segment by `pieces` of it, atomically.
pub(super) fn rewrite(
    disk: &dyn Disk,
    dir: &Path,
    segment: &str,
    pieces: &[&[u8]],
) -> io::Result<()> {
    let unfinished = dir.join(format!("{segment}{UNFINISHED}"));
    write_new(disk, &unfinished, pieces)?;
    disk.rename(&unfinished, &dir.join(segment))?;
    disk.sync_dir(dir)
}

fn write_new(disk: &dyn Disk, path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    remove_if_there(disk, path)?;
    let mut file = disk.create(path)?;
    pieces.iter().try_for_each(|piece| file.write_all(piece))?;
    file.sync_data()
}
