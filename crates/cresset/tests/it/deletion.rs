//! Events that are deleted by a query: gone from every search and from the disk, for good.

use crate::cli::{cresset, stdout};
use crate::on_disk::{flushed, holders};
use crate::world::{ALL, World, now};
use anyhow::{Context, Result, ensure};
use cresset_testkit::http;
use serde_json::{Value, json};
use std::time::Duration;

/// What only the events that go have in them.
const NEEDLE: &str = "zebrafinch4711";

/// Events to keep, and some of the person who asked.
fn events(kept: std::ops::Range<i64>, of_person: usize) -> Vec<Value> {
    let keep = kept.map(|n| json!({"msg": format!("line {n}"), "n": n, "case": format!("k-{n}")}));
    let go = (0..of_person).map(|n| {
        let text = format!("{NEEDLE} came in at door {n}");
        let mut event = json!({"msg": text, "Message": text, "case": "k-7-alice", "card": NEEDLE,
            "seen": ["today", NEEDLE]});
        event[format!("{NEEDLE}_door")] = n.into();
        event
    });
    keep.chain(go).collect()
}

/// Sends a document as Elasticsearch's clients do.
async fn bulk(world: &World, document: &Value) -> Result<()> {
    let body = format!("{{\"index\":{{}}}}\n{document}\n");
    let request = http::client()?
        .post(world.server.url("/elastic/_bulk"))
        .header("content-type", "application/json")
        .body(body);
    let answer = http::send(request, Some(&world.token("logs:write"))).await?;
    ensure!(
        answer.clone().ok()?.json()?["errors"] == false,
        "{}",
        answer.text()
    );
    Ok(())
}

/// The number of events that a filter finds, counted by a chart and as rows.
async fn count(world: &World, filter: &str) -> Result<usize> {
    let filter = format!("repo_name=default {filter}");
    let rows = world.rows(&filter).await?.len();
    let chart = world
        .rows(&format!("{filter} | chart count() as c"))
        .await?;
    let counted = chart
        .first()
        .map_or(0, |row| row["c"].as_u64().unwrap_or(0));
    ensure!(
        counted == rows as u64,
        "{filter}: {rows} rows, {counted} counted"
    );
    Ok(rows)
}

/// What finds the events of the person, by a word, a substring and a whole value; in a field
/// that has the text of `msg`, in a list, and by the name of a field.
fn searches() -> Vec<String> {
    vec![
        NEEDLE.to_owned(),
        "msg=*ebrafinch47*".to_owned(),
        "Message=*ebrafinch47*".to_owned(),
        format!("card={NEEDLE}"),
        format!("card={}", NEEDLE.to_uppercase()),
        format!("seen={NEEDLE}"),
        format!("{NEEDLE}_door=*"),
        "case=k-7-alice".to_owned(),
    ]
}

async fn found(world: &World) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for search in searches() {
        found.push(count(world, &search).await?);
    }
    Ok(found)
}

fn body(dry_run: bool) -> Value {
    json!({"query": "case=k-7-*", "repos": ["default"], "reason": "asked for in letter 12",
        "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "dry_run": dry_run})
}

/// Begins a deletion and waits for its end.
async fn delete(world: &World, body: &Value) -> Result<Value> {
    let begun = world.call("/api/v1/deletions", body).await?;
    let id = begun["id"].as_str().context("no id")?;
    let url = world.server.url(&format!("/api/v1/deletions/{id}"));
    for _ in 0..600 {
        let now = http::get(&url, Some(&world.token("logs:delete"))).await?;
        let now = now.ok()?.json()?;
        if now["state"] != "running" {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("no end of the deletion:\n{}", world.server.output())
}

async fn nothing_is_left(world: &World) -> Result<()> {
    ensure!(found(world).await? == [0; 8], "{:?}", found(world).await?);
    ensure!(count(world, "case=k-*").await? == 300);
    let left = holders(world.server.data_dir(), NEEDLE)?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_events_are_gone_from_searches_and_from_the_disk() -> Result<()> {
    let mut world = World::with(|s| s.env("CRESSET_STORAGE_FLUSH_AGE", "1s")).await?;
    let data = world.server.data_dir().to_owned();
    // Some in files, some in the event log alone.
    world.ingest(&events(0..200, 5)).await?;
    flushed(&data, "default").await?;
    world.ingest(&events(200..300, 3)).await?;
    bulk(&world, &events(0..0, 1)[0]).await?;
    ensure!(found(&world).await? == [9; 8], "{:?}", found(&world).await?);
    ensure!(!holders(&data, NEEDLE)?.is_empty(), "the scan cannot fail");

    for scope in ["", "logs:write", &ALL.replace("logs:delete", "")] {
        let url = world.server.url("/api/v1/deletions");
        let refused = http::post_json(&url, Some(&world.token(scope)), &body(false)).await?;
        ensure!(refused.status == 403, "{scope}: {}", refused.text());
    }
    let counted = delete(&world, &body(true)).await?;
    ensure!(
        counted["state"] == "done" && counted["events"] == 9,
        "{counted}"
    );
    ensure!(found(&world).await? == [9; 8], "it only counts");

    let done = delete(&world, &body(false)).await?;
    let left = (
        &done["files_waiting"],
        &done["log_waiting"],
        &done["unread"],
    );
    ensure!(done["state"] == "done" && done["events"] == 9, "{done}");
    ensure!(left == (&json!(0), &json!(false), &json!([])), "{done}");
    nothing_is_left(&world).await?;
    world.server.kill9()?;
    world.server.run().await?;
    nothing_is_left(&world).await?;

    let told = stdout(&cresset(
        &data,
        &["audit", "list", "--action", "events_deleted", "--json"],
    )?)?;
    let told: Value = serde_json::from_str(&told)?;
    let detail = told["detail"].as_str().unwrap_or_default();
    ensure!(told["actor"] == "admin", "{told}");
    for part in [
        "9 events deleted",
        "repos default",
        "letter 12",
        "case=k-7-*",
    ] {
        ensure!(detail.contains(part), "{part}: {told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_counts_first_and_deletes_when_told() -> Result<()> {
    let world = World::new().await?;
    let data = world.server.data_dir().to_owned();
    world.ingest(&events(0..300, 4)).await?;
    let with = |more: &[&str]| {
        let range = ["--repo", "default", "--last", "1d", "--reason", "letter 13"];
        cresset(
            &data,
            &[&["delete", "case=k-7-*"], &range[..], more].concat(),
        )
    };
    let counted = stdout(&with(&[])?)?;
    ensure!(
        counted.starts_with("4 events in 1 event files would be deleted"),
        "{counted}"
    );
    ensure!(found(&world).await? == [4; 8]);
    let deleted = stdout(&with(&["--yes"])?)?;
    ensure!(
        deleted == "4 events deleted from 1 event files",
        "{deleted}"
    );
    nothing_is_left(&world).await?;
    let wrong = cresset(
        &data,
        &[
            "delete",
            "* | chart count()",
            "--repo",
            "default",
            "--all-time",
            "--reason",
            "x",
        ],
    )?;
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    ensure!(
        !wrong.status.success() && said.contains("a filter alone"),
        "{said}"
    );
    Ok(())
}

/// Events that arrive while a deletion runs and is cut short by a kill: what was asked for is
/// gone once it is asked for again, and all else is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_is_killed_is_simply_repeated() -> Result<()> {
    let mut world = World::with(|s| s.env("CRESSET_STORAGE_FLUSH_AGE", "100ms")).await?;
    for n in 0..6 {
        world.ingest(&events(n * 50..n * 50 + 50, 2)).await?;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let begin = now();
    for round in 0..6 {
        world.call("/api/v1/deletions", &body(false)).await?;
        tokio::time::sleep(Duration::from_millis(round * 20)).await;
        world.server.kill9()?;
        world.server.run().await?;
        let kept = count(&world, "n=*").await?;
        ensure!(kept == 300, "round {round}: {kept}");
    }
    let done = delete(&world, &body(false)).await?;
    ensure!(done["state"] == "done", "{done}");
    nothing_is_left(&world).await?;
    ensure!(now() - begin < 300);
    Ok(())
}
