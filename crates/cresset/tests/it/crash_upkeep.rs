//! kill -9 while small event files are made one, old ones removed and events deleted by query:
//! nothing acknowledged is lost but what its repo no longer keeps, nothing is found twice, and
//! what was deleted stays so.

use crate::world::{ALL, World, now};
use anyhow::{Context as _, Result, ensure};
use cresset_testkit::http;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How often the server is killed, and more often if no merge or no deletion has ended by then.
const KILLS: usize = 10;
/// Events of one request.
const BATCH: usize = 10;
/// A repo that keeps events for one day, and how old the old ones are when they come: too old to
/// share a file with others.
const BRIEF: &str = "brief";
const OLD: i64 = 20 * 86_400;

/// What was acknowledged: keys of events that stay, of those that may be gone, and of those whose
/// deletion was said to be done.
#[derive(Default, Clone)]
struct Known {
    stay: BTreeSet<String>,
    old: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

/// Sends batches to both repos until the server is gone.
async fn send_until_refused(url: String, token: String, round: usize, known: Arc<Mutex<Known>>) {
    let Ok(client) = http::client() else { return };
    for batch in 0.. {
        let old = batch % 3 == 2;
        let repo = if batch % 3 == 0 { "default" } else { BRIEF };
        let keys: Vec<String> = (0..BATCH).map(|i| format!("{round}-{batch}-{i}")).collect();
        let mut body = String::new();
        for key in &keys {
            let time = if old { now() - OLD } else { now() };
            let event = json!({"msg": "crash test", "event_key": key, "time": time});
            let _ = writeln!(body, "{event}");
        }
        let request = client.post(format!("{url}?repo={repo}")).body(body);
        match http::send(request, Some(&token)).await {
            Ok(answer) if answer.status == 200 => {
                let mut known = known.lock().await;
                let kind = if old { &mut known.old } else { &mut known.stay };
                kind.extend(keys);
            }
            _ => return,
        }
    }
}

/// Sends some events and deletes them by query, over and over until the server is gone.
async fn delete_until_refused(base: String, token: String, round: usize, known: Arc<Mutex<Known>>) {
    let Ok(client) = http::client() else { return };
    let send = async |request| {
        let answer = http::send(request, Some(&token)).await.ok()?;
        answer.ok().ok()?.json().ok()
    };
    for batch in 0.. {
        let keys: Vec<String> = (0..BATCH)
            .map(|i| format!("gone-{round}-{batch}-{i}"))
            .collect();
        let mut body = String::new();
        for key in &keys {
            let event = json!({"msg": "crash test", "event_key": key, "time": now()});
            let _ = writeln!(body, "{event}");
        }
        let ingest = client.post(format!("{base}/api/v1/ingest?repo=default"));
        if send(ingest.body(body)).await.is_none() {
            return;
        }
        let deletion = json!({"query": format!("event_key=gone-{round}-{batch}-*"), "repos": ["default"],
            "reason": "crash test", "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"});
        let begin = client
            .post(format!("{base}/api/v1/deletions"))
            .json(&deletion);
        let Some(mut told) = send(begin).await else {
            return;
        };
        let url = format!(
            "{base}/api/v1/deletions/{}",
            told["id"].as_str().unwrap_or_default()
        );
        while told["state"] == "running" {
            tokio::time::sleep(Duration::from_millis(5)).await;
            told = match send(client.get(&url)).await {
                Some(told) => told,
                None => return,
            };
        }
        if told["state"] == "done" {
            known.lock().await.deleted.extend(keys);
        }
    }
}

/// What happens while events come in, besides; ends only with what is wrong.
async fn meanwhile(world: &World, begin: i64, known: &Mutex<Known>) -> Result<()> {
    loop {
        let known = known.lock().await.clone();
        check(world, begin, &known).await?;
    }
}

/// What stays is found, nothing twice, and nothing that was deleted.
async fn check(world: &World, begin: i64, known: &Known) -> Result<()> {
    let Known { stay, deleted, .. } = known;
    let query = "event_key=* | chart count() as n by event_key";
    let reply = world.search(query, [begin - 2 * OLD, now() + 60]).await?;
    ensure!(reply["success"] == true, "{reply}");
    let rows = reply["rows"]
        .as_array()
        .with_context(|| format!("{reply}"))?;
    let times = |row: &Value| Some((row["event_key"].as_str()?.to_owned(), row["n"].as_i64()?));
    let found: BTreeMap<String, i64> = rows.iter().filter_map(times).collect();
    let twice: Vec<_> = found.iter().filter(|(_, n)| **n != 1).take(5).collect();
    ensure!(twice.is_empty(), "found more than once: {twice:?}");
    let back: Vec<_> = deleted
        .iter()
        .filter(|key| found.contains_key(*key))
        .collect();
    ensure!(back.is_empty(), "deleted and found: {back:?}");
    let lost: Vec<_> = stay
        .iter()
        .filter(|key| !found.contains_key(*key))
        .collect();
    let (all, few) = (stay.len(), lost.iter().take(5));
    ensure!(
        lost.is_empty(),
        "{} of {all} acknowledged events are lost, {few:?}",
        lost.len()
    );
    Ok(())
}

/// Paths of the event files on the disk, and of those that the catalog knows.
fn files(data: &Path) -> Result<[BTreeSet<String>; 2]> {
    let root = data.join("events");
    let (mut on_disk, mut folders) = (BTreeSet::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.ends_with(".unregistered") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                on_disk.insert(path.strip_prefix(&root)?.display().to_string());
            }
        }
    }
    let catalog = Connection::open(data.join("catalog.db"))?;
    let mut paths = catalog.prepare("SELECT path FROM files")?;
    let paths = paths.query_map([], |row| row.get(0))?;
    Ok([on_disk, paths.collect::<Result<_, _>>()?])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_amid_merging_retention_and_deletion_lose_and_double_nothing() -> Result<()> {
    let mut world = World::with(|s| {
        // A file of each repo and time every few requests, so that there are enough to merge.
        s.env("CRESSET_STORAGE_FLUSH_AGE", "30ms")
            .env("CRESSET_STORAGE_SEGMENT", "64KiB")
            .env("CRESSET_SERVER_LOG_LEVEL", "warn")
    })
    .await?;
    let repo = json!({"name": BRIEF, "retention_days": 1});
    let url = world.server.url("/api/v1/repos");
    http::post_json(&url, Some(&world.token(ALL)), &repo)
        .await?
        .ok()?;
    let (begin, known) = (now(), Arc::new(Mutex::new(Known::default())));
    // Enough files to merge from the first kill on.
    for n in 0..30 {
        let event = json!({"msg": "crash test", "event_key": format!("before-{n}")});
        world.ingest(&[event]).await?;
        known.lock().await.stay.insert(format!("before-{n}"));
        tokio::time::sleep(Duration::from_millis(70)).await;
    }
    let mut merged = 0;
    for round in 0..3 * KILLS {
        let deleted = !known.lock().await.deleted.is_empty();
        if round >= KILLS && merged > 0 && deleted {
            break;
        }
        let url = world.server.url("/api/v1/ingest");
        let sender = send_until_refused(url, world.token(ALL), round, Arc::clone(&known));
        let sender = tokio::spawn(sender);
        let base = world.server.url("");
        let deleter = delete_until_refused(base, world.token(ALL), round, Arc::clone(&known));
        let deleter = tokio::spawn(deleter);
        // Merging and retention begin at the start; steps that share no divisor with the time
        // that a merge takes visit all its phases.
        let phase = 60 + (round as u64 * 71) % 700;
        // A deletion takes a second or two, of which each phase is visited as well.
        let longer = if round % 3 == 2 { 2_000 } else { 0 };
        let pause = Duration::from_millis(phase + longer);
        if let Ok(wrong) = tokio::time::timeout(pause, meanwhile(&world, begin, &known)).await {
            wrong.with_context(|| format!("before kill {round}"))?;
        }
        merged += usize::from(merges(&world).await? > 0);
        world.server.kill9()?;
        sender.await?;
        deleter.await?;
        let started = world.server.run().await;
        started
            .with_context(|| format!("restart after kill {round}: {}", world.server.output()))?;
    }
    let known = known.lock().await;
    ensure!(
        known.stay.len() > KILLS * BATCH,
        "too few events for a proof: {}",
        known.stay.len()
    );
    ensure!(merged > 0, "no files were made one");
    ensure!(!known.deleted.is_empty(), "no deletion came to its end");
    check(&world, begin, &known).await?;
    settled(&mut world, begin).await?;
    check(&world, begin, &known).await?;
    println!(
        "{} acknowledged events, {} old ones, {} deleted, merges in {merged} rounds",
        known.stay.len(),
        known.old.len(),
        known.deleted.len()
    );
    Ok(())
}

/// How many files were made one since the start.
async fn merges(world: &World) -> Result<u64> {
    let text = http::get(&world.server.url("/metrics"), None)
        .await?
        .ok()?
        .text();
    let name = "cresset_store_files_compacted_total ";
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// Waits until old events are gone, and only files are left that the catalog knows.
async fn settled(world: &mut World, begin: i64) -> Result<()> {
    // Once for what waits in the event log to become files, once for these to expire.
    for _ in 0..2 {
        world.server.terminate().await?;
        world.server.run().await?;
    }
    let started = Instant::now();
    loop {
        let query = "event_key=* | chart count() as n";
        let old = world
            .search(query, [begin - 2 * OLD, begin - OLD / 2])
            .await?;
        let [on_disk, known] = files(world.server.data_dir())?;
        if old["rows"].as_array().is_some_and(Vec::is_empty) && on_disk == known {
            return Ok(());
        }
        let differing: Vec<_> = on_disk.symmetric_difference(&known).take(5).collect();
        ensure!(
            started.elapsed().as_secs() < 30,
            "files {differing:?}, old events {old}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
