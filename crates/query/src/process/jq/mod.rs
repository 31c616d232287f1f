//! Filters of `jq_parser`: the part of jq that always ends.
//!
//! A whole jq has recursion and loops, which nothing could stop in the middle of a search. These
//! are read: paths (`.a.b`, `.["a b"]`, `.[0]`, `.[-1]`, `.[]`, with `?` behind them), literals,
//! `[…]`, `(…)`, the pipe, the comma, comparisons, `and`, `or`, and the functions of
//! [`Function::ALL`]. What cannot be done to a value, such as looking for a name in a number,
//! gives nothing, as with `?` in jq.

mod functions;
mod parse;

use crate::eval::from_json;
use cresset_model::Value;
use functions::Function;
use serde_json::Value as Json;
use std::cell::Cell;

/// Most results of one comparison.
const MAX_PAIRS: usize = 10_000;
/// Most work for one value, in bytes that steps give to the next ones.
const MAX_WORK: usize = 16 << 20;
/// What a value takes beside its text, in bytes.
const NODE: usize = 32;

/// A filter: one JSON value in, any number out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    Identity,
    Literal(Json),
    Name(String),
    Place(i64),
    Each,
    Collect(Box<Filter>),
    Pipe(Box<Filter>, Box<Filter>),
    Comma(Box<Filter>, Box<Filter>),
    Compare(Box<Filter>, Relation, Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Call(Function, Option<Box<Filter>>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Filter {
    /// Reads a filter; what is wrong with it otherwise.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        parse::filter(text)
    }

    /// What the filter gives for a JSON text: nothing, one value, or a list.
    pub(super) fn value(&self, text: &str) -> Option<Value> {
        let document: Json = serde_json::from_str(text).ok()?;
        let budget = Budget(Cell::new(MAX_WORK));
        let mut found = self.outputs(&document, &budget);
        if budget.is_spent() {
            return None;
        }
        found.retain(|value| !value.is_null());
        match found.len() {
            0 => None,
            1 => from_json(&found.remove(0)),
            _ => {
                let texts = found.iter().filter_map(from_json);
                let texts = texts.map(|value| value.text().into_owned().into());
                Some(Value::List(texts.collect()))
            }
        }
    }

    /// What the filter gives; nothing once the budget is spent.
    fn outputs(&self, input: &Json, budget: &Budget) -> Vec<Json> {
        if budget.is_spent() {
            return Vec::new();
        }
        let outputs = self.step(input, budget);
        budget.spend(outputs.iter().map(weight).sum());
        outputs
    }

    fn step(&self, input: &Json, budget: &Budget) -> Vec<Json> {
        match self {
            Self::Identity => vec![input.clone()],
            Self::Literal(value) => vec![value.clone()],
            Self::Name(name) => found(input.get(name), input.is_object() || input.is_null()),
            Self::Place(place) => found(at(input, *place), input.is_array() || input.is_null()),
            Self::Each => match input {
                Json::Array(items) => items.clone(),
                Json::Object(fields) => fields.values().cloned().collect(),
                _ => Vec::new(),
            },
            Self::Collect(inner) => vec![Json::Array(inner.outputs(input, budget))],
            Self::Pipe(first, then) => {
                let values = first.outputs(input, budget);
                let then = values.iter().flat_map(|value| then.outputs(value, budget));
                then.collect()
            }
            Self::Comma(one, other) => {
                let mut all = one.outputs(input, budget);
                all.extend(other.outputs(input, budget));
                all
            }
            Self::Compare(one, relation, other) => {
                let sides = (one.outputs(input, budget), other.outputs(input, budget));
                both(&sides, |a, b| relation.holds(a, b))
            }
            Self::And(one, other) => {
                let sides = (one.outputs(input, budget), other.outputs(input, budget));
                both(&sides, |a, b| truth(a) && truth(b))
            }
            Self::Or(one, other) => {
                let sides = (one.outputs(input, budget), other.outputs(input, budget));
                both(&sides, |a, b| truth(a) || truth(b))
            }
            Self::Call(function, argument) => function.outputs(argument.as_deref(), input, budget),
        }
    }
}

/// The work that is left.
struct Budget(Cell<usize>);

impl Budget {
    fn spend(&self, work: usize) {
        self.0.set(self.0.get().saturating_sub(work));
    }

    const fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

fn weight(value: &Json) -> usize {
    NODE + match value {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(weight).sum(),
        Json::Object(fields) => fields.iter().map(|(n, v)| n.len() + weight(v)).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
    }
}

/// A missing part of what could have it is null.
fn found(part: Option<&Json>, could: bool) -> Vec<Json> {
    match part {
        Some(part) => vec![part.clone()],
        None if could => vec![Json::Null],
        None => Vec::new(),
    }
}

fn at(input: &Json, place: i64) -> Option<&Json> {
    let items = input.as_array()?;
    let place = match usize::try_from(place) {
        Ok(place) => place,
        Err(_) => items
            .len()
            .checked_sub(usize::try_from(place.unsigned_abs()).ok()?)?,
    };
    items.get(place)
}

/// Only null and false are not true.
fn truth(value: &Json) -> bool {
    !matches!(value, Json::Null | Json::Bool(false))
}

/// Each value of one side beside each of the other.
fn both(
    (ones, others): &(Vec<Json>, Vec<Json>),
    holds: impl Fn(&Json, &Json) -> bool,
) -> Vec<Json> {
    let pairs = others.iter().flat_map(|b| ones.iter().map(move |a| (a, b)));
    let held = pairs.take(MAX_PAIRS).map(|(a, b)| Json::Bool(holds(a, b)));
    held.collect()
}

impl Relation {
    fn holds(self, a: &Json, b: &Json) -> bool {
        let order = order(a, b);
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// The order of jq: null, false, true, numbers, texts, arrays, objects.
fn order(a: &Json, b: &Json) -> std::cmp::Ordering {
    let rank = |value: &Json| match value {
        Json::Null => 0,
        Json::Bool(truth) => 1 + i32::from(*truth),
        Json::Number(_) => 3,
        Json::String(_) => 4,
        Json::Array(_) => 5,
        Json::Object(_) => 6,
    };
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            let number = |n: &serde_json::Number| n.as_f64().unwrap_or_default();
            number(a).total_cmp(&number(b))
        }
        (Json::String(a), Json::String(b)) => a.cmp(b),
        (Json::Array(a), Json::Array(b)) => {
            let pairs = a.iter().zip(b).map(|(a, b)| order(a, b));
            let first = pairs.into_iter().find(|order| order.is_ne());
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Json::Object(_), Json::Object(_)) if a == b => std::cmp::Ordering::Equal,
        (Json::Object(_), Json::Object(_)) => a.to_string().cmp(&b.to_string()),
        _ => rank(a).cmp(&rank(b)),
    }
}

#[cfg(test)]
mod tests;
