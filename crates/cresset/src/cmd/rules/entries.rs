//! The files of a folder that holds one thing each, named like it.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// A file.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    /// The path for people.
    pub(super) shown: String,
    /// The name with its ending.
    pub(super) name: String,
    /// The name without it.
    pub(super) stem: String,
}

/// The files of a folder in order; none if there is no such folder. Hidden files and read-me
/// files are not meant for a server.
pub(super) fn entries(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let context = || format!("cannot read {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        paths.push(entry.with_context(context)?.path());
    }
    paths.sort();
    let meant = paths.into_iter().filter_map(|path: PathBuf| {
        let name = path.file_name()?.to_str().unwrap_or_default().to_owned();
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
        if stem.is_empty() || ending.eq_ignore_ascii_case("md") {
            return None;
        }
        let (stem, shown) = (stem.to_owned(), path.display().to_string());
        Some(Entry {
            path,
            shown,
            name,
            stem,
        })
    });
    Ok(meant.collect())
}
