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
mod link;
mod looked_at;
mod order;
mod pattern;
#[cfg(test)]
mod pattern_tests;
mod result;
mod rows;
mod run;
#[cfg(test)]
mod span_tests;
mod statistics;
#[cfg(test)]
mod tests;
mod view;

pub use additions::ListAdditions;
pub use looked_at::{LookedAt, Share};
pub use result::{Limits, ResultSet};

use crate::eval::Context;
use crate::plan::Plan;
use additions::Gathered;
use cresset_model::Event;
use pattern::PatternRun;
use run::{Arrival, Run};

/// A run of a plan: takes events, gives a result.
#[derive(Debug)]
pub struct Executor<'a> {
    plan: &'a Plan,
    ctx: Context<'a>,
    limits: Limits,
    source: Source<'a>,
    gathered: Gathered<'a>,
    /// Events so far.
    events: u64,
}

/// What the commands of the plan run on.
#[derive(Debug)]
enum Source<'a> {
    Events(Run<'a>),
    Pattern(PatternRun<'a>),
}

impl<'a> Executor<'a> {
    pub(crate) fn new(plan: &'a Plan, ctx: Context<'a>) -> Self {
        let limits = Limits::default();
        Self {
            plan,
            ctx,
            limits,
            source: Source::new(plan, limits),
            gathered: Gathered::default(),
            events: 0,
        }
    }

    /// Replaces the default limits. Must be called before the first event.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self.source = Source::new(self.plan, limits);
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
        self.events += 1;
        let arrival = Arrival {
            event,
            number: self.events,
            times,
        };
        match &mut self.source {
            Source::Events(run) => run.push(arrival, &self.ctx, &mut self.gathered),
            Source::Pattern(run) => run.push(arrival, &self.ctx, &mut self.gathered),
        }
    }

    /// Ends the run.
    pub fn finish(mut self) -> ResultSet {
        let (table, rest) = match self.source {
            Source::Events(run) => run.finish(),
            Source::Pattern(run) => {
                let table = run.finish(self.limits, &self.ctx, &mut self.gathered);
                (table, self.plan.stages())
            }
        };
        let table = table.apply_all(rest, self.limits, &self.ctx, &mut self.gathered);
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
            looked_at: LookedAt::default(),
            rows: table.into_rows(),
        }
    }
}

impl<'a> Source<'a> {
    fn new(plan: &'a Plan, limits: Limits) -> Self {
        match plan.pattern() {
            None => Self::Events(Run::new(plan.stages(), limits)),
            Some(pattern) => {
                let needed = plan.rows_needed();
                Self::Pattern(PatternRun::new(pattern, needed.as_ref(), limits))
            }
        }
    }
}
