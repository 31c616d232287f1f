//! Commands that give a row new fields: `process`, `rex` and `norm`.
//!
//! They run on one row after the other and see what earlier commands made. A command that cannot
//! tell a value (a field is absent, a text is no number) leaves its target as it was. What they
//! make is bounded: texts of more than [`MAX_MADE`] bytes are not made.

mod address;
mod calc;
mod call;
mod extract;
mod json;
mod lists;
mod norm;
mod text;

pub(crate) use calc::Calc;
pub(crate) use call::{ArgKind, Entry, Function};
pub(crate) use extract::{Extraction, PatternError};
pub(crate) use json::is_path;

use crate::eval::{Context, Row};
use compact_str::CompactString;
use cresset_model::{FieldName, Value};
use std::collections::BTreeSet;

/// Longest text that a command makes, in bytes: it may be made of one that was made before.
pub(crate) const MAX_MADE: usize = 1 << 16;

/// One command.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Named groups of a regular expression become fields.
    Extract(Extraction),
    /// A calculation becomes a field, unless the row has it.
    Eval {
        /// The new field.
        target: FieldName,
        /// Its value.
        calc: Calc,
    },
    /// A function of fields and constants.
    Call {
        /// Which.
        function: Function,
        /// What it is given.
        args: Vec<Arg>,
        /// The names of what it gives.
        targets: Vec<FieldName>,
    },
}

/// What a function is given.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    /// The value of a field.
    Field(FieldName),
    /// The same for all rows.
    Constant(Value),
}

impl Step {
    /// The fields that it makes of `row`.
    pub(crate) fn made(&self, row: &dyn Row, ctx: &Context<'_>) -> Vec<(FieldName, Value)> {
        let mut made = match self {
            Self::Extract(extraction) => extraction.made(row),
            Self::Eval { target, calc } => {
                // A name that is taken is kept: the calculated value is dropped.
                if row.get(target).is_some() {
                    return Vec::new();
                }
                let value = calc.value(row, ctx);
                value
                    .map(|value| (target.clone(), value))
                    .into_iter()
                    .collect()
            }
            Self::Call {
                function,
                args,
                targets,
            } => call::made(*function, args, targets, row),
        };
        made.retain(|(_, value)| bytes(value) <= MAX_MADE);
        made
    }

    /// Adds the fields that it reads.
    pub(crate) fn reads_into(&self, fields: &mut BTreeSet<String>) {
        match self {
            Self::Extract(extraction) => {
                fields.insert(extraction.field.to_string());
            }
            // Whether the target is there decides, too.
            Self::Eval { target, calc } => {
                fields.insert(target.to_string());
                calc.fields_into(fields);
            }
            Self::Call { args, .. } => {
                for arg in args {
                    if let Arg::Field(field) = arg {
                        fields.insert(field.to_string());
                    }
                }
            }
        }
    }

    /// The fields that it may make.
    pub(crate) fn makes(&self) -> Vec<&FieldName> {
        match self {
            Self::Extract(extraction) => extraction.names.iter().map(|(_, name)| name).collect(),
            Self::Eval { target, .. } => vec![target],
            Self::Call { targets, .. } => targets.iter().collect(),
        }
    }
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::List(items) => items.iter().map(CompactString::len).sum(),
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => 0,
    }
}

#[cfg(test)]
mod tests;
