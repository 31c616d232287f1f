//! The steps of a plan after its filter.

use crate::ast::AggFn;
use crate::eval::{Expr, Formula, Operand};
use crate::process::Step;
use cresset_model::FieldName;
use std::collections::BTreeSet;
use std::ops::Range;

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// Keeps rows that meet a condition.
    Search(Expr),
    /// Gives values new names.
    Rename(Vec<Renaming>),
    /// Keeps only these fields.
    Fields(Vec<FieldName>),
    /// Keeps the newest row of each group.
    Latest(Vec<FieldName>),
    /// Sorts.
    Order(Vec<SortKey>),
    /// Keeps the first rows.
    Limit(usize),
    /// Groups and aggregates.
    Chart(Chart),
    /// Gives rows new fields.
    Compute(Step),
    /// Notes the values of a field for a list, or of several for a table.
    ToList(ToList),
    /// Makes a row of each item of the array in a field.
    Expand(FieldName),
    /// Tells each row how its number stands among those of all rows.
    Rank(Rank),
}

/// Feeds a list.
#[derive(Debug, Clone)]
pub(crate) struct ToList {
    /// Upper-case name.
    pub list: String,
    /// Where the query names it.
    pub at: Range<usize>,
    pub fed: Fed,
}

/// What a list is fed with.
#[derive(Debug, Clone)]
pub(crate) enum Fed {
    /// The values of a field.
    Values(FieldName),
    /// These fields of each row, as a row of a table.
    Row(Vec<FieldName>),
}

/// A statistic of all rows.
#[derive(Debug, Clone)]
pub(crate) struct Rank {
    pub function: RankFn,
    pub field: FieldName,
    pub target: FieldName,
}

/// Which.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RankFn {
    /// The middle of all numbers, the same for each row.
    Median,
    /// The number that so many of a hundred do not exceed, the same for each row.
    Percentile(f64),
    /// In which quarter of all numbers the row's is, from 1 to 4.
    Quartile,
    /// How large a part of all numbers is less than the row's, from 0 to 1.
    Quantile,
}

/// One target of `rename` with its sources; the first source that is there wins.
#[derive(Debug, Clone)]
pub(crate) struct Renaming {
    pub target: FieldName,
    pub sources: Vec<Operand>,
}

#[derive(Debug, Clone)]
pub(crate) struct SortKey {
    pub column: FieldName,
    pub descending: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub groups: Vec<Grouping>,
    pub aggregates: Vec<Aggregate>,
    /// False if an `order by` follows, so that the standard order is idle.
    pub sorted: bool,
}

/// A grouping column.
#[derive(Debug, Clone)]
pub(crate) struct Grouping {
    pub column: FieldName,
    pub key: Key,
}

/// How a group's value is found.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Operand(Operand),
    /// Rounded down to a multiple of the width.
    Step(FieldName, i64),
    /// The begin of the span of event time, of this many seconds; `None`: of a width that
    /// suits the time that is looked at.
    Bucket(Option<i64>),
}

/// An aggregate column.
#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    pub column: FieldName,
    pub function: AggFn,
    pub argument: Argument,
}

#[derive(Debug, Clone)]
pub(crate) enum Argument {
    None,
    Value(Formula),
    Condition(Expr),
}

impl Chart {
    /// Adds the fields that the chart reads.
    pub(crate) fn fields_into(&self, fields: &mut BTreeSet<String>) {
        for group in &self.groups {
            match &group.key {
                Key::Operand(operand) => fields.insert(operand.field().to_string()),
                Key::Step(field, _) => fields.insert(field.to_string()),
                Key::Bucket(_) => fields.insert("log_ts".to_owned()),
            };
        }
        for aggregate in &self.aggregates {
            match &aggregate.argument {
                Argument::None => {}
                Argument::Value(formula) => formula.fields_into(fields),
                Argument::Condition(condition) => condition.fields_into(fields),
            }
        }
    }

    /// Adds the names of lists that the chart looks into.
    pub(crate) fn lists_into(&self, lists: &mut BTreeSet<String>) {
        for aggregate in &self.aggregates {
            if let Argument::Condition(condition) = &aggregate.argument {
                condition.lists_into(lists);
            }
        }
    }
}

impl Stage {
    /// Whether rows must be collected before the step can give any.
    pub(crate) const fn is_blocking(&self) -> bool {
        !matches!(
            self,
            Self::Search(_)
                | Self::Rename(_)
                | Self::Fields(_)
                | Self::Compute(_)
                | Self::ToList(_)
        )
    }

    /// The fields that rows need before this step, given those needed after it;
    /// `None` means all.
    pub(crate) fn fields_before(
        &self,
        after: Option<BTreeSet<String>>,
    ) -> Option<BTreeSet<String>> {
        match self {
            Self::Search(condition) => after.map(|mut fields| {
                condition.fields_into(&mut fields);
                fields
            }),
            Self::Rename(renamings) => after.map(|mut fields| {
                for renaming in renamings {
                    let sources = renaming.sources.iter().map(|s| s.field().to_string());
                    fields.extend(sources);
                }
                fields
            }),
            Self::Fields(kept) => {
                let kept: BTreeSet<String> = kept.iter().map(ToString::to_string).collect();
                Some(match after {
                    Some(after) => kept.intersection(&after).cloned().collect(),
                    None => kept,
                })
            }
            Self::Latest(keys) => after.map(|mut fields| {
                fields.extend(keys.iter().map(ToString::to_string));
                fields
            }),
            Self::Order(keys) => after.map(|mut fields| {
                fields.extend(keys.iter().map(|k| k.column.to_string()));
                fields
            }),
            Self::Compute(step) => after.map(|mut fields| {
                step.reads_into(&mut fields);
                fields
            }),
            Self::ToList(to_list) => after.map(|mut fields| {
                match &to_list.fed {
                    Fed::Values(field) => _ = fields.insert(field.to_string()),
                    Fed::Row(row) => fields.extend(row.iter().map(ToString::to_string)),
                }
                fields
            }),
            Self::Expand(field) | Self::Rank(Rank { field, .. }) => after.map(|mut fields| {
                fields.insert(field.to_string());
                fields
            }),
            Self::Limit(_) => after,
            Self::Chart(chart) => {
                let mut fields = BTreeSet::new();
                chart.fields_into(&mut fields);
                Some(fields)
            }
        }
    }
}
