//! What searches cost, over HTTP, in CPU time of the server.
//!
//! The searches are those that performance.md compares stores of logs by. Each is run once to
//! warm up, then again and again; the CPU time of all runs is divided by their number, since
//! the system counts it in hundredths of a second.

use super::child::BenchServer;
use super::ingest;
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Name and query.
const SEARCHES: [(&str, &str); 9] = [
    (
        "count by channel per hour",
        "| timechart count() by Channel every 1 hour",
    ),
    (
        "substring of the message",
        "msg=*powershell* | chart count()",
    ),
    ("word of the message", "powershell | chart count()"),
    ("exact number", "EventID=4688 | chart count()"),
    (
        "end of a field",
        "Image=\"*\\\\powershell.exe\" | chart count()",
    ),
    (
        "top 10 of a field",
        "| chart count() as c by Image order by c desc limit 10",
    ),
    (
        "pieces of a field",
        "CommandLine=*powershell*-enc* | chart count()",
    ),
    ("last 100 of a host", "Hostname=\"WORKSTATION5*\""),
    ("a needle", "CommandLine=*needle-in-the-haystack*"),
];

/// Longest time that one search is repeated for.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) async fn run(files: &[PathBuf], count: u64, repeats: u32) -> anyhow::Result<ExitCode> {
    let server = BenchServer::start(&[]).await?;
    for source in ingest::sources(files)? {
        let sent = ingest::send(&server, &source, count, 2).await?;
        eprintln!("{sent} events of {} are in", source.name);
    }
    ingest::settle(&server).await?;
    println!(
        "{:<28} {:>7} {:>9} {:>9} {:>10}",
        "search", "runs", "cpu ms", "wall ms", "found"
    );
    for (name, query) in SEARCHES {
        let (_, total) = once(&server, query).await?;
        let (cpu, begin) = (server.cpu_seconds()?, Instant::now());
        let mut walls = Vec::new();
        while walls.is_empty() || walls.len() < repeats as usize && begin.elapsed() < PATIENCE {
            walls.push(once(&server, query).await?.0);
        }
        let runs = walls.len();
        let cpu = (server.cpu_seconds()? - cpu) / runs as f64 * 1e3;
        let (wall, _) = super::p50_p99(&mut walls);
        println!("{name:<28} {runs:>7} {cpu:>9.1} {wall:>9.1} {total:>10}");
    }
    println!("cpu ms: of the server process, all threads, a run; wall ms: the median.");
    Ok(ExitCode::SUCCESS)
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
