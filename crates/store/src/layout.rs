//! What files are called, below the root of any storage.

use crate::{Error, Result};
use cresset_model::{ObjectId, Timestamp};
use std::fmt::Write as _;
use std::io;
use std::path::{Component, Path, PathBuf};

/// End of the name of an event file.
pub(crate) const EVENT_FILE: &str = ".parquet";
/// End of the name of a file that is being written.
pub(crate) const UNFINISHED: &str = ".parquet.tmp";
/// Where unregistered files go that may be somebody's only copy. No repo has
/// such a name, because theirs never start with a dot.
pub(crate) const SET_ASIDE: &str = ".unregistered";
/// Where what is left of damaged files goes.
pub(crate) const QUARANTINE: &str = ".quarantine";

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

/// Whether a file of that name is one of ours.
pub(crate) fn is_ours(name: &str, end: &str) -> bool {
    name.strip_suffix(end)
        .is_some_and(|id| id.parse::<ObjectId>().is_ok())
}

/// The path of a file that was moved to [`SET_ASIDE`] or to [`QUARANTINE`].
pub(crate) fn aside(folder: &str, relative: &str) -> String {
    format!("{folder}/{}", relative.replace('/', "~"))
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
