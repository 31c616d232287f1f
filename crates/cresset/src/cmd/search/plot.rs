//! Charts as bars beside their numbers.

use super::Row;
use super::remote::Summary;
use super::shown::{cell, cut, number, padded, width};
use super::terminal::Screen;
use serde_json::Value;
use std::collections::BTreeMap;

/// What stands between columns.
const GAP: &str = "  ";
/// The bar of the largest value has at least so many columns; texts give way.
const LEAST_BAR: usize = 16;
/// A label of a group is at least so wide before bars give way, too.
const LEAST_LABEL: usize = 12;
/// Most lines that are drawn for spans of time without an event.
const MOST_GAPS: usize = 500;
/// Parts of a full block, by eighths.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const FULL: char = '█';
const COLOUR: &str = "\u{1b}[36m";
const PLAIN: &str = "\u{1b}[0m";

/// The chart as lines; `None` if it has no numbers to draw.
pub(super) fn plot(summary: &Summary, rows: &[Row], screen: Screen) -> Option<String> {
    let drawn = summary.columns.iter().find(|name| {
        let mut values = rows.iter().filter_map(|row| row.get(*name)).peekable();
        values.peek().is_some() && values.all(Value::is_number)
    })?;
    let rows = if summary.query_type == "timechart" {
        by_time(rows)
    } else {
        rows.to_vec()
    };
    let columns = columns(summary, &rows);
    let values: Vec<f64> = rows
        .iter()
        .map(|row| row.get(drawn).and_then(Value::as_f64).unwrap_or(0.0))
        .collect();
    let largest = values.iter().copied().fold(0.0, f64::max);
    let room = screen.plot_width();
    let (columns, bar) = fitted(columns, room);
    let mut out = String::new();
    let header = columns
        .iter()
        .map(|c| (cut(&cell("", &c.name.as_str().into()), c.width), c));
    out.push_str(line(header).trim_end());
    out.push('\n');
    for (at, value) in values.iter().enumerate() {
        let cells = columns.iter().map(|c| (cut(&c.cells[at], c.width), c));
        let text = line(cells);
        let drawn = drawn_bar(*value, largest, bar);
        if drawn.is_empty() {
            out.push_str(text.trim_end());
        } else if screen.colours {
            out.push_str(&format!("{text}{GAP}{COLOUR}{drawn}{PLAIN}"));
        } else {
            out.push_str(&format!("{text}{GAP}{drawn}"));
        }
        out.push('\n');
    }
    Some(out)
}

struct Column {
    name: String,
    cells: Vec<String>,
    width: usize,
    right: bool,
}

fn columns(summary: &Summary, rows: &[Row]) -> Vec<Column> {
    let mut names: Vec<&String> = summary.grouping.iter().chain(&summary.columns).collect();
    let time = "log_ts".to_owned();
    if summary.query_type == "timechart" && !names.contains(&&time) {
        names.insert(0, &time);
    }
    let column = |name: &String| {
        let values = || rows.iter().filter_map(|row| row.get(name));
        let right = values().all(Value::is_number) && !is_time(name);
        let shown = |row: &Row| match row.get(name) {
            Some(Value::Number(n)) if right => number(n.as_f64().unwrap_or(f64::NAN)),
            Some(value) => cell(name, value),
            None => String::new(),
        };
        let cells: Vec<String> = rows.iter().map(shown).collect();
        let widest = cells.iter().map(|text| width(text)).max().unwrap_or(0);
        Column {
            width: widest.max(width(name)),
            name: name.clone(),
            cells,
            right,
        }
    };
    names.into_iter().map(column).collect()
}

fn is_time(column: &str) -> bool {
    column.ends_with("_ts")
}

/// The columns and the longest bar in `room`. The widest texts are cut first.
fn fitted(mut columns: Vec<Column>, room: usize) -> (Vec<Column>, usize) {
    let taken = |columns: &[Column]| columns.iter().map(|c| c.width + GAP.len()).sum::<usize>();
    while taken(&columns) + LEAST_BAR > room {
        // Half a time is none.
        let texts = columns.iter_mut().filter(|c| !c.right && !is_time(&c.name));
        let widest = texts.max_by_key(|c| c.width);
        match widest.filter(|c| c.width > LEAST_LABEL) {
            Some(widest) => widest.width -= 1,
            None => break,
        }
    }
    let bar = room.saturating_sub(taken(&columns)).max(1);
    (columns, bar)
}

fn line<'a>(cells: impl Iterator<Item = (String, &'a Column)>) -> String {
    let cells: Vec<String> = cells
        .map(|(text, c)| padded(&text, c.width, c.right))
        .collect();
    cells.join(GAP)
}

/// A bar in eighths of a column. What is more than nothing is seen.
fn drawn_bar(value: f64, largest: f64, room: usize) -> String {
    if value <= 0.0 || largest <= 0.0 {
        return String::new();
    }
    let eighths = (value / largest * room as f64 * 8.0).round().max(1.0) as usize;
    let mut bar = FULL.to_string().repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

/// Oldest first, with a row for each span of time that has none.
fn by_time(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    let at = |row: &Row| row.get("log_ts").and_then(Value::as_i64);
    rows.sort_by_key(at);
    let times: Vec<i64> = rows.iter().filter_map(at).collect();
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let Some(step) = steps.filter(|step| *step > 0).min() else {
        return rows;
    };
    let mut by_time: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    let mut without = Vec::new();
    for row in rows {
        match at(&row) {
            Some(time) => by_time.entry(time).or_default().push(row),
            None => without.push(row),
        }
    }
    let ends = by_time
        .keys()
        .next()
        .copied()
        .zip(by_time.keys().next_back().copied());
    if let Some((first, last)) = ends {
        let empty = |time: i64| vec![Row::from_iter([("log_ts".to_owned(), Value::from(time))])];
        let spans = (first..=last).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        if (last - first) / step <= (by_time.len() + MOST_GAPS) as i64 {
            for time in spans {
                // Spans of days have different lengths where clocks change.
                let near = by_time.range(time - step / 2..=time + step / 2).next();
                if near.is_none() {
                    by_time.insert(time, empty(time));
                }
            }
        }
    }
    by_time.into_values().flatten().chain(without).collect()
}

#[cfg(test)]
mod tests;
