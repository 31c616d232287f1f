//! The active rules, compiled, and kept up to date.

use crate::detector::{DetectSettings, DetectorDeps, Figures, let_others_go_on, stopped};
use crate::rule::{CompiledRule, Nodes};
use crate::slots::slot_end;
use cresset_catalog::port::{RuleOwner, RuleWithOwner};
use cresset_model::incident::{Evaluation, EvaluationMode, Verdict};
use cresset_model::{Duration, ObjectId, Timestamp};
use std::collections::{HashMap, HashSet};
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

/// Polls between two looks at the owners without a sign of change, because a change
/// of an owner need not count as one of the rules.
const LOOK_AT_OWNERS_EVERY: u32 = 30;
/// Rest after a new set, so that rules made one after the other by the thousand are taken
/// over a few at a time. A set costs time for every rule in it.
const REST: std::time::Duration = std::time::Duration::from_millis(50);

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
    owners: Vec<RuleOwner>,
    nodes: Nodes,
}

impl Rulebook {
    pub(crate) fn new(deps: DetectorDeps, settings: DetectSettings, figures: Arc<Figures>) -> Self {
        Self {
            deps,
            settings,
            figures,
            known: HashMap::new(),
            version: None,
            owners: Vec::new(),
            nodes: Nodes::default(),
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
            match self.refresh(polls % LOOK_AT_OWNERS_EVERY == 0).await {
                Ok(Some(set)) => {
                    publish.send_replace(Some(Arc::new(set)));
                    tokio::time::sleep(REST).await;
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

    /// The new set, if anything changed. `anyway`: whether or not the version did.
    async fn refresh(&mut self, anyway: bool) -> cresset_catalog::Result<Option<RuleSet>> {
        // Asked before anything is read: a change in between is seen again next time.
        let version = self.deps.catalog.rules_version().await?;
        if self.version == Some(version) && !anyway {
            return Ok(None);
        }
        let first = self.version.is_none();
        let since = self.version.unwrap_or(version);
        let nodes = self.nodes().await?;
        let moved = nodes != self.nodes;
        let changes = self.deps.catalog.rule_changes(since).await?;
        let whole = first || moved || changes.owners != self.owners || {
            self.count_after(&changes.changed) != changes.active
        };
        let sources = if whole {
            self.deps.catalog.active_rules().await?
        } else {
            changes.changed
        };
        self.version = Some(version);
        self.owners = changes.owners;
        self.nodes = nodes;
        let_others_go_on().await;
        let (different, broken) = self.take(sources, whole, moved);
        if !different && !first {
            return Ok(None);
        }
        self.count();
        if !broken.is_empty()
            && let Err(error) = self.deps.catalog.record_evaluations(&broken, &[]).await
        {
            tracing::warn!(%error, "evaluations could not be recorded");
        }
        Ok(Some(self.set()))
    }

    /// Which addresses mean other instances. A change of them counts as one of the rules.
    async fn nodes(&self) -> cresset_catalog::Result<Nodes> {
        let instances = self.deps.catalog.instances().await?;
        Ok(Nodes {
            registered: instances.into_iter().map(|i| i.node).collect(),
            removed: self.deps.catalog.removed_nodes().await?,
        })
    }

    /// How many rules would be active if nothing but `changed` had changed.
    fn count_after(&self, changed: &[RuleWithOwner]) -> u64 {
        let mut count = self.known.len() as u64;
        for source in changed {
            match (source.rule.active, self.known.contains_key(&source.rule.id)) {
                (true, false) => count += 1,
                (false, true) => count -= 1,
                _ => {}
            }
        }
        count
    }

    /// Takes over `sources`, which are all active rules if `whole`. Tells whether that makes a
    /// difference, and of rules that cannot run. `moved`: other instances came or went.
    fn take(
        &mut self,
        sources: Vec<RuleWithOwner>,
        whole: bool,
        moved: bool,
    ) -> (bool, Vec<Evaluation>) {
        let (mut different, mut broken) = (false, Vec::new());
        if whole {
            let active: HashSet<ObjectId> = sources.iter().map(|s| s.rule.id).collect();
            let before = self.known.len();
            self.known.retain(|id, _| active.contains(id));
            different = self.known.len() < before;
        }
        let now = self.deps.clock.now();
        for source in sources {
            let id = source.rule.id;
            let before = self.known.remove(&id);
            if !source.rule.active {
                different |= before.is_some();
                continue;
            }
            let compiled = match before {
                Some((old, compiled)) if old == source && !moved => compiled,
                before => {
                    different = true;
                    match CompiledRule::compile_among(&source, &self.nodes) {
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
                    }
                }
            };
            self.known.insert(id, (source, compiled));
        }
        (different, broken)
    }

    fn set(&self) -> RuleSet {
        let mut set = RuleSet {
            version: self.version.unwrap_or(0),
            live: HashMap::with_capacity(self.known.len()),
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
