//! Rules that cannot run live, slot by slot, in order, none skipped.
//!
//! A rule's place is [`RuleState::evaluated_to`], written with the outcome of each
//! evaluation. Slots missed while nobody was running are made up for, oldest first.
//! What happens to a slot whose evaluation keeps failing is told in [`crate::job`].

use crate::commit::{Found, commit, evaluation, not_searched, record};
use crate::decide::{Decision, resumed};
use crate::detector::{DetectSettings, DetectorDeps, Figures, is_stopped, stopped};
use crate::job::{Job, MAX_GAPS, Turn};
use crate::rule::CompiledRule;
use crate::ruleset::{RuleSet, Runner};
use crate::schedule::{decide_slot, span};
use cresset_catalog::port::FiringOutcome;
use cresset_model::incident::{Evaluation, EvaluationMode, RuleState, Verdict};
use cresset_model::{Duration, ObjectId, Timestamp};
use cresset_search::{Error, SearchRequest};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

/// What is added to a slot's end to name the incident that completes another one of the slot.
const COMPLETED: Duration = Duration(1);

/// How an evaluation ended.
enum Outcome {
    /// It was made; the rule remembers this.
    Done(RuleState),
    /// It failed; what it met.
    Failed(String),
    /// Other instances could not be searched, and without them the answer is not certain.
    Incomplete(String),
    /// A stop was asked for.
    Stopped,
}

/// Runs scheduled rules.
#[derive(Debug)]
pub(crate) struct Scheduler {
    deps: DetectorDeps,
    settings: DetectSettings,
    figures: Arc<Figures>,
    jobs: HashMap<ObjectId, Job>,
    tasks: JoinSet<Outcome>,
    /// What each task evaluates.
    owners: HashMap<Id, (Arc<CompiledRule>, Turn)>,
}

impl Scheduler {
    pub(crate) fn new(deps: DetectorDeps, settings: DetectSettings, figures: Arc<Figures>) -> Self {
        Self {
            deps,
            settings,
            figures,
            jobs: HashMap::new(),
            tasks: JoinSet::new(),
            owners: HashMap::new(),
        }
    }

    /// Runs until a stop is asked for, then waits for evaluations under way.
    pub(crate) async fn run(mut self, rules: &RuleSet, mut shutdown: watch::Receiver<bool>) {
        let (mut changed, mut place) = (rules.watch(), 0);
        while !is_stopped(&shutdown) {
            changed.mark_unchanged();
            place = self.take_rules(rules, place);
            self.load_states().await;
            self.start_due(&shutdown);
            let poll = self
                .settings
                .poll
                .to_std()
                .min(std::time::Duration::from_millis(500));
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.take_outcome(ended).await,
                changed = changed.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(poll) => {}
                () = stopped(&mut shutdown) => {}
            }
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Takes over what changed after `place`; the place after that.
    fn take_rules(&mut self, rules: &RuleSet, place: u64) -> u64 {
        let changes = rules.since(Runner::Scheduled, place);
        for (id, rule) in changes.rules {
            let Some(rule) = rule.filter(|rule| !rule.is_live()) else {
                self.jobs.remove(&id);
                continue;
            };
            let job = self.jobs.get(&id);
            if job.is_some_and(|job| Arc::ptr_eq(&job.rule, &rule)) {
                continue;
            }
            // Its state is read anew when nothing of it is under way any more.
            let running = self.owners.values().any(|(r, _)| r.id() == id);
            self.jobs.insert(id, Job::new(rule, running));
        }
        changes.place
    }

    async fn load_states(&mut self) {
        let unread = |job: &Job| job.state.is_none() && !job.running;
        let ids = self.jobs.iter().filter(|(_, job)| unread(job));
        let ids: Vec<ObjectId> = ids.map(|(id, _)| *id).collect();
        if ids.is_empty() {
            return;
        }
        let mut states = match self.deps.catalog.rule_states(&ids).await {
            Ok(states) => states,
            Err(error) => {
                tracing::warn!(rules = ids.len(), %error, "the states of rules could not be read");
                return;
            }
        };
        let now = self.deps.clock.now();
        for id in ids {
            if let Some(job) = self.jobs.get_mut(&id) {
                let state = states.remove(&id).unwrap_or_default();
                job.state = Some(resumed(&job.rule, state, now));
            }
        }
    }

    /// Starts the most overdue evaluations, as many as may run at once; gaps come last.
    fn start_due(&mut self, shutdown: &watch::Receiver<bool>) {
        let now = self.deps.clock.now();
        let grace = self.settings.grace;
        let mut turns: Vec<(bool, Timestamp, ObjectId, Turn)> = Vec::new();
        let (mut lag, mut gaps) = (Duration::ZERO, 0);
        for (id, job) in &self.jobs {
            gaps += job.state.as_ref().map_or(0, |s| s.gaps.len());
            let Some(due) = job.next_due(grace) else {
                continue;
            };
            lag = lag.max(now.since(due));
            match job.turn(now, grace) {
                Some(turn @ Turn::Next(_)) => turns.push((false, due, *id, turn)),
                Some(turn @ Turn::Gap(slot)) => turns.push((true, slot, *id, turn)),
                None => {}
            }
        }
        self.figures.scheduler_lag.store(lag.0, Ordering::Relaxed);
        metrics::gauge!("cresset_detect_scheduler_lag_seconds").set(lag.as_secs_f64());
        metrics::gauge!("cresset_detect_gaps").set(gaps as f64);
        turns.sort_unstable();
        for (.., id, turn) in turns {
            if self.tasks.len() >= self.settings.concurrency.max(1) {
                return;
            }
            self.start(id, turn, shutdown);
        }
    }

    fn start(&mut self, id: ObjectId, turn: Turn, shutdown: &watch::Receiver<bool>) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        let Some(state) = job.state.clone() else {
            return;
        };
        job.running = true;
        let rule = Arc::clone(&job.rule);
        let (deps, timeout) = (self.deps.clone(), self.settings.timeout);
        let owner = (Arc::clone(&rule), turn);
        let work = evaluate(deps, rule, state, turn, timeout, shutdown.clone());
        let task = self.tasks.spawn(work);
        self.owners.insert(task.id(), owner);
    }

    async fn take_outcome(&mut self, ended: Result<(Id, Outcome), tokio::task::JoinError>) {
        let (task, outcome) = match ended {
            Ok((task, outcome)) => (task, outcome),
            Err(error) => (
                error.id(),
                Outcome::Failed("the evaluation panicked".into()),
            ),
        };
        let Some((rule, turn)) = self.owners.remove(&task) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(&rule.id()) else {
            return;
        };
        job.running = false;
        if !Arc::ptr_eq(&job.rule, &rule) {
            job.state = None;
            return;
        }
        match outcome {
            Outcome::Done(state) => job.done(turn, state),
            Outcome::Failed(error) => {
                let attempts = self.settings.attempts;
                self.take_failure(&rule, turn, &error, attempts).await;
            }
            // Nobody knows when they come back, so the slots after this one do not wait for it.
            Outcome::Incomplete(missing) => self.take_failure(&rule, turn, &missing, 1).await,
            Outcome::Stopped => {}
        }
    }

    /// Records a failure and, after the last attempt, that the slot is passed over.
    async fn take_failure(&mut self, rule: &CompiledRule, turn: Turn, error: &str, attempts: u32) {
        let now = self.deps.clock.now();
        let retry_after = self.settings.retry_after;
        let Some(job) = self.jobs.get_mut(&rule.id()) else {
            return;
        };
        let (told, over) = job.failed(turn, now, retry_after, attempts);
        tracing::warn!(rule = %rule.id(), slot = turn.slot().to_rfc3339(), told, error, "a scheduled evaluation failed");
        let mode = EvaluationMode::Scheduled;
        let failed = Evaluation {
            error: Some(format!("{told}: {error}")),
            ..evaluation(rule, mode, turn.slot(), now, Verdict::Failed)
        };
        let states: Vec<_> = over.iter().map(|s| (rule.id(), s.clone())).collect();
        let recorded = record(&self.deps, &[failed], &states).await.is_ok();
        if let (true, Some(state)) = (recorded, over) {
            job.passed_over(state);
            metrics::counter!("cresset_detect_gaps_total").increment(1);
        }
    }
}

/// Whether to fire without some other instance: its events could only add rows. Later, when
/// it is there, a second incident tells of all rows if there are more.
fn fires_all_the_same(
    rule: &CompiledRule,
    state: &RuleState,
    decision: &Decision,
    told: Option<u64>,
) -> bool {
    let fires = matches!(decision, Decision::Fired(_));
    fires && rule.grows() && told.is_none() && state.gaps.len() < MAX_GAPS
}

async fn evaluate(
    deps: DetectorDeps,
    rule: Arc<CompiledRule>,
    state: RuleState,
    turn: Turn,
    timeout: Duration,
    mut shutdown: watch::Receiver<bool>,
) -> Outcome {
    let started = Instant::now();
    let slot = turn.slot();
    let before = turn.state_before(&state);
    let reach = span(&rule, &before, slot);
    let request = SearchRequest {
        plan: Arc::clone(rule.plan()),
        repos: rule.repos().to_vec(),
        from: reach.from,
        to: reach.to,
        part_of: Some(rule.range()),
        timezone: rule.timezone().to_owned(),
        limit: 0,
        up_to_seq: None,
        timeout,
    };
    let mut result = match deps.searcher.run(request).await {
        Ok(result) => result,
        Err(error @ Error::Elsewhere(_)) => return Outcome::Incomplete(error.to_string()),
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let decision = decide_slot(&rule, &before, slot, &result);
    let missing = std::mem::take(&mut result.missing);
    let told = turn.rows_told(&state);
    if !missing.is_empty() && !fires_all_the_same(&rule, &state, &decision, told) {
        return Outcome::Incomplete(not_searched(&missing));
    }
    let spent = started.elapsed();
    metrics::histogram!("cresset_detect_evaluation_seconds").record(spent.as_secs_f64());
    let duration_us = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
    let rows = decision.rows();
    let mode = EvaluationMode::Scheduled;
    let verdict = match decision {
        // What was missing then has nothing to add.
        Decision::Fired(fired) if missing.is_empty() && told >= Some(fired.rows_count) => {
            Verdict::Quiet
        }
        Decision::Fired(mut fired) => {
            let next = if missing.is_empty() {
                turn.state_after(&state, fired.state)
            } else {
                turn.state_after_part(&state, fired.state, fired.rows_count)
            };
            fired.state = next.clone();
            if told.is_some() {
                // The slot has an incident; this one stands beside it, with all rows.
                fired.slot_end = fired.slot_end + COMPLETED;
            }
            let found = Found {
                rule: Arc::clone(&rule),
                fired: *fired,
                mode,
                duration_us,
                missing,
            };
            let Some(outcomes) = commit(&deps, vec![found], None, &mut shutdown).await else {
                return Outcome::Stopped;
            };
            if outcomes.contains(&FiringOutcome::Duplicate) {
                // The incident is there from an earlier run, but nothing else was written.
                let states = [(rule.id(), next.clone())];
                if let Err(error) = record(&deps, &[], &states).await {
                    return Outcome::Failed(error.to_string());
                }
            }
            return Outcome::Done(next);
        }
        Decision::Throttled { .. } => Verdict::Throttled,
        Decision::Quiet { .. } => Verdict::Quiet,
    };
    let next = turn.state_after(&state, before);
    let made = Evaluation {
        rows,
        duration_us,
        error: result
            .truncated
            .then(|| "limit reached: not all events were counted".into()),
        ..evaluation(&rule, mode, slot, deps.clock.now(), verdict)
    };
    match record(&deps, &[made], &[(rule.id(), next.clone())]).await {
        Ok(()) => Outcome::Done(next),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}
