//! Leased deliveries that wait for a place.

use super::job::Job;
use super::places::Destination;
use cresset_catalog::port::DueDelivery;
use cresset_model::ObjectId;
use std::collections::{HashMap, HashSet, VecDeque};

/// Jobs in the order in which they are tried.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<Job>);

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn extend(&mut self, jobs: Vec<Job>) {
        self.0.extend(jobs);
    }

    /// Takes all jobs out, first come first.
    pub(super) fn take(&mut self) -> VecDeque<Job> {
        std::mem::take(&mut self.0)
    }

    /// Puts back what [`take`](Self::take) gave.
    pub(super) fn put(&mut self, jobs: VecDeque<Job>) {
        self.0 = jobs;
    }

    /// Drops the jobs of these deliveries: they were leased anew.
    pub(super) fn forget(&mut self, ids: &HashSet<ObjectId>) {
        self.0.retain(|job| !ids.contains(&job.id()));
    }

    /// Removes the newest jobs of the most crowded destinations until `room` are left.
    pub(super) fn trim(&mut self, room: usize) -> Vec<DueDelivery> {
        let mut crowds: HashMap<Destination, usize> = HashMap::new();
        for job in &self.0 {
            *crowds.entry(job.destination.clone()).or_default() += 1;
        }
        let share = fair_share(crowds.into_values().collect(), room);
        let mut kept: HashMap<Destination, usize> = HashMap::new();
        let mut out = Vec::new();
        self.0.retain(|job| {
            let count = kept.entry(job.destination.clone()).or_default();
            *count += 1;
            if *count > share {
                out.push(job.due());
            }
            *count <= share
        });
        out
    }
}

/// The most that each crowd may keep so that all together keep about `room`; at least one.
fn fair_share(mut crowds: Vec<usize>, mut room: usize) -> usize {
    crowds.sort_unstable();
    let count = crowds.len();
    for (at, crowd) in crowds.into_iter().enumerate() {
        let share = room / (count - at);
        if crowd > share {
            return share.max(1);
        }
        room -= crowd;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares() {
        assert_eq!(fair_share(vec![], 10), usize::MAX);
        assert_eq!(fair_share(vec![5, 5], 10), usize::MAX);
        assert_eq!(fair_share(vec![1, 100], 10), 9, "the small one keeps all");
        assert_eq!(fair_share(vec![100, 100], 10), 5);
        assert_eq!(fair_share(vec![1; 100], 10), 1);
    }

    proptest! {
        #[test]
        fn shares_fill_the_room(crowds in prop::collection::vec(1usize..300, 1..20), room in 20usize..500) {
            let share = fair_share(crowds.clone(), room);
            let kept: usize = crowds.iter().map(|crowd| *crowd.min(&share)).sum();
            let all: usize = crowds.iter().sum();
            prop_assert!(kept <= room);
            prop_assert!(kept == all || kept + crowds.len() > room, "{kept} of {all}");
        }
    }
}
