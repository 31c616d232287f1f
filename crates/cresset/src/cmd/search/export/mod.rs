//! Rows as files. NDJSON is written as rows come. CSV and Parquet have to know every column
//! before the first row, so rows wait in a temporary file, never in memory.

mod csv;
mod file;
mod ndjson;
mod parquet;
mod spool;

use super::Row;
use super::args::Format;
use anyhow::bail;
pub(super) use file::{Target, nobody_reads};
use spool::Spool;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Rows on their way into one of the forms for programs.
pub(super) enum Export {
    /// Written as they come.
    Ndjson(Target),
    /// Written at the end.
    Spooled(Target, Spool, Format),
}

impl Export {
    /// To the file, or to standard output.
    pub(super) fn new(format: Format, file: Option<&Path>) -> anyhow::Result<Self> {
        if format == Format::Parquet && file.is_none() && std::io::stdout().is_terminal() {
            bail!("Parquet is no text for a terminal; name a file with --output, or use a pipe");
        }
        let target = Target::new(file)?;
        Ok(match format {
            Format::Ndjson => Self::Ndjson(target),
            other => {
                let spool = Spool::new(file)?;
                Self::Spooled(target, spool, other)
            }
        })
    }

    /// Takes rows.
    pub(super) fn rows(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        match self {
            Self::Ndjson(target) => {
                for row in rows {
                    writeln!(target, "{}", ndjson::line(row)?)?;
                }
                // Whoever reads a pipe sees them now.
                target.flush()?;
                Ok(())
            }
            Self::Spooled(_, spool, _) => spool.rows(rows),
        }
    }

    /// Writes what waits and makes the file appear. `order` names the columns that come first.
    pub(super) fn finish(self, order: &[String]) -> anyhow::Result<()> {
        match self {
            Self::Ndjson(target) => target.finish(),
            Self::Spooled(mut target, spool, format) => {
                let (columns, rows) = spool.read(order)?;
                match format {
                    Format::Parquet => parquet::write(&mut target, &columns, rows)?,
                    _ => csv::write(&mut target, &columns, rows)?,
                }
                target.finish()
            }
        }
    }
}
