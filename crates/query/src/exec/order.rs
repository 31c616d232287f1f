//! The order of values: numbers, then texts without regard to letter case, then
//! rows that have no value, whichever way the sort goes.

use crate::eval::{Num, ResultRow, fold_char};
use crate::plan::SortKey;
use compact_str::CompactString;
use cresset_model::Value;
use std::cmp::Ordering;

/// A value as it is sorted. Nothing is copied: values may be as large as the memory
/// that a run may take.
#[derive(Debug)]
pub(super) enum Rank<'v> {
    Number(Num),
    /// Of a list, the texts of its members with commas between them.
    Texts(&'v [CompactString]),
}

static TRUE: [CompactString; 1] = [CompactString::const_new("true")];
static FALSE: [CompactString; 1] = [CompactString::const_new("false")];

impl<'v> Rank<'v> {
    pub(super) fn of(value: &'v Value) -> Self {
        match (Num::of(value), value) {
            (Some(n), _) => Self::Number(n),
            (None, Value::Str(text)) => Self::Texts(std::slice::from_ref(text)),
            (None, Value::List(items)) => Self::Texts(items),
            (None, Value::Bool(true)) => Self::Texts(&TRUE),
            (None, Value::Bool(false)) => Self::Texts(&FALSE),
            (None, Value::Int(_) | Value::Float(_)) => Self::Texts(&[]),
        }
    }

    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.order(*b),
            (Self::Texts(a), Self::Texts(b)) => folded(a).cmp(folded(b)),
            (Self::Number(_), Self::Texts(_)) => Ordering::Less,
            (Self::Texts(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

/// The folded characters of a list's text.
fn folded(items: &[CompactString]) -> impl Iterator<Item = char> {
    let item = |(i, item)| {
        let comma = if i > 0 { ", " } else { "" };
        let text: &CompactString = item;
        comma.chars().chain(text.chars().map(fold_char))
    };
    items.iter().enumerate().flat_map(item)
}

/// Orders two optional ranks; no value comes last.
pub(super) fn compare(a: Option<&Rank<'_>>, b: Option<&Rank<'_>>, descending: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if descending => b.cmp(a),
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Sorts rows by keys; rows that are equal in all keys keep their order.
pub(super) fn sort_rows<T>(
    rows: Vec<T>,
    keys: &[SortKey],
    row: impl Fn(&T) -> &ResultRow,
) -> Vec<T> {
    let ranks: Vec<Vec<Option<Rank<'_>>>> = rows
        .iter()
        .map(row)
        .map(|r| keys.iter().map(|k| r.value(&k.column).map(Rank::of)))
        .map(Iterator::collect)
        .collect();
    let order = order_of(&ranks, |a, b| {
        let pairs = a.iter().zip(b).zip(keys);
        pairs.fold(Ordering::Equal, |so_far, ((a, b), key)| {
            so_far.then_with(|| compare(a.as_ref(), b.as_ref(), key.descending))
        })
    });
    drop(ranks);
    arranged(rows, &order)
}

/// The places of keys in their order; equal ones stay as they are.
pub(super) fn order_of<K>(keys: &[K], compare: impl Fn(&K, &K) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|a, b| compare(&keys[*a], &keys[*b]));
    order
}

/// Rows in the order of these places.
pub(super) fn arranged<T>(rows: Vec<T>, order: &[usize]) -> Vec<T> {
    let mut rows: Vec<Option<T>> = rows.into_iter().map(Some).collect();
    order.iter().filter_map(|i| rows[*i].take()).collect()
}
