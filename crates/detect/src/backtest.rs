//! Rules over history, without making incidents.
//!
//! The same windows and the same decision as in a live or scheduled run, fed with
//! stored events in the order in which they count.

use crate::decide::{Decision, Fired};
use crate::engine::WindowLimits;
use crate::live::LiveRule;
use crate::rule::CompiledRule;
use crate::schedule::{Span, decide_slot, span};
use crate::slots::{next_slot_end, slot_end};
use cresset_model::event::LoggedEvent;
use cresset_model::incident::RuleState;
use cresset_model::{Duration, Timestamp};
use cresset_query::ListLookup;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events between two looks at what is pending.
const SETTLE_EVERY: usize = 512;
/// Most events that the window of a scheduled rule holds.
const MAX_HELD: usize = 500_000;

/// One rule on its way through history: [`push`](Self::push) events that match its
/// filter in the order of [`CompiledRule::counts_at`] and `seq`, then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Backtest {
    run: Run,
    firings: Vec<Fired>,
}

#[derive(Debug)]
enum Run {
    /// Event by event.
    Live {
        rule: Box<LiveRule>,
        after: Timestamp,
        unsettled: usize,
    },
    /// At the end of every slot.
    Slots(Box<SlotRun>),
}

#[derive(Debug)]
struct SlotRun {
    rule: Arc<CompiledRule>,
    state: RuleState,
    held: VecDeque<LoggedEvent>,
    /// The next slot to evaluate, and the last one.
    next: Timestamp,
    last: Timestamp,
}

impl Backtest {
    /// A run over the slots that end in `slots`. Events should begin at
    /// [`needed_from`] to fill the first windows.
    pub fn new(rule: Arc<CompiledRule>, slots: Span) -> Self {
        let run = if rule.is_live() {
            let interval = rule.interval();
            let after = next_slot_end(slots.from, interval) - interval;
            let rule = LiveRule::new(rule, Duration::ZERO, RuleState::default());
            Run::Live {
                rule: Box::new(rule),
                after,
                unsettled: 0,
            }
        } else {
            let next = next_slot_end(slots.from, rule.interval());
            let state = RuleState::default();
            let held = VecDeque::new();
            Run::Slots(Box::new(SlotRun {
                rule,
                state,
                held,
                next,
                last: slots.to,
            }))
        };
        Self {
            run,
            firings: Vec::new(),
        }
    }

    /// Takes the next event; it must match the rule's filter and repos.
    ///
    /// The window of a live rule drops its oldest events beyond the limit that a live run has by
    /// default; that of a scheduled rule must be watched, see [`overfull`](Self::overfull).
    pub fn push(&mut self, event: &LoggedEvent, lists: &dyn ListLookup) {
        match &mut self.run {
            Run::Live {
                rule,
                after,
                unsettled,
            } => {
                shed(rule);
                let at = rule.rule().counts_at(&event.event);
                if at <= *after {
                    rule.seed_in_order(event);
                    return;
                }
                rule.observe(event, at);
                *unsettled += 1;
                if *unsettled >= SETTLE_EVERY {
                    *unsettled = 0;
                    self.firings.extend(rule.settle(lists));
                }
            }
            Run::Slots(run) => {
                run.evaluate_before(event.event.log_ts(), lists, &mut self.firings);
                run.held.push_back(event.clone());
            }
        }
    }

    /// Whether a scheduled rule's window holds more events than a backtest may hold. Its run
    /// would need to see them all, so it must end without a result.
    pub fn overfull(&self) -> Option<usize> {
        match &self.run {
            Run::Slots(run) if run.held.len() > MAX_HELD => Some(MAX_HELD),
            _ => None,
        }
    }

    /// Firings found since the last call, oldest first.
    pub fn take_firings(&mut self) -> Vec<Fired> {
        std::mem::take(&mut self.firings)
    }

    /// Evaluates what is left and returns the firings not yet taken.
    pub fn finish(mut self, lists: &dyn ListLookup) -> Vec<Fired> {
        match &mut self.run {
            Run::Live { rule, .. } => self.firings.extend(rule.settle(lists)),
            Run::Slots(run) => run.evaluate_before(Timestamp::MAX, lists, &mut self.firings),
        }
        self.firings
    }
}

/// Start (excluded) of the event time that a run over slots ending after `from` reads.
pub fn needed_from(rule: &CompiledRule, from: Timestamp) -> Timestamp {
    let first = next_slot_end(from, rule.interval());
    span(rule, &RuleState::default(), first).from
}

/// End of the last slot that is complete at `to`.
pub fn complete_to(rule: &CompiledRule, to: Timestamp) -> Timestamp {
    let end = slot_end(to, rule.interval());
    if end > to { end - rule.interval() } else { end }
}

/// Keeps a window within the limit of a live run.
fn shed(rule: &mut LiveRule) {
    let limit = WindowLimits::default().events_per_rule;
    if rule.held() > limit {
        rule.shed(1 + limit / 64);
    }
}

impl SlotRun {
    /// Evaluates all slots that end before `ts`.
    fn evaluate_before(&mut self, ts: Timestamp, lists: &dyn ListLookup, firings: &mut Vec<Fired>) {
        while self.next < ts && self.next <= self.last {
            let slot = self.next;
            let reach = span(&self.rule, &self.state, slot);
            while self
                .held
                .front()
                .is_some_and(|e| e.event.log_ts() <= reach.from)
            {
                self.held.pop_front();
            }
            let mut executor = self.rule.plan().executor(self.rule.context(lists, slot));
            for event in &self.held {
                executor.push_matched(&event.event);
            }
            let decision = decide_slot(&self.rule, &self.state, slot, &executor.finish());
            if let Decision::Fired(fired) = decision {
                self.state = fired.state.clone();
                firings.push(*fired);
            }
            self.next = next_slot_end(slot, self.rule.interval());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, rule, spec};
    use cresset_query::NoLists;

    fn run(query: &str) -> Backtest {
        let slots = Span {
            from: Timestamp(0),
            to: Timestamp::from_secs(600),
        };
        Backtest::new(Arc::new(rule(spec(query))), slots)
    }

    #[test]
    fn a_live_window_is_bounded() {
        let mut run = run("user=* | chart count() as cnt by user | search cnt>=1000000");
        let limit = WindowLimits::default().events_per_rule;
        let mut event = event(1, 1, 1, "ann");
        for seq in 0..limit as u64 + 10_000 {
            event.seq = seq;
            run.push(&event, &NoLists);
        }
        let Run::Live { rule, .. } = &run.run else {
            panic!("runs live");
        };
        assert!(
            (limit * 9 / 10..=limit + 1).contains(&rule.held()),
            "{}",
            rule.held()
        );
    }

    #[test]
    fn a_scheduled_window_says_when_it_is_full() {
        let mut run = run("user=* | chart avg(size) as a | search a>1");
        let event = event(1, 1, 1, "ann");
        for _ in 0..MAX_HELD {
            run.push(&event, &NoLists);
        }
        assert_eq!(run.overfull(), None);
        run.push(&event, &NoLists);
        assert_eq!(run.overfull(), Some(MAX_HELD));
    }
}
