//! Fields with names, kinds and times that nobody asked for: every event is found by an exact
//! filter on the odd field, by a word of its message, and by count; while it waits in the event
//! log, and in files.

use crate::world::{World, now};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// A server that writes files when it stops, and only then.
async fn world() -> Result<World> {
    World::with(|s| {
        s.env("CRESSET_STORAGE_FLUSH_AGE", "1h")
            .env("CRESSET_STORAGE_RETENTION_DAYS", "36500")
            .env("CRESSET_INGEST_MAX_LINE", "1MiB")
    })
    .await
}

/// Moves what waits to files.
async fn to_files(world: &mut World) -> Result<()> {
    world.server.terminate().await?;
    world.server.run().await?;
    let stored = files(&world.server.data_dir().join("events/default"))?;
    ensure!(!stored.is_empty(), "nothing is in files");
    Ok(())
}

/// The event files below a folder.
fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "parquet") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// How many events a query finds, over ten years around now.
async fn count(world: &World, query: &str) -> Result<u64> {
    let years = 5 * 366 * 86_400;
    count_in(world, query, [now() - years, now() + years]).await
}

async fn count_in(world: &World, query: &str, range: [i64; 2]) -> Result<u64> {
    let query = format!("{query} | chart count() as n");
    let reply = world.search(&query, range).await?;
    let rows = reply["rows"]
        .as_array()
        .with_context(|| format!("{query}: {reply}"))?;
    Ok(rows.first().and_then(|row| row["n"].as_u64()).unwrap_or(0))
}

/// Conditions that find so many events together.
type Expected = (Vec<String>, u64);

/// Checks what each of them finds, now and when it is in files.
async fn check(world: &mut World, expect: &[Expected]) -> Result<()> {
    for place in ["the event log", "files"] {
        for (conditions, events) in expect {
            let found = count(world, &one_of(conditions)).await?;
            if found == *events {
                continue;
            }
            let mut barren = Vec::new();
            for condition in conditions {
                if count(world, condition).await? == 0 {
                    barren.push(condition);
                }
            }
            bail!("{found} events instead of {events} in {place}; nothing meets {barren:?}");
        }
        if place == "the event log" {
            to_files(world).await?;
        }
    }
    Ok(())
}

fn only(condition: &str, events: u64) -> Expected {
    (vec![condition.to_owned()], events)
}

/// What meets one of these conditions.
fn one_of(conditions: &[String]) -> String {
    format!("({})", conditions.join(") or ("))
}

async fn send(world: &World, lines: &str) -> Result<()> {
    let reply = world
        .ingest_raw("default", lines.to_owned(), &[])
        .await?
        .ok()?
        .json()?;
    let sent = lines.lines().count();
    ensure!(
        reply["accepted"] == sent && reply["rejected"] == 0,
        "{sent} events: {reply}"
    );
    Ok(())
}

#[tokio::test]
async fn names_that_are_hard_to_write_or_to_tell_apart() -> Result<()> {
    let mut world = world().await?;
    let (long, longer) = ("n".repeat(1_000), format!("{}m", "n".repeat(999)));
    let names = [
        "in",
        "and",
        "or",
        "not",
        "process",
        "filter",
        "search",
        "chart",
        "timechart",
        "by",
        "as",
        "limit",
        "order",
        "latest",
        "fields",
        "rename",
        "having",
        "within",
        "followed",
        "join",
        "true",
        "null",
        "count()",
        "user",
        "User",
        "USER",
        "straße",
        "STRASSE",
        "größe",
        "GRÖSSE",
        "a.b",
        "a..b",
        ".a",
        "a.",
        "x y",
        " x",
        "x ",
        "it's",
        "say \"hi\"",
        "back\\slash",
        "new\nline",
        "tab\t",
        "1",
        "-1",
        "a=b",
        "a*b",
        "a?b",
        "(a)",
        "[a]",
        "a|b",
        "`a`",
        "/* a */",
        "_seq",
        "_overflow",
        "_SEQ",
        "_field.x",
        "Log_TS",
        "\u{1f980}",
        "\u{0}",
        &long,
        &longer,
    ];
    let (mut lines, mut exact, mut there, mut words) =
        (String::new(), Vec::new(), Vec::new(), Vec::new());
    for (key, name) in names.iter().enumerate() {
        let event = json!({"msg": format!("odd name number{key}"), "key": key, *name: format!("value {key}")});
        writeln!(lines, "{event}")?;
        let quote = if name.contains('"') { '\'' } else { '"' };
        exact.push(format!("key={key} {quote}{name}{quote}=\"VALUE {key}\""));
        there.push(format!("key={key} {quote}{name}{quote}=*"));
        words.push(format!("key={key} number{key}"));
    }
    let all = names.len() as u64;
    let mut expect = vec![only("key=*", all)];
    expect.extend([exact, there, words].map(|each| (each, all)));
    send(&world, &lines).await?;
    check(&mut world, &expect).await
}

#[tokio::test]
async fn a_field_of_changing_kind_and_a_key_given_twice() -> Result<()> {
    let mut world = world().await?;
    let lines = concat!(
        "{\"msg\":\"kind one\",\"odd\":7,\"key\":1}\n",
        "{\"msg\":\"kind two\",\"odd\":\"7\",\"key\":2}\n",
        "{\"msg\":\"kind three\",\"odd\":[\"7\",\"eight\"],\"key\":3}\n",
        "{\"msg\":\"kind four\",\"odd\":[7,8],\"key\":4}\n",
        "{\"msg\":\"kind five\",\"odd\":true,\"key\":5}\n",
        "{\"msg\":\"kind six\",\"odd\":7.5,\"key\":6}\n",
        "{\"msg\":\"kind seven\",\"odd\":{\"in\":\"side\"},\"key\":7}\n",
        "{\"msg\":\"kind eight\",\"odd\":null,\"key\":8}\n",
        "{\"msg\":\"kind nine\",\"odd\":[],\"key\":9}\n",
        "{\"msg\":\"kind ten\",\"odd\":[{\"a\":1}],\"key\":10}\n",
        "{\"msg\":\"kind eleven\",\"odd\":18446744073709551615,\"key\":11}\n",
        "{\"msg\":\"first\",\"odd\":\"gone\",\"odd\":\"stays\",\"key\":12,\"msg\":\"twice given\"}\n",
        "{\"a\":{\"b\":\"gone\"},\"a.b\":\"stays\",\"key\":13,\"msg\":\"twice nested\"}\n",
    );
    send(&world, lines).await?;
    let words = "one two three four five six seven eight nine ten eleven";
    let each: Vec<String> = words
        .split(' ')
        .zip(1..)
        .map(|(word, key)| format!("key={key} \"kind {word}\""))
        .collect();
    let mut expect = vec![(each, 11)];
    let more = [
        ("key=*", 13),
        ("odd=7", 4),
        ("odd=eight", 1),
        ("odd=8", 1),
        ("odd=TRUE", 1),
        ("odd=7.5", 1),
        ("odd>=7", 6),
        ("odd.in=side", 1),
        ("key<=11 -odd=*", 3),
        ("odd='*\"a\":1*'", 1),
        ("odd=18446744073709551615", 1),
        ("odd=stays", 1),
        ("odd=gone", 0),
        ("twice", 2),
        ("first", 0),
        ("a.b=stays", 1),
        ("a.b=gone", 0),
    ];
    expect.extend(more.map(|(condition, events)| only(condition, events)));
    check(&mut world, &expect).await
}

/// So many names, each of them once or twice.
const NAMES: usize = 100_000;

#[tokio::test]
async fn a_hundred_thousand_names() -> Result<()> {
    let mut world = world().await?;
    let (before, _) = world.memory()?;
    let per_event = 200;
    for batch in 0..10 {
        let mut lines = String::new();
        for event in 0..NAMES / per_event / 10 {
            let event = batch * (NAMES / per_event / 10) + event;
            write!(lines, "{{\"msg\":\"wide event{event}\",\"key\":{event}")?;
            for n in 0..per_event {
                let n = event * per_event + n;
                write!(lines, ",\"name {n}\":\"value {n}\"")?;
            }
            lines.push_str("}\n");
        }
        send(&world, &lines).await?;
    }
    let (mut exact, mut others) = (Vec::new(), Vec::new());
    for n in (0..NAMES).step_by(9_973) {
        let event = n / per_event;
        exact.push(format!(
            "key={event} event{event} \"name {n}\"=\"value {n}\""
        ));
        others.push(format!("\"name {n}\"=\"value {}\"", n + 1));
    }
    let expect = [
        only("key=*", (NAMES / per_event) as u64),
        (exact, 11),
        (others, 0),
    ];
    check(&mut world, &expect).await?;
    let (_, peak) = world.memory()?;
    ensure!(
        peak - before < 400.0,
        "{before} MiB before, {peak} MiB at the peak"
    );
    // Thrift names each column in every row group; what bounds them bounds the footer.
    for file in files(&world.server.data_dir().join("events/default"))? {
        let bytes = std::fs::read(&file)?;
        let length = bytes
            .len()
            .checked_sub(8)
            .and_then(|at| bytes.get(at..at + 4))
            .context("no footer")?;
        let footer = u32::from_le_bytes(length.try_into()?);
        ensure!(footer < 1 << 20, "a footer of {footer} bytes");
    }
    Ok(())
}

#[tokio::test]
async fn events_of_last_year_and_of_next_year() -> Result<()> {
    let mut world = world().await?;
    let (day, today) = (86_400, now());
    let mut expect = Vec::new();
    for batch in 0..4 {
        let mut lines = String::new();
        for days in (-365..=365).step_by(5) {
            let at = today + days * day + batch;
            let event = json!({"msg": format!("day{days}"), "time": at, "days": days});
            writeln!(lines, "{event}")?;
        }
        send(&world, &lines).await?;
    }
    for days in (-365..=365_i64).step_by(73) {
        let days = days - days.rem_euclid(5);
        expect.push(only(&format!("days=\"{days}\""), 4));
        expect.push(only(&format!("\"day{days}\""), 4));
    }
    expect.push(only("days=*", 4 * 147));
    check(&mut world, &expect).await?;
    for days in [-365, -180, 0, 180, 365] {
        let at = today + days * day;
        let found = count_in(&world, "days=*", [at - 2 * day, at + 2 * day]).await?;
        ensure!(found == 4, "{found} events around day {days}");
    }
    let stored = files(&world.server.data_dir().join("events/default"))?.len();
    ensure!(stored <= 64, "{stored} files");
    Ok(())
}
