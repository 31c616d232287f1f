//! One aggregate of one group.

use super::result::Room;
use crate::ast::AggFn;
use crate::eval::{Num, fold};
use compact_str::CompactString;
use cresset_model::Value;
use std::collections::{BTreeMap, HashSet};

/// Bytes of a kept value beside its text, roughly.
const ENTRY: usize = size_of::<CompactString>() + 8;

/// What is kept of the values seen so far. Numbers are taken from numbers and
/// numeric text; `sum`, `avg`, `min`, `max` and `var` skip everything else.
#[derive(Debug)]
pub(super) enum Accumulator {
    Count(u64),
    Distinct(HashSet<CompactString>),
    Sum(Total),
    Avg(Total),
    Min(Option<Num>),
    Max(Option<Num>),
    Var(Spread),
    List(Vec<CompactString>),
    /// Folded texts and how each was spelled, the smallest spelling of all.
    DistinctList(BTreeMap<CompactString, CompactString>),
}

/// A sum, exact for whole numbers.
#[derive(Debug, Default)]
pub(super) struct Total {
    count: u64,
    whole: i128,
    rest: f64,
}

/// Running mean and squared distance from it (Welford).
#[derive(Debug, Default)]
pub(super) struct Spread {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Accumulator {
    pub(super) fn new(function: AggFn) -> Self {
        match function {
            AggFn::Count => Self::Count(0),
            AggFn::DistinctCount => Self::Distinct(HashSet::new()),
            AggFn::Sum => Self::Sum(Total::default()),
            AggFn::Avg => Self::Avg(Total::default()),
            AggFn::Min => Self::Min(None),
            AggFn::Max => Self::Max(None),
            AggFn::Var => Self::Var(Spread::default()),
            AggFn::List => Self::List(Vec::new()),
            AggFn::DistinctList => Self::DistinctList(BTreeMap::new()),
        }
    }

    /// Counts so many rows without a value.
    pub(super) fn count(&mut self, times: u64) -> bool {
        if let Self::Count(n) = self {
            *n = n.saturating_add(times);
        }
        true
    }

    /// Takes a value; false if there was no room for it.
    pub(super) fn add(&mut self, value: &Value, room: &mut Room) -> bool {
        match self {
            Self::Count(n) => *n += 1,
            Self::Distinct(_) | Self::List(_) | Self::DistinctList(_) => {
                return match value {
                    Value::List(items) => items.iter().fold(true, |ok, i| self.keep(i, room) & ok),
                    other => self.keep(&other.text(), room),
                };
            }
            Self::Sum(_) | Self::Avg(_) | Self::Min(_) | Self::Max(_) | Self::Var(_) => {
                if let Some(number) = Num::of(value) {
                    self.add_number(number);
                }
            }
        }
        true
    }

    fn add_number(&mut self, number: Num) {
        match self {
            Self::Sum(total) | Self::Avg(total) => total.add(number),
            Self::Min(least) => {
                *least = Some(least.filter(|l| l.order(number).is_le()).unwrap_or(number));
            }
            Self::Max(most) => {
                *most = Some(most.filter(|m| m.order(number).is_ge()).unwrap_or(number));
            }
            Self::Var(spread) => spread.add(number.as_f64()),
            Self::Count(_) | Self::Distinct(_) | Self::List(_) | Self::DistinctList(_) => {}
        }
    }

    /// Keeps a text, if there is room.
    fn keep(&mut self, text: &str, room: &mut Room) -> bool {
        let new = match self {
            Self::Distinct(seen) => !seen.contains(&*fold(text)),
            Self::DistinctList(seen) => match seen.get_mut(&*fold(text)) {
                Some(spelling) => {
                    if text < spelling.as_str() {
                        *spelling = text.into();
                    }
                    false
                }
                None => true,
            },
            _ => true,
        };
        if !new {
            return true;
        }
        let size = match self {
            // The spelling and its folded form.
            Self::DistinctList(_) => 2 * (text.len() + ENTRY),
            _ => text.len() + ENTRY,
        };
        if !room.take_value(size) {
            return false;
        }
        match self {
            Self::Distinct(seen) => {
                seen.insert(CompactString::from(fold(text)));
            }
            Self::List(items) => items.push(text.into()),
            Self::DistinctList(seen) => {
                seen.insert(CompactString::from(fold(text)), text.into());
            }
            _ => {}
        }
        true
    }

    /// The aggregate, or `None` where there was nothing to aggregate.
    pub(super) fn finish(self) -> Option<Value> {
        let count = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        match self {
            Self::Count(n) => Some(count(n)),
            Self::Distinct(seen) => Some(count(seen.len() as u64)),
            Self::Sum(total) => total.sum().map(Num::to_value),
            Self::Avg(total) => {
                let n = total.count as f64;
                total
                    .sum()
                    .map(|s| Num::from_f64(s.as_f64() / n).to_value())
            }
            Self::Min(number) | Self::Max(number) => number.map(Num::to_value),
            Self::Var(spread) => (spread.count > 0)
                .then(|| Num::from_f64(spread.squares / spread.count as f64).to_value()),
            Self::List(items) => Some(Value::List(items)),
            Self::DistinctList(seen) => Some(Value::List(seen.into_values().collect())),
        }
    }
}

impl Total {
    fn add(&mut self, number: Num) {
        self.count += 1;
        match number {
            Num::Int(n) => match self.whole.checked_add(n) {
                Some(sum) => self.whole = sum,
                None => self.rest += n as f64,
            },
            Num::Float(n) => self.rest += n,
        }
    }

    fn sum(&self) -> Option<Num> {
        if self.count == 0 {
            return None;
        }
        if self.rest == 0.0 {
            return Some(Num::Int(self.whole));
        }
        let sum = self.whole as f64 + self.rest;
        sum.is_finite().then(|| Num::from_f64(sum))
    }
}

impl Spread {
    fn add(&mut self, number: f64) {
        self.count += 1;
        let before = number - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
    }
}
