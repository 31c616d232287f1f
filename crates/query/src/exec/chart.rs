//! Groups and their aggregates.

use super::accumulate::Accumulator;
use super::order::{Rank, compare};
use super::result::Limits;
use crate::eval::{Context, ResultRow, Row, time};
use crate::plan::{Argument, Chart, Key};
use cresset_model::{FieldName, Value};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Write;

/// A chart that is being filled.
#[derive(Debug)]
pub(super) struct ChartState<'p> {
    chart: &'p Chart,
    max_groups: usize,
    /// How many more values may be kept by aggregates.
    values_left: usize,
    places: HashMap<Box<str>, usize>,
    groups: Vec<Group>,
    /// The key of the row at hand; kept to save allocations.
    key: String,
    pub(super) truncated: bool,
}

#[derive(Debug)]
struct Group {
    by: Vec<Value>,
    accumulators: Vec<Accumulator>,
}

impl<'p> ChartState<'p> {
    pub(super) fn new(chart: &'p Chart, limits: Limits) -> Self {
        Self {
            chart,
            max_groups: limits.max_groups,
            values_left: limits.max_values,
            places: HashMap::new(),
            groups: Vec::new(),
            key: String::new(),
            truncated: false,
        }
    }

    /// Counts a row. A row without a value for one of the groups counts nowhere.
    pub(super) fn push(&mut self, row: &dyn Row, ctx: &Context<'_>) {
        self.key.clear();
        for group in &self.chart.groups {
            if !write_key(&mut self.key, &group.key, row, ctx) {
                return;
            }
        }
        let place = match self.places.get(self.key.as_str()) {
            Some(place) => *place,
            None => match self.new_group(row, ctx) {
                Some(place) => place,
                None => return,
            },
        };
        let Some(group) = self.groups.get_mut(place) else {
            return;
        };
        for (aggregate, accumulator) in self.chart.aggregates.iter().zip(&mut group.accumulators) {
            let kept = match &aggregate.argument {
                Argument::None => accumulator.count(),
                Argument::Condition(condition) => {
                    if condition.matches(row, ctx) {
                        accumulator.count();
                    }
                    true
                }
                Argument::Value(formula) => match formula.value(row, ctx) {
                    Some(value) => accumulator.add(&value, &mut self.values_left),
                    None => true,
                },
            };
            self.truncated |= !kept;
        }
    }

    fn new_group(&mut self, row: &dyn Row, ctx: &Context<'_>) -> Option<usize> {
        if self.groups.len() >= self.max_groups {
            self.truncated = true;
            return None;
        }
        let by = self
            .chart
            .groups
            .iter()
            .filter_map(|g| key_value(&g.key, row, ctx))
            .collect();
        let accumulators = self
            .chart
            .aggregates
            .iter()
            .map(|a| Accumulator::new(a.function))
            .collect();
        let place = self.groups.len();
        self.groups.push(Group { by, accumulators });
        self.places.insert(self.key.as_str().into(), place);
        Some(place)
    }

    /// The rows: in order of the first aggregate, largest first, groups of equal
    /// aggregates in order of their values.
    pub(super) fn finish(self) -> Vec<ResultRow> {
        let groups = self.chart.groups.len();
        let row = |group: Group| {
            let by = self
                .chart
                .groups
                .iter()
                .map(|g| g.column.clone())
                .zip(group.by);
            let names = self.chart.aggregates.iter().map(|a| a.column.clone());
            let values = group.accumulators.into_iter().map(Accumulator::finish);
            let aggregates = names.zip(values).filter_map(|(n, v)| Some((n, v?)));
            ResultRow {
                fields: by.chain(aggregates).collect(),
            }
        };
        let first = self
            .chart
            .aggregates
            .first()
            .map(|a| &a.column)
            .filter(|_| self.chart.sorted);
        let mut rows: Vec<Placed> = self
            .groups
            .into_iter()
            .map(|g| Placed::new(row(g), first, groups))
            .collect();
        rows.sort_by(Placed::cmp);
        rows.into_iter().map(|placed| placed.row).collect()
    }
}

/// A row with what it is ordered by.
struct Placed {
    top: Option<Rank>,
    /// Rank and text of each group; the text tells spellings apart.
    by: Vec<(Rank, String)>,
    row: ResultRow,
}

impl Placed {
    fn new(row: ResultRow, first: Option<&FieldName>, groups: usize) -> Self {
        let top = first.and_then(|f| row.value(f)).map(Rank::of);
        let ranked = |v: &Value| (Rank::of(v), v.text().into_owned());
        let by = row
            .fields
            .iter()
            .take(groups)
            .map(|(_, v)| ranked(v))
            .collect();
        Self { top, by, row }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.by.iter().zip(&other.by);
        let by = pairs
            .map(|((a, a_text), (b, b_text))| a.cmp(b).then_with(|| a_text.cmp(b_text)))
            .find(|o| o.is_ne());
        let top = compare(self.top.as_ref(), other.top.as_ref(), true);
        top.then(by.unwrap_or(Ordering::Equal))
    }
}

/// Appends the text of a group's value; false if the row has none.
fn write_key(out: &mut String, key: &Key, row: &dyn Row, ctx: &Context<'_>) -> bool {
    let mut push = |value: &Value| {
        if matches!(value, Value::List(items) if items.is_empty()) {
            return false;
        }
        let text = value.text();
        // The length keeps `ab` + `c` apart from `a` + `bc`.
        let _ = write!(out, "{}:{text}", text.len());
        true
    };
    match key {
        Key::Operand(operand) => operand.value(row, ctx).is_some_and(|v| push(&v)),
        computed => key_value(computed, row, ctx).is_some_and(|v| push(&v)),
    }
}

fn key_value(key: &Key, row: &dyn Row, ctx: &Context<'_>) -> Option<Value> {
    match key {
        Key::Operand(operand) => Some(operand.value(row, ctx)?.into_owned()),
        Key::Step(field, width) => {
            let number = row.get(field)?.number()?;
            let width = *width as f64;
            Some(crate::eval::Num::from_f64((number / width).floor() * width).to_value())
        }
        Key::Bucket(width) => {
            let at = time::moment(&*row.get("log_ts")?)?;
            Some(Value::Int(time::bucket(at, *width, &ctx.timezone)))
        }
    }
}
