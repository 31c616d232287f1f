//! Setting damaged bytes aside, so that nothing is thrown away unseen.

use super::segments::remove_if_there;
use crate::disk::Disk;
use std::io;
use std::path::{Path, PathBuf};

/// Where set-aside bytes are, below the directory of the log.
const FOLDER: &str = "quarantine";
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
    let dir = dir.join(FOLDER);
    disk.make_dir(&dir)?;
    let stem = segment.trim_end_matches(".log");
    let path = dir.join(format!(
        "{stem}-{offset}-{:08x}.bad",
        crc32fast::hash(bytes)
    ));
    // Anew even if there is such a file: nobody knows whether that is durable.
    write_new(disk, &path, &[bytes])?;
    disk.sync_dir(&dir)?;
    Ok(path)
}

/// Moves a whole segment here, whose bytes could not be read or saved.
pub(super) fn set_aside(disk: &dyn Disk, dir: &Path, segment: &Path) -> io::Result<()> {
    let folder = dir.join(FOLDER);
    disk.make_dir(&folder)?;
    let name = segment.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    let path = folder.join(format!("{stem}-whole.bad"));
    match disk.rename(segment, &path) {
        // An earlier try moved it and could not make that durable.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        moved => {
            moved?;
            tracing::warn!(path = %path.display(), "a segment of the event log was set aside");
        }
    }
    disk.sync_dir(&folder)
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
