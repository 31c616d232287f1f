//! The order of values: numbers, then texts without regard to letter case, then
//! rows that have no value, whichever way the sort goes.

use crate::eval::{Num, ResultRow, fold};
use crate::plan::SortKey;
use cresset_model::Value;
use std::cmp::Ordering;

/// A value as it is sorted.
#[derive(Debug, PartialEq)]
pub(super) enum Rank {
    Number(Num),
    Text(String),
}

impl Rank {
    pub(super) fn of(value: &Value) -> Self {
        match Num::of(value) {
            Some(n) => Self::Number(n),
            None => Self::Text(fold(&value.text()).into_owned()),
        }
    }

    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.order(*b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

/// Orders two optional ranks; no value comes last.
pub(super) fn compare(a: Option<&Rank>, b: Option<&Rank>, descending: bool) -> Ordering {
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
    let ranks = |r: &T| -> Vec<Option<Rank>> {
        keys.iter()
            .map(|k| row(r).value(&k.column).map(Rank::of))
            .collect()
    };
    let mut ranked: Vec<(Vec<Option<Rank>>, T)> =
        rows.into_iter().map(|r| (ranks(&r), r)).collect();
    ranked.sort_by(|(a, _), (b, _)| {
        let pairs = a.iter().zip(b).zip(keys);
        pairs.fold(Ordering::Equal, |so_far, ((a, b), key)| {
            so_far.then_with(|| compare(a.as_ref(), b.as_ref(), key.descending))
        })
    });
    ranked.into_iter().map(|(_, r)| r).collect()
}
