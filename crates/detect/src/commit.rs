//! Firings become incidents and outbox rows, in one transaction.

use crate::decide::Fired;
use crate::detector::{DetectorDeps, is_stopped, let_others_go_on, stopped};
use crate::rule::CompiledRule;
use cresset_catalog::port::{Firing, FiringCommit, FiringOutcome};
use cresset_catalog::{Error, Result};
use cresset_model::incident::{
    Comment, Evaluation, EvaluationMode, Incident, IncidentStatus, Row, RuleState, Verdict,
};
use cresset_model::notification::{Channel, Delivery, DeliveryState};
use cresset_model::{ObjectId, Timestamp};
use std::sync::Arc;
use tokio::sync::watch;

/// First and longest wait between attempts to commit.
const FIRST_WAIT: std::time::Duration = std::time::Duration::from_millis(50);
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Most bytes of rows that an incident keeps, as JSON. Below the catalog's bound, so that no
/// firing is refused for its size.
const MAX_ROWS_BYTES: usize = 64 << 20;

/// A firing and how it was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The rule.
    pub(crate) rule: Arc<CompiledRule>,
    /// The firing.
    pub(crate) fired: Fired,
    /// How the rule was run.
    pub(crate) mode: EvaluationMode,
    /// Time spent in microseconds.
    pub(crate) duration_us: u64,
    /// Other instances that were not searched; what they hold may add to the incident.
    pub(crate) missing: Vec<String>,
}

/// Makes the incident, its outbox rows and the record of a firing.
async fn firing(deps: &DetectorDeps, found: &Found) -> Result<Firing> {
    let (rule, fired) = (&*found.rule, &found.fired);
    let now = deps.clock.now();
    let channels = deps.catalog.auto_channels(rule.id()).await?;
    let assignee = assignee(deps, rule).await?;
    let kept = rows_within(&fired.rows, MAX_ROWS_BYTES);
    let mut notes = Vec::new();
    if kept < fired.rows.len() {
        notes.push(format!(
            "limit reached: the incident keeps {kept} of its rows, which is {} MiB of them",
            MAX_ROWS_BYTES >> 20
        ));
    } else if fired.truncated {
        notes.push("limit reached: the query kept only part of its rows".to_owned());
    }
    let unsearched = (!found.missing.is_empty()).then(|| not_searched(&found.missing));
    notes.extend(unsearched.clone());
    let evaluation = Evaluation {
        rows: fired.rows_count,
        duration_us: found.duration_us,
        error: (!notes.is_empty()).then(|| notes.join("; ")),
        ..evaluation(rule, found.mode, fired.slot_end, now, Verdict::Fired)
    };
    let id = ObjectId::generate(now, &*deps.entropy);
    let mut incident = incident(rule, fired, id, now, assignee);
    incident.rows = fired.rows[..kept].to_vec();
    incident.comments.extend(unsearched.map(|comment| Comment {
        title: "Cresset".to_owned(),
        comment,
        time: now,
    }));
    let deliver = |channel| delivery(deps, &incident, channel, now);
    let deliveries = channels.into_iter().map(deliver).collect();
    Ok(Firing {
        incident,
        deliveries,
        evaluation,
        state: fired.state.clone(),
    })
}

/// What people read of instances that an evaluation went without.
pub(crate) fn not_searched(missing: &[String]) -> String {
    format!("not searched: {}", missing.join("; "))
}

/// How many of the first rows take at most `most` bytes as JSON.
fn rows_within(rows: &[Row], most: usize) -> usize {
    let mut left = Some(most);
    let fits = |row: &&Row| {
        let mut counter = Counter(0);
        let written = serde_json::to_writer(&mut counter, row);
        left = left
            .filter(|_| written.is_ok())
            .and_then(|left| left.checked_sub(counter.0 + 1));
        left.is_some()
    };
    rows.iter().take_while(fits).count()
}

/// Counts what is written.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn assignee(deps: &DetectorDeps, rule: &CompiledRule) -> Result<Option<ObjectId>> {
    let name = rule.rule().spec.incident_ownership.assignee.trim();
    if name.is_empty() {
        return Ok(None);
    }
    Ok(deps.catalog.user_by_name(name).await?.map(|user| user.id))
}

fn incident(
    rule: &CompiledRule,
    fired: &Fired,
    id: ObjectId,
    now: Timestamp,
    assignee: Option<ObjectId>,
) -> Incident {
    let source = rule.rule();
    let params = &source.spec.search_params;
    Incident {
        id,
        rule_id: source.id,
        slot_end: fired.slot_end,
        name: source.spec.name.clone(),
        description: source.spec.description.clone(),
        owner: source.owner,
        assignee,
        risk: fired.risk,
        status: IncidentStatus::Unresolved,
        query: params.query.clone(),
        repos: params.repos.clone(),
        window_from: fired.window_from,
        window_to: fired.window_to,
        detected_at: now,
        rows_count: fired.rows_count,
        rows: Vec::new(),
        comments: Vec::new(),
        throttle_enabled: params.throttling_enabled,
        taxonomy: source.spec.taxonomy.clone(),
    }
}

fn delivery(
    deps: &DetectorDeps,
    incident: &Incident,
    channel: Channel,
    now: Timestamp,
) -> Delivery {
    Delivery {
        id: ObjectId::generate(now, &*deps.entropy),
        incident_id: incident.id,
        rule_id: incident.rule_id,
        channel,
        state: DeliveryState::Pending,
        attempts: 0,
        due_at: now,
        last_error: String::new(),
        created_at: now,
        finished_at: None,
    }
}

/// Commits firings and the place in the event log in one transaction, trying again
/// until it succeeds or a stop is asked for; `None` after a stop.
///
/// A firing whose rule was deleted meanwhile is left out.
pub(crate) async fn commit(
    deps: &DetectorDeps,
    mut found: Vec<Found>,
    cursor: Option<(&'static str, u64)>,
    shutdown: &mut watch::Receiver<bool>,
) -> Option<Vec<FiringOutcome>> {
    let mut wait = FIRST_WAIT;
    loop {
        match try_commit(deps, &found, cursor).await {
            Ok(outcomes) => {
                report(deps, &outcomes);
                return Some(outcomes);
            }
            Err(error) => {
                tracing::error!(%error, "incidents could not be committed; trying again");
                leave_out_deleted(deps, &mut found).await;
            }
        }
        if is_stopped(shutdown) {
            return None;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopped(shutdown) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn try_commit(
    deps: &DetectorDeps,
    found: &[Found],
    cursor: Option<(&'static str, u64)>,
) -> Result<Vec<FiringOutcome>> {
    let mut firings = Vec::with_capacity(found.len());
    for one in found {
        firings.push(firing(deps, one).await?);
    }
    deps.catalog
        .commit_firings(FiringCommit { firings, cursor })
        .await
}

fn report(deps: &DetectorDeps, outcomes: &[FiringOutcome]) {
    let written = outcomes
        .iter()
        .filter(|o| **o == FiringOutcome::Written)
        .count();
    let doubled = outcomes.len() - written;
    metrics::counter!("cresset_detect_incidents_total").increment(written as u64);
    metrics::counter!("cresset_detect_duplicate_firings_total").increment(doubled as u64);
    if written > 0 {
        (deps.waker)();
    }
}

async fn leave_out_deleted(deps: &DetectorDeps, found: &mut Vec<Found>) {
    let mut kept = Vec::with_capacity(found.len());
    for one in found.drain(..) {
        match deps.catalog.rule(one.rule.id()).await {
            Ok(None) | Err(Error::NotFound { .. }) => {
                tracing::info!(rule = %one.rule.id(), "a deleted rule's firing is dropped");
            }
            Ok(Some(_)) | Err(_) => kept.push(one),
        }
    }
    *found = kept;
}

/// A record of an evaluation that made no incident.
pub(crate) fn evaluation(
    rule: &CompiledRule,
    mode: EvaluationMode,
    slot_end: Timestamp,
    now: Timestamp,
    verdict: Verdict,
) -> Evaluation {
    Evaluation {
        rule_id: rule.id(),
        mode,
        slot_end,
        evaluated_at: now,
        rows: 0,
        verdict,
        duration_us: 0,
        error: None,
    }
}

/// Records evaluations and counts them; a failure is logged and returned.
pub(crate) async fn record(
    deps: &DetectorDeps,
    evaluations: &[Evaluation],
    states: &[(ObjectId, RuleState)],
) -> Result<()> {
    if evaluations.is_empty() && states.is_empty() {
        return Ok(());
    }
    for evaluation in evaluations {
        let mode = match evaluation.mode {
            EvaluationMode::Live => "live",
            EvaluationMode::Scheduled => "scheduled",
            EvaluationMode::Backtest => "backtest",
        };
        metrics::counter!("cresset_detect_evaluations_total", "mode" => mode).increment(1);
    }
    let recorded = deps.catalog.record_evaluations(evaluations, states).await;
    let_others_go_on().await;
    recorded.inspect_err(|error| {
        tracing::warn!(%error, "evaluations could not be recorded");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_while_they_fit() {
        let row = |n: usize| {
            let value = serde_json::json!({"a": "x".repeat(n)});
            value.as_object().cloned().unwrap_or_default()
        };
        // `{"a":""}` and a comma are 9 bytes.
        let check = |sizes: &[usize], most: usize, kept: usize| {
            let rows: Vec<Row> = sizes.iter().map(|n| row(*n)).collect();
            assert_eq!(rows_within(&rows, most), kept, "{sizes:?} in {most}");
        };
        check(&[], 0, 0);
        check(&[0, 0], 18, 2);
        check(&[0, 0], 17, 1);
        check(&[1, 50, 1], 40, 1);
        check(&[100], 40, 0);
    }
}
