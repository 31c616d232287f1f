//! Filters of LogicMonitor's lists: no text panics, and what is read keeps its promises.
//!
//! Input is a filter, then after NUL characters the texts of a row.

#![no_main]

use cresset_model::filter::{
    Cell, Column, ColumnKind, Condition, Filter, Op, Row, Sort, decode, parse,
};
use libfuzzer_sys::fuzz_target;

const COLUMNS: &[Column] = &[
    Column::number("id"),
    Column::text("note"),
    Column::text("contact.name"),
    Column::new("apionly", ColumnKind::Bool),
    Column::texts("roles"),
];

/// A row made of texts.
struct Texts<'a>(Vec<&'a str>);

impl Row for Texts<'_> {
    fn columns(&self) -> &[Column] {
        COLUMNS
    }

    fn cell(&self, column: &Column) -> Cell {
        let text = |place: usize| self.0.get(place).map(ToString::to_string);
        match column.name {
            "note" => text(0).map_or(Cell::Null, Cell::Text),
            "contact.name" => text(1).map_or(Cell::Null, Cell::Text),
            "id" => text(2)
                .and_then(|t| t.parse().ok())
                .map_or(Cell::Null, Cell::Number),
            "apionly" => text(3).map_or(Cell::Null, |t| Cell::Bool(t.is_empty())),
            _ => Cell::Texts(self.0.iter().skip(4).map(ToString::to_string).collect()),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut texts = text.split('\0');
    let written = texts.next().unwrap_or_default();
    let row = Texts(texts.collect());
    let _ = Sort::parse(written).map(|keys| keys.iter().all(|key| key.check(COLUMNS).is_ok()));

    let decoded = decode(written);
    match parse(&decoded) {
        Ok(filter) => {
            keeps_its_text(&filter);
            opposites_differ(&filter, &row);
            is_or_of_ands(&filter, &row);
            let _ = filter.check(COLUMNS).map_err(|error| error.to_string());
        }
        Err(error) => {
            let end = decoded.chars().count() + 1;
            assert!(error.character.is_none_or(|at| (1..=end).contains(&at)));
            assert!(error.to_string().starts_with("invalid filter: "));
        }
    }
});

/// What it prints is read as the same filter.
fn keeps_its_text(filter: &Filter) {
    let printed = filter.to_string();
    // Quotes and escapes may make it longer than what is read.
    if printed.len() <= cresset_model::filter::MAX_TEXT {
        let again = parse(&printed).expect("a printed filter is read");
        assert_eq!(again.to_string(), printed);
        assert_eq!(again.any.len(), filter.any.len());
    }
}

/// A condition that excludes is true where the one that asks is not.
fn opposites_differ(filter: &Filter, row: &Texts<'_>) {
    for condition in filter.conditions() {
        if let Some(op) = condition.op.excluded() {
            let asks = Condition {
                op,
                ..condition.clone()
            };
            assert_ne!(asks.matches(row), condition.matches(row));
        }
        if condition.op == Op::Equal {
            let contains = Condition {
                op: Op::Contains,
                ..condition.clone()
            };
            // But for numbers, of which 1 and 1.0 are equal, and truth.
            let is_text = !["id", "apionly"].contains(&&*condition.field.to_ascii_lowercase());
            assert!(!is_text || !condition.matches(row) || contains.matches(row));
        }
    }
}

fn is_or_of_ands(filter: &Filter, row: &Texts<'_>) {
    let mut any = false;
    for group in &filter.any {
        let mut all = true;
        for condition in group {
            all &= condition.matches(row);
        }
        any |= all;
    }
    assert_eq!(any, filter.matches(row));
}
