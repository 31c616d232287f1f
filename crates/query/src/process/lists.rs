//! Functions of fields with several values. A field with one value is a list of one.

use crate::eval::Num;
use cresset_model::Value;
use std::cmp::Ordering;

/// The texts of a value.
pub(super) fn items(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(ToString::to_string).collect(),
        value => vec![value.text().into_owned()],
    }
}

/// Numbers by size, before texts in their order.
pub(super) fn sorted(value: &Value, descending: bool) -> Value {
    let mut items = items(value);
    items.sort_by(|a, b| order(a, b));
    if descending {
        items.reverse();
    }
    Value::List(items.into_iter().map(Into::into).collect())
}

fn order(a: &str, b: &str) -> Ordering {
    match (Num::parse(a), Num::parse(b)) {
        (Some(x), Some(y)) => x.order(y).then_with(|| a.cmp(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// The texts without the first so many; `None` if none is left.
pub(super) fn after(value: &Value, skipped: f64) -> Option<Value> {
    let items = items(value).into_iter().skip(skipped.max(0.0) as usize);
    let left: Vec<_> = items.map(Into::into).collect();
    (!left.is_empty()).then_some(Value::List(left))
}

/// How many of the texts are `wanted`, letter case ignored.
pub(super) fn count_of(value: &Value, wanted: &str) -> usize {
    let wanted = crate::eval::fold(wanted);
    items(value)
        .iter()
        .filter(|item| crate::eval::fold(item) == wanted)
        .count()
}

/// The sum of the numbers among the texts, if there is any.
pub(super) fn sum(value: &Value) -> Option<f64> {
    let numbers = numbers(value);
    (!numbers.is_empty()).then(|| numbers.iter().sum())
}

/// The least number among the texts that at least `percent` of a hundred of them do not exceed.
pub(super) fn percentile(value: &Value, percent: f64) -> Option<f64> {
    let mut numbers = numbers(value);
    numbers.sort_by(f64::total_cmp);
    let rank = (percent.clamp(0.0, 100.0) / 100.0 * numbers.len() as f64).ceil();
    numbers.get((rank as usize).saturating_sub(1)).copied()
}

fn numbers(value: &Value) -> Vec<f64> {
    let items = items(value);
    items
        .iter()
        .filter_map(|item| Num::parse(item).map(Num::as_f64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let list = |items: &[&str]| Value::List(items.iter().map(|i| (*i).into()).collect());
        let value = list(&["10", "9", "b", "A", "9"]);
        assert_eq!(sorted(&value, false), list(&["9", "9", "10", "A", "b"]));
        assert_eq!(sorted(&value, true), list(&["b", "A", "10", "9", "9"]));
        assert_eq!(sorted(&Value::Int(3), false), list(&["3"]));
        assert_eq!(count_of(&value, "a"), 1);
        assert_eq!(count_of(&value, "9"), 2);
        assert_eq!(sum(&value), Some(28.0));
        assert_eq!(sum(&list(&["x"])), None);
        let value = list(&["1", "2", "3", "4"]);
        assert_eq!(after(&value, 1.0), Some(list(&["2", "3", "4"])));
        assert_eq!(after(&value, -1.0), Some(value.clone()));
        assert_eq!(after(&value, 4.0), None);
        for (percent, expect) in [
            (0.0, 1.0),
            (25.0, 1.0),
            (50.0, 2.0),
            (99.0, 4.0),
            (200.0, 4.0),
        ] {
            assert_eq!(percentile(&value, percent), Some(expect), "{percent}");
        }
        assert_eq!(percentile(&list(&[]), 50.0), None);
    }
}
