//! `cresset search`: what people see in a terminal, and what programs get.

use crate::cli::{cresset, stdout};
use crate::conformance::{installed, run, script};
use crate::world::{World, binary, now};
use anyhow::{Context as _, Result, ensure};
use cresset_testkit::http;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// An event that takes hours to search with [`slow_query`].
fn slow_event() -> Value {
    json!({"msg": "a".repeat(500_000)})
}

fn slow_query() -> String {
    let term = |n: usize| format!("msg=*{}?b{n}*", "a".repeat(64));
    (0..300).map(term).collect::<Vec<_>>().join(" or ")
}

/// Events of several types, of the last minutes.
fn typed() -> Vec<Value> {
    let at = now() - 600;
    vec![
        json!({"log_ts": at, "msg": "=cmd()", "n": 7, "ratio": 0.25, "ok": true, "user": "Änne", "tags": ["a", "b"], "mixed": 1}),
        json!({"log_ts": at + 1, "msg": "two\nlines, \"quoted\"", "n": -1, "ok": false, "user": "bob", "mixed": "x"}),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_keep_types_and_appear_when_they_are_complete() -> Result<()> {
    let world = World::new().await?;
    world.ingest(&typed()).await?;
    let data = world.server.data_dir();
    let out = tempfile::tempdir()?;
    let export = |name: &str, more: &[&str]| -> Result<String> {
        let path = out.path().join(name).display().to_string();
        let args = [&["search", "n=*", "--all", "--output", &path][..], more].concat();
        stdout(&cresset(data, &args)?)?;
        Ok(path)
    };
    let ndjson = std::fs::read_to_string(export("rows.ndjson", &[])?)?;
    let rows: Vec<Value> = ndjson
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(rows.len() == 2, "{ndjson}");
    // Newest first.
    ensure!(
        rows[1]["n"] == 7 && rows[1]["ratio"] == 0.25 && rows[1]["ok"] == true,
        "{ndjson}"
    );
    ensure!(
        rows[1]["tags"] == json!(["a", "b"]) && rows[0]["mixed"] == "x",
        "{ndjson}"
    );
    let csv = std::fs::read_to_string(export("rows.csv", &[])?)?;
    let (header, rest) = csv.split_once("\r\n").context("no header")?;
    ensure!(
        header.starts_with("log_ts,") && header.ends_with("tags"),
        "{csv}"
    );
    ensure!(
        rest.contains("\"two\nlines, \"\"quoted\"\"\"") && rest.contains(",'=cmd(),"),
        "{csv}"
    );
    // By another name than its format has, over a file that is there.
    std::fs::write(out.path().join("rows.pq"), "old")?;
    export("rows.pq", &["--format", "parquet"])?;
    std::fs::rename(out.path().join("rows.pq"), out.path().join("rows.parquet"))?;
    let names: Vec<_> = std::fs::read_dir(out.path())?
        .map(|e| Ok(e?.file_name()))
        .collect::<Result<_>>()?;
    ensure!(names.len() == 3, "something is left behind: {names:?}");
    let Some(python) = installed("python3") else {
        return Ok(());
    };
    let (reader, folder) = (
        script("parquet_reader.py"),
        out.path().display().to_string(),
    );
    let said = run(
        &python,
        out.path(),
        &[&reader.display().to_string(), &folder],
    )
    .await?;
    ensure!(said.success, "{}", said.text());
    let files: Value = serde_json::from_str(&said.out)?;
    let file = &files[0];
    for (column, kind, older) in [
        ("log_ts", "timestamp[ms, tz=UTC]", None),
        ("n", "int64", Some(json!(7))),
        ("ratio", "double", Some(json!(0.25))),
        ("ok", "bool", Some(json!(true))),
        ("user", "string", Some(json!("Änne"))),
        ("msg", "string", Some(json!("=cmd()"))),
        ("tags", "list<element: string>", Some(json!(["a", "b"]))),
        ("mixed", "string", Some(json!("1"))),
    ] {
        let found = file["types"][column].as_str().unwrap_or_default();
        let list = kind.starts_with("list") && found.starts_with("list<");
        ensure!(found == kind || list, "{column}: {}", file["types"]);
        let value = &file["values"][1][column];
        ensure!(
            older.is_none_or(|older| *value == older),
            "{column}: {value}"
        );
    }
    let code = "import duckdb, sys; print(duckdb.sql(f\"select count(*), sum(n), max(len(tags)), \
        typeof(any_value(log_ts)) from '{sys.argv[1]}/rows.parquet'\").fetchall())";
    let said = run(&python, out.path(), &["-c", code, &folder]).await?;
    ensure!(said.success, "{}", said.text());
    ensure!(
        said.out.trim() == "[(2, 6, 2, 'TIMESTAMP WITH TIME ZONE')]",
        "{}",
        said.out
    );
    Ok(())
}

/// More than one page of the server; the process stays small whatever there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_goes_on_page_by_page() -> Result<()> {
    let world = World::with(|s| s.env("CRESSET_SEARCH_MAX_ROWS", "700")).await?;
    let at = now() - 3_000;
    // Five of each second, so that pages end in the middle of one.
    let event = |n: i64| json!({"log_ts": at + n / 5, "n": n, "msg": "x"});
    world
        .ingest(&(0..2_500).map(event).collect::<Vec<_>>())
        .await?;
    let data = world.server.data_dir();
    let numbers = |args: &[&str]| -> Result<Vec<i64>> {
        let args = [&["search", "n=*", "--json"][..], args].concat();
        let lines = stdout(&cresset(data, &args)?)?;
        let rows = lines.lines().map(serde_json::from_str::<Value>);
        rows.map(|row| row?["n"].as_i64().context("no number"))
            .collect()
    };
    let mut all = numbers(&["--all"])?;
    ensure!(
        all.windows(2).all(|pair| pair[0] / 5 >= pair[1] / 5),
        "not newest first"
    );
    all.sort_unstable();
    ensure!(
        all == (0..2_500).collect::<Vec<i64>>(),
        "{} rows",
        all.len()
    );
    ensure!(numbers(&["--limit", "1001"])?.len() == 1_001);
    ensure!(numbers(&["--limit", "3"])?.len() == 3);
    // What cannot come in pages says so.
    let cut = cresset(data, &["search", "| order by n", "--all", "--json"])?;
    let told = String::from_utf8_lossy(&cut.stderr).into_owned();
    ensure!(
        !cut.status.success() && told.contains("search.max_rows"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn mistakes_are_told_before_anything_runs() -> Result<()> {
    let world = World::new().await?;
    let data = world.server.data_dir();
    let refused = |args: &[&str], words: &str| -> Result<()> {
        let output = cresset(data, &[&["search", "*"][..], args].concat())?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            !output.status.success() && told.contains(words),
            "{args:?}: {told}"
        );
        Ok(())
    };
    refused(&["--output", "/nowhere/at/all.csv"], "/nowhere/at/all.csv")?;
    refused(&["--output", "rows.what"], "--format")?;
    refused(&["--csv", "--format", "table"], "cannot be used with")?;
    refused(&["--plot", "--no-plot"], "cannot be used with")?;
    refused(
        &["--last", "1d", "--from", "2026-01-01"],
        "cannot be used with",
    )?;
    refused(&["--from", "yesterday"], "2026-01-31T08:00:00Z")?;
    Ok(())
}

/// Runs a command in a terminal of so many columns.
async fn in_terminal(
    world: &World,
    columns: u32,
    more: &[&str],
    args: &[&str],
) -> Result<Option<(bool, String)>> {
    let Some(python) = installed("python3") else {
        return Ok(None);
    };
    let (program, wide) = (
        script("in_terminal.py").display().to_string(),
        columns.to_string(),
    );
    let (binary, data) = (
        binary().display().to_string(),
        world.server.data_dir().to_owned(),
    );
    let place = data.display().to_string();
    let command = [
        &[program.as_str(), &wide][..],
        more,
        &[&binary, "search"],
        args,
        &["--data-dir", &place],
    ]
    .concat();
    let said = run(&python, &data, &command).await?;
    Ok(Some((said.success, said.out)))
}

const COLOUR: &str = "\u{1b}[36m";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charts_are_bars_on_a_terminal() -> Result<()> {
    let world = World::new().await?;
    let at = now() - 600;
    let event = |n: usize| json!({"log_ts": at, "user": if n < 7 { "eve" } else { "\u{1b}[31mbob" }, "msg": "x"});
    world
        .ingest(&(0..10).map(event).collect::<Vec<_>>())
        .await?;
    let query = "user=* | chart count() as cnt by user order by cnt desc";
    let Some((done, shown)) = in_terminal(&world, 60, &[], &[query]).await? else {
        return Ok(());
    };
    ensure!(
        done && shown.contains('█') && shown.contains(COLOUR),
        "{shown}"
    );
    let without = shown.replace(COLOUR, "").replace("\u{1b}[0m", "");
    ensure!(!without.contains('\u{1b}'), "{without:?}");
    let widest = without.lines().map(|l| l.trim_end().chars().count()).max();
    ensure!(widest == Some(60), "{widest:?}: {without}");
    let (_, shown) = in_terminal(&world, 60, &[], &[query, "--no-plot"])
        .await?
        .context("no python")?;
    ensure!(shown.contains("eve") && !shown.contains('█'), "{shown}");
    // Through a pipe, bars only if somebody asks for them, and never colours.
    let data = world.server.data_dir();
    let piped = stdout(&cresset(data, &["search", query])?)?;
    ensure!(!piped.contains('█'), "{piped}");
    let plotted = stdout(&cresset(data, &["search", query, "--plot"])?)?;
    ensure!(
        plotted.contains('█') && !plotted.contains('\u{1b}'),
        "{plotted}"
    );
    let timechart = "user=* | timechart count() every 1 minute";
    let plotted = stdout(&cresset(data, &["search", timechart, "--plot"])?)?;
    ensure!(
        plotted.starts_with("log_ts") && plotted.contains('█'),
        "{plotted}"
    );
    let (_, shown) = in_terminal(&world, 60, &[], &[query, "--format", "parquet"])
        .await?
        .context("no python")?;
    ensure!(shown.contains("no text for a terminal"), "{shown}");
    Ok(())
}

/// Whatever the user has under way; a search that is not there is refused.
async fn running(world: &World) -> Result<u64> {
    let metrics = http::get(&world.server.url("/metrics"), None).await?.text();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("cresset_search_sessions "));
    let number = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    Ok(number.unwrap_or(0.0) as u64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_search_shows_how_far_it_is_and_ctrl_c_ends_it_on_the_server() -> Result<()> {
    let world = World::new().await?;
    world
        .ingest(&[slow_event(), json!({"msg": "newer", "fast": "yes"})])
        .await?;
    let query = format!("fast=yes or {}", slow_query());
    let interrupt = ["--interrupt-at", "1 events found"];
    let Some((done, shown)) = in_terminal(&world, 100, &interrupt, &[&query]).await? else {
        return Ok(());
    };
    ensure!(
        !done && shown.contains("0 of 0 files, 1 events found"),
        "{shown}"
    );
    ensure!(shown.contains("cancelled"), "{shown}");
    ensure!(running(&world).await? == 0, "the search is still there");
    // Through pipes: nothing of the bar, and the same end.
    let mut child = Command::new(binary())
        .args(["search", &query, "--data-dir"])
        .arg(world.server.data_dir())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let started = Instant::now();
    while running(&world).await? == 0 {
        ensure!(
            started.elapsed() < Duration::from_secs(20),
            "it does not begin"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let pid = child.id().to_string();
    ensure!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()?
            .success()
    );
    let code = tokio::task::block_in_place(|| child.wait())?;
    let output = child.wait_with_output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        code.code() == Some(130) && told.trim() == "cancelled",
        "{code}: {told}"
    );
    ensure!(running(&world).await? == 0, "the search is still there");
    Ok(())
}
