//! `cresset search`: runs a query on a server and shows or exports the rows as they come.

mod args;
mod explain;
mod export;
mod plot;
mod progress;
mod remote;
mod shown;
mod table;
mod terminal;

use super::told::plain;
use crate::client::Client;
use anyhow::bail;
use args::Format;
pub(crate) use args::SearchArgs;
use export::{Export, Target, nobody_reads};
use progress::Progress;
use remote::{Remote, Summary, Update};
use std::io::Write;
use std::process::ExitCode;
use table::Table;
use terminal::Screen;

type Row = serde_json::Map<String, serde_json::Value>;

/// The code of a command that was interrupted, as shells have it.
const INTERRUPTED: u8 = 130;

pub(crate) async fn run(args: SearchArgs) -> anyhow::Result<ExitCode> {
    if args.explain {
        explain::run(&args).await?;
        return Ok(ExitCode::SUCCESS);
    }
    // Before anything runs.
    let mut output = Output::new(&args)?;
    let client = Client::new(&args.remote).await?;
    let mut progress = Progress::new();
    let (mut remote, notes) = Remote::begin(&client, &args).await?;
    for note in notes {
        eprintln!("note: {}", plain(&note));
    }
    let searched = tokio::select! {
        searched = search(&mut remote, &mut output, &mut progress) => Some(searched),
        _ = tokio::signal::ctrl_c() => None,
    };
    progress.end();
    remote.end().await;
    let Some(searched) = searched else {
        eprintln!("cancelled");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let finished = searched.and_then(|summary| {
        output.finish(&summary)?;
        Ok(summary)
    });
    match finished {
        Ok(summary) => told(&args, &summary)?,
        Err(error) if nobody_reads(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

async fn search(
    remote: &mut Remote<'_>,
    output: &mut Output,
    progress: &mut Progress,
) -> anyhow::Result<Summary> {
    loop {
        match remote.next().await? {
            Update::More(counts, rows) => {
                progress.update(counts, remote.pages());
                progress.beside(|| output.rows(rows))?;
            }
            Update::End(summary) => return Ok(summary),
        }
    }
}

/// What is said after the rows; a code that a script notices if they are not all that was
/// asked for.
fn told(args: &SearchArgs, summary: &Summary) -> anyhow::Result<()> {
    if let Some(file) = &args.output {
        let rows = shown::grouped(summary.rows);
        eprintln!("{rows} rows written to {}", file.display());
    }
    if summary.query_type == "simple" && summary.rows < summary.total {
        let (rows, total) = (shown::grouped(summary.rows), shown::grouped(summary.total));
        eprintln!("{rows} of {total} rows, the newest; --limit shows more, --all every one");
    }
    if !summary.warnings.is_empty() {
        bail!("{}", plain(&summary.warnings.join("; ")));
    }
    Ok(())
}

/// Where rows go.
enum Output {
    /// A table that grows; charts wait for the end, since only then their columns are known.
    Table {
        table: Table,
        target: Target,
        screen: Screen,
        plots: bool,
        /// Rows of what may be a chart.
        waiting: Vec<Row>,
        events: bool,
    },
    Export(Export),
}

impl Output {
    fn new(args: &SearchArgs) -> anyhow::Result<Self> {
        let format = args.form()?;
        let file = args.output.as_deref();
        if format != Format::Table {
            return Ok(Self::Export(Export::new(format, file)?));
        }
        let screen = match file {
            None => Screen::of_stdout(),
            Some(_) => Screen::NONE,
        };
        let plan = cresset_query::compile(&args.query);
        Ok(Self::Table {
            table: Table::new(screen),
            target: Target::new(file)?,
            screen,
            plots: args.plot || screen.width.is_some() && !args.no_plot,
            waiting: Vec::new(),
            events: plan.is_ok_and(|plan| plan.rows_are_events()),
        })
    }

    fn rows(&mut self, rows: Vec<Row>) -> anyhow::Result<()> {
        match self {
            Self::Export(export) => export.rows(&rows),
            Self::Table {
                table,
                target,
                waiting,
                events,
                ..
            } => {
                if *events {
                    table.rows(target, &[], &rows)?;
                    target.flush()?;
                } else {
                    waiting.extend(rows);
                }
                Ok(())
            }
        }
    }

    fn finish(self, summary: &Summary) -> anyhow::Result<()> {
        let order: Vec<String> = [&summary.grouping[..], &summary.columns].concat();
        match self {
            Self::Export(export) => export.finish(&order),
            Self::Table {
                mut table,
                mut target,
                screen,
                plots,
                waiting,
                ..
            } => {
                let chart = plots && summary.query_type != "simple";
                let drawn = chart
                    .then(|| plot::plot(summary, &waiting, screen))
                    .flatten();
                match drawn {
                    Some(drawn) => target.draw(&drawn)?,
                    None => table.rows(&mut target, &order, &waiting)?,
                }
                if summary.rows == 0 {
                    writeln!(target, "no rows")?;
                }
                target.finish()?;
                if table.is_partial() {
                    eprintln!("(some fields of the events; --json shows all of them)");
                }
                Ok(())
            }
        }
    }
}
