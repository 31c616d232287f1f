//! Commands that give a row new fields: `process`, `rex` and `norm`.
//!
//! They run on one row after the other and see what earlier commands made. A command that cannot
//! tell a value (a field is absent, a text is no number) leaves its target as it was. What they
//! make is bounded: texts of more than [`MAX_MADE`] bytes are not made.

mod address;
mod calc;
mod call;
mod extract;
mod functions;
mod grok;
mod jq;
mod json;
mod lists;
mod lookup;
mod norm;
mod text;

pub(crate) use calc::Calc;
pub(crate) use extract::{Extraction, PatternError};
pub(crate) use functions::{ArgKind, Entry, Function};
pub(crate) use jq::Filter;
pub(crate) use json::is_path;
pub(crate) use lookup::{Locate, PlacePart, TableLookup};

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
    /// A filter of a JSON text.
    Filter {
        /// Where the text is.
        field: FieldName,
        /// What is taken out of it.
        filter: Filter,
        /// The new field.
        target: FieldName,
    },
    /// A row of a table becomes fields.
    Lookup(TableLookup),
    /// What is known of an address becomes fields.
    Locate(Locate),
    /// The end of the time that is looked at, in seconds since the epoch.
    Now {
        /// The new field.
        target: FieldName,
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
            Self::Filter {
                field,
                filter,
                target,
            } => {
                let value = row.get(field).and_then(|text| filter.value(&text.text()));
                value
                    .map(|value| (target.clone(), value))
                    .into_iter()
                    .collect()
            }
            Self::Lookup(lookup) => lookup.made(row, ctx),
            Self::Locate(locate) => locate.made(row, ctx),
            Self::Now { target } => vec![(target.clone(), Value::Int(ctx.until.secs()))],
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
            Self::Filter { field, .. }
            | Self::Lookup(TableLookup { field, .. })
            | Self::Locate(Locate { field, .. }) => {
                fields.insert(field.to_string());
            }
            Self::Now { .. } => {}
        }
    }

    /// The fields that it may make, as far as the query tells.
    pub(crate) fn makes(&self) -> Vec<&FieldName> {
        match self {
            Self::Extract(extraction) => extraction.names.iter().map(|(_, name)| name).collect(),
            Self::Eval { target, .. } | Self::Filter { target, .. } | Self::Now { target } => {
                vec![target]
            }
            Self::Lookup(lookup) => lookup.wanted.iter().collect(),
            Self::Locate(locate) => locate.parts.iter().map(|(_, name)| name).collect(),
            Self::Call { targets, .. } => targets.iter().collect(),
        }
    }
}

impl Step {
    /// Whether it may make fields that only a table tells.
    pub(crate) const fn makes_any(&self) -> bool {
        matches!(self, Self::Lookup(lookup) if lookup.wanted.is_empty())
    }

    /// Adds the name of the table that it looks into.
    pub(crate) fn lists_into(&self, lists: &mut BTreeSet<String>) {
        if let Self::Lookup(lookup) = self {
            lists.insert(lookup.table.clone());
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
mod lookup_tests;
#[cfg(test)]
mod tests;
