//! From events to columns: which fields become columns of a file, and of which type.
//!
//! A field of one kind of value becomes a column of that type. A field of several
//! kinds becomes a *mixed* column of the narrowest type that other programs can
//! work with: numbers as `DOUBLE`, otherwise text, lists if there is any list.
//! A value that such a column cannot give back exactly is also put into the
//! overflow column, where reading finds it; so an event always reads back as it
//! was written, and a rule sees the same event live and from a file.

use cresset_model::Value;
use cresset_model::packed::ValueRef;
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

/// Whether the terms of a column stand in a column of their own: that of `msg`, if all is text.
pub(crate) fn has_terms(field: &str, kind: Kind, mixed: bool) -> bool {
    field == "msg" && kind == Kind::Text && !mixed
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

    pub(crate) fn add_packed(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Int(n) => self.add_int(n),
            ValueRef::Float(_) => self.float = true,
            ValueRef::Bool(_) => self.bool = true,
            ValueRef::Str(_) => self.text = true,
            ValueRef::List(_) => self.list = true,
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
            let mut kinds = Kinds::default();
            values.iter().for_each(|value| kinds.add(value));
            assert_eq!(kinds.settle(), (kind, mixed), "{values:?}");
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
}
