//! Windows of live rules from stored events.

use crate::detector::{DetectSettings, DetectorDeps};
use crate::live::LiveRule;
use crate::rule::CompiledRule;
use crate::slots::{CLOCK_SKEW, slot_end};
use cresset_model::event::LoggedEvent;
use cresset_model::incident::RuleState;
use cresset_model::{Duration, ObjectId, Timestamp};
use cresset_query::{ConditionIndex, ListLookup};
use cresset_search::{Error, SearchRequest};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Times that a range is halved because it holds too many events.
const HALVINGS: u32 = 12;
/// Longest time between an event's arrival time and its place in the log.
pub(crate) const SLOWEST_ARRIVAL: Duration = Duration::minutes(10);
/// As many rules share one search for what happened before them.
const SHARED_BY: usize = 2;
/// Most events that such a search finds, which are all in memory at once.
const SHARED_EVENTS: usize = 20_000;
/// Event time before the present, besides a rule's range, that is made up for.
const MOST_MADE_UP: Duration = Duration::days(7);

/// What a seeding needs to know of the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Everything up to this `seq` belongs to the past.
    pub(crate) seq: u64,
    /// The present.
    pub(crate) present: Timestamp,
    /// What comes next.
    pub(crate) next: Next,
}

/// What comes after the past.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// Nothing has arrived yet.
    Nothing,
    /// An event that arrived at this time.
    At(Timestamp),
    /// Events that left the log unseen; when they arrived is not known.
    Unseen,
}

impl Moment {
    /// The moment after the event `seq` of the log.
    pub(crate) fn after(deps: &DetectorDeps, seq: u64) -> Self {
        let newest = *deps.eventlog.head().borrow();
        let next = match deps.eventlog.read(seq, 1).first() {
            Some(event) if event.seq == seq + 1 => Next::At(event.event.col_ts()),
            None if newest <= seq => Next::Nothing,
            _ => Next::Unseen,
        };
        Self {
            seq,
            present: deps.clock.now(),
            next,
        }
    }

    /// The earliest arrival that a rule may still meet.
    fn earliest(&self, state: &RuleState) -> Timestamp {
        let arrival = match self.next {
            Next::Nothing => self.present,
            Next::At(arrival) => arrival,
            // When a slot was recorded, everything that had arrived was seen.
            Next::Unseen => {
                let seen = state.evaluated_to.unwrap_or(Timestamp::MIN) - SLOWEST_ARRIVAL;
                seen.max(self.present - MOST_MADE_UP)
            }
        };
        arrival.min(self.present)
    }
}

/// Why a window could not be seeded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    #[error(transparent)]
    Catalog(#[from] cresset_catalog::Error),
    #[error(transparent)]
    Search(#[from] Error),
}

/// What is known of rules that are about to run.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    states: HashMap<ObjectId, RuleState>,
    fired: HashMap<ObjectId, Vec<Timestamp>>,
    /// What happened since the earliest moment that matters to any of the rules, if that
    /// is little.
    recent: Option<Recent>,
}

/// What happened, of one search for all rules.
#[derive(Debug)]
struct Recent {
    after: Timestamp,
    /// By event time.
    events: Vec<LoggedEvent>,
    /// Places of those that each rule asks for; rules that none concerns are absent.
    by_rule: HashMap<ObjectId, Vec<u32>>,
}

impl Memories {
    /// Of all rules at once: rules come by the thousand, and most of them are new.
    pub(crate) async fn read(
        deps: &DetectorDeps,
        settings: &DetectSettings,
        rules: &[Arc<CompiledRule>],
        moment: Moment,
    ) -> Result<Self, SeedError> {
        let ids: Vec<ObjectId> = rules.iter().map(|rule| rule.id()).collect();
        let states = deps.catalog.rule_states(&ids).await?;
        let needed = |rule: &Arc<CompiledRule>| {
            let state = states.get(&rule.id()).cloned().unwrap_or_default();
            let earliest = moment.earliest(&state);
            LiveRule::new(Arc::clone(rule), settings.grace, state).needed_after(earliest)
        };
        let mut fired: HashMap<ObjectId, Vec<Timestamp>> = HashMap::new();
        let mut recent = None;
        if let Some(needed) = rules.iter().map(needed).min() {
            // A day more, because the time of detection is of another clock than event time.
            let since = needed - Duration::days(1);
            for (rule, slot) in deps.catalog.fired_slots(&ids, since).await? {
                fired.entry(rule).or_default().push(slot);
            }
            if rules.len() >= SHARED_BY {
                recent = Recent::read(deps, settings, rules, needed, moment).await;
            }
        }
        Ok(Self {
            states,
            fired,
            recent,
        })
    }
}

impl Recent {
    /// `None` if there is much, or if it cannot be read: then every rule asks for its own.
    async fn read(
        deps: &DetectorDeps,
        settings: &DetectSettings,
        rules: &[Arc<CompiledRule>],
        after: Timestamp,
        moment: Moment,
    ) -> Option<Self> {
        let repos: BTreeSet<&String> = rules.iter().flat_map(|rule| rule.repos()).collect();
        let anywhere = rules.iter().any(|rule| rule.repos().is_empty());
        let request = SearchRequest {
            plan: Arc::new(cresset_query::compile("*").ok()?),
            repos: if anywhere {
                Vec::new()
            } else {
                repos.into_iter().cloned().collect()
            },
            ..request(settings, rules.first()?, after, Timestamp::MAX, moment.seq)
        };
        let events = deps.searcher.matching(request, SHARED_EVENTS).await.ok()?;
        let (rules, lists) = (rules.to_vec(), deps.lists.snapshot());
        let sorted = tokio::task::spawn_blocking(move || {
            let by_rule = sort_out(&events, &rules, &*lists);
            (events, by_rule)
        });
        let (events, by_rule) = sorted.await.ok()?;
        Some(Self {
            after,
            events,
            by_rule,
        })
    }

    /// What the rule asks for of it, if it reaches back far enough.
    fn take(&mut self, rule: ObjectId, from: Timestamp) -> Option<Vec<LoggedEvent>> {
        if self.after > from {
            return None;
        }
        let places = self.by_rule.remove(&rule).unwrap_or_default();
        let events = places
            .iter()
            .filter_map(|place| self.events.get(*place as usize));
        Some(
            events
                .filter(|e| e.event.log_ts() > from)
                .cloned()
                .collect(),
        )
    }
}

/// The places of events that each rule asks for. New rules are many and events of the last minutes are,
/// too: no rule looks at those that cannot concern it.
fn sort_out(
    events: &[LoggedEvent],
    rules: &[Arc<CompiledRule>],
    lists: &dyn ListLookup,
) -> HashMap<ObjectId, Vec<u32>> {
    let mut index = ConditionIndex::default();
    for (number, rule) in rules.iter().enumerate() {
        index.insert(number, rule.plan().filter());
    }
    let mut by_rule: HashMap<ObjectId, Vec<u32>> = HashMap::new();
    let mut candidates = Vec::new();
    for (place, event) in (0..).zip(events) {
        index.candidates(&event.event, &mut candidates);
        candidates.sort_unstable();
        candidates.dedup();
        for rule in candidates.drain(..).filter_map(|number| rules.get(number)) {
            if rule.covers(&event.repo) && rule.matches(&event.event, lists) {
                by_rule.entry(rule.id()).or_default().push(place);
            }
        }
    }
    by_rule
}

/// The rule as if it had seen all events up to the moment, without firing.
pub(crate) async fn seed(
    deps: &DetectorDeps,
    settings: &DetectSettings,
    rule: &Arc<CompiledRule>,
    memories: &mut Memories,
    moment: Moment,
) -> Result<LiveRule, SeedError> {
    let state = memories.states.remove(&rule.id()).unwrap_or_default();
    let earliest = moment.earliest(&state);
    let mut live = LiveRule::new(Arc::clone(rule), settings.grace, state);
    // After a change of the interval, old slots do not end where new ones do.
    let fired = memories.fired.remove(&rule.id()).unwrap_or_default();
    live.mark_fired(
        fired
            .into_iter()
            .map(|slot| slot_end(slot, rule.interval())),
    );
    if moment.seq == 0 {
        live.resume(moment.present);
        return Ok(live);
    }
    let recent = memories.recent.as_mut();
    let shared = recent.and_then(|r| r.take(rule.id(), live.needed_after(earliest)));
    let (events, complete) = match shared {
        Some(events) => (events, true),
        None => history(deps, settings, &live, moment, earliest).await?,
    };
    for event in &events {
        live.seed(event);
    }
    if !complete {
        tracing::warn!(rule = %rule.id(), kept = events.len(), "a window holds too many events; \
            only the newest count");
        live.shed(0);
    }
    live.resume(moment.present);
    Ok(live)
}

/// Matching events that still matter, and whether these are all.
async fn history(
    deps: &DetectorDeps,
    settings: &DetectSettings,
    live: &LiveRule,
    moment: Moment,
    earliest: Timestamp,
) -> Result<(Vec<LoggedEvent>, bool), SeedError> {
    let (mut from, mut to) = (live.needed_after(earliest), Timestamp::MAX);
    for attempt in 0..=HALVINGS {
        let request = request(settings, live.rule(), from, to, moment.seq);
        match deps
            .searcher
            .matching(request, settings.windows.events_per_rule)
            .await
        {
            Ok(events) => return Ok((events, attempt == 0)),
            // Events dated in the future must not push out the present.
            Err(Error::TooMany(_)) if attempt == 0 => to = moment.present + CLOCK_SKEW,
            Err(Error::TooMany(_)) if attempt < HALVINGS => {
                from = from + Duration(earliest.since(from).0.max(2) / 2);
            }
            Err(Error::TooMany(_)) => return Ok((Vec::new(), false)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok((Vec::new(), false))
}

/// Matching events after `after` up to `upto` in order of arrival, from event time
/// `needed` on; only the newest if they are too many.
pub(crate) async fn unseen(
    deps: &DetectorDeps,
    settings: &DetectSettings,
    rule: &CompiledRule,
    needed: Timestamp,
    after: u64,
    upto: u64,
) -> Result<Vec<LoggedEvent>, SeedError> {
    let now = deps.clock.now();
    // A rule that has seen nothing yet would ask for all of time.
    let mut from = needed.max(now - rule.range() - MOST_MADE_UP);
    let mut to = Timestamp::MAX;
    loop {
        let request = request(settings, rule, from, to, upto);
        match deps
            .searcher
            .matching(request, settings.windows.events_per_rule)
            .await
        {
            Ok(mut events) => {
                events.retain(|e| e.seq > after);
                events.sort_unstable_by_key(|e| e.seq);
                return Ok(events);
            }
            Err(Error::TooMany(_)) if from < now || to > now => {
                tracing::warn!(rule = %rule.id(), "too many events to make up for; only the newest count");
                // Events dated in the future must not push out the present.
                if to > now {
                    to = now;
                    continue;
                }
                from = from + Duration(now.since(from).0.max(2) / 2);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn request(
    settings: &DetectSettings,
    rule: &CompiledRule,
    from: Timestamp,
    to: Timestamp,
    up_to_seq: u64,
) -> SearchRequest {
    SearchRequest {
        plan: Arc::clone(rule.plan()),
        repos: rule.repos().to_vec(),
        from,
        to,
        part_of: None,
        timezone: rule.timezone().to_owned(),
        limit: 0,
        up_to_seq: Some(up_to_seq),
        timeout: settings.timeout,
    }
}
