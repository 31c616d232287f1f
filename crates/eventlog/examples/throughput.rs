//! Prints how fast the log takes events on this machine's disk.
//!
//! `cargo run --release -p cresset-eventlog --example throughput -- DIR [CALLERS] [EVENTS_PER_BATCH]`

use cresset_eventlog::{Batch, EventLog, LocalLog, LocalLogConfig};
use cresset_model::{Event, Timestamp};
use std::sync::Arc;
use std::time::Instant;

const EVENTS: usize = 200_000;

fn event(n: usize) -> Event {
    let mut event = Event::new(Timestamp::from_secs(1_700_000_000 + n as i64), Timestamp(0));
    event.set(
        "msg",
        format!("sshd[{n}]: Failed password for root from 203.0.113.9 port {n} ssh2"),
    );
    event.set("source_address", "203.0.113.9");
    event.set("user", "root");
    event.set("port", n as i64);
    event.add_label("Login");
    event.add_label("Fail");
    event
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args
        .next()
        .ok_or("usage: throughput DIR [CALLERS] [EVENTS_PER_BATCH]")?;
    let callers: usize = args.next().map_or(Ok(8), |n| n.parse())?;
    let per_batch: usize = args.next().map_or(Ok(100), |n| n.parse())?;
    let log = Arc::new(LocalLog::open(LocalLogConfig::new(dir), 0, Vec::new())?);
    let batches = EVENTS / callers.max(1) / per_batch.max(1);
    let started = Instant::now();
    let tasks = (0..callers).map(|_| {
        let log = log.clone();
        tokio::spawn(async move {
            for _ in 0..batches {
                let events = Arc::new((0..per_batch).map(event).collect());
                log.append(Batch {
                    repo: "default".into(),
                    key: None,
                    events,
                })
                .await?;
            }
            cresset_eventlog::Result::Ok(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    let (events, seconds) = (
        batches * callers * per_batch,
        started.elapsed().as_secs_f64(),
    );
    println!(
        "{events} events in {seconds:.2} s: {:.0} events/s",
        events as f64 / seconds
    );
    println!("{callers} callers, {per_batch} events per batch, one sync per group");
    Ok(())
}
