//! What a filter means, written to be read rather than to be fast.

use super::{Absence, Column, ColumnKind, Condition, Filter, Op, Pattern, as_bool, find, range};

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Bool(bool),
    /// A list of texts.
    Texts(Vec<String>),
}

/// A row of a list.
pub trait Row {
    /// The columns that it has.
    fn columns(&self) -> &[Column];
    /// The value of one of them.
    fn cell(&self, column: &Column) -> Cell;
}

impl Filter {
    /// Whether a row passes. Of a field that the row does not have, a condition says what
    /// it says of a missing value.
    pub fn matches(&self, row: &dyn Row) -> bool {
        self.any
            .iter()
            .any(|group| group.iter().all(|condition| condition.matches(row)))
    }
}

impl Condition {
    /// Whether it is true of a row.
    pub fn matches(&self, row: &dyn Row) -> bool {
        match self.op.excluded() {
            Some(op) => !self.asks(op, row),
            None => self.asks(self.op, row),
        }
    }

    fn asks(&self, op: Op, row: &dyn Row) -> bool {
        if self.asks_all() {
            let is_text = |c: &&Column| matches!(c.kind, ColumnKind::Text | ColumnKind::Texts);
            return row
                .columns()
                .iter()
                .filter(is_text)
                .any(|column| self.is_true_of(op, &row.cell(column)));
        }
        let cell = find(row.columns(), &self.field).map_or(Cell::Null, |c| row.cell(c));
        self.is_true_of(op, &cell)
    }

    fn is_true_of(&self, op: Op, cell: &Cell) -> bool {
        if let Op::Is(absence) = op {
            return is_absent(absence, cell);
        }
        match cell {
            Cell::Null => false,
            Cell::Text(text) => self.values.iter().any(|v| asks_text(op, v, text)),
            Cell::Texts(texts) => texts
                .iter()
                .any(|text| self.values.iter().any(|v| asks_text(op, v, text))),
            Cell::Number(number) => self.values.iter().any(|v| asks_number(op, v, *number)),
            Cell::Bool(truth) => op == Op::Equal && self.values.iter().any(|v| is_it(v, *truth)),
        }
    }
}

fn is_absent(absence: Absence, cell: &Cell) -> bool {
    match cell {
        Cell::Null => true,
        Cell::Text(text) => absence == Absence::Empty && text.is_empty(),
        Cell::Texts(texts) => texts.is_empty(),
        Cell::Number(_) | Cell::Bool(_) => false,
    }
}

fn asks_text(op: Op, value: &Pattern, text: &str) -> bool {
    match op {
        Op::Equal => value.equals(text),
        Op::Contains => value.is_within(text),
        _ => value.compares(text, op),
    }
}

fn asks_number(op: Op, value: &Pattern, number: i64) -> bool {
    match (op, value.literal()) {
        (Op::Contains, _) => value.is_within(&number.to_string()),
        (_, Some(text)) => range(op, text).is_some_and(|numbers| numbers.contains(&number)),
        (Op::Equal, None) => value.equals(&number.to_string()),
        _ => false,
    }
}

fn is_it(value: &Pattern, truth: bool) -> bool {
    value.is_any() || value.literal().and_then(as_bool) == Some(truth)
}
