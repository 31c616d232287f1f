//! Who may send now: places in total, per destination, and for destinations that failed.

use std::collections::{HashMap, HashSet};

/// What a delivery goes to: the mail server, or an HTTP host with its port.
pub(super) type Destination = String;

/// Most destinations remembered as failing.
const REMEMBERED: usize = 10_000;

/// Places for deliveries under way.
#[derive(Debug)]
pub(super) struct Places {
    total: usize,
    per_destination: usize,
    failing_total: usize,
    taken: usize,
    failing_taken: usize,
    by_destination: HashMap<Destination, Taken>,
    failing: HashSet<Destination>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    /// How many of them count as failing; a destination may change meanwhile.
    failing: usize,
}

impl Places {
    /// `total` places, of which one destination has at most `per_destination`, and all
    /// that failed last time together a quarter.
    pub(super) fn new(total: usize, per_destination: usize) -> Self {
        let total = total.max(1);
        Self {
            total,
            per_destination: per_destination.clamp(1, total),
            failing_total: (total / 4).max(1),
            taken: 0,
            failing_taken: 0,
            by_destination: HashMap::new(),
            failing: HashSet::new(),
        }
    }

    pub(super) const fn per_destination(&self) -> usize {
        self.per_destination
    }

    /// Takes a place, if there is one.
    pub(super) fn take(&mut self, destination: &Destination) -> bool {
        let failing = self.failing.contains(destination);
        if self.taken >= self.total || (failing && self.failing_taken >= self.failing_total) {
            return false;
        }
        let here = self.by_destination.entry(destination.clone()).or_default();
        // One at a time is enough to find out whether it works again.
        if here.count >= if failing { 1 } else { self.per_destination } {
            return false;
        }
        here.count += 1;
        here.failing += usize::from(failing);
        self.taken += 1;
        self.failing_taken += usize::from(failing);
        true
    }

    /// Gives a place back.
    pub(super) fn free(&mut self, destination: &Destination, failed: bool) {
        if let Some(here) = self.by_destination.get_mut(destination) {
            self.taken -= 1;
            here.count -= 1;
            if here.failing > 0 {
                here.failing -= 1;
                self.failing_taken -= 1;
            }
            if here.count == 0 {
                self.by_destination.remove(destination);
            }
        }
        if failed && self.failing.len() < REMEMBERED {
            self.failing.insert(destination.clone());
        } else {
            self.failing.remove(destination);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_failing_destination_leaves_room() {
        let mut places = Places::new(8, 4);
        let name = |n: usize| format!("host{n}");
        assert!((0..4).all(|_| places.take(&name(0))));
        assert!(!places.take(&name(0)), "four per destination");
        (0..4).for_each(|_| places.free(&name(0), true));
        assert!(places.take(&name(0)));
        assert!(!places.take(&name(0)), "one at a time while it fails");
        places.free(&name(0), false);
        assert!(places.take(&name(0)) && places.take(&name(0)));
        for n in 1..=3 {
            assert!(places.take(&name(n)));
            places.free(&name(n), true);
        }
        assert!(places.take(&name(1)) && places.take(&name(2)));
        assert!(
            !places.take(&name(3)),
            "a quarter of the places for those that fail"
        );
        assert!(places.take(&name(9)), "others have room");
    }

    proptest! {
        #[test]
        fn places_are_never_lost(steps in prop::collection::vec((0u8..6, any::<bool>(), any::<bool>()), 0..200)) {
            let mut places = Places::new(8, 3);
            let mut held: Vec<String> = Vec::new();
            for (host, take, failed) in steps {
                let host = host.to_string();
                if take {
                    if places.take(&host) {
                        held.push(host);
                    }
                } else if let Some(at) = held.iter().position(|h| *h == host) {
                    held.swap_remove(at);
                    places.free(&host, failed);
                }
                prop_assert_eq!(places.taken, held.len());
                prop_assert!(held.len() <= 8);
            }
            for host in held {
                places.free(&host, false);
            }
            prop_assert_eq!((places.taken, places.failing_taken, places.by_destination.len()), (0, 0, 0));
        }
    }
}
