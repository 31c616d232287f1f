//! Which batches were stored already.

use crate::port::Appended;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Repo and idempotency key as one string.
///
/// The length in front keeps `("ab", "c")` and `("a", "bc")` apart.
pub(crate) fn key_id(repo: &str, key: &str) -> Arc<str> {
    format!("{}:{repo}{key}", repo.len()).into()
}

/// The newest keys, with the place of their batch; the oldest are forgotten first.
pub(crate) struct KeyMap {
    places: HashMap<Arc<str>, (u64, u64)>,
    order: VecDeque<Arc<str>>,
    capacity: usize,
}

impl KeyMap {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            places: HashMap::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    /// The answer to a batch that was stored before.
    pub(crate) fn get(&self, id: &str) -> Option<Appended> {
        let &(first_seq, count) = self.places.get(id)?;
        Some(Appended {
            first_seq,
            count,
            duplicate: true,
        })
    }

    pub(crate) fn insert(&mut self, id: Arc<str>, first_seq: u64, count: u64) {
        if self.places.insert(id.clone(), (first_seq, count)).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.places.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unambiguous() {
        assert_ne!(key_id("ab", "c"), key_id("a", "bc"));
        assert_ne!(key_id("1:a", "b"), key_id("1", ":ab"));
        assert_eq!(key_id("a", "b"), key_id("a", "b"));
    }

    #[test]
    fn the_oldest_key_is_forgotten_first() {
        let mut keys = KeyMap::new(2);
        keys.insert("a".into(), 1, 1);
        keys.insert("b".into(), 2, 1);
        keys.insert("a".into(), 1, 1);
        keys.insert("c".into(), 3, 5);
        assert_eq!(keys.get("a"), None);
        assert!(keys.get("b").is_some());
        assert_eq!(
            keys.get("c"),
            Some(Appended {
                first_seq: 3,
                count: 5,
                duplicate: true
            })
        );
    }
}
