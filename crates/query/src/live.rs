//! Which queries can run live, and what a live run has to count.
//!
//! A query can run live if its result only grows when an event is added to its
//! window: then the first moment at which an alert's condition holds is the
//! arrival of some event, and it cannot stop holding while the window stands.

use crate::ast::AggFn;
use crate::eval::{Check, Expr, Formula, Operand, Pattern, Relation};
use crate::plan::{Aggregate, Argument, Chart, Key, Stage};
use crate::process::Step;
use std::collections::BTreeSet;

/// What a live run has to count.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// The query is a filter: every matching event is a row.
    Rows,
    /// Matching events per group.
    Count,
    /// Different values of this field per group, letter case ignored.
    DistinctCount(String),
    /// The result only grows with more events, but only the executor can tell
    /// when a row appears.
    Any,
}

/// The shape of a query whose result can only grow when an event is added to its window.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveShape {
    /// Event fields that form a group; empty if all events are one group. An
    /// event without one of them belongs to no group.
    pub group_by: Vec<String>,
    /// What is counted per group.
    pub measure: Measure,
    /// A group is a row when the measure is at least this; `>` is already turned into `>=`.
    pub threshold: f64,
}

impl LiveShape {
    const fn any(group_by: Vec<String>) -> Self {
        Self {
            group_by,
            measure: Measure::Any,
            threshold: 1.0,
        }
    }
}

/// The live shape of the steps after the filter, or why there is none.
pub(crate) fn live_shape(stages: &[Stage]) -> Result<LiveShape, String> {
    if stages.iter().any(|s| matches!(s, Stage::Limit(_))) {
        return Err(
            "it keeps only the first rows (`limit`), and a later event can push a row out"
                .to_owned(),
        );
    }
    if stages.iter().any(|s| matches!(s, Stage::Latest(_))) {
        return Err(
            "it keeps only the newest rows (`latest`), and a later event replaces them".to_owned(),
        );
    }
    if stages.iter().any(|s| matches!(s, Stage::ToList(_))) {
        return Err(
            "it feeds a list (`process toList` or `toTable`), which takes one whole run per interval".to_owned(),
        );
    }
    if stages.iter().any(|s| matches!(s, Stage::Rank(_))) {
        return Err(
            "it compares each row with all others (`quantile` and the like), which change when \
             later events arrive"
                .to_owned(),
        );
    }
    if stages.iter().any(|s| matches!(s, Stage::Expand(_))) {
        return Err(
            "it makes several rows of one event (`process json_expand`), which are counted on \
             schedule"
                .to_owned(),
        );
    }
    let now = |s: &Stage| matches!(s, Stage::Compute(Step::Now { .. }));
    if stages.iter().any(now) {
        return Err(
            "it asks for the time (`process current_time`), which goes on when no event arrives"
                .to_owned(),
        );
    }
    let at = stages.iter().position(|s| matches!(s, Stage::Chart(_)));
    let Some((at, Stage::Chart(chart))) = at.map(|at| (at, &stages[at])) else {
        let filters = stages.iter().any(|s| matches!(s, Stage::Search(_)));
        let measure = if filters { Measure::Any } else { Measure::Rows };
        return Ok(LiveShape {
            group_by: Vec::new(),
            measure,
            threshold: 1.0,
        });
    };
    let group_by = simple_groups(chart)?;
    let shape = after_chart(chart, group_by, &stages[at + 1..])?;
    // Groups by renamed fields cannot be formed from the events themselves.
    if stages[..at].iter().all(|s| matches!(s, Stage::Order(_))) {
        Ok(shape)
    } else {
        Ok(LiveShape::any(Vec::new()))
    }
}

fn simple_groups(chart: &Chart) -> Result<Vec<String>, String> {
    let field = |key: &Key| match key {
        Key::Operand(Operand::Field(field)) => Ok(field.to_string()),
        Key::Bucket(_) => Err("it groups by spans of time (`timechart`)".to_owned()),
        Key::Operand(_) | Key::Step(..) => Err("it groups by a computed value".to_owned()),
    };
    chart.groups.iter().map(|g| field(&g.key)).collect()
}

fn after_chart(
    chart: &Chart,
    group_by: Vec<String>,
    stages: &[Stage],
) -> Result<LiveShape, String> {
    let mut parts = Vec::new();
    let mut renamed = false;
    for stage in stages {
        match stage {
            Stage::Search(condition) if !renamed => flatten(condition, &mut parts),
            Stage::Search(_) => {
                return Err("it filters after columns of the chart were renamed".to_owned());
            }
            Stage::Rename(_) | Stage::Fields(_) => renamed = true,
            Stage::Chart(_) => return Err("it aggregates twice".to_owned()),
            Stage::Compute(_) => {
                return Err(
                    "it computes with the result of a chart, which changes when later \
                            events arrive"
                        .to_owned(),
                );
            }
            // These are not run live, which was said before.
            Stage::Latest(_)
            | Stage::Limit(_)
            | Stage::ToList(_)
            | Stage::Expand(_)
            | Stage::Rank(_) => {}
            Stage::Order(_) => {}
        }
    }
    let mut found: Option<(Measure, f64)> = None;
    let mut any = false;
    for part in parts {
        grows(part, chart)?;
        match (counted(part, chart), &mut found) {
            (None, _) => any = true,
            (Some(new), None) => found = Some(new),
            (Some((measure, threshold)), Some((old, least))) if measure == *old => {
                *least = least.max(threshold);
            }
            (Some(_), Some(_)) => any = true,
        }
    }
    if any {
        return Ok(LiveShape::any(group_by));
    }
    let (measure, threshold) = found.unwrap_or((Measure::Count, 1.0));
    Ok(LiveShape {
        group_by,
        measure,
        threshold,
    })
}

fn flatten<'e>(condition: &'e Expr, parts: &mut Vec<&'e Expr>) {
    match condition {
        Expr::And(inner) => inner.iter().for_each(|e| flatten(e, parts)),
        Expr::Const(true) => {}
        other => parts.push(other),
    }
}

/// The measure and threshold of `cnt >= N`, if the condition is that.
fn counted(condition: &Expr, chart: &Chart) -> Option<(Measure, f64)> {
    let Expr::Test(Operand::Field(column), Check::Ordered(relation, literal)) = condition else {
        return None;
    };
    let aggregate = chart.aggregates.iter().find(|a| a.column == *column)?;
    let measure = match (aggregate.function, &aggregate.argument) {
        (AggFn::Count, Argument::None) => Measure::Count,
        (AggFn::DistinctCount, Argument::Value(Formula::Operand(Operand::Field(field)))) => {
            Measure::DistinctCount(field.to_string())
        }
        _ => return None,
    };
    let number = literal.number?.as_f64();
    let least = match relation {
        Relation::AtLeast => number.ceil(),
        Relation::Greater => number.floor() + 1.0,
        Relation::Less | Relation::AtMost => return None,
    };
    // A group has at least one event, but its events may all lack the field.
    let may_be_empty = matches!(measure, Measure::DistinctCount(_));
    (least >= 1.0 || !may_be_empty).then_some((measure, least.max(1.0)))
}

/// Checks that a condition on a group stays true once it is true.
fn grows(condition: &Expr, chart: &Chart) -> Result<(), String> {
    let mut fields = BTreeSet::new();
    condition.fields_into(&mut fields);
    if fields
        .iter()
        .all(|f| chart.groups.iter().any(|g| g.column == *f))
    {
        return Ok(());
    }
    match condition {
        Expr::Const(_) => Ok(()),
        Expr::And(parts) | Expr::Or(parts) => parts.iter().try_for_each(|p| grows(p, chart)),
        Expr::Not(_) => Err(format!(
            "it asks that something about {} does not hold, which can change when later events \
             arrive",
            sentence(&fields)
        )),
        Expr::Test(operand, check) => {
            let aggregate = chart
                .aggregates
                .iter()
                .find(|a| a.column == *operand.field());
            match (operand, aggregate) {
                (Operand::Field(_), Some(aggregate)) => test_grows(aggregate, check),
                _ => Err(format!(
                    "it compares a computed value of {}",
                    sentence(&fields)
                )),
            }
        }
        Expr::Words(_) => Err("it searches words in the result of a chart".to_owned()),
    }
}

fn sentence(fields: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = fields.iter().map(|f| format!("`{f}`")).collect();
    quoted.join(" and ")
}

fn test_grows(aggregate: &Aggregate, check: &Check) -> Result<(), String> {
    let column = &aggregate.column;
    if matches!(check, Check::Is(Pattern::Any)) {
        return Ok(());
    }
    let what = match aggregate.function {
        AggFn::Count | AggFn::DistinctCount | AggFn::Max => return upwards(aggregate, check),
        // One matching member is enough, and members stay.
        AggFn::List | AggFn::DistinctList => return Ok(()),
        AggFn::Avg => "an average, which can fall again",
        AggFn::Var => "a variance, which can fall again",
        AggFn::Min => "a smallest value, which can fall",
        AggFn::Sum => "a sum, which can fall again through a negative number",
    };
    Err(format!(
        "it compares {what} when later events arrive (`{column}`)"
    ))
}

fn upwards(aggregate: &Aggregate, check: &Check) -> Result<(), String> {
    let column = &aggregate.column;
    match check {
        Check::Ordered(Relation::AtLeast | Relation::Greater, literal) => {
            if literal.number.is_some() {
                return Ok(());
            }
            Err(format!(
                "it compares `{column}` with something that is not a number"
            ))
        }
        Check::Ordered(..) => Err(format!(
            "it asks that `{column}` stays below a value, which can change when later events arrive"
        )),
        Check::Is(_) | Check::In(_) | Check::InList(_) => Err(format!(
            "it asks for certain values of `{column}`, which grows when later events arrive; \
             use `>` or `>=`"
        )),
    }
}

#[cfg(test)]
mod tests;
