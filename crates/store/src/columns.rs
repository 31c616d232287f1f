//! From events to columns: which fields become columns of a file, and of which type.
//!
//! A field of one kind of value becomes a column of that type. A field of several
//! kinds becomes a *mixed* column of the narrowest type that other programs can
//! work with: numbers as `DOUBLE`, otherwise text, lists if there is any list.
//! A value that such a column cannot give back exactly is also put into the
//! overflow column, where reading finds it; so an event always reads back as it
//! was written, and a rule sees the same event live and from a file.

use cresset_model::{Event, Value};
use foldhash::HashMap;
use std::borrow::Cow;

/// Place in the event log.
pub(crate) const SEQ: &str = "_seq";
/// JSON object of the fields that have no column of their own.
pub(crate) const OVERFLOW: &str = "_overflow";
/// The terms of `msg`.
pub(crate) const TERMS: &str = "_terms";
/// Event time.
pub(crate) const LOG_TS: &str = "log_ts";
/// Arrival time.
pub(crate) const COL_TS: &str = "col_ts";

/// Stands before the name of a field that would collide with one of ours.
const ESCAPE: &str = "_field.";

/// Longer names go to the overflow column, because the footer of a file, which
/// every search reads, repeats a column's name in several places.
pub(crate) const MAX_COLUMN_NAME: usize = 1_024;

/// Bytes of the values of a small column, where equal ones that follow one another count once.
const SMALL: usize = 256;

/// Values of a column that are looked at to learn whether they repeat.
const SAMPLE: usize = 64;

/// Whole numbers up to this one are exact in a `DOUBLE`.
const EXACT: i64 = 1 << 53;

/// The column that holds `field`.
pub(crate) fn column_name(field: &str) -> Cow<'_, str> {
    // Any case, because programs such as DuckDB do not tell cases apart.
    let reserved = [SEQ, OVERFLOW, TERMS, LOG_TS, COL_TS]
        .iter()
        .any(|r| field.eq_ignore_ascii_case(r));
    if reserved || field.is_empty() || field.starts_with(ESCAPE) {
        Cow::Owned(format!("{ESCAPE}{field}"))
    } else {
        Cow::Borrowed(field)
    }
}

/// The field that `column` holds; the inverse of [`column_name`].
pub(crate) fn field_name(column: &str) -> &str {
    column.strip_prefix(ESCAPE).unwrap_or(column)
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Float,
    Bool,
    Text,
    List,
}

/// A field's values in one file.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    pub(crate) field: &'a str,
    pub(crate) kind: Kind,
    /// Values of several kinds share the column.
    pub(crate) mixed: bool,
    /// Row and value, by row.
    pub(crate) cells: Vec<(u32, &'a Value)>,
}

impl Column<'_> {
    /// Whether there is so little in it that compression would cost more than it gains: what
    /// prepares it is as much work as compressing some ten thousand bytes.
    pub(crate) fn is_small(&self) -> bool {
        let (mut bytes, mut last) = (0, None);
        self.cells.iter().all(|(_, value)| {
            if last != Some(value) {
                last = Some(value);
                bytes += match value {
                    Value::Str(text) => 4 + text.len(),
                    Value::List(items) => items.iter().map(|item| 4 + item.len()).sum(),
                    Value::Bool(_) => 1,
                    Value::Int(_) | Value::Float(_) => 8,
                };
            }
            bytes <= SMALL
        })
    }

    /// Whether hardly a value comes again, as far as some of them tell: then a dictionary would be
    /// made of all of them for nothing.
    pub(crate) fn is_diverse(&self) -> bool {
        let step = (self.cells.len() / SAMPLE).max(1);
        let sample = self.cells.iter().step_by(step).take(SAMPLE);
        let mut sample: Vec<Cow<'_, str>> = sample.map(|(_, value)| value.text()).collect();
        sample.sort_unstable();
        sample.dedup();
        sample.len() + 1 >= SAMPLE
    }

    /// Whether it is that of `msg`, and its terms tell all that may be asked of them.
    pub(crate) fn has_terms(&self) -> bool {
        has_terms(self.field, self.kind, self.mixed)
    }
}

/// Whether the terms of a column stand in a column of their own: that of `msg`, if all is text.
pub(crate) fn has_terms(field: &str, kind: Kind, mixed: bool) -> bool {
    field == "msg" && kind == Kind::Text && !mixed
}

/// What the rows of one file become.
#[derive(Debug, Default)]
pub(crate) struct Survey<'a> {
    pub(crate) columns: Vec<Column<'a>>,
    /// Row, field and value of what goes into the overflow column, by row.
    pub(crate) overflow: Vec<(u32, &'a str, &'a Value)>,
}

/// Sorts the fields of `events` into at most `budget` columns, the most frequent
/// fields first, and the overflow.
pub(crate) fn survey<'a>(events: impl Iterator<Item = &'a Event>, budget: usize) -> Survey<'a> {
    let mut fields = collect(events);
    let keep = within_budget(&fields, budget);
    let mut overflow = Vec::new();
    let mut columns = Vec::new();
    for (field, keep) in fields.drain(..).zip(keep) {
        if !keep {
            overflow.extend(field.cells.into_iter().map(|(row, v)| (row, field.name, v)));
            continue;
        }
        let (kind, mixed) = settle(&field.cells);
        if mixed {
            let lost = field.cells.iter().filter(|(_, v)| !reads_back(kind, v));
            overflow.extend(lost.map(|(row, v)| (*row, field.name, *v)));
        }
        columns.push(Column {
            field: field.name,
            kind,
            mixed,
            cells: field.cells,
        });
    }
    overflow.sort_by_key(|(row, _, _)| *row);
    Survey { columns, overflow }
}

struct Field<'a> {
    name: &'a str,
    cells: Vec<(u32, &'a Value)>,
}

/// Fields in order of first appearance.
fn collect<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<Field<'a>> {
    let mut places: HashMap<&str, usize> = HashMap::default();
    let mut fields: Vec<Field<'a>> = Vec::new();
    // Where the fields of the event before went, in its order: events of one source
    // look alike, and comparing a name costs much less than looking it up.
    let mut expected: Vec<usize> = Vec::new();
    for (row, event) in events.enumerate() {
        let row = row as u32;
        for (at, (name, value)) in event.fields.iter().enumerate() {
            let likely = expected.get(at).copied();
            let known = likely.filter(|p| fields.get(*p).is_some_and(|f| f.name == name.as_str()));
            let place = known.unwrap_or_else(|| {
                *places.entry(name.as_str()).or_insert_with(|| {
                    fields.push(Field {
                        name,
                        cells: Vec::new(),
                    });
                    fields.len() - 1
                })
            });
            match expected.get_mut(at) {
                Some(expected) => *expected = place,
                None => expected.push(place),
            }
            let Some(field) = fields.get_mut(place) else {
                continue;
            };
            // A name given twice reads as its first value, as in `Event::get`.
            if field.cells.last().is_none_or(|(last, _)| *last != row) {
                field.cells.push((row, value));
            }
        }
    }
    fields
}

fn within_budget(fields: &[Field<'_>], budget: usize) -> Vec<bool> {
    let mut ranked: Vec<usize> = (0..fields.len())
        .filter(|i| fields[*i].name.len() <= MAX_COLUMN_NAME)
        .collect();
    ranked.sort_by_key(|i| std::cmp::Reverse(fields[*i].cells.len()));
    let mut keep = vec![false; fields.len()];
    for i in ranked.into_iter().take(budget) {
        keep[i] = true;
    }
    keep
}

fn settle(cells: &[(u32, &Value)]) -> (Kind, bool) {
    let mut kinds = Kinds::default();
    for (_, value) in cells {
        kinds.add(value);
    }
    kinds.settle()
}

/// Which kinds of values a field has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kinds {
    pub(crate) int: bool,
    /// Some whole number is not exact in a `DOUBLE`.
    pub(crate) large: bool,
    pub(crate) float: bool,
    pub(crate) bool: bool,
    pub(crate) text: bool,
    pub(crate) list: bool,
}

impl Kinds {
    pub(crate) fn add(&mut self, value: &Value) {
        match value {
            Value::Int(n) => self.add_int(*n),
            Value::Float(_) => self.float = true,
            Value::Bool(_) => self.bool = true,
            Value::Str(_) => self.text = true,
            Value::List(_) => self.list = true,
        }
    }

    pub(crate) fn add_int(&mut self, n: i64) {
        self.int = true;
        self.large |= !(-EXACT..=EXACT).contains(&n);
    }

    /// The kind of a column for all of them, and whether it is mixed.
    pub(crate) fn settle(self) -> (Kind, bool) {
        match (self.int, self.float, self.bool, self.text, self.list) {
            (true, false, false, false, false) => (Kind::Int, false),
            (false, true, false, false, false) => (Kind::Float, false),
            (false, false, true, false, false) => (Kind::Bool, false),
            (false, false, false, true, false) => (Kind::Text, false),
            (false, false, false, false, true) => (Kind::List, false),
            (true, true, false, false, false) if !self.large => (Kind::Float, true),
            (_, _, _, _, true) => (Kind::List, true),
            _ => (Kind::Text, true),
        }
    }
}

/// Whether a mixed column of that kind gives `value` back: [`whole`] numbers read
/// as integers, lists of one text as that text.
pub(crate) fn reads_back(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Text | Kind::List, Value::Str(_)) | (Kind::Float, Value::Int(_)) => true,
        (Kind::Float, Value::Float(n)) => whole(*n).is_none(),
        (Kind::List, Value::List(items)) => items.len() != 1,
        _ => false,
    }
}

/// The integer that a number of a mixed column stands for, if it is one.
pub(crate) fn whole(n: f64) -> Option<i64> {
    let fits = n.fract() == 0.0 && n.abs() <= EXACT as f64 && !(n == 0.0 && n.is_sign_negative());
    fits.then_some(n as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(rows: &[&[(&str, Value)]]) -> Vec<Event> {
        let event = |fields: &&[(&str, Value)]| Event {
            fields: fields
                .iter()
                .map(|(n, v)| ((*n).into(), v.clone()))
                .collect(),
            ..Event::default_for_tests()
        };
        rows.iter().map(event).collect()
    }

    trait ForTests {
        fn default_for_tests() -> Self;
    }

    impl ForTests for Event {
        fn default_for_tests() -> Self {
            Event::new(cresset_model::Timestamp(0), cresset_model::Timestamp(0))
        }
    }

    #[test]
    fn names_that_collide_are_escaped_and_come_back() {
        let check = |field: &str, column: &str| {
            assert_eq!(column_name(field), column);
            assert_eq!(field_name(column), field);
        };
        check("user", "user");
        check("", "_field.");
        check("_seq", "_field._seq");
        check("_SEQ", "_field._SEQ");
        check("log_ts", "_field.log_ts");
        check("_overflow", "_field._overflow");
        check("_terms", "_field._terms");
        check("_field.x", "_field._field.x");
        check("_fields", "_fields");
    }

    #[test]
    fn kinds_of_columns() {
        let check = |values: &[Value], kind: Kind, mixed: bool| {
            let cells: Vec<(u32, &Value)> = values.iter().map(|v| (0, v)).collect();
            assert_eq!(settle(&cells), (kind, mixed), "{values:?}");
        };
        let (int, float, text) = (Value::Int(1), Value::Float(0.5), Value::str("x"));
        let (yes, list) = (Value::Bool(true), Value::List(vec!["a".into()]));
        check(std::slice::from_ref(&int), Kind::Int, false);
        check(std::slice::from_ref(&float), Kind::Float, false);
        check(std::slice::from_ref(&yes), Kind::Bool, false);
        check(std::slice::from_ref(&list), Kind::List, false);
        check(&[int.clone(), float.clone()], Kind::Float, true);
        check(&[Value::Int(i64::MAX), float.clone()], Kind::Text, true);
        check(&[int.clone(), yes], Kind::Text, true);
        check(&[int, float, text, list], Kind::List, true);
    }

    #[test]
    fn the_budget_keeps_the_most_frequent_fields() {
        let one = || Value::Int(1);
        let rows = events(&[
            &[("rare", one()), ("often", one())],
            &[("often", one()), ("also", one())],
            &[("also", one())],
        ]);
        let found = survey(rows.iter(), 2);
        let names: Vec<&str> = found.columns.iter().map(|c| c.field).collect();
        assert_eq!(names, ["often", "also"]);
        assert_eq!(found.overflow, [(0, "rare", &one())]);
    }

    #[test]
    fn very_long_names_have_no_column() {
        let name = "n".repeat(MAX_COLUMN_NAME + 1);
        let rows = events(&[&[(&name, Value::Int(1))]]);
        let found = survey(rows.iter(), 10);
        assert!(found.columns.is_empty());
        assert_eq!(found.overflow.len(), 1);
    }
}
