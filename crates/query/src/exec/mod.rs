//! Execution of whole plans: events go in one by one, a result comes out.
//!
//! Row commands up to the first one that needs all rows run as each event
//! arrives, so that a chart keeps its groups and never its events.

mod accumulate;
mod additions;
#[cfg(test)]
mod byte_tests;
mod chart;
#[cfg(test)]
mod chart_tests;
mod order;
mod result;
mod rows;
#[cfg(test)]
mod span_tests;
#[cfg(test)]
mod tests;
mod view;

pub use additions::ListAdditions;
pub use result::{Limits, ResultSet};

use crate::eval::Context;
use crate::plan::{Plan, Stage};
use additions::Gathered;
use chart::ChartState;
use cresset_model::Event;
use rows::{Latest, Newest, Table};
use view::View;

/// A run of a plan: takes events, gives a result.
#[derive(Debug)]
pub struct Executor<'a> {
    plan: &'a Plan,
    ctx: Context<'a>,
    limits: Limits,
    /// Row commands that run as events arrive.
    before: &'a [Stage],
    /// Commands that run at the end.
    after: &'a [Stage],
    sink: Sink<'a>,
    gathered: Gathered<'a>,
}

/// Where rows go as they arrive.
#[derive(Debug)]
enum Sink<'a> {
    Rows(Newest),
    Latest(Latest<'a>),
    Chart(ChartState<'a>),
}

impl<'a> Executor<'a> {
    pub(crate) fn new(plan: &'a Plan, ctx: Context<'a>) -> Self {
        let stages = plan.stages();
        let at = stages
            .iter()
            .position(Stage::is_blocking)
            .unwrap_or(stages.len());
        let (before, after) = stages.split_at(at);
        let limits = Limits::default();
        Self {
            plan,
            ctx,
            limits,
            before,
            after,
            sink: Sink::new(after, limits),
            gathered: Gathered::default(),
        }
    }

    /// Replaces the default limits. Must be called before the first event.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self.sink = Sink::new(self.after, limits);
        self
    }

    /// Takes one event and checks it against the filter.
    pub fn push(&mut self, event: &Event) {
        if self.plan.filter().matches(event, &self.ctx) {
            self.push_matched(event);
        }
    }

    /// Takes one event that the caller has found to match [`Plan::filter`].
    pub fn push_matched(&mut self, event: &Event) {
        self.push_many(event, 1);
    }

    /// Takes so many events of which all that the plan reads is the same, for plans that
    /// [count](Plan::counted_by). Other plans need each event by itself: what they keep of
    /// values and rows, they keep once.
    pub fn push_many(&mut self, event: &Event, times: u64) {
        let Some(view) = View::run(event, self.before, &self.ctx, &mut self.gathered) else {
            return;
        };
        match &mut self.sink {
            Sink::Chart(chart) => chart.push(&view, &self.ctx, times),
            Sink::Rows(rows) => rows.push(event.log_ts, || view.to_row()),
            Sink::Latest(latest) => latest.push(event.log_ts, &view, || view.to_row()),
        }
    }

    /// Ends the run.
    pub fn finish(mut self) -> ResultSet {
        let (mut table, rest) = match (self.sink, self.after) {
            (Sink::Rows(rows), after) => (rows.finish(), after),
            (Sink::Latest(latest), after) => (latest.finish(), after.get(1..).unwrap_or(&[])),
            (Sink::Chart(chart), after) => (Table::of_chart(chart), after.get(1..).unwrap_or(&[])),
        };
        for stage in rest {
            if self.ctx.lists.given_up() {
                break;
            }
            table = table.apply(stage, self.limits, &self.ctx, &mut self.gathered);
        }
        let (columns, grouping) = self.plan.columns();
        ResultSet {
            kind: self.plan.kind(),
            columns: columns.to_vec(),
            grouping: grouping.to_vec(),
            total: table.total,
            truncated: table.truncated || self.gathered.is_full(),
            aggregated: table.aggregated.unwrap_or(0),
            missing: Vec::new(),
            additions: self.gathered.into_additions(),
            rows: table.into_rows(),
        }
    }
}

impl<'a> Sink<'a> {
    fn new(after: &'a [Stage], limits: Limits) -> Self {
        match after.first() {
            Some(Stage::Chart(chart)) => Self::Chart(ChartState::new(chart, limits)),
            Some(Stage::Latest(keys)) => Self::Latest(Latest::new(keys, limits.max_groups)),
            Some(Stage::Limit(n)) => Self::Rows(Newest::new(limits.max_rows, *n)),
            _ => Self::Rows(Newest::new(limits.max_rows, usize::MAX)),
        }
    }
}
