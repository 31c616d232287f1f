//! What a needle costs in 1, 10 and 100 times the data.
//!
//! The events of a file are laid over one hour, and again over the hours after it. Ten of the first
//! hour say what no others say. Everything is in files, as a server leaves it when it has nothing
//! to do; the searches run in this process, so the CPU time is theirs alone.

use super::child::cpu_seconds;
use super::home::Home;
use crate::cmd::ingest::expand;
use anyhow::{Context, bail};
use clap::Args;
use cresset_model::{Duration as Span, Timestamp};
use cresset_query::compile;
use indicatif::ProgressBar;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Map, Value};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Name and query; each finds the needles.
const SEARCHES: [(&str, &str); 4] = [
    (
        "substring of a field",
        "CommandLine=*needle-in-the-haystack*",
    ),
    ("value of a field", "NeedleName=\"needle in the haystack\""),
    ("word of the message", "needleinthehaystack"),
    ("substring of the message", "msg=*eedleinthehaystac*"),
];
/// Events that say what is sought.
const NEEDLES: usize = 10;
/// Events that are sent at a time.
const BATCH: usize = 2_000;
/// The first hour: 2026-01-01.
const START: Timestamp = Timestamp::from_secs(1_767_225_600);
/// Longest time that one search is repeated for, and most runs.
const PATIENCE: Duration = Duration::from_secs(3);
const RUNS: usize = 200;
/// How many times as much 100 times the data may cost.
const BOUND: f64 = 5.0;

#[derive(Debug, Args)]
pub(super) struct ScaleArgs {
    /// JSON events, one a line, .gz or .zst too.
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// Events of one hour; the file is repeated if it has fewer.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    base: usize,
    /// How many hours, in rising order.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_values_t = [1, 10, 100])]
    times: Vec<usize>,
}

pub(super) async fn run(args: ScaleArgs) -> anyhow::Result<ExitCode> {
    let counted = PrometheusBuilder::new().install_recorder()?;
    let hour = Hour::read(&args.events, args.base)?;
    let home = Home::new().await?;
    println!(
        "{:<26} {:>6} {:>10} {:>6} {:>9} {:>7} {:>9} {:>9} {:>7}",
        "search", "times", "events", "files", "MB", "opened", "cpu ms", "wall ms", "ratio"
    );
    let (mut hours, mut first, mut worst) = (0, Vec::new(), 0.0_f64);
    for times in args.times {
        while hours < times {
            hour.send(&home, hours).await?;
            hours += 1;
        }
        home.flush().await?;
        home.compact().await?;
        let (files, bytes) = home.files().await?;
        for (n, (name, query)) in SEARCHES.into_iter().enumerate() {
            let cost = Cost::of(&home, query, &counted).await?;
            if first.len() == n {
                first.push(cost.cpu);
            }
            let ratio = cost.cpu / first[n];
            worst = worst.max(ratio);
            println!(
                "{name:<26} {hours:>6} {:>10} {files:>6} {:>9.1} {:>7.1} {:>9.2} {:>9.2} {ratio:>6.1}x",
                hours * hour.events.len(),
                bytes as f64 / 1e6,
                cost.opened,
                cost.cpu,
                cost.wall,
            );
        }
    }
    println!(
        "opened: files that one search begins to read; ratio: CPU time beside the least data."
    );
    println!(
        "{hours} times the data costs at most {worst:.1} times as much (bound of 100 times: {BOUND})"
    );
    Ok(ExitCode::SUCCESS)
}

/// The events of one hour, the needles among them.
struct Hour {
    events: Vec<Map<String, Value>>,
}

impl Hour {
    fn read(file: &Path, count: usize) -> anyhow::Result<Self> {
        let input =
            std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        let mut events: Vec<Map<String, Value>> = Vec::new();
        for line in expand(file, input)?.lines().take(count) {
            let event = serde_json::from_str(&line?);
            events.push(event.with_context(|| format!("{} has no JSON events", file.display()))?);
        }
        if events.len() < NEEDLES {
            bail!("{} has fewer than {NEEDLES} events", file.display());
        }
        let known = events.len();
        for n in known..count {
            events.push(events[n % known].clone());
        }
        Ok(Self { events })
    }

    /// Sends the hour that begins so many hours after the first.
    async fn send(&self, home: &Home, hours: usize) -> anyhow::Result<()> {
        let bar = ProgressBar::new(self.events.len() as u64);
        let step = self.events.len() / NEEDLES;
        let begin = START + Span::hours(hours as i64);
        for (n, batch) in self.events.chunks(BATCH).enumerate() {
            let mut lines = Vec::new();
            for (place, event) in (n * BATCH..).zip(batch) {
                let share = Span(Span::hours(1).0 * place as i64 / self.events.len() as i64);
                let mut event = event.clone();
                event.insert("@timestamp".to_owned(), (begin + share).to_rfc3339().into());
                if hours == 0 && place % step == 0 && place / step < NEEDLES {
                    add_needle(&mut event);
                }
                serde_json::to_writer(&mut lines, &event)?;
                lines.push(b'\n');
            }
            home.take(lines).await?;
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }
}

fn add_needle(event: &mut Map<String, Value>) {
    let mut put = |name: &str, text: &str| event.insert(name.to_owned(), text.into());
    put("CommandLine", "cmd.exe /c echo needle-in-the-haystack");
    put("NeedleName", "Needle in the haystack");
    put(
        "msg",
        "somebody has lost a NeedleInTheHaystack, and looks for it",
    );
}

/// What one run of a search costs.
struct Cost {
    /// Milliseconds of CPU time.
    cpu: f64,
    /// Milliseconds, the median.
    wall: f64,
    /// Files.
    opened: f64,
}

impl Cost {
    async fn of(home: &Home, query: &str, counted: &PrometheusHandle) -> anyhow::Result<Self> {
        let mut walls = Vec::new();
        once(home, query).await?;
        let pid = std::process::id();
        let (cpu, opened, begin) = (cpu_seconds(pid)?, opened(counted), Instant::now());
        while walls.is_empty() || walls.len() < RUNS && begin.elapsed() < PATIENCE {
            walls.push(once(home, query).await?);
        }
        let runs = walls.len() as f64;
        Ok(Self {
            cpu: (cpu_seconds(pid)? - cpu) / runs * 1e3,
            opened: (self::opened(counted) - opened) / runs,
            wall: super::p50_p99(&mut walls).0,
        })
    }
}

/// Runs a query, which must find the needles; gives the milliseconds that it takes.
async fn once(home: &Home, query: &str) -> anyhow::Result<f64> {
    let plan = match compile(query) {
        Ok(plan) => plan,
        Err(found) => bail!("{query}: {found:?}"),
    };
    let begin = Instant::now();
    let rows = home.search(plan, 100).await?.rows.len();
    if rows != NEEDLES {
        bail!("{query} finds {rows} of {NEEDLES} needles");
    }
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

/// Files that searches have begun to read.
fn opened(counted: &PrometheusHandle) -> f64 {
    let text = counted.render();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("cresset_search_files_opened_total "));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or(0.0)
}
