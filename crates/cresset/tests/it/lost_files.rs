//! Event files that are cut off, damaged or deleted under a running server: searches say so,
//! the health page names them, and all else goes on.

use crate::cli::{cresset, stdout};
use crate::on_disk::flushed;
use crate::world::{World, now};
use anyhow::{Context, Result, ensure};
use cresset_testkit::http;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Events of each repo, in one file, so that no compaction touches it.
const EACH: usize = 300;
/// What each Zstandard frame begins with.
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A repo with one event file.
async fn repo(world: &World, name: &str) -> Result<PathBuf> {
    world.call("/api/v1/repos", &json!({"name": name})).await?;
    let event = |n: usize| json!({"msg": format!("line {n} of {name}"), "n": n, "who": name});
    let body: String = (0..EACH).map(|n| format!("{}\n", event(n))).collect();
    world.ingest_raw(name, body, &[]).await?.ok()?;
    flushed(world.server.data_dir(), name).await
}

fn flip(file: &Path, at: usize) -> Result<()> {
    let mut bytes = std::fs::read(file)?;
    bytes[at] ^= 1;
    Ok(std::fs::write(file, bytes)?)
}

/// The path of an event file as it is registered.
fn shown(world: &World, file: &Path) -> Result<String> {
    let root = world.server.data_dir().join("events");
    Ok(file.strip_prefix(root)?.display().to_string())
}

/// What the health page says is lost.
async fn degraded(world: &World) -> Result<Vec<String>> {
    let page = http::get(&world.server.url("/health/ready"), None).await?;
    ensure!(page.status == 200, "{}", page.text());
    let page = page.json()?;
    let told = page["degraded"].as_array().context("no list")?;
    Ok(told
        .iter()
        .map(|one| one.as_str().unwrap_or_default().to_owned())
        .collect())
}

/// Waits until the health page names a file.
async fn named(world: &World, path: &str) -> Result<()> {
    let started = Instant::now();
    while !degraded(world).await?.iter().any(|one| one.contains(path)) {
        ensure!(started.elapsed().as_secs() < 30, "{path} is not named");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A search over everything, and the files that it says it lacks.
async fn search(world: &World, query: &str) -> Result<(Vec<Value>, Vec<String>)> {
    let reply = world.search(query, [now() - 86_400, now() + 60]).await?;
    let rows = reply["rows"]
        .as_array()
        .with_context(|| reply.to_string())?;
    let lacks = reply["warnings"].as_array().into_iter().flatten();
    let lacks: Vec<String> = lacks.filter_map(Value::as_str).map(str::to_owned).collect();
    ensure!(reply["complete"] == lacks.is_empty(), "{reply}");
    Ok((rows.clone(), lacks))
}

fn of(rows: &[Value], repo: &str) -> usize {
    rows.iter().filter(|row| row["who"] == repo).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_files_are_named_and_the_others_are_searched() -> Result<()> {
    let mut world = World::with(|s| s.env("CRESSET_STORAGE_FLUSH_AGE", "100ms")).await?;
    repo(&world, "whole").await?;
    let cut = repo(&world, "cut").await?;
    let flipped = repo(&world, "flipped").await?;
    let gone = repo(&world, "gone").await?;
    let late = repo(&world, "late").await?;
    let (rows, lacks) = search(&world, "who=*").await?;
    ensure!((rows.len(), lacks.len()) == (5 * EACH, 0), "{lacks:?}");
    ensure!(degraded(&world).await?.is_empty());
    let backup = std::fs::read(&cut)?;

    std::fs::write(&cut, &backup[..backup.len() / 2])?;
    let bytes = std::fs::read(&flipped)?;
    let frame = bytes
        .windows(4)
        .position(|w| w == FRAME)
        .context("no frame")?;
    flip(&flipped, frame)?;
    std::fs::remove_file(&gone)?;
    let lost = [&cut, &flipped, &gone];
    let lost: Vec<String> = lost
        .iter()
        .map(|f| shown(&world, f))
        .collect::<Result<_>>()?;
    let names = |told: &[String]| {
        let named = |path: &String| told.iter().filter(|one| one.contains(path)).count();
        told.len() == 3 && lost.iter().all(|path| named(path) == 1)
    };
    for query in [
        "who=*",
        "who=* | chart count() by who",
        "msg=*ine*7*",
        "who=whole or who=cut or who=flipped or who=gone",
    ] {
        let (rows, lacks) = search(&world, query).await?;
        ensure!(names(&lacks), "{query}: {lacks:?}");
        if !query.contains("chart") {
            ensure!(of(&rows, "whole") > 0 && of(&rows, "cut") == 0, "{query}");
        }
    }
    let (rows, _) = search(&world, "who=*").await?;
    ensure!(of(&rows, "whole") == EACH && of(&rows, "late") == EACH);
    let told = degraded(&world).await?;
    ensure!(names(&told), "{told:?}");
    ensure!(
        told.iter()
            .all(|one| one.contains("300 events of repo") && one.contains("cresset store restore")),
        "{told:?}"
    );

    // Of one bit in the middle only the checksum tells for certain.
    let at = bytes.len() / 3;
    world.server.terminate().await?;
    flip(&late, at)?;
    world.server.run().await?;
    named(&world, &shown(&world, &late)?).await?;
    let (rows, lacks) = search(&world, "who=*").await?;
    ensure!(
        (of(&rows, "whole"), rows.len(), lacks.len()) == (EACH, EACH, 4),
        "{lacks:?}"
    );
    // New events come and are found as ever.
    repo(&world, "new").await?;
    ensure!(of(&search(&world, "who=new").await?.0, "new") == EACH);
    restore_and_discard(&world, &cut, &backup).await
}

/// One file comes back from a backup, the others are given up.
async fn restore_and_discard(world: &World, file: &Path, backup: &[u8]) -> Result<()> {
    let data = world.server.data_dir();
    let listed = stdout(&cresset(data, &["store", "list", "--json"])?)?;
    let listed: Vec<Value> = serde_json::from_str(&listed)?;
    ensure!(listed.len() == 4, "{listed:?}");
    let path = shown(world, file)?;
    for lost in &listed {
        let id = lost["id"].as_str().context("no id")?;
        if lost["path"] != path {
            stdout(&cresset(data, &["store", "discard", id])?)?;
            continue;
        }
        let torn = cresset(data, &["store", "restore", id])?;
        let said = String::from_utf8_lossy(&torn.stderr).into_owned();
        ensure!(
            !torn.status.success() && said.contains("is damaged"),
            "{said}"
        );
        std::fs::write(file, backup)?;
        let said = stdout(&cresset(data, &["store", "restore", id])?)?;
        ensure!(said == "300 events of repo cut are found again", "{said}");
    }
    let (rows, lacks) = search(world, "who=*").await?;
    ensure!(of(&rows, "cut") == EACH && lacks.is_empty(), "{lacks:?}");
    ensure!(degraded(world).await?.is_empty());
    let said = stdout(&cresset(data, &["store", "list"])?)?;
    ensure!(said == "no event file is in quarantine", "{said}");
    Ok(())
}
