//! Where files are, and how they get there so that a crash leaves a whole file or none.

use crate::folders::Folders;
use crate::{Error, Result};
use cresset_model::{ObjectId, Timestamp};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

/// End of the name of an event file.
const EVENT_FILE: &str = ".parquet";
/// End of the name of a file that is being written.
const UNFINISHED: &str = ".parquet.tmp";
/// Where unregistered files go that may be somebody's only copy. No repo has
/// such a name, because theirs never start with a dot.
pub(crate) const SET_ASIDE: &str = ".unregistered";

/// Folder, relative to the root, for events of `repo` around `day`.
pub(crate) fn folder(repo: &str, day: Timestamp) -> String {
    let date = jiff::Timestamp::from_microsecond(day.0)
        .map(|t| t.to_zoned(jiff::tz::TimeZone::UTC).date())
        .ok()
        .filter(|date| date.year() >= 1);
    // Moments that no calendar names share one folder.
    let (year, month, day) = date.map_or((0, 0, 0), |date| (date.year(), date.month(), date.day()));
    format!("{}/{year:04}/{month:02}/{day:02}", folder_name(repo))
}

/// `repo` as a folder: itself if it is a valid name, escaped otherwise.
fn folder_name(repo: &str) -> String {
    let mut name = String::with_capacity(repo.len());
    for byte in repo.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            name.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    if name.is_empty() {
        "%".to_owned()
    } else {
        name
    }
}

/// The file of that id, relative to the root.
pub(crate) fn file(folder: &str, id: ObjectId) -> String {
    format!("{folder}/{id}{EVENT_FILE}")
}

/// The path of a registered file; refuses one that leads out of the root.
pub(crate) fn resolve(root: &Path, relative: &str) -> Result<PathBuf> {
    let path = root.join(relative);
    if Path::new(relative)
        .components()
        .all(|c| matches!(c, Component::Normal(_)))
    {
        Ok(path)
    } else {
        Err(Error::Damaged {
            path,
            reason: "its path leads out of the event store".to_owned(),
        })
    }
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

/// Writes the file `relative` through `fill` under another name, puts it on stable
/// storage, and gives it its name. Returns its size in bytes.
pub(crate) fn write_durably(
    folders: &Folders,
    relative: &str,
    fill: impl FnOnce(File, &Path) -> Result<File>,
) -> Result<u64> {
    let root = folders.root();
    let path = resolve(root, relative)?;
    let folder = path.parent().unwrap_or(root);
    folders.create(folder)?;
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

pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(io_error(folder))
}

/// What a walk through the root found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Event files, relative to the root.
    pub(crate) files: Vec<String>,
    /// Files that were being written when the process died.
    pub(crate) unfinished: Vec<PathBuf>,
}

/// All files of ours below `root`. Other files are left alone, and so is what
/// was set aside.
pub(crate) fn walk(root: &Path) -> Result<Found> {
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

fn is_ours(name: &str, end: &str) -> bool {
    name.strip_suffix(end)
        .is_some_and(|id| id.parse::<ObjectId>().is_ok())
}

/// Moves an unregistered file to where no start removes it.
pub(crate) fn set_aside(folders: &Folders, relative: &str) -> Result<()> {
    let from = resolve(folders.root(), relative)?;
    let folder = folders.root().join(SET_ASIDE);
    folders.create(&folder)?;
    let to = folder.join(relative.replace('/', "~"));
    fs::rename(&from, &to).map_err(io_error(&from))
}

/// Removes a file; one that is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error(path)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_by_repo_and_day() {
        let check = |repo: &str, day: Timestamp, expect: &str| {
            assert_eq!(folder(repo, day), expect);
        };
        check("default", Timestamp(0), "default/1970/01/01");
        check("default", Timestamp(-1), "default/1969/12/31");
        check(
            "a-b_1",
            Timestamp::from_secs(-62_135_596_800),
            "a-b_1/0001/01/01",
        );
        check(
            "x",
            Timestamp::from_secs(253_402_207_200 - 1),
            "x/9999/12/30",
        );
        check("x", Timestamp::MAX, "x/0000/00/00");
        check("x", Timestamp::MIN, "x/0000/00/00");
        check("../etc", Timestamp(0), "%2e%2e%2fetc/1970/01/01");
        check("", Timestamp(0), "%/1970/01/01");
    }

    #[test]
    fn paths_stay_below_the_root() {
        let root = Path::new("root");
        assert!(resolve(root, "default/1970/01/01/x.parquet").is_ok());
        for bad in ["../x", "/etc/passwd", "a/../../x", "./x"] {
            assert!(resolve(root, bad).is_err(), "{bad}");
        }
    }
}
