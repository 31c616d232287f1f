//! The active rules, compiled, and kept up to date.

use crate::detector::{DetectSettings, DetectorDeps, Figures, stopped};
use crate::rule::CompiledRule;
use crate::slots::slot_end;
use cresset_catalog::port::RuleWithOwner;
use cresset_model::incident::{Evaluation, EvaluationMode, Verdict};
use cresset_model::{Duration, ObjectId, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{Notify, watch};

/// Compiled rules by id. A rule that did not change is the same `Arc` in the next set.
#[derive(Debug, Default)]
pub(crate) struct RuleSet {
    /// Rules that run live.
    pub(crate) live: HashMap<ObjectId, Arc<CompiledRule>>,
    /// Rules that run on schedule.
    pub(crate) scheduled: HashMap<ObjectId, Arc<CompiledRule>>,
    /// The catalog's version of the rules.
    pub(crate) version: u64,
}

/// Polls between two loads of all rules without a sign of change, because a change
/// of an owner does not count as one of the rule.
const FULL_LOAD_EVERY: u32 = 30;

/// The compiled rule from before, if it runs as `now` does: what changed about its owner
/// concerns how dates are written, or repos that it does not search.
fn unchanged(
    before: (RuleWithOwner, Option<Arc<CompiledRule>>),
    source: &RuleWithOwner,
    now: &CompiledRule,
) -> Option<Arc<CompiledRule>> {
    let (old, compiled) = before;
    let same = old.rule == source.rule
        && old.owner_name == source.owner_name
        && old.timezone == source.timezone;
    compiled.filter(|compiled| same && compiled.repos() == now.repos())
}

/// Loads and compiles rules.
#[derive(Debug)]
pub(crate) struct Rulebook {
    deps: DetectorDeps,
    settings: DetectSettings,
    figures: Arc<Figures>,
    known: HashMap<ObjectId, (RuleWithOwner, Option<Arc<CompiledRule>>)>,
    version: Option<u64>,
}

impl Rulebook {
    pub(crate) fn new(deps: DetectorDeps, settings: DetectSettings, figures: Arc<Figures>) -> Self {
        Self {
            deps,
            settings,
            figures,
            known: HashMap::new(),
            version: None,
        }
    }

    /// Publishes a new set whenever rules have changed.
    pub(crate) async fn run(
        mut self,
        changed: &Notify,
        publish: watch::Sender<Option<Arc<RuleSet>>>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        for polls in 0_u32.. {
            match self.refresh(polls % FULL_LOAD_EVERY == 0).await {
                Ok(Some(set)) => {
                    publish.send_replace(Some(Arc::new(set)));
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "alert rules could not be loaded"),
            }
            tokio::select! {
                () = changed.notified() => {}
                () = tokio::time::sleep(self.settings.poll.to_std()) => {}
                () = stopped(&mut shutdown) => return,
            }
        }
    }

    /// The new set, if anything changed.
    async fn refresh(&mut self, all: bool) -> cresset_catalog::Result<Option<RuleSet>> {
        // Asked before the rules are read: a change in between is seen next time.
        let version = self.deps.catalog.rules_version().await?;
        if self.version == Some(version) && !all {
            return Ok(None);
        }
        let active = self.deps.catalog.active_rules().await?;
        let first = self.version.replace(version).is_none();
        let same = active.len() == self.known.len()
            && active
                .iter()
                .all(|r| self.known.get(&r.rule.id).is_some_and(|(k, _)| k == r));
        if same && !first {
            return Ok(None);
        }
        let mut known = HashMap::with_capacity(active.len());
        let mut broken = Vec::new();
        let now = self.deps.clock.now();
        for source in active {
            let id = source.rule.id;
            let compiled = match self.known.remove(&id) {
                Some((old, compiled)) if old == source => compiled,
                before => match CompiledRule::compile(&source) {
                    Ok(rule) => Some(
                        before
                            .and_then(|b| unchanged(b, &source, &rule))
                            .unwrap_or_else(|| Arc::new(rule)),
                    ),
                    Err(error) => {
                        tracing::warn!(rule = %id, %error, "alert rule cannot run");
                        broken.push(failure(&source, now, &error.to_string()));
                        None
                    }
                },
            };
            known.insert(id, (source, compiled));
        }
        self.known = known;
        self.count();
        if !broken.is_empty()
            && let Err(error) = self.deps.catalog.record_evaluations(&broken, &[]).await
        {
            tracing::warn!(%error, "evaluations could not be recorded");
        }
        Ok(Some(self.set()))
    }

    fn set(&self) -> RuleSet {
        let mut set = RuleSet {
            version: self.version.unwrap_or(0),
            ..RuleSet::default()
        };
        for (id, rule) in self
            .known
            .iter()
            .filter_map(|(id, (_, r))| Some((*id, r.as_ref()?)))
        {
            let part = if rule.is_live() {
                &mut set.live
            } else {
                &mut set.scheduled
            };
            part.insert(id, Arc::clone(rule));
        }
        set
    }

    fn count(&self) {
        let compiled = || self.known.values().filter_map(|(_, rule)| rule.as_ref());
        let live = compiled().filter(|rule| rule.is_live()).count() as u64;
        let scheduled = compiled().count() as u64 - live;
        let broken = self.known.len() as u64 - live - scheduled;
        self.figures.live_rules.store(live, Ordering::Relaxed);
        self.figures
            .scheduled_rules
            .store(scheduled, Ordering::Relaxed);
        self.figures.broken_rules.store(broken, Ordering::Relaxed);
        metrics::gauge!("cresset_detect_rules", "mode" => "live").set(live as f64);
        metrics::gauge!("cresset_detect_rules", "mode" => "scheduled").set(scheduled as f64);
        metrics::gauge!("cresset_detect_rules", "mode" => "broken").set(broken as f64);
    }
}

fn failure(source: &RuleWithOwner, now: Timestamp, error: &str) -> Evaluation {
    let interval = source.rule.spec.search_params.interval();
    Evaluation {
        rule_id: source.rule.id,
        mode: EvaluationMode::Scheduled,
        slot_end: slot_end(now, Duration(interval.0.max(1))),
        evaluated_at: now,
        rows: 0,
        verdict: Verdict::Failed,
        duration_us: 0,
        error: Some(error.to_owned()),
    }
}
