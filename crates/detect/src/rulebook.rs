//! The active rules, compiled, and kept up to date.

use crate::detector::{DetectSettings, DetectorDeps, Figures, let_others_go_on, stopped};
use crate::rule::{CompileError, CompiledRule, Nodes};
use crate::ruleset::{Change, RuleSet};
use crate::slots::slot_end;
use cresset_catalog::port::{RuleOwner, RuleWithOwner};
use cresset_model::incident::{Evaluation, EvaluationMode, Verdict};
use cresset_model::{Duration, ObjectId, Timestamp};
use cresset_query::Macros;
use cresset_search::MacroCache;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Polls between two looks at the owners without a sign of change, because a change
/// of an owner need not count as one of the rules.
const LOOK_AT_OWNERS_EVERY: u32 = 30;
/// Rules made one after the other by the thousand are taken over together, so that whoever
/// makes them does not wait for the detector's work: after a change, the next ones are left
/// until none has come for this long…
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
/// …but not longer than this.
const LONGEST_REST: std::time::Duration = std::time::Duration::from_secs(5);

/// Waits for a pause in the changes. True if some came.
async fn rest(changed: &Notify) -> bool {
    let mut came = false;
    // Looked at now and then: to be woken by each of them would cost their makers time.
    for _ in 0..LONGEST_REST.as_millis() / PAUSE.as_millis() {
        tokio::time::sleep(PAUSE).await;
        if timeout(std::time::Duration::ZERO, changed.notified())
            .await
            .is_err()
        {
            return came;
        }
        came = true;
    }
    came
}

/// A rule, and how it runs unless it cannot.
type Known = (RuleWithOwner, Option<Arc<CompiledRule>>);

/// The compiled rule from before, if it runs as `now` does: what changed about its owner
/// concerns how dates are written, or repos that it does not search; macros that changed are
/// not in its query.
fn unchanged(
    before: Known,
    source: &RuleWithOwner,
    now: &CompiledRule,
) -> Option<Arc<CompiledRule>> {
    let (old, compiled) = before;
    let same = old.rule == source.rule
        && old.owner_name == source.owner_name
        && old.timezone == source.timezone;
    compiled.filter(|compiled| {
        same && compiled.repos() == now.repos() && compiled.plan().text() == now.plan().text()
    })
}

/// Loads and compiles rules.
#[derive(Debug)]
pub(crate) struct Rulebook {
    deps: DetectorDeps,
    settings: DetectSettings,
    figures: Arc<Figures>,
    known: HashMap<ObjectId, Known>,
    /// How many of them run live, on schedule, and not at all.
    live: u64,
    scheduled: u64,
    broken: u64,
    version: Option<u64>,
    owners: Vec<RuleOwner>,
    nodes: Nodes,
    macro_cache: MacroCache,
    /// Those that the rules were compiled with.
    macros: Arc<Macros>,
}

impl Rulebook {
    pub(crate) fn new(deps: DetectorDeps, settings: DetectSettings, figures: Arc<Figures>) -> Self {
        Self {
            macro_cache: MacroCache::new(Arc::clone(&deps.catalog)),
            macros: Arc::default(),
            deps,
            settings,
            figures,
            known: HashMap::new(),
            live: 0,
            scheduled: 0,
            broken: 0,
            version: None,
            owners: Vec::new(),
            nodes: Nodes::default(),
        }
    }

    /// Publishes what changed whenever rules have.
    pub(crate) async fn run(
        mut self,
        changed: &Notify,
        set: &RuleSet,
        mut shutdown: watch::Receiver<bool>,
    ) {
        for polls in 0_u32.. {
            let mut published = false;
            match self.refresh(polls % LOOK_AT_OWNERS_EVERY == 0).await {
                Ok(Some(changes)) => {
                    set.publish(changes, self.version.unwrap_or(0));
                    published = true;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "alert rules could not be loaded"),
            }
            let next_look = async {
                if !(published && rest(changed).await) {
                    // Whether somebody says so, or another process has changed some.
                    let _ = timeout(self.settings.poll.to_std(), changed.notified()).await;
                }
            };
            tokio::select! {
                () = next_look => {}
                () = stopped(&mut shutdown) => return,
            }
        }
    }

    /// What changed, if anything did. `anyway`: whether or not the version did.
    async fn refresh(&mut self, anyway: bool) -> cresset_catalog::Result<Option<Vec<Change>>> {
        // Asked before anything is read: a change in between is seen again next time.
        let version = self.deps.catalog.rules_version().await?;
        if self.version == Some(version) && !anyway {
            return Ok(None);
        }
        let first = self.version.is_none();
        let since = self.version.unwrap_or(version);
        let nodes = self.nodes().await?;
        let macros = self.macro_cache.current().await?;
        let moved = nodes != self.nodes || !Arc::ptr_eq(&macros, &self.macros);
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
        self.macros = macros;
        let_others_go_on().await;
        let (changes, broken) = self.take(sources, whole, moved);
        if changes.is_empty() && !first {
            return Ok(None);
        }
        self.tell_counts();
        if !broken.is_empty()
            && let Err(error) = self.deps.catalog.record_evaluations(&broken, &[]).await
        {
            tracing::warn!(%error, "evaluations could not be recorded");
        }
        Ok(Some(changes))
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

    /// Takes over `sources`, which are all active rules if `whole`. Tells what that changes,
    /// and of rules that cannot run. `moved`: other instances came or went, or macros changed.
    fn take(
        &mut self,
        sources: Vec<RuleWithOwner>,
        whole: bool,
        moved: bool,
    ) -> (Vec<Change>, Vec<Evaluation>) {
        let (mut changes, mut broken) = (Vec::new(), Vec::new());
        if whole {
            let active: HashSet<ObjectId> = sources.iter().map(|s| s.rule.id).collect();
            let gone = self.known.keys().filter(|id| !active.contains(*id));
            for id in gone.copied().collect::<Vec<_>>() {
                self.forget(id);
                changes.push((id, None));
            }
        }
        let now = self.deps.clock.now();
        for source in sources {
            let id = source.rule.id;
            let before = self.forget(id);
            if !source.rule.active {
                changes.extend(before.map(|_| (id, None)));
                continue;
            }
            let compiled = match before {
                Some((old, compiled)) if old == source && !moved => compiled,
                before => {
                    let compiled = match self.compile(&source) {
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
                    };
                    changes.push((id, compiled.clone()));
                    compiled
                }
            };
            self.remember(source, compiled);
        }
        (changes, broken)
    }

    fn compile(&self, source: &RuleWithOwner) -> Result<CompiledRule, CompileError> {
        let rule = CompiledRule::compile_among(source, &self.nodes, &self.macros)?;
        // A search would say so; a live rule would see events without their places.
        if rule.plan().asks_places() && !self.deps.lists.knows_places() {
            return Err(CompileError::NoPlaces);
        }
        Ok(rule)
    }

    fn remember(&mut self, source: RuleWithOwner, compiled: Option<Arc<CompiledRule>>) {
        *self.tally(compiled.as_ref()) += 1;
        self.known.insert(source.rule.id, (source, compiled));
    }

    fn forget(&mut self, id: ObjectId) -> Option<Known> {
        let known = self.known.remove(&id)?;
        *self.tally(known.1.as_ref()) -= 1;
        Some(known)
    }

    /// How many rules run as this one does.
    fn tally(&mut self, rule: Option<&Arc<CompiledRule>>) -> &mut u64 {
        match rule {
            Some(rule) if rule.is_live() => &mut self.live,
            Some(_) => &mut self.scheduled,
            None => &mut self.broken,
        }
    }

    fn tell_counts(&self) {
        let figures = &self.figures;
        for (mode, count, figure) in [
            ("live", self.live, &figures.live_rules),
            ("scheduled", self.scheduled, &figures.scheduled_rules),
            ("broken", self.broken, &figures.broken_rules),
        ] {
            figure.store(count, Ordering::Relaxed);
            metrics::gauge!("cresset_detect_rules", "mode" => mode).set(count as f64);
        }
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
