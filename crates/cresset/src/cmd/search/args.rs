//! What `cresset search` is told.

use crate::cli::Remote;
use anyhow::bail;
use clap::{Args, ValueEnum};
use cresset_model::Timestamp;
use std::path::PathBuf;

/// In what form rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// One JSON object per line, with the types that the fields have.
    #[value(alias = "json", alias = "jsonl")]
    Ndjson,
    /// Columns for DuckDB, pyarrow, Spark and others.
    Parquet,
}

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// The query.
    pub(crate) query: String,
    /// How far back, such as 10m, 1h, 7d.
    #[arg(long, default_value = "1h", value_parser = crate::cli::ttl)]
    pub(crate) last: cresset_model::Duration,
    /// Start of the time range instead, such as 2026-01-31T08:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "last")]
    pub(crate) from: Option<Timestamp>,
    /// End of the time range; without it, now.
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "from")]
    pub(crate) to: Option<Timestamp>,
    /// Repo; may be repeated; without it all.
    #[arg(long = "repo")]
    pub(crate) repos: Vec<String>,
    /// Most rows of a search without aggregation, newest first.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
    /// Every row of a search without aggregation, however many there are.
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
    /// Show how the query is read and searched, and what is passed over, instead of rows.
    #[arg(long, conflicts_with_all = ["csv", "table", "format", "output", "plot"])]
    pub(crate) explain: bool,
    /// How to write rows; without it as FILE ends, else a table.
    #[arg(long, value_enum, group = "form")]
    pub(crate) format: Option<Format>,
    /// The same as --format ndjson.
    #[arg(long, group = "form")]
    pub(crate) json: bool,
    /// The same as --format csv.
    #[arg(long, group = "form")]
    pub(crate) csv: bool,
    /// The same as --format table.
    #[arg(long, group = "form")]
    pub(crate) table: bool,
    /// File to write to, which is there when it is complete; an old one is replaced.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Draw charts as bars, also where standard output is no terminal.
    #[arg(long, conflicts_with = "no_plot")]
    pub(crate) plot: bool,
    /// Never draw bars.
    #[arg(long)]
    pub(crate) no_plot: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

impl SearchArgs {
    /// The first and the last second of the time range.
    pub(super) fn range(&self, now: Timestamp) -> (i64, i64) {
        let to = self.to.map_or(now.secs() + 1, Timestamp::secs);
        let last = self.last.0 / 1_000_000;
        let from = self.from.map_or(now.secs() - last, Timestamp::secs);
        (from, to)
    }

    /// The form that the options ask for, or the name of the file.
    pub(super) fn form(&self) -> anyhow::Result<Format> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        let (Some(file), false) = (&self.output, self.json || self.csv || self.table) else {
            return Ok(match (self.json, self.csv) {
                (true, _) => Format::Ndjson,
                (_, true) => Format::Csv,
                _ => Format::Table,
            });
        };
        let end = file.extension().map(|end| end.to_string_lossy());
        match end.as_deref() {
            Some("csv") => Ok(Format::Csv),
            Some("ndjson" | "jsonl" | "json") => Ok(Format::Ndjson),
            Some("parquet") => Ok(Format::Parquet),
            Some("txt") => Ok(Format::Table),
            _ => bail!(
                "say with --format what {} is to hold: table, csv, ndjson or parquet",
                file.display()
            ),
        }
    }
}

/// A moment as RFC 3339 has it, or a date alone for its first second in UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    let of = |at: jiff::Timestamp| Timestamp(at.as_microsecond());
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(of(at));
    }
    let date = jiff::civil::Date::strptime("%Y-%m-%d", text).ok();
    let start = date.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    start.map(|zoned| of(zoned.timestamp())).ok_or_else(|| {
        "a time such as 2026-01-31T08:00:00Z or a date such as 2026-01-31 is expected".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let check = |text: &str, seconds: Option<i64>| {
            let at = moment(text).ok().map(|at| at.0);
            assert_eq!(at, seconds.map(|s| s * 1_000_000), "{text}");
        };
        check("1970-01-02", Some(86_400));
        check("1970-01-01T01:00:00Z", Some(3_600));
        check("1970-01-01T01:00:00+01:00", Some(0));
        check("1970-01-01 00:00:05Z", Some(5));
        check("yesterday", None);
        check("1970-01-01T01:00:00", None);
    }
}
