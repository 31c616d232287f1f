//! Groups and their aggregates.

use super::accumulate::Accumulator;
use super::order::{Rank, arranged, compare, order_of};
use super::result::{Limits, Room};
use crate::eval::{Context, ResultRow, Row, time};
use crate::plan::{Argument, Chart, Key};
use compact_str::CompactString;
use cresset_model::{FieldName, Timestamp, Value};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Write;

/// Bytes of a group beside its values and aggregates, roughly.
const GROUP: usize = size_of::<Group>() + 4 * size_of::<usize>();

/// A chart that is being filled.
#[derive(Debug)]
pub(super) struct ChartState<'p> {
    chart: &'p Chart,
    room: Room,
    places: HashMap<Box<str>, usize>,
    groups: Vec<Group>,
    /// The key of the row at hand; kept to save allocations.
    key: String,
    pub(super) truncated: bool,
    /// Rows that went into a group.
    pub(super) taken: u64,
}

#[derive(Debug)]
struct Group {
    /// The time of its latest row.
    at: Timestamp,
    by: Vec<Value>,
    accumulators: Vec<Accumulator>,
}

impl<'p> ChartState<'p> {
    pub(super) fn new(chart: &'p Chart, limits: Limits) -> Self {
        Self {
            chart,
            room: Room::new(limits),
            places: HashMap::new(),
            groups: Vec::new(),
            key: String::new(),
            truncated: false,
            taken: 0,
        }
    }

    /// Counts a row so many times. A row without a value for one of the groups counts nowhere.
    pub(super) fn push(&mut self, row: &dyn Row, at: Timestamp, ctx: &Context<'_>, times: u64) {
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
        self.taken = self.taken.saturating_add(times);
        group.at = group.at.max(at);
        for (aggregate, accumulator) in self.chart.aggregates.iter().zip(&mut group.accumulators) {
            let kept = match &aggregate.argument {
                Argument::None => accumulator.count(times),
                Argument::Condition(condition) => {
                    if condition.matches(row, ctx) {
                        accumulator.count(times);
                    }
                    true
                }
                Argument::Value(formula) => match formula.value(row, ctx) {
                    Some(value) => accumulator.add(&value, &mut self.room),
                    None => true,
                },
            };
            self.truncated |= !kept;
        }
    }

    fn new_group(&mut self, row: &dyn Row, ctx: &Context<'_>) -> Option<usize> {
        let by: Vec<Value> = self
            .chart
            .groups
            .iter()
            .filter_map(|g| key_value(&g.key, row, ctx))
            .collect();
        let aggregates = self.chart.aggregates.len() * size_of::<Accumulator>();
        let values: usize = by.iter().map(size).sum();
        if !self
            .room
            .take_group(GROUP + self.key.len() + values + aggregates)
        {
            self.truncated = true;
            return None;
        }
        let accumulators = self
            .chart
            .aggregates
            .iter()
            .map(|a| Accumulator::new(a.function))
            .collect();
        let place = self.groups.len();
        let at = Timestamp::MIN;
        self.groups.push(Group {
            at,
            by,
            accumulators,
        });
        self.places.insert(self.key.as_str().into(), place);
        Some(place)
    }

    /// The rows with the times of their latest rows: in order of the first aggregate, largest first, groups of equal
    /// aggregates in order of their values.
    pub(super) fn finish(self) -> Vec<(Timestamp, ResultRow)> {
        drop(self.places);
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
            let fields = by.chain(aggregates).collect();
            (group.at, ResultRow { fields })
        };
        let first = self
            .chart
            .aggregates
            .first()
            .map(|a| &a.column)
            .filter(|_| self.chart.sorted);
        let rows: Vec<(Timestamp, ResultRow)> = self.groups.into_iter().map(row).collect();
        let place = |(_, row)| Placed::new(row, first, groups);
        let placed: Vec<Placed<'_>> = rows.iter().map(|(at, row)| place((at, row))).collect();
        let order = order_of(&placed, Placed::cmp);
        drop(placed);
        arranged(rows, &order)
    }
}

/// What a row is ordered by.
struct Placed<'r> {
    top: Option<Rank<'r>>,
    /// Rank and value of each group; the value's text tells spellings apart.
    by: Vec<(Rank<'r>, &'r Value)>,
}

impl<'r> Placed<'r> {
    fn new(row: &'r ResultRow, first: Option<&FieldName>, groups: usize) -> Self {
        let by = row.fields.iter().take(groups);
        Self {
            top: first.and_then(|f| row.value(f)).map(Rank::of),
            by: by.map(|(_, v)| (Rank::of(v), v)).collect(),
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let pairs = self.by.iter().zip(&other.by);
        let by = pairs
            .map(|((a, a_value), (b, b_value))| {
                let texts = || a_value.text().cmp(&b_value.text());
                a.cmp(b).then_with(texts)
            })
            .find(|o| o.is_ne());
        let top = compare(self.top.as_ref(), other.top.as_ref(), true);
        top.then(by.unwrap_or(Ordering::Equal))
    }
}

/// The bytes that a value takes.
fn size(value: &Value) -> usize {
    let texts = match value {
        Value::Str(text) => text.len(),
        Value::List(items) => items
            .iter()
            .map(|i| i.len() + size_of::<CompactString>())
            .sum(),
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => 0,
    };
    size_of::<Value>() + texts
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
            let width = width.unwrap_or_else(|| time::width_over(ctx.range));
            Some(Value::Int(time::bucket(at, width, &ctx.timezone)))
        }
    }
}
