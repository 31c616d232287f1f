//! The functions of filters.

use super::{Budget, Filter, order, truth};
use serde_json::Value as Json;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Select,
    Map,
    Has,
    Contains,
    StartsWith,
    EndsWith,
    Join,
    Split,
    Length,
    Keys,
    Values,
    First,
    Last,
    Add,
    Min,
    Max,
    Sort,
    Unique,
    Not,
    Type,
    ToString,
    ToNumber,
    FromJson,
    AsciiDowncase,
    AsciiUpcase,
}

impl Function {
    /// Names, and whether each takes an argument.
    pub(super) const ALL: [(&'static str, Self, bool); 25] = [
        ("select", Self::Select, true),
        ("map", Self::Map, true),
        ("has", Self::Has, true),
        ("contains", Self::Contains, true),
        ("startswith", Self::StartsWith, true),
        ("endswith", Self::EndsWith, true),
        ("join", Self::Join, true),
        ("split", Self::Split, true),
        ("length", Self::Length, false),
        ("keys", Self::Keys, false),
        ("values", Self::Values, false),
        ("first", Self::First, false),
        ("last", Self::Last, false),
        ("add", Self::Add, false),
        ("min", Self::Min, false),
        ("max", Self::Max, false),
        ("sort", Self::Sort, false),
        ("unique", Self::Unique, false),
        ("not", Self::Not, false),
        ("type", Self::Type, false),
        ("tostring", Self::ToString, false),
        ("tonumber", Self::ToNumber, false),
        ("fromjson", Self::FromJson, false),
        ("ascii_downcase", Self::AsciiDowncase, false),
        ("ascii_upcase", Self::AsciiUpcase, false),
    ];
}

impl Function {
    pub(super) fn outputs(
        self,
        argument: Option<&Filter>,
        input: &Json,
        budget: &Budget,
    ) -> Vec<Json> {
        let argument = argument.unwrap_or(&Filter::Identity);
        match self {
            Self::Select => {
                let held = argument.outputs(input, budget);
                held.iter()
                    .filter(|value| truth(value))
                    .map(|_| input.clone())
                    .collect()
            }
            Self::Map => {
                let Json::Array(items) = input else {
                    return Vec::new();
                };
                let mapped = items.iter().flat_map(|item| argument.outputs(item, budget));
                vec![Json::Array(mapped.collect())]
            }
            Self::Has | Self::Contains | Self::StartsWith | Self::EndsWith => {
                let arguments = argument.outputs(input, budget);
                let holds = |argument| self.holds(input, argument).map(Json::Bool);
                arguments.iter().filter_map(holds).collect()
            }
            Self::Join | Self::Split => {
                let arguments = argument.outputs(input, budget);
                let texts = arguments.iter().filter_map(Json::as_str);
                texts.filter_map(|text| self.cut(input, text)).collect()
            }
            Self::Values if input.is_null() => Vec::new(),
            _ => self.simple(input).into_iter().collect(),
        }
    }

    fn holds(self, input: &Json, argument: &Json) -> Option<bool> {
        Some(match (self, input, argument) {
            (Self::Has, Json::Object(fields), Json::String(name)) => fields.contains_key(name),
            (Self::Has, Json::Array(items), Json::Number(n)) => {
                n.as_u64().is_some_and(|n| (n as usize) < items.len())
            }
            (Self::Contains, Json::String(text), Json::String(part)) => text.contains(part),
            (Self::Contains, Json::Array(items), Json::Array(wanted)) => {
                let there = |one: &Json| {
                    let fits = |item: &Json| self.holds(item, one).unwrap_or(item == one);
                    items.iter().any(fits)
                };
                wanted.iter().all(there)
            }
            (Self::Contains, one, other) => one == other,
            (Self::StartsWith, Json::String(text), Json::String(part)) => text.starts_with(part),
            (Self::EndsWith, Json::String(text), Json::String(part)) => text.ends_with(part),
            _ => return None,
        })
    }

    fn cut(self, input: &Json, by: &str) -> Option<Json> {
        if self == Self::Split {
            return Some(input.as_str()?.split(by).map(Json::from).collect());
        }
        let texts: Vec<String> = input.as_array()?.iter().map(plain).collect();
        Some(Json::from(texts.join(by)))
    }

    /// Functions without an argument.
    fn simple(self, input: &Json) -> Option<Json> {
        let items = || input.as_array();
        let sorted = || -> Option<Vec<Json>> {
            let mut items = items()?.clone();
            items.sort_by(order);
            Some(items)
        };
        Some(match self {
            Self::Length => Json::from(match input {
                Json::Null => 0,
                Json::String(text) => text.chars().count(),
                Json::Array(items) => items.len(),
                Json::Object(fields) => fields.len(),
                Json::Number(_) | Json::Bool(_) => return None,
            }),
            Self::Keys => match input {
                Json::Object(fields) => {
                    let mut names: Vec<&String> = fields.keys().collect();
                    names.sort_unstable();
                    names.into_iter().cloned().map(Json::from).collect()
                }
                Json::Array(items) => (0..items.len()).map(Json::from).collect(),
                _ => return None,
            },
            Self::First => items()?.first()?.clone(),
            Self::Last => items()?.last()?.clone(),
            Self::Add => return sum(items()?),
            Self::Min => sorted()?.first()?.clone(),
            Self::Max => sorted()?.last()?.clone(),
            Self::Sort => Json::Array(sorted()?),
            Self::Unique => {
                let mut items = sorted()?;
                items.dedup();
                Json::Array(items)
            }
            Self::Not => Json::Bool(!truth(input)),
            Self::Type => Json::from(match input {
                Json::Null => "null",
                Json::Bool(_) => "boolean",
                Json::Number(_) => "number",
                Json::String(_) => "string",
                Json::Array(_) => "array",
                Json::Object(_) => "object",
            }),
            Self::ToString => Json::from(plain(input)),
            Self::ToNumber => match input {
                Json::Number(_) => input.clone(),
                Json::String(text) => serde_json::from_str::<serde_json::Number>(text.trim())
                    .ok()?
                    .into(),
                _ => return None,
            },
            Self::FromJson => serde_json::from_str(input.as_str()?).ok()?,
            Self::AsciiDowncase => Json::from(input.as_str()?.to_ascii_lowercase()),
            Self::AsciiUpcase => Json::from(input.as_str()?.to_ascii_uppercase()),
            // With an argument, or done before.
            _ => input.clone(),
        })
    }
}

/// A text without quotes, or the JSON text of anything else; null is empty.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// Numbers are added, texts and arrays put together.
fn sum(items: &[Json]) -> Option<Json> {
    match items.first()? {
        Json::Number(_) => {
            let numbers: Option<Vec<f64>> = items.iter().map(Json::as_f64).collect();
            let sum: f64 = numbers?.iter().sum();
            let whole = sum.fract() == 0.0 && sum.abs() < 9e15;
            Some(if whole {
                Json::from(sum as i64)
            } else {
                Json::from(sum)
            })
        }
        Json::String(_) => {
            let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
            Some(Json::from(texts?.concat()))
        }
        Json::Array(_) => {
            let lists: Option<Vec<&Vec<Json>>> = items.iter().map(Json::as_array).collect();
            Some(lists?.into_iter().flatten().cloned().collect())
        }
        _ => None,
    }
}
