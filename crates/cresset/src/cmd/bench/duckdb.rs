//! DuckDB, as a Python module: the second opinion that anybody can ask for.

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `./dev setup` puts it.
const VENV: &str = "target/venv/bin/python";

/// Another program that reads the same files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Against {
    /// DuckDB on the Parquet files of the event store.
    Duckdb,
}

#[derive(Debug, Args)]
pub(super) struct AgainstArgs {
    /// Compare with another program on the same event files.
    #[arg(long)]
    pub(super) against: Option<Against>,
    /// The Python that has the module duckdb; otherwise that of `./dev setup`, or python3.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
}

impl AgainstArgs {
    /// A Python with DuckDB, if the comparison is asked for.
    pub(super) fn python(&self) -> anyhow::Result<Option<Python>> {
        let Some(Against::Duckdb) = self.against else {
            return Ok(None);
        };
        let usual = [PathBuf::from(VENV), PathBuf::from("python3")];
        let asked = self
            .python
            .as_ref()
            .map_or(&usual[..], std::slice::from_ref);
        let works = |python: &&PathBuf| {
            let tried = Command::new(python)
                .args(["-c", "import duckdb"])
                .stderr(Stdio::null())
                .status();
            tried.is_ok_and(|status| status.success())
        };
        let Some(found) = asked.iter().find(works) else {
            bail!(
                "no Python with the module duckdb is found; `./dev setup` installs one, or run \
                 `pip install duckdb` and name that Python with --python"
            );
        };
        Ok(Some(Python(found.clone())))
    }
}

/// A Python that has DuckDB.
pub(super) struct Python(PathBuf);

impl Python {
    /// A run of `script`, which is written to `file`; its output is to be read.
    pub(super) fn run(&self, script: &str, file: &Path) -> anyhow::Result<Command> {
        std::fs::write(file, script).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = Command::new(&self.0);
        command.arg(file).stdout(Stdio::piped());
        Ok(command)
    }
}
