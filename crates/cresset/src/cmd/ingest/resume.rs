//! How far a transfer has come, kept beside other state of the user.

use super::lines::Chunk;
use anyhow::Context;
use ring::digest::{SHA256, digest};
use std::io::Read;
use std::path::{Path, PathBuf};

/// How far one file has come on its way to one repo of one server.
pub(super) struct Progress {
    /// Lines that the server has acknowledged.
    pub(super) lines_done: u64,
    identity: String,
    state_file: Option<PathBuf>,
}

impl Progress {
    /// Loads what is known of `file`; standard input always starts at its beginning.
    pub(super) fn load(file: &Path, url: &str, repo: &str, restart: bool) -> anyhow::Result<Self> {
        if file.as_os_str() == "-" {
            let identity = hex(format!("stdin {}", std::process::id()).as_bytes());
            return Ok(Self {
                lines_done: 0,
                identity,
                state_file: None,
            });
        }
        let full = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let mut head = Vec::new();
        let opened = std::fs::File::open(file);
        let mut reader = opened
            .with_context(|| format!("cannot open {}", file.display()))?
            .take(4096);
        std::io::copy(&mut reader, &mut head)?;
        // A rotated file has another beginning, so it does not inherit its predecessor's place.
        let described = format!("{url}\n{repo}\n{}\n{}", full.display(), hex(&head));
        let identity = hex(described.as_bytes());
        let state_file = state_dir().map(|d| d.join(format!("{identity}.lines")));
        let lines_done = match &state_file {
            Some(path) if !restart => std::fs::read_to_string(path)
                .ok()
                .and_then(|t| t.trim().parse().ok())
                .unwrap_or(0),
            _ => 0,
        };
        // A deliberate second transfer must not be folded into the first.
        let identity = if restart {
            hex(format!("{identity} {}", std::process::id()).as_bytes())
        } else {
            identity
        };
        Ok(Self {
            lines_done,
            identity,
            state_file,
        })
    }

    /// The idempotency key of a chunk: the same for the same lines of the same file.
    pub(super) fn key(&self, chunk: &Chunk) -> String {
        let described = format!(
            "{} {} {}",
            self.identity,
            chunk.first_line,
            hex(&chunk.body)
        );
        hex(described.as_bytes())
    }

    /// Remembers that `lines` lines are stored.
    pub(super) fn advance(&mut self, lines: u64) -> anyhow::Result<()> {
        self.lines_done = lines;
        if let Some(path) = &self.state_file {
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir)?;
            }
            let temporary = path.with_extension("tmp");
            std::fs::write(&temporary, lines.to_string())?;
            std::fs::rename(&temporary, path)?;
        }
        Ok(())
    }
}

fn state_dir() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let base =
        base.or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/state")))?;
    Some(base.join("cresset").join("ingest"))
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .take(16)
        .fold(String::new(), |mut text, b| {
            text.push_str(&format!("{b:02x}"));
            text
        })
}
