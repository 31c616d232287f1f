//! Where an export goes: standard output, or a file that is there once it is complete.

use anyhow::Context;
use std::io::{BufWriter, IntoInnerError, IsTerminal, Result, Stdout, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Where rows are written.
pub(in crate::cmd::search) enum Target {
    /// A terminal, which must not obey what events say.
    Terminal(Stdout),
    /// A pipe, or a file that the shell opened.
    Stdout(BufWriter<Stdout>),
    /// A file of ours beside the one to come.
    File(BufWriter<NamedTempFile>, PathBuf),
}

impl Target {
    /// Opens it. The file is made in the same folder, so that it can take its name at once.
    pub(in crate::cmd::search) fn new(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else {
            let stdout = std::io::stdout();
            return Ok(if stdout.is_terminal() {
                Self::Terminal(stdout)
            } else {
                Self::Stdout(BufWriter::new(stdout))
            });
        };
        let name = file.file_name().map(|name| name.to_string_lossy());
        let name = name.with_context(|| format!("{} names no file", file.display()))?;
        let mut builder = tempfile::Builder::new();
        let prefix = format!(".{name}.");
        builder.prefix(&prefix).suffix(".partial");
        // As any other program's file, which the umask narrows.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let made = builder.tempfile_in(folder(file));
        let made = made.with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self::File(BufWriter::new(made), file.to_owned()))
    }

    /// Writes text that is known to hold nothing but colours.
    pub(in crate::cmd::search) fn draw(&mut self, text: &str) -> Result<()> {
        match self {
            Self::Terminal(out) => out.write_all(text.as_bytes()),
            other => other.write_all(text.as_bytes()),
        }
    }

    /// Writes what is left. A file takes its name, over one that was there.
    pub(in crate::cmd::search) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Terminal(mut out) => out.flush()?,
            Self::Stdout(mut out) => out.flush()?,
            Self::File(out, path) => {
                let told = || format!("cannot write {}", path.display());
                let file = out.into_inner().map_err(IntoInnerError::into_error);
                let file = file.with_context(told)?;
                file.as_file().sync_all().with_context(told)?;
                file.persist(&path)
                    .map_err(|e| e.error)
                    .with_context(told)?;
            }
        }
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Terminal(out) => {
                let inert: Vec<u8> = bytes.iter().copied().map(inert).collect();
                out.write(&inert)
            }
            Self::Stdout(out) => out.write(bytes),
            Self::File(out, _) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Terminal(out) => out.flush(),
            Self::Stdout(out) => out.flush(),
            Self::File(out, _) => out.flush(),
        }
    }
}

/// A byte that no terminal obeys. Those that it does are of texts that NDJSON has escaped
/// already, so this is for CSV.
const fn inert(byte: u8) -> u8 {
    match byte {
        b'\n' | b'\r' | b'\t' => byte,
        0..0x20 | 0x7f => b'?',
        _ => byte,
    }
}

/// The folder of a file.
pub(super) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Whether an error says that nobody reads any more (`| head`), which is no failure.
pub(in crate::cmd::search) fn nobody_reads(error: &anyhow::Error) -> bool {
    let causes = || error.chain();
    causes().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
