//! Event files are plain Parquet: pyarrow, which knows nothing of Cresset, reads them.

use crate::conformance::{installed, run, script};
use crate::world::World;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

fn has_file(folder: &Path) -> Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if has_file(&path)? {
                return Ok(true);
            }
        } else if path.extension().is_some_and(|end| end == "parquet") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyarrow_reads_what_was_sent() -> Result<()> {
    let Some(python) = installed("python3") else {
        return Ok(());
    };
    let world = World::with(|s| s.env("CRESSET_STORAGE_FLUSH_AGE", "100ms")).await?;
    let sent = [
        json!({"log_ts": 1_767_225_600, "n": 7, "ratio": 0.25, "ok": true, "user.name": "Änne", "tags": ["a", "b"], "_seq": "mine", "mixed": 1}),
        json!({"log_ts": 1_767_225_601, "n": -1, "ok": false, "user.name": "", "mixed": "x"}),
    ];
    let body: String = sent.iter().map(|e| format!("{e}\n")).collect();
    world.ingest_raw("default", body, &[]).await?.ok()?;
    let folder = world.server.data_dir().join("events/default");
    let started = Instant::now();
    while !folder.exists() || !has_file(&folder)? {
        ensure!(started.elapsed().as_secs() < 30, "nothing was flushed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let program = script("parquet_reader.py").display().to_string();
    let shown = folder.display().to_string();
    let said = run(&python, world.server.data_dir(), &[&program, &shown]).await?;
    ensure!(said.success, "{}", said.text());
    let files: Value = serde_json::from_str(&said.out)?;
    let [file] = files.as_array().context("no list")?.as_slice() else {
        anyhow::bail!("one flush made several files: {files}");
    };
    ensure!(file["rows"] == 2 && file["compression"] == "ZSTD", "{file}");
    for (column, kind) in [
        ("_seq", "int64"),
        ("log_ts", "timestamp[us, tz=UTC]"),
        ("col_ts", "timestamp[us, tz=UTC]"),
        ("n", "int64"),
        ("ratio", "double"),
        ("ok", "bool"),
        ("user.name", "string"),
        ("_field._seq", "string"),
    ] {
        ensure!(file["types"][column] == kind, "{column}: {}", file["types"]);
    }
    let rows = &file["values"];
    for (row, column, expect) in [
        (0, "log_ts", json!("2026-01-01T00:00:00+00:00")),
        (1, "log_ts", json!("2026-01-01T00:00:01+00:00")),
        (0, "n", json!(7)),
        (1, "n", json!(-1)),
        (0, "ratio", json!(0.25)),
        (1, "ratio", json!(null)),
        (0, "ok", json!(true)),
        (1, "ok", json!(false)),
        (0, "user.name", json!("Änne")),
        (1, "user.name", json!("")),
        (0, "tags", json!(["a", "b"])),
        (1, "tags", json!(null)),
        (0, "_field._seq", json!("mine")),
        (0, "mixed", json!("1")),
        (1, "mixed", json!("x")),
    ] {
        ensure!(rows[row][column] == expect, "{column} of row {row}: {rows}");
    }
    Ok(())
}
