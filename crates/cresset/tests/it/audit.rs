//! The audit log: every entry is chained, and one event, whatever happens to the process; and
//! who changes the file is found out.

use crate::cli::{cresset, stdout};
use crate::world::{World, now};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const KILLS: u64 = 8;

fn json(data: &Path, args: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&stdout(&cresset(data, args)?)?)?)
}

/// The entries as the command line shows them.
fn entries(data: &Path) -> Result<Vec<Value>> {
    let list = stdout(&cresset(
        data,
        &["audit", "list", "--json", "--limit", "100000"],
    )?)?;
    list.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// A number that a row may show as text.
fn number(value: &Value) -> Result<i64> {
    Ok(value.to_string().trim_matches('"').parse()?)
}

/// How many events there are of each entry.
async fn events(world: &World, begin: i64) -> Result<BTreeMap<i64, i64>> {
    let query = "type=audit | chart count() as n by audit_id";
    let reply = world.search(query, [begin - 3600, now() + 60]).await?;
    let rows = reply["rows"].as_array().context("no rows")?;
    rows.iter()
        .map(|row| Ok((number(&row["audit_id"])?, number(&row["n"])?)))
        .collect()
}

/// Waits until every entry is in a block and an event.
async fn settled(world: &World, begin: i64) -> Result<BTreeMap<i64, i64>> {
    let data = world.server.data_dir();
    for _ in 0..100 {
        let verdict = json(data, &["audit", "verify", "--json"])?;
        let found = events(world, begin).await?;
        if verdict["waiting"] == 0 && verdict["entries"] == found.len() {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!(
        "entries are missing; the server says:\n{}",
        world.server.output()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_entry_is_one_event_after_any_number_of_kills() -> Result<()> {
    let begin = now();
    // Frequent flushes put the kills into every kind of moment.
    let mut world = World::with(|s| s.env("CRESSET_STORAGE_FLUSH_AGE", "150ms")).await?;
    let mut heads = Vec::new();
    for round in 0..KILLS {
        for n in 0..5 {
            let name = format!("audited {round}-{n}");
            world.rule(&name, &format!("marker={round}-{n}")).await?;
        }
        let data = world.server.data_dir().to_owned();
        stdout(&cresset(
            &data,
            &["group", "create", &format!("up-{round}")],
        )?)?;
        // Around the moment of the next block, which comes once a second.
        tokio::time::sleep(Duration::from_millis(500 + (round * 173) % 1100)).await;
        world.server.kill9()?;
        stdout(&cresset(
            &data,
            &["group", "create", &format!("down-{round}")],
        )?)?;
        if let Ok(head) = stdout(&cresset(&data, &["audit", "head"])?) {
            heads.push(head);
        }
        world.server.run().await?;
    }
    let found = settled(&world, begin).await?;
    let data = world.server.data_dir().to_owned();
    let told = entries(&data)?;
    let expected: BTreeMap<i64, i64> = told
        .iter()
        .map(|entry| (entry["id"].as_i64().unwrap_or(0), 1))
        .collect();
    ensure!(
        told.len() as u64 >= KILLS * 7,
        "only {} entries",
        told.len()
    );
    ensure!(found == expected, "{found:?} instead of {expected:?}");

    // What an event says, and that it is the entry's.
    let rows = world.rows("type=audit action=group_created").await?;
    ensure!(rows.len() as u64 == KILLS * 2, "{} groups", rows.len());
    for row in &rows {
        let id = number(&row["audit_id"])?;
        let entry = told.iter().find(|entry| entry["id"] == id);
        let entry = entry.with_context(|| format!("no entry {id}"))?;
        for field in ["actor", "address", "action", "detail"] {
            ensure!(row[field] == entry[field], "{field}: {row} {entry}");
        }
        ensure!(row["actor"] == "command line", "{row}");
    }
    // Every head that ever was is still in the chain; those of the events, too.
    heads.push(stdout(&cresset(&data, &["audit", "head"])?)?);
    for row in world.rows("type=audit | chart count() by head").await? {
        heads.push(row["head"].as_str().context("no head")?.to_owned());
    }
    ensure!(heads.len() as u64 > KILLS, "{heads:?}");
    for head in &heads {
        let verdict = json(&data, &["audit", "verify", "--json", "--head", head])?;
        ensure!(verdict["fits"] == true, "{verdict}");
    }
    // Nothing is left over after an orderly stop.
    world.rule("last words", "marker=last").await?;
    ensure!(world.server.terminate().await?.success());
    let verdict = json(&data, &["audit", "verify", "--json"])?;
    ensure!(
        verdict["waiting"] == 0 && verdict["entries"] == told.len() + 1,
        "{verdict}"
    );
    world.server.run().await?;
    let found = events(&world, begin).await?;
    ensure!(found.len() == told.len() + 1, "{found:?}");
    ensure!(found.values().all(|n| *n == 1), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn who_changes_the_file_is_found_out() -> Result<()> {
    let mut world = World::new().await?;
    let data = world.server.data_dir().to_owned();
    for group in ["before", "stolen-1", "after"] {
        stdout(&cresset(&data, &["group", "create", group])?)?;
    }
    ensure!(world.server.terminate().await?.success());
    let head = stdout(&cresset(&data, &["audit", "head"])?)?;
    let words = stdout(&cresset(&data, &["audit", "verify", "--head", &head])?)?;
    ensure!(words.starts_with("the audit log fits: "), "{words}");
    let listed = entries(&data)?;
    let stolen = listed
        .iter()
        .find(|entry| entry["detail"] == "group stolen-1");
    let stolen = stolen.context("no such entry")?["id"].to_string();

    // What the log never had.
    let unknown = "0".repeat(64);
    let output = cresset(&data, &["audit", "verify", "--head", &unknown])?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    let output = cresset(&data, &["audit", "verify", "--head", "nonsense"])?;
    ensure!(output.status.code() == Some(2), "{output:?}");

    let file = data.join("catalog.db");
    let mut bytes = std::fs::read(&file)?;
    let (from, to) = (
        b"group_createdgroup stolen-1",
        b"group_createdgroup honest-1",
    );
    let places: Vec<usize> = (0..bytes.len() - from.len())
        .filter(|&at| bytes[at..].starts_with(from))
        .collect();
    ensure!(!places.is_empty(), "the entry is not in the file");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    std::fs::write(&file, bytes)?;
    ensure!(
        entries(&data)?
            .iter()
            .any(|e| e["detail"] == "group honest-1")
    );
    let output = cresset(&data, &["audit", "verify"])?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.code() == Some(1), "{words}");
    let expected = format!("the audit log does not fit: entry {stolen} was changed");
    ensure!(words.starts_with(&expected), "{words}");
    Ok(())
}

#[tokio::test]
async fn entries_are_listed_by_time_actor_and_action() -> Result<()> {
    let world = World::new().await?;
    let data = world.server.data_dir();
    stdout(&cresset(data, &["group", "create", "night"])?)?;
    world.rule("by day", "marker=day").await?;
    let count = |args: &[&str]| -> Result<usize> {
        let all = [&["audit", "list", "--json"], args].concat();
        Ok(stdout(&cresset(data, &all)?)?.lines().count())
    };
    ensure!(count(&["--actor", "command line"])? == 1);
    ensure!(count(&["--action", "group_*"])? == 1);
    ensure!(count(&["--actor", "ADMIN", "--action", "rule_created"])? == 1);
    ensure!(count(&["--since", "1h"])? == count(&[])?);
    ensure!(count(&["--since", "2100-01-01T00:00:00Z"])? == 0);
    ensure!(count(&["--limit", "1"])? == 1);
    let table = stdout(&cresset(data, &["audit", "list"])?)?;
    ensure!(
        table.contains("group_created") && table.contains("group night"),
        "{table}"
    );
    let wrong = cresset(data, &["audit", "list", "--since", "yesterday"])?;
    ensure!(!wrong.status.success());
    Ok(())
}
