//! Every query of a corpus on both engines, which must find the same rows, and on DuckDB as a
//! second opinion.

mod engines;
mod queries;
mod taxonomy;

use super::duckdb::AgainstArgs;
use super::home::Home;
use crate::cmd::ingest::expand;
use anyhow::{Context, bail};
use clap::Args;
use cresset_model::event::LoggedEvent;
use engines::Rows;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use queries::{Queries, Query, ROW};
use serde_json::{Map, Value};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events that are sent at a time.
const BATCH: usize = 2_000;

#[derive(Debug, Args)]
pub(super) struct CorpusArgs {
    /// Windows events as JSON, one a line, .gz or .zst too.
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// Queries as {"title": …, "query": …}, one a line, .gz or .zst too.
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// Only so many of the queries, evenly spread.
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    #[command(flatten)]
    against: AgainstArgs,
}

/// What one query found.
struct Outcome {
    rows: Rows,
    by_rows: Duration,
    by_columns: Duration,
    difference: Option<String>,
}

pub(super) async fn run(args: CorpusArgs) -> anyhow::Result<ExitCode> {
    let python = args.against.python()?;
    let queries = Queries::read(&args.queries, args.sample)?;
    let home = Home::new().await?;
    let events: Arc<[LoggedEvent]> = load(&home, &args.events).await?.into();
    let total = queries.good.len() + queries.malformed.len();
    println!(
        "{} events, {total} queries, of which {} are malformed",
        events.len(),
        queries.malformed.len()
    );
    for told in &queries.malformed {
        println!("  malformed: {told}");
    }
    let queries: Arc<[Query]> = queries.good.into();
    let outcomes = compare(&home, &queries, &events).await?;
    let mut wrong: Vec<(usize, String)> = Vec::new();
    for (n, outcome) in outcomes.iter().enumerate() {
        wrong.extend(outcome.difference.clone().map(|difference| (n, difference)));
    }
    if let Some(python) = python {
        let (begin, bar) = (Instant::now(), bar(queries.len(), "DuckDB"));
        engines::by_sql(&python, &home, &queries, |n, answer| {
            bar.inc(1);
            let expected = outcomes.get(n).map_or(&[][..], |o| &o.rows).to_vec();
            match answer {
                Ok(rows) => wrong
                    .extend(engines::difference("DuckDB", &rows, &expected).map(|told| (n, told))),
                Err(reason) => wrong.push((n, format!("DuckDB has no answer: {reason}"))),
            }
        })?;
        bar.finish_and_clear();
        println!("DuckDB       {:>8.1} s", begin.elapsed().as_secs_f64());
    }
    Ok(report(&queries, &outcomes, &wrong))
}

/// Sends the events of a file, each with its number and further names of its fields.
async fn load(home: &Home, file: &Path) -> anyhow::Result<Vec<LoggedEvent>> {
    let input =
        std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let spinner = ProgressBar::new_spinner();
    let (mut events, mut batch) = (Vec::new(), Vec::new());
    let mut lines = expand(file, input)?.lines();
    for row in 1_i64.. {
        let line = lines.next().transpose()?;
        if let Some(line) = &line {
            let mut event: Map<String, Value> = serde_json::from_str(line)
                .with_context(|| format!("{}, line {row}", file.display()))?;
            taxonomy::add(&mut event);
            event.insert(ROW.to_owned(), row.into());
            serde_json::to_writer(&mut batch, &event)?;
            batch.push(b'\n');
        }
        if !batch.is_empty() && (line.is_none() || (row as usize).is_multiple_of(BATCH)) {
            events.extend(home.take(std::mem::take(&mut batch)).await?);
            spinner.set_message(format!("{} events", events.len()));
            spinner.tick();
        }
        if line.is_none() {
            // The numbers are the places.
            if events.len() as i64 != row - 1 {
                bail!("of {} events {} are stored", row - 1, events.len());
            }
            break;
        }
    }
    home.flush().await?;
    spinner.finish_and_clear();
    Ok(events)
}

/// Runs all queries on both engines, as many at a time as there are processors.
async fn compare(
    home: &Home,
    queries: &Arc<[Query]>,
    events: &Arc<[LoggedEvent]>,
) -> anyhow::Result<Vec<Outcome>> {
    let bar = bar(queries.len(), "rows and columns");
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let runs = (0..queries.len()).map(async |n| {
        let outcome = one(home, Arc::clone(queries), n, Arc::clone(events)).await;
        bar.inc(1);
        outcome.with_context(|| queries[n].title.clone())
    });
    let outcomes: Vec<_> = futures::stream::iter(runs)
        .buffered(at_once)
        .collect()
        .await;
    bar.finish_and_clear();
    outcomes.into_iter().collect()
}

async fn one(
    home: &Home,
    queries: Arc<[Query]>,
    n: usize,
    events: Arc<[LoggedEvent]>,
) -> anyhow::Result<Outcome> {
    let (query, seen) = (&queries[n], Arc::clone(&events));
    let numbers = query.numbers.clone();
    let begin = Instant::now();
    let rows = tokio::task::spawn_blocking(move || engines::by_rows(&numbers, &seen)).await?;
    let (by_rows, begin) = (begin.elapsed(), Instant::now());
    let (rows, difference) = engines::both(home, query, rows, &events).await?;
    Ok(Outcome {
        rows,
        by_rows,
        by_columns: begin.elapsed(),
        difference,
    })
}

fn bar(len: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(len as u64).with_message(what);
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} queries, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Tells what came out; the code of the process says whether all agree.
fn report(queries: &[Query], outcomes: &[Outcome], wrong: &[(usize, String)]) -> ExitCode {
    let seconds = |of: fn(&Outcome) -> Duration| {
        let all: Duration = outcomes.iter().map(of).sum();
        all.as_secs_f64()
    };
    println!("row engine   {:>8.1} s", seconds(|o| o.by_rows));
    println!("columns      {:>8.1} s", seconds(|o| o.by_columns));
    let finding = outcomes.iter().filter(|o| !o.rows.is_empty()).count();
    let rows: usize = outcomes.iter().map(|o| o.rows.len()).sum();
    println!("{finding} queries find events, {rows} rows in all");
    for (n, told) in wrong {
        println!("{}: {told}\n  {}", queries[*n].title, queries[*n].text);
    }
    println!("{} disagreements", wrong.len());
    if wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
