//! A disk that is soon full.

use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own, in memory. Dropping it takes it away with all that is on it.
#[derive(Debug)]
pub struct SmallDisk {
    root: PathBuf,
}

impl SmallDisk {
    /// A disk of so many megabytes at `root`, an empty folder; `None` where tests may not
    /// mount anything.
    pub fn mount(root: &Path, megabytes: usize) -> Result<Option<Self>> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={megabytes}m"))
            .arg("cresset-test")
            .arg(root)
            .output();
        match mounted {
            Ok(done) if done.status.success() => Ok(Some(Self {
                root: root.to_owned(),
            })),
            _ => {
                println!("skipped: no file system may be mounted here, which takes root");
                Ok(None)
            }
        }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn ballast(&self) -> PathBuf {
        self.root.join("ballast")
    }

    /// Fills it but for so many bytes.
    pub fn fill(&self, left: u64) -> Result<()> {
        let mut file = File::create(self.ballast())?;
        let zeros = vec![0; 4 << 10];
        let mut len = 0;
        loop {
            match file.write(&zeros) {
                Ok(written) => len += written as u64,
                Err(e) if e.kind() == ErrorKind::StorageFull => break,
                Err(e) => return Err(e).context("the disk could not be filled"),
            }
        }
        ensure!(len >= left, "there were only {len} bytes to fill");
        file.set_len(len - left).context("no bytes could be left")
    }

    /// Frees what [`Self::fill`] took.
    pub fn free(&self) -> Result<()> {
        fs::remove_file(self.ballast()).context("nothing was filled")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that was killed may not have let go of it yet.
        let _ = Command::new("umount").arg("-l").arg(&self.root).status();
    }
}
