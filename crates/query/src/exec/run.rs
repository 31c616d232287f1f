//! Rows of events: row commands as each event arrives, then a place where rows are kept
//! until the end.

use super::additions::Gathered;
use super::chart::ChartState;
use super::result::Limits;
use super::rows::{Latest, Newest, Table};
use super::view::View;
use crate::eval::{Context, ResultRow};
use crate::plan::Stage;
use cresset_model::{Event, Timestamp};
use std::collections::BTreeSet;

/// The commands of a plan, or of one of its streams, while events arrive.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// Row commands that run as events arrive.
    before: &'a [Stage],
    /// Commands that run at the end.
    after: &'a [Stage],
    /// The fields that rows are kept with; all of them if there is none.
    only: Option<BTreeSet<String>>,
    sink: Sink<'a>,
}

/// Where rows go as they arrive.
#[derive(Debug)]
enum Sink<'a> {
    Rows(Newest),
    Latest(Latest<'a>),
    Chart(ChartState<'a>),
}

/// An event that arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival<'e> {
    pub(super) event: &'e Event,
    /// Counted from 1.
    pub(super) number: u64,
    /// How many there are that are the same for the plan.
    pub(super) times: u64,
}

impl<'a> Run<'a> {
    /// Runs commands as far as they can run on each row by itself, and the first one that
    /// cannot.
    pub(super) fn new(stages: &'a [Stage], limits: Limits) -> Self {
        let at = stages.iter().position(Stage::is_blocking);
        let (before, after) = stages.split_at(at.unwrap_or(stages.len()));
        Self {
            before,
            after,
            only: None,
            sink: Sink::new(after, limits),
        }
    }

    /// Keeps whole rows; all commands run at the end.
    pub(super) fn collecting(stages: &'a [Stage], limits: Limits) -> Self {
        Self {
            before: &[],
            after: stages,
            only: None,
            sink: Sink::Rows(Newest::new(limits.max_rows, usize::MAX)),
        }
    }

    /// Keeps of rows only these fields, where rows are kept whole.
    pub(super) fn keeping(mut self, only: Option<BTreeSet<String>>) -> Self {
        self.only = only;
        self
    }

    pub(super) fn push(
        &mut self,
        arrival: Arrival<'_>,
        ctx: &Context<'_>,
        gathered: &mut Gathered<'a>,
    ) {
        let Arrival {
            event,
            number,
            times,
        } = arrival;
        let Some(view) = View::run(event, self.before, ctx, gathered) else {
            return;
        };
        let at: Timestamp = event.log_ts;
        let row = || -> ResultRow {
            match &self.only {
                None => view.to_row(),
                Some(names) => view.to_row_of(names),
            }
        };
        match &mut self.sink {
            Sink::Chart(chart) => chart.push(&view, at, ctx, times),
            Sink::Rows(rows) => rows.push(at, number, row),
            Sink::Latest(latest) => latest.push((at, number), &view, row),
        }
    }

    /// The rows that were kept, and the commands that are left to run on them.
    pub(super) fn finish(self) -> (Table, &'a [Stage]) {
        let rest = || self.after.get(1..).unwrap_or(&[]);
        match self.sink {
            Sink::Rows(rows) => (rows.finish(), self.after),
            Sink::Latest(latest) => (latest.finish(), rest()),
            Sink::Chart(chart) => (Table::of_chart(chart), rest()),
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
