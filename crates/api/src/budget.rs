//! Memory that the bodies of unfinished requests may take up, over all requests.
//!
//! Somebody who is not proven yet gets a share only, so that a stranger who holds bodies
//! back cannot take the room of everybody else.

use crate::error::{Error, Result};
use cresset_auth::throttle::network;
use cresset_model::Duration;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Whom a body is charged to besides the total.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// All bodies whose senders are not proven.
    Unproven,
    /// The bodies from one address.
    Peer(IpAddr),
    /// The bodies that bear one access id.
    AccessId(String),
}

impl Holder {
    /// The holder for an address, or for its network where one customer has many.
    pub(crate) fn peer(address: IpAddr) -> Self {
        Self::Peer(network(address))
    }
}

/// A budget of bytes.
pub(crate) struct Budget {
    total: usize,
    /// Of all that are not proven.
    unproven: usize,
    /// Of one address or access id.
    share: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    total: usize,
    of: HashMap<Holder, usize>,
}

impl Budget {
    /// A budget of `total` bytes: half of it for those who are not proven, a quarter for
    /// one address or access id, but always enough for one body of `largest` bytes.
    pub(crate) fn new(total: usize, largest: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            unproven: (total / 2).max(largest),
            share: (total / 4).max(largest),
            used: Mutex::default(),
        })
    }

    /// Room for one body, empty so far, that is charged to `holders` too.
    pub(crate) fn hold(self: &Arc<Self>, holders: Vec<Holder>) -> Held {
        Held {
            budget: Arc::clone(self),
            holders,
            bytes: 0,
        }
    }

    const fn limit(&self, holder: &Holder) -> usize {
        match holder {
            Holder::Unproven => self.unproven,
            Holder::Peer(_) | Holder::AccessId(_) => self.share,
        }
    }
}

/// What one body takes up, until it is dropped.
pub(crate) struct Held {
    budget: Arc<Budget>,
    holders: Vec<Holder>,
    bytes: usize,
}

impl Held {
    /// Takes up room for `more` bytes, or says that there is none.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        let budget = &self.budget;
        let mut used = budget.used.lock();
        let full = |used: usize, limit: usize| used + more > limit;
        let over_share = self
            .holders
            .iter()
            .any(|h| full(used.of.get(h).copied().unwrap_or(0), budget.limit(h)));
        if over_share || full(used.total, budget.total) {
            let message = "too much is being received at once; try again".to_owned();
            let retry_after = Duration::seconds(2);
            return Err(Error::Busy {
                message,
                retry_after,
            });
        }
        used.total += more;
        for holder in &self.holders {
            *used.of.entry(holder.clone()).or_default() += more;
        }
        self.bytes += more;
        Ok(())
    }

    /// The sender is proven: the body counts against the total only from now on.
    pub(crate) fn proven(&mut self) {
        let holders = std::mem::take(&mut self.holders);
        release(&mut self.budget.used.lock(), &holders, self.bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut used = self.budget.used.lock();
        used.total -= self.bytes;
        release(&mut used, &self.holders, self.bytes);
    }
}

/// Holders that hold nothing are forgotten, so that there are never more than bodies.
fn release(used: &mut Used, holders: &[Holder], bytes: usize) {
    for holder in holders {
        if let Some(held) = used.of.get_mut(holder) {
            *held -= bytes;
            if *held == 0 {
                used.of.remove(holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(host: u8) -> Vec<Holder> {
        let id = format!("id{host}");
        vec![
            Holder::Unproven,
            Holder::peer(IpAddr::from([192, 0, 2, host])),
            Holder::AccessId(id),
        ]
    }

    #[test]
    fn one_address_gets_a_quarter_and_strangers_half() {
        let budget = Budget::new(400, 10);
        let mut first = budget.hold(from(1));
        let mut second = budget.hold(from(1));
        assert!(first.grow(60).is_ok());
        assert!(second.grow(41).is_err());
        assert!(second.grow(40).is_ok());
        let mut third = budget.hold(from(2));
        assert!(third.grow(100).is_ok());
        let mut fourth = budget.hold(from(3));
        assert!(fourth.grow(1).is_err(), "strangers have half");
        let mut known = budget.hold(Vec::new());
        assert!(known.grow(200).is_ok());
        assert!(known.grow(1).is_err(), "the total is full");
        drop((first, known));
        assert!(fourth.grow(60).is_ok());
    }

    #[test]
    fn who_is_proven_frees_the_share_and_dropping_frees_all() {
        let budget = Budget::new(400, 10);
        let mut first = budget.hold(from(1));
        assert!(first.grow(100).is_ok());
        first.proven();
        let mut second = budget.hold(from(1));
        assert!(second.grow(100).is_ok());
        drop((first, second));
        let used = budget.used.lock();
        assert_eq!((used.total, used.of.len()), (0, 0));
    }

    #[test]
    fn the_largest_body_always_fits() {
        let mut held = Budget::new(400, 300).hold(from(1));
        assert!(held.grow(300).is_ok());
    }
}
