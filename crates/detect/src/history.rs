//! Backtests over stored events.

use crate::backtest::{Backtest, complete_to, needed_from};
use crate::decide::Fired;
use crate::rule::CompiledRule;
use crate::schedule::Span;
use cresset_model::event::LoggedEvent;
use cresset_model::{Duration, Timestamp};
use cresset_query::ListLookup;
use cresset_search::{Error, SearchRequest, Searcher};
use std::collections::VecDeque;
use std::sync::Arc;

/// Events read at a time, and most events dated in the future that are held.
const MAX_EVENTS: usize = 100_000;
const FIRST_STEP: Duration = Duration::hours(6);

/// What a backtest found.
#[derive(Debug)]
pub struct BacktestReport {
    /// Incidents that the rule would have made, oldest first.
    pub firings: Vec<Fired>,
    /// Matching events read.
    pub events: u64,
    /// The event time whose slots were looked at, start excluded.
    pub slots: Span,
}

/// Runs a rule over the stored events of `(from, to]`, slots that end in it.
///
/// Throttling and flushing begin with a clean slate. At most `max_firings` firings
/// are kept; the run ends there and the report's span says how far it came.
/// A stretch of event time so dense that it does not fit gives [`Error::TooMany`]; so does a
/// scheduled rule whose window does not.
///
/// Events that are dated in the future and so count for a live rule at their arrival are seen
/// if they are dated within the span.
pub async fn backtest(
    searcher: &dyn Searcher,
    lists: &dyn ListLookup,
    rule: &Arc<CompiledRule>,
    asked: Span,
    timeout: Duration,
    max_firings: usize,
) -> Result<BacktestReport, Error> {
    let slots = Span {
        from: asked.from,
        to: complete_to(rule, asked.to),
    };
    let mut reading = Reading {
        searcher,
        rule,
        timeout,
        at: needed_from(rule, slots.from),
        to: slots.to,
        step: FIRST_STEP,
    };
    let start = reading.at;
    let mut run = Backtest::new(Arc::clone(rule), slots);
    let mut report = BacktestReport {
        firings: Vec::new(),
        events: 0,
        slots,
    };
    let mut ahead: Option<VecDeque<LoggedEvent>> = None;
    while let Some(events) = reading.next().await? {
        let (dated_ahead, mut events): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|e| is_ahead(rule, e));
        if ahead.is_none() && !dated_ahead.is_empty() {
            // They count earlier than they are read: once more, with all of them at hand.
            ahead = Some(read_ahead(&mut reading, dated_ahead).await?.into());
            reading.at = start;
            run = Backtest::new(Arc::clone(rule), slots);
            report.firings.clear();
            report.events = 0;
            continue;
        }
        if let Some(ahead) = &mut ahead {
            let due = ahead.partition_point(|e| rule.counts_at(&e.event) <= reading.at);
            events.extend(ahead.drain(..due));
            events.sort_by_key(|e| (rule.counts_at(&e.event), e.seq));
        }
        for event in &events {
            run.push(event, lists);
            if let Some(most) = run.overfull() {
                return Err(Error::TooMany(most));
            }
        }
        report.events += events.len() as u64;
        report.firings.extend(run.take_firings());
        if report.firings.len() >= max_firings {
            report.firings.truncate(max_firings);
            report.slots.to = report.firings.last().map_or(reading.at, |f| f.slot_end);
            return Ok(report);
        }
        tokio::task::yield_now().await;
    }
    report.firings.extend(run.finish(lists));
    report.firings.truncate(max_firings);
    Ok(report)
}

/// Whether an event counts before the time at which it is dated.
fn is_ahead(rule: &CompiledRule, event: &LoggedEvent) -> bool {
    rule.counts_at(&event.event) < event.event.log_ts()
}

/// All events dated in the future, in the order in which they count: `found`, and those in what
/// is left to read.
async fn read_ahead(
    reading: &mut Reading<'_>,
    mut found: Vec<LoggedEvent>,
) -> Result<Vec<LoggedEvent>, Error> {
    let rule = reading.rule;
    while let Some(events) = reading.next().await? {
        found.extend(events.into_iter().filter(|e| is_ahead(rule, e)));
        if found.len() > MAX_EVENTS {
            return Err(Error::TooMany(MAX_EVENTS));
        }
    }
    found.sort_by_key(|e| (rule.counts_at(&e.event), e.seq));
    Ok(found)
}

/// A rule's matching events by event time, a stretch at a time.
struct Reading<'a> {
    searcher: &'a dyn Searcher,
    rule: &'a CompiledRule,
    timeout: Duration,
    /// Read up to here.
    at: Timestamp,
    /// To be read up to here.
    to: Timestamp,
    step: Duration,
}

impl Reading<'_> {
    /// The events of the next stretch; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<LoggedEvent>>, Error> {
        while self.at < self.to {
            let to = (self.at + self.step).min(self.to);
            let request = request(self.rule, self.at, to, self.timeout);
            match self.searcher.matching(request, MAX_EVENTS).await {
                Ok(events) => {
                    self.at = to;
                    if events.len() < MAX_EVENTS / 4 {
                        self.step = Duration(self.step.0.saturating_mul(2));
                    }
                    return Ok(Some(events));
                }
                Err(Error::TooMany(n)) if self.step.0 <= 1 => return Err(Error::TooMany(n)),
                Err(Error::TooMany(_)) => {
                    self.step = Duration((to.since(self.at).0 / 2).max(1));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn request(
    rule: &CompiledRule,
    from: Timestamp,
    to: Timestamp,
    timeout: Duration,
) -> SearchRequest {
    SearchRequest {
        plan: Arc::clone(rule.plan()),
        repos: rule.repos().to_vec(),
        from,
        to,
        part_of: None,
        timezone: rule.timezone().to_owned(),
        limit: 0,
        up_to_seq: None,
        timeout,
    }
}
