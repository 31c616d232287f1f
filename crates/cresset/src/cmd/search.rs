//! `cresset search`: runs a query on a server and prints the rows.

use super::told::plain;
use crate::cli::SearchArgs;
use crate::client::Client;
use crate::system::SystemClock;
use anyhow::{Context, bail};
use cresset_model::Clock;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};

type Row = serde_json::Map<String, Value>;

/// Fields that accompany every row and say nothing to a person.
const HIDDEN: [&str; 9] = [
    "_type_str",
    "_type_num",
    "_type_ip",
    "_offset",
    "_identifier",
    "_tz",
    "_fromV550",
    "_enrich_policy",
    "_group",
];

pub(crate) async fn run(args: SearchArgs) -> anyhow::Result<()> {
    if args.explain {
        return super::explain::run(&args).await;
    }
    let client = Client::new(&args.remote).await?;
    let reply = search(&client, &args).await?;
    let rows: Vec<Row> = reply
        .get("rows")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|r| r.as_object().cloned())
        .map(|mut row| {
            row.retain(|k, _| !HIDDEN.contains(&k.as_str()));
            row
        })
        .collect();
    let columns = columns(&reply, &rows);
    let mut out = std::io::stdout().lock();
    // A closed pipe (`| head`) is not a failure.
    let printed = match (args.json, args.csv) {
        (true, _) => print_json(&mut out, &rows),
        (_, true) => print_csv(&mut out, &columns, &rows),
        _ => print_table(&mut out, &columns, &rows, args.limit),
    };
    match printed {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => return Err(e.into()),
        _ => {}
    }
    // After the rows, and with a code that a script notices: what is shown is not all.
    let missing: Vec<String> = warnings(&reply).map(text_of).collect();
    if !missing.is_empty() {
        bail!("{}", missing.join("; "));
    }
    Ok(())
}

fn warnings(reply: &Value) -> impl Iterator<Item = &Value> {
    let all = reply.get("warnings").and_then(Value::as_array);
    all.into_iter().flatten()
}

/// The final reply to a search.
pub(super) async fn search(client: &Client, args: &SearchArgs) -> anyhow::Result<Value> {
    let to = SystemClock.now();
    let from = to.secs().saturating_sub(args.last.0 / 1_000_000);
    let start = json!({
        "query": args.query,
        "time_range": [from, to.secs() + 1],
        "limit": args.limit,
        "repos": args.repos.clone(),
        "timeout": 300,
        "client_name": "cresset",
    });
    let started = client.search_call(&start).await?;
    let id = started
        .get("search_id")
        .and_then(Value::as_str)
        .context("the server gave no search id")?;
    for warning in warnings(&started) {
        eprintln!("note: {}", text_of(warning));
    }
    let poll = json!({"search_id": id, "explain": args.explain});
    let spinner = indicatif::ProgressBar::new_spinner();
    loop {
        let reply = client.search_call(&poll).await?;
        if reply.get("final") == Some(&Value::Bool(true)) {
            spinner.finish_and_clear();
            return Ok(reply);
        }
        if reply.get("final").is_none() {
            bail!("the server answers no search result: {reply}");
        }
        spinner.set_message(format!(
            "searching, {:.1} s",
            spinner.elapsed().as_secs_f64()
        ));
        spinner.tick();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Grouping and aggregates in order for a chart; for events the common fields first.
fn columns(reply: &Value, rows: &[Row]) -> Vec<String> {
    let named = |key: &str| {
        let items = reply
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        items
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let mut columns = named("grouping");
    columns.extend(named("columns"));
    if columns.is_empty() {
        let first = [
            "log_ts",
            "device_name",
            "repo_name",
            "label",
            "user",
            "source_address",
            "msg",
        ];
        columns.extend(
            first
                .into_iter()
                .filter(|f| rows.iter().any(|r| r.contains_key(*f)))
                .map(str::to_owned),
        );
    }
    for key in rows.iter().flat_map(|r| r.keys()) {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    columns
}

/// Text of a value that no terminal obeys.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    }
}

fn print_json(out: &mut impl Write, rows: &[Row]) -> std::io::Result<()> {
    rows.iter()
        .try_for_each(|row| writeln!(out, "{}", Value::Object(row.clone())))
}

fn print_csv(out: &mut impl Write, columns: &[String], rows: &[Row]) -> std::io::Result<()> {
    let line = |cells: Vec<String>| cells.join(",");
    writeln!(
        out,
        "{}",
        line(columns.iter().map(|c| csv_cell(&plain(c))).collect())
    )?;
    for row in rows {
        let cells = columns.iter().map(|c| {
            row.get(c)
                .map(|v| csv_cell(&text_of(v)))
                .unwrap_or_default()
        });
        writeln!(out, "{}", line(cells.collect()))?;
    }
    Ok(())
}

/// A quoted cell; one that a spreadsheet would run as a formula gets a leading quote mark.
fn csv_cell(text: &str) -> String {
    let risky = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
    let text = if risky {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn print_table(
    out: &mut impl Write,
    columns: &[String],
    rows: &[Row],
    limit: u32,
) -> std::io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no rows");
    }
    // Whole events are too wide for a terminal; the other forms show every field.
    let events = rows
        .iter()
        .any(|r| r.contains_key("msg") && r.contains_key("col_ts"));
    let shown = if events {
        &columns[..columns
            .iter()
            .position(|c| c == "msg")
            .map_or(columns.len(), |i| i + 1)]
    } else {
        columns
    };
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(shown.iter().map(|c| plain(c)));
    for row in rows {
        table.add_row(
            shown
                .iter()
                .map(|c| row.get(c).map(|v| cell(c, v)).unwrap_or_default()),
        );
    }
    let wide = std::io::stdout().is_terminal();
    if wide && let Some(width) = table.width() {
        table.set_width(width);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    if events && rows.len() as u64 == u64::from(limit) {
        writeln!(
            out,
            "({} newest rows; --limit shows more, --json every field)",
            rows.len()
        )?;
    }
    Ok(())
}

fn cell(column: &str, value: &Value) -> String {
    match (column, value.as_i64()) {
        ("log_ts" | "col_ts", Some(secs)) => cresset_model::Timestamp::from_secs(secs).to_rfc3339(),
        _ => text_of(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_inert_in_every_output() {
        assert_eq!(csv_cell("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(csv_cell("-5"), "-5");
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(
            text_of(&json!("\u{1b}[31mred\u{7}")),
            "\u{fffd}[31mred\u{fffd}"
        );
    }
}
