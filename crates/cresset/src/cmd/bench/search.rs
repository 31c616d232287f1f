//! What searches cost, over HTTP, in CPU time of the server.
//!
//! The searches are those that performance.md compares stores of logs by. Each is run once to
//! warm up, then again and again; the CPU time of all runs is divided by their number, since
//! the system counts it in hundredths of a second. The baseline that anybody can run beside it is
//! DuckDB on the server's own event files.

use super::child::BenchServer;
use super::duckdb::{AgainstArgs, Python};
use super::{ingest, merged};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A search, and the same in SQL.
struct Search {
    name: &'static str,
    query: &'static str,
    sql: &'static str,
}

const SEARCHES: [Search; 9] = [
    Search {
        name: "count by channel per hour",
        query: "| timechart count() by Channel every 1 hour",
        sql: "select log_ts // 3600000000, Channel, count(*) from events \
              where Channel is not null group by all",
    },
    Search {
        name: "substring of the message",
        query: "msg=*powershell* | chart count()",
        sql: "select count(*) from events where contains(lower(msg), 'powershell')",
    },
    Search {
        name: "word of the message",
        query: "powershell | chart count()",
        sql: r"select count(*) from events where contains(lower(msg), 'powershell')
              and regexp_matches(lower(msg), '(^|[^\pL\pN_])powershell($|[^\pL\pN_])')",
    },
    Search {
        name: "exact number",
        query: "EventID=4688 | chart count()",
        sql: "select count(*) from events where EventID = 4688",
    },
    Search {
        name: "end of a field",
        query: r#"Image="*\powershell.exe" | chart count()"#,
        sql: r"select count(*) from events where suffix(lower(Image), '\powershell.exe')",
    },
    Search {
        name: "top 10 of a field",
        query: "| chart count() as c by Image order by c desc limit 10",
        sql: "select Image, count(*) from events where Image is not null group by Image \
              order by 2 desc limit 10",
    },
    Search {
        name: "pieces of a field",
        query: "CommandLine=*powershell*-enc* | chart count()",
        sql: "select count(*) from events where lower(CommandLine) like '%powershell%-enc%'",
    },
    Search {
        name: "last 100 of a host",
        query: "Hostname=\"WORKSTATION5*\"",
        sql: "select * from events where prefix(lower(Hostname), 'workstation5') \
              order by log_ts desc limit 100",
    },
    Search {
        name: "a needle",
        query: "CommandLine=*needle-in-the-haystack*",
        sql: "select * from events where contains(lower(CommandLine), 'needle-in-the-haystack')",
    },
];

const BASELINE: &str = include_str!("../../../../../benches/duckdb_search.py");

/// Longest time that one search is repeated for.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// NDJSON or log files, .gz or .zst too; without any, bundled samples.
    #[arg(long, num_args = 1..)]
    events: Vec<PathBuf>,
    /// Events to send; the files are repeated.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// How often each search is run, if it does not take long.
    #[arg(long, default_value_t = 50)]
    repeats: u32,
    #[command(flatten)]
    against: AgainstArgs,
}

pub(super) async fn run(args: SearchArgs) -> anyhow::Result<ExitCode> {
    let python = args.against.python()?;
    let server = BenchServer::start(&[]).await?;
    for source in ingest::sources(&args.events)? {
        let sent = ingest::send(&server, &source, args.count, 2).await?;
        eprintln!("{sent} events of {} are in", source.name);
    }
    ingest::settle(&server).await?;
    merged::wait(&server).await?;
    println!(
        "{:<28} {:>7} {:>9} {:>9} {:>10}",
        "search", "runs", "cpu ms", "wall ms", "found"
    );
    let mut ours = Vec::new();
    for Search { name, query, .. } in SEARCHES {
        let (_, total) = once(&server, query).await?;
        let (cpu, begin) = (server.cpu_seconds()?, Instant::now());
        let mut walls = Vec::new();
        while walls.is_empty() || walls.len() < args.repeats as usize && begin.elapsed() < PATIENCE
        {
            walls.push(once(&server, query).await?.0);
        }
        let runs = walls.len();
        let cpu = (server.cpu_seconds()? - cpu) / runs as f64 * 1e3;
        let (wall, _) = super::p50_p99(&mut walls);
        println!("{name:<28} {runs:>7} {cpu:>9.1} {wall:>9.1} {total:>10}");
        ours.push(cpu);
    }
    println!("cpu ms: of the server process, all threads, a run; wall ms: the median.");
    if let Some(python) = python {
        baseline(&python, &server, args.repeats, &ours)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The same searches by DuckDB on the files that the server wrote.
fn baseline(
    python: &Python,
    server: &BenchServer,
    repeats: u32,
    ours: &[f64],
) -> anyhow::Result<()> {
    let statements: Vec<&str> = SEARCHES.iter().map(|search| search.sql).collect();
    let file = server.path("statements.json");
    std::fs::write(&file, json!(statements).to_string())?;
    let mut child = python
        .run(BASELINE, &server.path("duckdb_search.py"))?
        .arg(server.path("events"))
        .arg(&file)
        .arg(repeats.to_string())
        .spawn()
        .context("cannot run Python")?;
    println!(
        "{:<28} {:>7} {:>9} {:>9} {:>10} {:>10}",
        "the same by DuckDB", "runs", "cpu ms", "wall ms", "found", "our share"
    );
    let output = child.stdout.take().context("the output is a pipe")?;
    let mut lines = BufReader::new(output).lines();
    for (search, ours) in SEARCHES.iter().zip(ours) {
        let line = lines.next().context("DuckDB has not run all searches")?;
        let answer: Value = serde_json::from_str(&line?)?;
        let number = |name: &str| answer.get(name).and_then(Value::as_f64);
        let name = search.name;
        let (Some(runs), Some(cpu), Some(wall)) =
            (number("runs"), number("cpu_ms"), number("wall_ms"))
        else {
            println!("{name:<28} {}", answer["error"]);
            continue;
        };
        let (found, share) = (answer["found"].to_string(), ours / cpu);
        println!("{name:<28} {runs:>7} {cpu:>9.1} {wall:>9.1} {found:>10} {share:>9.2}x");
    }
    println!("our share: CPU time of the server as a multiple of DuckDB's.");
    let last: Value = match lines.next() {
        Some(line) => serde_json::from_str(&line?)?,
        None => Value::Null,
    };
    let left_out = last.get("left_out").and_then(Value::as_array);
    let left_out: Vec<&str> = left_out
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !left_out.is_empty() {
        println!(
            "DuckDB reads all columns but these, which hold lists in some files and single values \
             in others: {}",
            left_out.join(", ")
        );
    }
    if !child.wait()?.success() {
        bail!("DuckDB has not run all searches");
    }
    Ok(())
}

/// Runs a query; gives its time in milliseconds and what it found: the count of a chart of
/// one row, otherwise the number of rows.
async fn once(server: &BenchServer, query: &str) -> anyhow::Result<(f64, u64)> {
    let begin = Instant::now();
    let start = json!({
        "query": query,
        "time_range": [0, 4_000_000_000_u64],
        "limit": 100,
        "repos": [],
        "timeout": 300,
        "client_name": "cresset bench",
    });
    let started = server.client.search_call(&start).await?;
    let id = started
        .get("search_id")
        .and_then(Value::as_str)
        .with_context(|| format!("the server gave no search id: {started}"))?;
    loop {
        let reply = server.client.search_call(&json!({"search_id": id})).await?;
        match reply.get("final") {
            Some(Value::Bool(true)) => {
                let millis = begin.elapsed().as_secs_f64() * 1e3;
                return Ok((millis, found(&reply)));
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            None => bail!("the server answers no search result: {reply}"),
        }
    }
}

fn found(reply: &Value) -> u64 {
    let rows = reply.get("rows").and_then(Value::as_array);
    let rows = rows.map_or(&[][..], Vec::as_slice);
    let counted = match rows {
        [row] => row.get("count()").and_then(Value::as_u64),
        _ => None,
    };
    counted.unwrap_or(rows.len() as u64)
}
