//! A disk that fills while events come in, are moved to files and files are made one: what was
//! acknowledged is found all the time, senders are told to wait, and once there is room all
//! goes on by itself.

use crate::world::{World, binary, now};
use anyhow::{Context as _, Result, ensure};
use cresset_testkit::{ServerProcess, SmallDisk, http};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Most events of one request, of about two kilobytes each.
const BATCH: usize = 20;
/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends a batch; says whether it was acknowledged, and holds a refusal to what it must say.
async fn send(world: &World, number: usize, known: &mut BTreeSet<String>) -> Result<bool> {
    let mut lines = String::new();
    let mut keys = Vec::new();
    // Small ones still fit when large ones do not.
    let events = if number.is_multiple_of(2) { 1 } else { BATCH };
    for i in 0..events {
        let key = format!("{number}-{i}");
        // Hexadecimal digits, which compress to half at best.
        let (mut noise, mut n) = (String::new(), (number * BATCH + i) as u64 + 1);
        for _ in 0..120 {
            n = n
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963);
            write!(noise, "{n:016x}")?;
        }
        writeln!(
            lines,
            "{}",
            json!({"msg": "full disk", "event_key": key, "noise": noise})
        )?;
        keys.push(key);
    }
    let answer = world.ingest_raw("default", lines, &[]).await?;
    if answer.status == 200 {
        known.extend(keys);
        return Ok(true);
    }
    ensure!(answer.status == 503, "{} {}", answer.status, answer.text());
    let wait = answer.header("retry-after").context("no Retry-After")?;
    ensure!(
        wait.parse::<u32>().is_ok_and(|s| s > 0),
        "Retry-After: {wait}"
    );
    Ok(false)
}

async fn check(world: &World, begin: i64, known: &BTreeSet<String>) -> Result<()> {
    let query = "event_key=* | chart count() as n by event_key";
    let reply = world.search(query, [begin - 60, now() + 60]).await?;
    let rows = reply["rows"]
        .as_array()
        .with_context(|| format!("{reply}"))?;
    let mut found = BTreeSet::new();
    for row in rows {
        ensure!(row["n"] == 1, "found more than once: {row}");
        found.extend(row["event_key"].as_str().map(str::to_owned));
    }
    let lost = known.difference(&found).count();
    ensure!(
        lost == 0,
        "{lost} of {} acknowledged events are not found",
        known.len()
    );
    Ok(())
}

/// The sum of a counter.
async fn counted(world: &World, name: &str) -> Result<f64> {
    let text = http::get(&world.server.url("/metrics"), None)
        .await?
        .ok()?
        .text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.and_then(|n| n.parse().ok()).unwrap_or(0.0))
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !holds().await? {
        ensure!(
            begin.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_senders_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = SmallDisk::mount(folder.path(), 48)? else {
        return Ok(());
    };
    let mut server = ServerProcess::new(binary(), disk.root().join("data"))?;
    for (name, value) in [("FLUSH_AGE", "200ms"), ("SEGMENT", "256KiB")] {
        server = server.env(format!("CRESSET_STORAGE_{name}"), value);
    }
    let world = World::with(|_| server).await?;
    let (begin, mut known, mut number) = (now(), BTreeSet::new(), 0);
    let mut next = async |known: &mut BTreeSet<String>| {
        number += 1;
        send(&world, number, known).await
    };
    for left in [1 << 20, 8 << 10] {
        for _ in 0..10 {
            ensure!(next(&mut known).await?, "refused before the disk was full");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let failures = counted(&world, "cresset_flush_failures_total").await?;
        disk.fill(left)?;
        until("a refusal", async || Ok(!next(&mut known).await?)).await?;
        until("a flush that fails", async || {
            next(&mut known).await?;
            Ok(counted(&world, "cresset_flush_failures_total").await? > failures)
        })
        .await?;
        check(&world, begin, &known).await?;
        disk.free()?;
        until("an acknowledgement", async || next(&mut known).await).await?;
        check(&world, begin, &known).await?;
    }
    until("all events in files", async || {
        let flushed = counted(&world, "cresset_flushed_events_total").await?;
        Ok(flushed >= known.len() as f64)
    })
    .await?;
    check(&world, begin, &known).await
}
