//! Backtests over stored events.

use crate::backtest::{Backtest, complete_to, needed_from};
use crate::decide::Fired;
use crate::rule::CompiledRule;
use crate::schedule::Span;
use cresset_model::{Duration, Timestamp};
use cresset_query::ListLookup;
use cresset_search::{Error, SearchRequest, Searcher};
use std::sync::Arc;

/// Events held at a time.
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
/// A stretch of event time so dense that it does not fit gives [`Error::TooMany`].
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
    let mut run = Backtest::new(Arc::clone(rule), slots);
    let mut report = BacktestReport {
        firings: Vec::new(),
        events: 0,
        slots,
    };
    let mut at = needed_from(rule, slots.from);
    let mut step = FIRST_STEP;
    while at < slots.to {
        let to = (at + step).min(slots.to);
        match searcher
            .matching(request(rule, at, to, timeout), MAX_EVENTS)
            .await
        {
            Ok(events) => {
                for event in &events {
                    run.push(event, lists);
                }
                report.events += events.len() as u64;
                at = to;
                if events.len() < MAX_EVENTS / 4 {
                    step = Duration(step.0.saturating_mul(2));
                }
            }
            Err(Error::TooMany(n)) if step.0 <= 1 => return Err(Error::TooMany(n)),
            Err(Error::TooMany(_)) => step = Duration((to.since(at).0 / 2).max(1)),
            Err(error) => return Err(error),
        }
        report.firings.extend(run.take_firings());
        if report.firings.len() >= max_firings {
            report.firings.truncate(max_firings);
            report.slots.to = report.firings.last().map_or(at, |f| f.slot_end);
            return Ok(report);
        }
        tokio::task::yield_now().await;
    }
    report.firings.extend(run.finish(lists));
    report.firings.truncate(max_firings);
    Ok(report)
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
        timezone: rule.timezone().to_owned(),
        limit: 0,
        up_to_seq: None,
        timeout,
    }
}
