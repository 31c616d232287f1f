//! Events per CPU second of the server, over HTTP with durable acknowledgement.
//!
//! The baseline in the same run is `serde_json` parsing the same lines into
//! `Value` in this process: the least that any JSON intake must do.

use super::child::{BenchServer, cpu_seconds};
use super::merged;
use crate::cmd::ingest::expand;
use anyhow::{Context, bail};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Events in one request.
const BATCH: usize = 2_000;
const BUNDLED: &str = include_str!("../../../samples/auth.log");

/// Lines of one kind, cut into request bodies.
pub(super) struct Source {
    pub(super) name: String,
    format: &'static str,
    lines: u64,
    bytes: u64,
    bodies: Vec<(u64, Vec<u8>)>,
}

pub(super) async fn run(
    files: &[PathBuf],
    count: u64,
    connections: usize,
) -> anyhow::Result<ExitCode> {
    let sources = sources(files)?;
    println!(
        "{:<34} {:>9} {:>11} {:>13} {:>9} {:>9} {:>10}",
        "events", "wall s", "events/s", "events/cpu-s", "MB/cpu-s", "RSS MiB", "vs serde"
    );
    for source in sources {
        measure(source, count, connections).await?;
    }
    println!(
        "events/cpu-s: per CPU second of the server process, all threads; every request acknowledged after fsync."
    );
    println!(
        "vs serde: its CPU cost per event as a multiple of serde_json::Value parsing the same lines in this run."
    );
    Ok(ExitCode::SUCCESS)
}

/// The files, or the bundled sample if there are none.
pub(super) fn sources(files: &[PathBuf]) -> anyhow::Result<Vec<Arc<Source>>> {
    if files.is_empty() {
        let lines = BUNDLED.lines().map(str::to_owned).collect();
        return Ok(vec![Arc::new(cut("bundled sample", "syslog", lines))]);
    }
    files.iter().map(|f| read(f).map(Arc::new)).collect()
}

async fn measure(source: Arc<Source>, count: u64, connections: usize) -> anyhow::Result<()> {
    let baseline = parse_cost(&source);
    let server = BenchServer::start(&[]).await?;
    let (cpu, begin) = (server.cpu_seconds()?, Instant::now());
    let events = send(&server, &source, count, connections).await? as f64;
    let wall = begin.elapsed().as_secs_f64();
    // What is still in memory must be written too before the bill is drawn up.
    settle(&server).await?;
    let (before, cpu) = (cpu, server.cpu_seconds()? - cpu);
    let bytes_each = source.bytes as f64 / source.lines as f64;
    println!(
        "{:<34} {wall:>9.1} {:>11.0} {:>13.0} {:>9.1} {:>9.0} {:>10}",
        format!("{} x {}", events, source.name),
        events / wall,
        events / cpu,
        events * bytes_each / cpu / 1e6,
        server.memory()?.1,
        baseline.map_or_else(|| "-".to_owned(), |b| format!("{:.1}x", cpu / events / b)),
    );
    let stored = || {
        let stored = server.stored_bytes().max(1) as f64;
        let times = events * bytes_each / stored;
        format!("{:.1} MB, {times:.1} times smaller than sent", stored / 1e6)
    };
    println!("   stored in {}", stored());
    merged::wait(&server).await?;
    println!(
        "   with large files made of small ones {:.1} MB/cpu-s, stored in {}",
        events * bytes_each / (server.cpu_seconds()? - before) / 1e6,
        stored()
    );
    Ok(())
}

/// Sends at least `count` events, over and over if there are fewer; gives how many.
pub(super) async fn send(
    server: &BenchServer,
    source: &Arc<Source>,
    count: u64,
    connections: usize,
) -> anyhow::Result<u64> {
    let next = Arc::new(AtomicU64::new(0));
    let sent = Arc::new(AtomicU64::new(0));
    let bar = indicatif::ProgressBar::new(count);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..connections.max(1) {
        let (source, next, sent, bar) = (
            Arc::clone(source),
            Arc::clone(&next),
            Arc::clone(&sent),
            bar.clone(),
        );
        let request = server.client.request(
            reqwest::Method::POST,
            &format!("/api/v1/ingest?repo=default&format={}", source.format),
            "logs:write",
        );
        workers.spawn(async move {
            while sent.load(Ordering::Relaxed) < count {
                let turn = next.fetch_add(1, Ordering::Relaxed) as usize % source.bodies.len();
                let (lines, body) = &source.bodies[turn];
                let reply = loop {
                    let request = request
                        .try_clone()
                        .context("a request without a body can be cloned")?;
                    let reply = request.body(body.clone()).send().await?;
                    // The server asks for patience while its files are written.
                    if reply.status() != reqwest::StatusCode::SERVICE_UNAVAILABLE {
                        break crate::client::read_reply(reply).await?;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                };
                if reply["accepted"].as_u64() != Some(*lines) {
                    bail!("the server refused events: {reply}");
                }
                sent.fetch_add(*lines, Ordering::Relaxed);
                bar.inc(*lines);
            }
            Ok(())
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    bar.finish_and_clear();
    Ok(sent.load(Ordering::Relaxed))
}

/// Waits until the server has written everything and used no CPU for two seconds.
pub(super) async fn settle(server: &BenchServer) -> anyhow::Result<()> {
    let begin = Instant::now();
    let (mut last, mut quiet) = (server.cpu_seconds()?, 0);
    while begin.elapsed().as_secs() < 90 && (quiet < 4 || begin.elapsed().as_secs() < 35) {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let now = server.cpu_seconds()?;
        quiet = if now - last < 0.02 { quiet + 1 } else { 0 };
        last = now;
    }
    Ok(())
}

/// CPU seconds per event of parsing with `serde_json`; `None` for lines that are no JSON.
fn parse_cost(source: &Source) -> Option<f64> {
    if source.format != "ndjson" {
        return None;
    }
    let (begin, own) = (Instant::now(), std::process::id());
    let before = cpu_seconds(own).ok()?;
    let mut events = 0_u64;
    while begin.elapsed().as_secs_f64() < 1.0 {
        for (lines, body) in &source.bodies {
            for line in body.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
                let parsed = serde_json::from_slice::<serde_json::Value>(line);
                std::hint::black_box(&parsed);
            }
            events += lines;
        }
    }
    Some((cpu_seconds(own).ok()? - before) / events as f64)
}

fn read(path: &Path) -> anyhow::Result<Source> {
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let lines = expand(path, file)?.lines().collect::<Result<Vec<_>, _>>()?;
    let format = if lines.first().is_some_and(|l| l.starts_with('{')) {
        "ndjson"
    } else {
        "syslog"
    };
    if lines.is_empty() {
        bail!("{} is empty", path.display());
    }
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(cut(&name, format, lines))
}

fn cut(name: &str, format: &'static str, lines: Vec<String>) -> Source {
    let bodies = lines
        .chunks(BATCH)
        .map(|batch| (batch.len() as u64, (batch.join("\n") + "\n").into_bytes()));
    let bodies: Vec<_> = bodies.collect();
    let bytes = bodies.iter().map(|(_, b)| b.len() as u64).sum();
    Source {
        name: name.to_owned(),
        format,
        lines: lines.len() as u64,
        bytes,
        bodies,
    }
}
