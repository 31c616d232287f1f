//! Who has a message already, while it is still tried for others.
//!
//! Kept in memory only: after a restart such a message goes to all of its recipients
//! once more, which at least once allows.

use cresset_model::ObjectId;
use lettre::Address;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Most messages remembered; the oldest is forgotten first.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Told(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_delivery: HashMap<ObjectId, Vec<Address>>,
    order: VecDeque<ObjectId>,
}

impl Told {
    /// Who has the message of `delivery`.
    pub(super) fn who(&self, delivery: ObjectId) -> Vec<Address> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state
            .by_delivery
            .get(&delivery)
            .cloned()
            .unwrap_or_default()
    }

    /// Notes that `more` have it too.
    pub(super) fn add(&self, delivery: ObjectId, more: Vec<Address>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { by_delivery, order } = &mut *state;
        by_delivery
            .entry(delivery)
            .or_insert_with(|| {
                order.push_back(delivery);
                Vec::new()
            })
            .extend(more);
        while order.len() > REMEMBERED {
            if let Some(oldest) = order.pop_front() {
                by_delivery.remove(&oldest);
            }
        }
    }

    /// Forgets the message.
    pub(super) fn forget(&self, delivery: ObjectId) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.by_delivery.remove(&delivery).is_some() {
            state.order.retain(|known| *known != delivery);
        }
    }
}
