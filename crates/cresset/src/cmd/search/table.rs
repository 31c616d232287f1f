//! Rows as a table that grows while they come: the columns, and how wide they are, are those
//! of the first rows.

use super::Row;
use super::shown::{FIRST, cell, cut, is_event, padded, width};
use super::terminal::Screen;
use serde_json::Value;
use std::io::{Result, Write};

/// What stands between columns.
const GAP: &str = "  ";
/// Most columns of text that one column of a table of events takes, but for the last.
const WIDEST: usize = 40;

/// A table on its way.
pub(super) struct Table {
    screen: Screen,
    layout: Option<Layout>,
}

struct Layout {
    columns: Vec<Column>,
    /// Whether fields are left out.
    partly: bool,
}

struct Column {
    name: String,
    width: usize,
    right: bool,
}

impl Table {
    pub(super) const fn new(screen: Screen) -> Self {
        Self {
            screen,
            layout: None,
        }
    }

    /// Writes rows; `order` names the columns that come first, if that is known.
    pub(super) fn rows(
        &mut self,
        out: &mut dyn Write,
        order: &[String],
        rows: &[Row],
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if self.layout.is_none() {
            let layout = Layout::of(order, rows, self.screen);
            let names: Vec<String> = layout
                .columns
                .iter()
                .map(|c| cell("", &c.name.clone().into()))
                .collect();
            self.line(out, &layout, &names)?;
            self.layout = Some(layout);
        }
        let Some(layout) = &self.layout else {
            return Ok(());
        };
        for row in rows {
            let cells: Vec<String> = layout.columns.iter().map(|c| c.cell(row)).collect();
            self.line(out, layout, &cells)?;
        }
        Ok(())
    }

    fn line(&self, out: &mut dyn Write, layout: &Layout, cells: &[String]) -> Result<()> {
        let mut line = String::new();
        for (column, text) in layout.columns.iter().zip(cells) {
            if !line.is_empty() {
                line.push_str(GAP);
            }
            line.push_str(&padded(text, column.width, column.right));
        }
        let line = line.trim_end();
        match self.screen.width {
            Some(room) => writeln!(out, "{}", cut(line, room)),
            None => writeln!(out, "{line}"),
        }
    }

    /// Whether rows have fields that the table does not show.
    pub(super) fn is_partial(&self) -> bool {
        self.layout.as_ref().is_some_and(|layout| layout.partly)
    }
}

impl Layout {
    fn of(order: &[String], rows: &[Row], screen: Screen) -> Self {
        let names = columns(order, rows);
        let events = order.is_empty() && rows.iter().any(is_event);
        let shown: Vec<String> = if events {
            let known = |name: &&String| FIRST.contains(&name.as_str());
            names.iter().filter(known).cloned().collect()
        } else {
            names.clone()
        };
        let column = |name: &String| {
            let cells = rows.iter().filter_map(|row| row.get(name));
            let right = cells.clone().all(Value::is_number) && !name.ends_with("_ts");
            let widest = cells.map(|value| width(&cell(name, value))).max();
            let widest = widest.unwrap_or(0).max(width(name));
            let width = match screen.width {
                Some(_) if events => widest.min(WIDEST),
                _ => widest,
            };
            Column {
                name: name.clone(),
                width,
                right,
            }
        };
        let mut columns: Vec<Column> = shown.iter().map(column).collect();
        // Nothing stands behind the last one.
        if let Some(last) = columns.last_mut().filter(|last| !last.right) {
            last.width = 0;
        }
        Self {
            partly: shown.len() < names.len(),
            columns,
        }
    }
}

impl Column {
    fn cell(&self, row: &Row) -> String {
        let text = row.get(&self.name).map(|value| cell(&self.name, value));
        let text = text.unwrap_or_default();
        if self.width == 0 {
            text
        } else {
            cut(&text, self.width)
        }
    }
}

/// Every field of the rows: those in `order` first, else those that people look for first.
pub(super) fn columns(order: &[String], rows: &[Row]) -> Vec<String> {
    let mut columns: Vec<String> = order.to_vec();
    let has = |name: &str| rows.iter().any(|row| row.contains_key(name));
    if columns.is_empty() {
        let first = FIRST.iter().filter(|name| has(name));
        columns.extend(first.map(|name| (*name).to_owned()));
    }
    let mut known: std::collections::HashSet<String> = columns.iter().cloned().collect();
    let mut others: Vec<&String> = rows.iter().flat_map(Row::keys).collect();
    others.sort_unstable();
    for name in others {
        if known.insert(name.clone()) {
            columns.push(name.clone());
        }
    }
    columns
}
