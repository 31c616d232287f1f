//! Other people's clients, unmodified, against a real server.
//!
//! `./dev test` installs them into target/venv; nothing of them is in this repository.

use anyhow::{Context, Result};
pub(crate) use cresset_testkit::installed;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a client printed, and whether it was content.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Everything that it printed.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// A script of ours that drives a client.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/conformance")
        .join(name)
}

/// Runs a client whose home is `home`, in it, and with nothing of the caller's environment.
pub(crate) async fn run(program: &Path, home: &Path, args: &[&str]) -> Result<Said> {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("PYTHONUTF8", "1")
        .current_dir(home);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await?
        .with_context(|| format!("cannot run {}", program.display()))?;
    Ok(Said {
        success: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
