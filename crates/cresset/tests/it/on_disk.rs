//! What a server leaves on the disk, read behind its back.

use anyhow::{Result, ensure};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// All files below a folder; what is removed meanwhile is passed over.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// The event files of a repo.
pub(crate) fn event_files(data: &Path, repo: &str) -> Result<Vec<PathBuf>> {
    let mut found = files(&data.join("events").join(repo))?;
    found.retain(|path| path.extension().is_some_and(|end| end == "parquet"));
    Ok(found)
}

/// Waits until a repo has an event file.
pub(crate) async fn flushed(data: &Path, repo: &str) -> Result<PathBuf> {
    let started = Instant::now();
    loop {
        if let Some(file) = event_files(data, repo)?.pop() {
            return Ok(file);
        }
        ensure!(started.elapsed().as_secs() < 30, "nothing was flushed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The files below a folder that hold these bytes.
pub(crate) fn holders(folder: &Path, text: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in files(folder)? {
        let bytes = match std::fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            bytes => bytes?,
        };
        if bytes.windows(text.len()).any(|w| w == text.as_bytes()) {
            found.push(path);
        }
    }
    Ok(found)
}
