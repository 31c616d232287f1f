//! `AnyValue`, and what it is as a field.

use super::{MAX_DEPTH, MAX_VALUES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cresset_model::{FieldName, Value};

/// A value of an attribute or a body.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Any {
    Nothing,
    Text(String),
    Bool(bool),
    Int(i64),
    Float(f64),
    List(Vec<Any>),
    Map(Vec<(String, Any)>),
}

/// Room for the values of one record.
pub(super) struct Room {
    values: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { values: MAX_VALUES }
    }
}

impl Room {
    /// Takes up one value at a depth.
    pub(super) fn take(&mut self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("values are nested deeper than {MAX_DEPTH}"));
        }
        self.values = self
            .values
            .checked_sub(1)
            .ok_or_else(|| format!("more than {MAX_VALUES} values"))?;
        Ok(())
    }
}

impl Any {
    /// A number, or the word for what no JSON holds.
    pub(super) fn float(n: f64) -> Self {
        if n.is_finite() {
            Self::Float(n)
        } else {
            Self::Text(n.to_string())
        }
    }

    /// Bytes, which no field holds, as base64.
    pub(super) fn bytes(bytes: &[u8]) -> Self {
        Self::Text(STANDARD.encode(bytes))
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Nothing => serde_json::Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Bool(b) => (*b).into(),
            Self::Int(n) => (*n).into(),
            Self::Float(n) => (*n).into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(pairs) => {
                let pairs = pairs.iter().map(|(k, v)| (k.clone(), v.to_json()));
                serde_json::Value::Object(pairs.collect())
            }
        }
    }

    /// Adds the value to `fields`: maps under dotted names, a list of plain values as a list.
    pub(super) fn put(self, name: &str, fields: &mut Vec<(FieldName, Value)>) {
        let value = match self {
            Self::Nothing => return,
            Self::Text(text) => Value::Str(text.into()),
            Self::Bool(b) => Value::Bool(b),
            Self::Int(n) => Value::Int(n),
            Self::Float(n) => Value::Float(n),
            Self::List(items) if items.is_empty() => return,
            Self::List(items) => match items.iter().map(Self::plain).collect() {
                Some(texts) => Value::List(texts),
                None => Value::Str(Self::List(items).to_json().to_string().into()),
            },
            Self::Map(pairs) => {
                for (part, value) in pairs {
                    value.put(&format!("{name}.{part}"), fields);
                }
                return;
            }
        };
        fields.push((name.into(), value));
    }

    fn plain(&self) -> Option<FieldName> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Bool(b) => Some(b.to_string().into()),
            Self::Int(n) => Some(n.to_string().into()),
            Self::Float(n) => Some(n.to_string().into()),
            Self::Nothing | Self::List(_) | Self::Map(_) => None,
        }
    }
}
