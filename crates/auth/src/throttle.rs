//! Slows down guessing: after a few failures for a name from an address, further failures
//! from there are answered with a wait, longer each time.
//!
//! Only failures are held back. Whoever proves to have the key passes whatever was counted:
//! behind a proxy all clients have one address, and a stranger's guesses must not lock a
//! name's owner out. Keys are long enough (128 bits and more) that nobody guesses one, at
//! whatever rate. Memory is bounded: the least recently failing entries are forgotten first.

use cresset_model::{Duration, Timestamp};
use lru::LruCache;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;

/// Longest part of a name that is told apart, in characters.
const NAME_CHARS: usize = 64;

/// How strict a throttle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Failures that cost nothing.
    pub free_failures: u32,
    /// Delay after the first failure beyond those; it doubles with each further one.
    pub first_delay: Duration,
    /// Longest delay.
    pub max_delay: Duration,
    /// After this long without a failure all is forgotten.
    pub forget_after: Duration,
    /// Most entries kept.
    pub capacity: NonZeroUsize,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        Self {
            free_failures: 5,
            first_delay: Duration::seconds(1),
            max_delay: Duration::minutes(5),
            forget_after: Duration::minutes(15),
            capacity: NonZeroUsize::MIN.saturating_add(16_383),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: u32,
    last: Timestamp,
}

/// Failures per name and address.
#[derive(Debug)]
pub struct FailureThrottle {
    settings: ThrottleSettings,
    entries: LruCache<(String, IpAddr), Entry>,
}

impl FailureThrottle {
    /// An empty throttle.
    pub fn new(settings: ThrottleSettings) -> Self {
        Self {
            settings,
            entries: LruCache::new(settings.capacity),
        }
    }

    /// Counts a failed attempt and returns how many there have been, or `Err` with the time
    /// to wait if failures for `name` from `address` are held back. Judging and counting are
    /// one step, so that attempts at the same moment cannot pass each other.
    pub fn failed(&mut self, name: &str, address: IpAddr, now: Timestamp) -> Result<u32, Duration> {
        self.allowed(name, address, now)?;
        Ok(self.record_failure(name, address, now))
    }

    /// `Err` with the time to wait if failures for `name` from `address` are held back.
    pub fn allowed(&self, name: &str, address: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let Some(entry) = self.entries.peek(&key(name, address)) else {
            return Ok(());
        };
        let wait = (entry.last + self.delay(entry, now)).since(now);
        if wait > Duration::ZERO {
            Err(wait)
        } else {
            Ok(())
        }
    }

    /// Records a failed attempt and returns how many there have been.
    fn record_failure(&mut self, name: &str, address: IpAddr, now: Timestamp) -> u32 {
        let stale = self.settings.forget_after;
        let entry = self
            .entries
            .get_or_insert_mut(key(name, address), || Entry {
                failures: 0,
                last: now,
            });
        if now.since(entry.last) > stale {
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        entry.failures
    }

    /// Forgets the failures of `name` from `address` after a success.
    pub fn record_success(&mut self, name: &str, address: IpAddr) {
        // Almost always there is nothing to forget, and looking first spares the write.
        if self.entries.is_empty() {
            return;
        }
        let key = key(name, address);
        if self.entries.contains(&key) {
            self.entries.pop(&key);
        }
    }

    /// Takes back one attempt that was counted.
    pub(crate) fn withdraw(&mut self, name: &str, address: IpAddr) {
        let key = key(name, address);
        let Some(entry) = self.entries.peek_mut(&key) else {
            return;
        };
        entry.failures = entry.failures.saturating_sub(1);
        if entry.failures == 0 {
            self.entries.pop(&key);
        }
    }

    fn delay(&self, entry: &Entry, now: Timestamp) -> Duration {
        let beyond = entry.failures.saturating_sub(self.settings.free_failures);
        if beyond == 0 || now.since(entry.last) > self.settings.forget_after {
            return Duration::ZERO;
        }
        let doubled = self
            .settings
            .first_delay
            .0
            .saturating_mul(1 << (beyond - 1).min(40));
        Duration(doubled).min(self.settings.max_delay)
    }
}

pub(crate) fn key(name: &str, address: IpAddr) -> (String, IpAddr) {
    (name.chars().take(NAME_CHARS).collect(), network(address))
}

/// What counts as one address: one customer commonly has a whole /64 of IPv6.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_secs(1_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn after(failures: u32) -> FailureThrottle {
        let mut throttle = FailureThrottle::new(ThrottleSettings::default());
        for _ in 0..failures {
            throttle.record_failure("admin", address("192.0.2.1"), T0);
        }
        throttle
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        for (failures, seconds) in [
            (0, 0),
            (5, 0),
            (6, 1),
            (7, 2),
            (8, 4),
            (14, 256),
            (15, 300),
            (100, 300),
            (5000, 300),
        ] {
            let wait = after(failures).allowed("admin", address("192.0.2.1"), T0);
            let expected = if seconds == 0 {
                Ok(())
            } else {
                Err(Duration::seconds(seconds))
            };
            assert_eq!(wait, expected, "{failures}");
        }
    }

    #[test]
    fn failures_at_one_moment_are_all_counted() {
        let mut throttle = after(0);
        let home = address("192.0.2.1");
        let answers: Vec<_> = (0..20)
            .map(|_| throttle.failed("admin", home, T0))
            .collect();
        assert_eq!(answers[..6], [Ok(1), Ok(2), Ok(3), Ok(4), Ok(5), Ok(6)]);
        // Those that are held back do not make the wait longer.
        assert!(answers[6..].iter().all(|a| *a == Err(Duration::seconds(1))));
        let later = T0 + Duration::seconds(1);
        assert_eq!(throttle.failed("admin", home, later), Ok(7));
    }

    #[test]
    fn others_and_later_attempts_are_free() {
        let throttle = after(8);
        let home = address("192.0.2.1");
        assert!(
            throttle
                .allowed("admin", home, T0 + Duration::seconds(3))
                .is_err()
        );
        assert!(
            throttle
                .allowed("admin", home, T0 + Duration::seconds(4))
                .is_ok()
        );
        assert!(throttle.allowed("other", home, T0).is_ok());
        assert!(throttle.allowed("admin", address("192.0.2.2"), T0).is_ok());
        assert!(
            throttle
                .allowed("admin", address("::ffff:192.0.2.1"), T0)
                .is_err()
        );
    }

    #[test]
    fn a_success_or_time_forgets() {
        let mut throttle = after(10);
        throttle.record_success("admin", address("192.0.2.1"));
        assert!(throttle.allowed("admin", address("192.0.2.1"), T0).is_ok());

        let mut throttle = after(10);
        let later = T0 + Duration::minutes(16);
        assert_eq!(
            throttle.record_failure("admin", address("192.0.2.1"), later),
            1
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_memory_is_bounded() {
        let capacity = NonZeroUsize::new(8).unwrap();
        let mut throttle = FailureThrottle::new(ThrottleSettings {
            capacity,
            ..ThrottleSettings::default()
        });
        for host in 0..10u16 {
            let peer = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, host, 0, 0, 1));
            throttle.record_failure("admin", peer, T0);
        }
        assert!(
            throttle
                .allowed("admin", address("2001:db8::77"), T0)
                .is_err()
        );
        for n in 0..1000 {
            throttle.record_failure(&format!("user{n}"), address("192.0.2.1"), T0);
        }
        assert_eq!(throttle.entries.len(), 8);
    }
}
