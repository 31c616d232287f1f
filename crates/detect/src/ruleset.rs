//! The compiled rules, shared by the parts of the detector.
//!
//! Rules come one after the other by the thousand. So nobody goes through all of them because
//! of a few: who runs rules asks for what changed after a place, and what that costs does not
//! grow with the number of rules.

use crate::rule::CompiledRule;
use cresset_model::ObjectId;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::watch;

/// A rule as it is to run from now on; `None` if it is not to run any more.
pub(crate) type Change = (ObjectId, Option<Arc<CompiledRule>>);

/// Who runs rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    Live,
    Scheduled,
}

/// What changed after a place.
#[derive(Debug)]
pub(crate) struct Changes {
    /// The rules, each once, as they are now.
    pub(crate) rules: Vec<Change>,
    /// The place after them.
    pub(crate) place: u64,
    /// The catalog's version of the rules.
    pub(crate) version: u64,
}

/// All compiled rules, in the order of their last change.
#[derive(Debug)]
pub(crate) struct RuleSet {
    inner: Mutex<Inner>,
    /// The newest place; `None` until the rules were loaded.
    newest: watch::Sender<Option<u64>>,
}

#[derive(Debug, Default)]
struct Inner {
    rules: HashMap<ObjectId, (u64, Option<Arc<CompiledRule>>)>,
    order: BTreeMap<u64, ObjectId>,
    place: u64,
    version: u64,
    /// Up to where each of the two runners knows.
    known_to: [u64; 2],
}

impl RuleSet {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            newest: watch::channel(None).0,
        }
    }

    /// Says when rules have changed.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<u64>> {
        self.newest.subscribe()
    }

    /// Takes changes over and tells everybody.
    pub(crate) fn publish(&self, changes: Vec<Change>, version: u64) {
        let mut inner = self.inner.lock();
        for (id, rule) in changes {
            inner.place += 1;
            let place = inner.place;
            if let Some((before, _)) = inner.rules.insert(id, (place, rule)) {
                inner.order.remove(&before);
            }
            inner.order.insert(place, id);
        }
        inner.version = version;
        let place = inner.place;
        drop(inner);
        self.newest.send_replace(Some(place));
    }

    /// What changed after `place`, up to which `runner` knows everything.
    pub(crate) fn since(&self, runner: Runner, place: u64) -> Changes {
        let mut inner = self.inner.lock();
        inner.known_to[runner as usize] = place;
        inner.forget_gone();
        let after = inner.order.range(place + 1..).map(|(_, id)| *id);
        let rules = after.map(|id| (id, inner.rules.get(&id).and_then(|(_, rule)| rule.clone())));
        Changes {
            rules: rules.collect(),
            place: inner.place,
            version: inner.version,
        }
    }
}

impl Inner {
    /// Forgets the oldest changes as long as they are rules that both know to be gone.
    fn forget_gone(&mut self) {
        let known = self.known_to.into_iter().min().unwrap_or(0);
        while let Some((place, id)) = self.order.first_key_value().map(|(p, id)| (*p, *id)) {
            let gone = self.rules.get(&id).is_none_or(|(_, rule)| rule.is_none());
            if place > known || !gone {
                return;
            }
            self.order.remove(&place);
            self.rules.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{rule_changed_at, spec};

    fn id(n: i64) -> ObjectId {
        format!("{n:024x}").parse().unwrap()
    }

    fn rule(changed_at: i64) -> Arc<CompiledRule> {
        Arc::new(rule_changed_at(spec("user=*"), changed_at))
    }

    fn told(changes: &Changes) -> Vec<(ObjectId, bool)> {
        let rules = changes.rules.iter();
        rules.map(|(id, rule)| (*id, rule.is_some())).collect()
    }

    #[test]
    fn each_rule_is_told_once_as_it_is_now() {
        let set = RuleSet::new();
        let mut watch = set.watch();
        assert_eq!(*watch.borrow_and_update(), None);
        set.publish(vec![(id(1), Some(rule(1))), (id(2), Some(rule(1)))], 7);
        assert!(watch.has_changed().unwrap());
        let first = set.since(Runner::Live, 0);
        assert_eq!(told(&first), [(id(1), true), (id(2), true)]);
        assert_eq!(first.version, 7);
        let newer = rule(2);
        set.publish(
            vec![(id(3), Some(rule(1))), (id(1), Some(Arc::clone(&newer)))],
            8,
        );
        set.publish(vec![(id(3), None)], 9);
        let second = set.since(Runner::Live, first.place);
        assert_eq!(told(&second), [(id(1), true), (id(3), false)]);
        assert!(Arc::ptr_eq(second.rules[0].1.as_ref().unwrap(), &newer));
        assert_eq!(told(&set.since(Runner::Live, second.place)), []);
        // Who starts anew is told all of them.
        let anew = told(&set.since(Runner::Scheduled, 0));
        assert_eq!(anew, [(id(2), true), (id(1), true), (id(3), false)]);
    }

    #[test]
    fn what_both_know_to_be_gone_is_forgotten() {
        let set = RuleSet::new();
        for n in 0..100 {
            set.publish(vec![(id(n), Some(rule(1)))], 1);
            set.publish(vec![(id(n), None)], 1);
        }
        let place = set.since(Runner::Live, 0).place;
        set.since(Runner::Live, place);
        assert_eq!(set.inner.lock().rules.len(), 100, "one may not know it yet");
        set.since(Runner::Scheduled, place);
        assert_eq!(set.inner.lock().rules.len(), 0);
        assert_eq!(set.inner.lock().order.len(), 0);
    }
}
