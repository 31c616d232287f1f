//! What the engines find.

use super::super::duckdb::Python;
use super::super::home::Home;
use super::queries::{Query, ROW};
use anyhow::{Context, bail};
use cresset_model::Value;
use cresset_model::event::LoggedEvent;
use cresset_query::{Context as Surroundings, Plan, ResultRow, ResultSet};
use serde_json::json;
use std::io::{BufRead, BufReader};

/// Up to so many rows of a query are compared as they are, with all fields.
const WHOLE_ROWS: usize = 100;

const ORACLE: &str = include_str!("../../../../tests/conformance/sigma_sql.py");

/// The numbers of events, in order.
pub(super) type Rows = Vec<i64>;

/// The row engine: the executor over the events as they came in.
pub(super) fn by_rows(plan: &Plan, events: &[LoggedEvent]) -> ResultSet {
    let mut executor = plan.executor(Surroundings::bare());
    for event in events {
        executor.push(&event.event);
    }
    executor.finish()
}

/// What one query finds by rows, and how that differs by columns of the event files.
pub(super) async fn both(
    home: &Home,
    query: &Query,
    rows: ResultSet,
    events: &[LoggedEvent],
) -> anyhow::Result<(Rows, Option<String>)> {
    let columns = home.search(query.numbers.clone(), 0).await?;
    let (rows, columns) = (numbers(&rows)?, numbers(&columns)?);
    let mut difference = difference("columns", &columns, &rows);
    if difference.is_none() && !rows.is_empty() && rows.len() <= WHOLE_ROWS {
        let at = |row: &i64| usize::try_from(row - 1).ok().and_then(|n| events.get(n));
        let found: Vec<LoggedEvent> = rows.iter().filter_map(at).cloned().collect();
        let in_memory = texts(&by_rows(&query.whole, &found));
        let stored = texts(&home.search(query.whole.clone(), 0).await?);
        let differing = stored.iter().zip(&in_memory).find(|(a, b)| a != b);
        difference =
            differing.map(|(a, b)| format!("columns have the row\n  {a}\ninstead of\n  {b}"));
    }
    Ok((rows, difference))
}

fn numbers(result: &ResultSet) -> anyhow::Result<Rows> {
    if result.truncated {
        bail!("the result is not whole");
    }
    let number = |row: &ResultRow| match row.value(ROW) {
        Some(Value::Int(n)) => Ok(*n),
        other => bail!("an event has the number {other:?}"),
    };
    let mut rows = result
        .rows
        .iter()
        .map(number)
        .collect::<Result<Rows, _>>()?;
    rows.sort_unstable();
    Ok(rows)
}

/// Rows as text, in an order of their own: events of one moment have none.
fn texts(result: &ResultSet) -> Vec<String> {
    let rows = result.rows.iter();
    let mut texts: Vec<String> = rows
        .map(|row| serde_json::Value::Object(row.to_json()).to_string())
        .collect();
    texts.sort_unstable();
    texts
}

/// How the rows that `who` found differ, for people.
pub(super) fn difference(who: &str, found: &Rows, expected: &Rows) -> Option<String> {
    let without = |a: &Rows, b: &Rows| -> Rows {
        let rows = a.iter().filter(|row| b.binary_search(row).is_err());
        rows.copied().collect()
    };
    let (more, fewer) = (without(found, expected), without(expected, found));
    if more.is_empty() && fewer.is_empty() && found.len() == expected.len() {
        return None;
    }
    let shown = |rows: &Rows| format!("{} ({:?})", rows.len(), &rows[..rows.len().min(8)]);
    let (more, fewer) = (shown(&more), shown(&fewer));
    Some(format!("{who} find {more} more and lack {fewer}"))
}

/// Asks DuckDB for the rows of all queries; each answer, or why there is none, goes to `answer`.
pub(super) fn by_sql(
    python: &Python,
    home: &Home,
    queries: &[Query],
    mut answer: impl FnMut(usize, Result<Rows, String>),
) -> anyhow::Result<()> {
    let asked = queries.iter().enumerate();
    let asked = asked.map(|(n, query)| json!({"n": n, "query": query.text}).to_string() + "\n");
    let file = home.path("queries.ndjson");
    std::fs::write(&file, asked.collect::<String>())?;
    let mut child = python
        .run(ORACLE, &home.path("sigma_sql.py"))?
        .arg(home.events())
        .args([&file])
        .arg(ROW)
        .spawn()
        .context("cannot run Python")?;
    let output = child.stdout.take().context("the output is a pipe")?;
    for line in BufReader::new(output).lines() {
        let line: serde_json::Value = serde_json::from_str(&line?)?;
        let n = line.get("n").and_then(serde_json::Value::as_u64);
        let n = n.context("an answer without a number")? as usize;
        let rows = line.get("rows").and_then(serde_json::Value::as_array);
        let rows = rows.map(|rows| rows.iter().filter_map(serde_json::Value::as_i64).collect());
        answer(n, rows.ok_or_else(|| line["error"].to_string()));
    }
    if !child.wait()?.success() {
        bail!("DuckDB has not answered all queries");
    }
    Ok(())
}
