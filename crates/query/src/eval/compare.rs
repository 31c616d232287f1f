//! Two values beside each other, as a search compares a value with a literal.

use super::fold::{cmp_folded, fold};
use super::number::Num;
use super::row::Row;
use cresset_model::{FieldName, Value};
use std::cmp::Ordering;
use std::net::IpAddr;

/// Whether two values are equal: letter case ignored, numbers as numbers, addresses as
/// addresses. Of several texts in one value, one is enough.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(items), other) | (other, Value::List(items)) => items
            .iter()
            .any(|item| same(&Value::Str(item.clone()), other)),
        _ => {
            let equal_numbers = exact(a).zip(exact(b)).map(|(a, b)| a.key() == b.key());
            equal_numbers.unwrap_or_else(|| same_texts(&a.text(), &b.text()))
        }
    }
}

fn exact(value: &Value) -> Option<Num> {
    match value {
        Value::Str(text) => Num::exact(text),
        value => Num::of(value),
    }
}

fn same_texts(a: &str, b: &str) -> bool {
    fold(a) == fold(b)
        || a.parse::<IpAddr>()
            .is_ok_and(|a| b.parse::<IpAddr>() == Ok(a))
}

/// Most ways to take one text of each of several fields with many.
const MAX_KEYS: usize = 64;

/// Texts that two rows share if and only if each of these fields has [`same`] values in both;
/// none if one of the fields is absent. Where fields have several texts there is one for each
/// way to take one of each.
pub(crate) fn keys_of(row: &dyn Row, fields: &[FieldName]) -> Vec<String> {
    let mut keys = vec![String::new()];
    for field in fields {
        let Some(value) = row.get(field) else {
            return Vec::new();
        };
        let parts = match &*value {
            Value::List(items) => items
                .iter()
                .map(|item| key(&Value::Str(item.clone())))
                .collect(),
            value => vec![key(value)],
        };
        let with = |key: &String| {
            let one = |part: &String| format!("{key}{}:{part}", part.len());
            parts.iter().map(one).collect::<Vec<_>>()
        };
        keys = keys.iter().flat_map(with).take(MAX_KEYS).collect();
    }
    keys
}

/// The same for values that are the same.
fn key(value: &Value) -> String {
    if let Some(number) = exact(value) {
        return format!("{:?}", number.key());
    }
    let text = value.text();
    match text.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => fold(&text).into(),
    }
}

/// The order of two values: of numbers by size, of addresses of one family as such, of other
/// texts by their folded form. A number and a text that is none stand in no order, nor do
/// several texts.
pub(crate) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (Num::of(a), Num::of(b)) {
        (Some(a), Some(b)) => return Some(a.order(b)),
        (None, None) => {}
        _ => return None,
    }
    if matches!(a, Value::List(_)) || matches!(b, Value::List(_)) {
        return None;
    }
    if let (Some(a), Some(b)) = (a.ip(), b.ip())
        && a.is_ipv4() == b.is_ipv4()
    {
        return Some(a.cmp(&b));
    }
    Some(cmp_folded(&a.text(), &fold(&b.text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_and_ordered() {
        let list = |items: &[&str]| Value::List(items.iter().map(|i| (*i).into()).collect());
        let text = Value::str;
        for (a, b, expect) in [
            (text("Bob"), text("bOB"), true),
            (text("022"), Value::Int(22), true),
            (Value::Float(2.0), Value::Int(2), true),
            (text("0e46"), text("0e83"), false),
            (text("::1"), text("0:0:0:0:0:0:0:1"), true),
            (list(&["a", "B"]), text("b"), true),
            (list(&["a", "B"]), list(&["c", "A"]), true),
            (list(&[]), text(""), false),
            (Value::Bool(true), text("TRUE"), true),
        ] {
            assert_eq!(
                (same(&a, &b), same(&b, &a)),
                (expect, expect),
                "{a:?} {b:?}"
            );
        }
        for (a, b, expect) in [
            (text("9"), Value::Int(10), Some(Ordering::Less)),
            (text("b"), text("A"), Some(Ordering::Greater)),
            (text("10.0.0.9"), text("10.0.0.10"), Some(Ordering::Less)),
            (text("x"), Value::Int(1), None),
            (list(&["a"]), text("a"), None),
        ] {
            assert_eq!(order(&a, &b), expect, "{a:?} {b:?}");
            assert_eq!(order(&b, &a), expect.map(Ordering::reverse), "{b:?} {a:?}");
        }
    }
}
