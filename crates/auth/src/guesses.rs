//! Slows down the guessing of passwords, which are short enough to be guessed and cost much
//! to check.
//!
//! Unlike failures with keys ([`crate::throttle`]), a guess is judged before anybody looks at
//! it, the right one too, and it counts from then on: guesses at the same moment cannot pass
//! each other. Guesses are counted for the name and the address, and, since names can be made
//! up, for the address alone, where more are free. That second count does not concern a name
//! whose password was right from there within the last day, so that strangers behind the same
//! proxy do not lock it out by failing with other names.

use crate::throttle::{FailureThrottle, ThrottleSettings, key};
use cresset_model::{Duration, Timestamp};
use lru::LruCache;
use std::net::IpAddr;

/// How many times as many failures of an address are free as of a name.
const FREE_OF_ADDRESS: u32 = 4;
/// Longest wait that the failures of an address bring about.
const MAX_DELAY_OF_ADDRESS: Duration = Duration::minutes(1);
/// How long a name counts as known at an address.
const KNOWN_FOR: Duration = Duration::hours(24);

/// Whether somebody's password was right from that address within the last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It was.
    Known,
    /// It was not.
    Stranger,
}

/// A guess that counts as wrong until it proves right.
#[derive(Debug)]
#[must_use = "a guess that is not told to be right stays counted"]
pub struct Guess {
    name: String,
    address: IpAddr,
    standing: Standing,
}

/// Guesses per name and address, and per address.
#[derive(Debug)]
pub struct GuessThrottle {
    names: FailureThrottle,
    addresses: FailureThrottle,
    /// When the password of a name was right from an address.
    known: LruCache<(String, IpAddr), Timestamp>,
}

impl GuessThrottle {
    /// An empty throttle; `settings` are those for a name and an address.
    pub fn new(settings: ThrottleSettings) -> Self {
        let of_addresses = ThrottleSettings {
            free_failures: settings.free_failures.saturating_mul(FREE_OF_ADDRESS),
            max_delay: settings.max_delay.min(MAX_DELAY_OF_ADDRESS),
            ..settings
        };
        Self {
            names: FailureThrottle::new(settings),
            addresses: FailureThrottle::new(of_addresses),
            known: LruCache::new(settings.capacity),
        }
    }

    /// Who guesses, or `Err` with the time to wait if guesses for `name` from `address` are
    /// held back.
    pub fn allowed(
        &self,
        name: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Standing, Duration> {
        let right_at = self.known.peek(&key(name, address));
        let known = right_at.is_some_and(|at| now.since(*at) <= KNOWN_FOR);
        self.names.allowed(name, address, now)?;
        if known {
            return Ok(Standing::Known);
        }
        self.addresses.allowed("", address, now)?;
        Ok(Standing::Stranger)
    }

    /// Counts a guess that is about to be looked at, or `Err` with the time to wait if guesses
    /// for `name` from `address` are held back. Those do not count.
    pub fn guess(
        &mut self,
        name: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Guess, Duration> {
        let standing = self.allowed(name, address, now)?;
        self.names.failed(name, address, now)?;
        if standing == Standing::Stranger {
            self.addresses.failed("", address, now)?;
        }
        Ok(Guess {
            name: name.to_owned(),
            address,
            standing,
        })
    }

    /// The guess was right: what was counted for the name and the address is forgotten, but
    /// not what the address failed with other names.
    pub fn right(&mut self, guess: &Guess, now: Timestamp) {
        self.names.record_success(&guess.name, guess.address);
        if guess.standing == Standing::Stranger {
            self.addresses.withdraw("", guess.address);
        }
        self.known.put(key(&guess.name, guess.address), now);
    }

    /// Nobody could look at the guess, so it does not count.
    pub fn unseen(&mut self, guess: &Guess) {
        self.names.withdraw(&guess.name, guess.address);
        if guess.standing == Standing::Stranger {
            self.addresses.withdraw("", guess.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const T0: Timestamp = Timestamp::from_secs(1_000_000);
    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn throttle() -> GuessThrottle {
        GuessThrottle::new(ThrottleSettings::default())
    }

    fn wrong(throttle: &mut GuessThrottle, name: &str, now: Timestamp) -> bool {
        throttle.guess(name, HOME, now).is_ok()
    }

    #[test]
    fn guesses_at_one_moment_are_counted_before_anybody_looks() {
        let mut throttle = throttle();
        let guesses: Vec<_> = (0..20).map(|_| throttle.guess("ann", HOME, T0)).collect();
        assert_eq!(guesses.iter().filter(|guess| guess.is_ok()).count(), 6);
        assert!(throttle.guess("ann", AWAY, T0).is_ok());
    }

    #[test]
    fn names_that_are_made_up_are_held_back_for_their_address() {
        let mut throttle = throttle();
        let looked_at = (0..1000).filter(|n| wrong(&mut throttle, &format!("n{n}"), T0));
        assert_eq!(looked_at.count(), 21);
        assert!(throttle.guess("ann", AWAY, T0).is_ok());
        // The longest wait is a minute, whatever is counted.
        let mut now = T0;
        for n in 0..100 {
            now = now + Duration::minutes(1);
            assert!(wrong(&mut throttle, &format!("m{n}"), now), "{n}");
            assert!(!wrong(&mut throttle, "another", now), "{n}");
        }
    }

    #[test]
    fn who_is_known_there_is_held_back_for_own_failures_alone() {
        let mut throttle = throttle();
        let guess = throttle.guess("ann", HOME, T0).unwrap();
        throttle.right(&guess, T0);
        for n in 0..100 {
            wrong(&mut throttle, &format!("n{n}"), T0);
        }
        assert!(throttle.allowed("bob", HOME, T0).is_err());
        assert_eq!(throttle.allowed("ann", HOME, T0), Ok(Standing::Known));
        let looked_at = (0..20).filter(|_| wrong(&mut throttle, "ann", T0)).count();
        assert_eq!(looked_at, 6);
        // A day later nobody is known any more.
        let later = T0 + Duration::hours(25);
        assert_eq!(throttle.allowed("ann", HOME, later), Ok(Standing::Stranger));
    }

    #[test]
    fn a_right_guess_forgives_its_name_and_no_other() {
        let mut throttle = throttle();
        for n in 0..4 {
            for _ in 0..4 {
                wrong(&mut throttle, &format!("n{n}"), T0);
            }
        }
        // 16 failures so far. Right ones, of whomever, take none of them away.
        for n in 0..4 {
            let guess = throttle.guess(&format!("n{n}"), HOME, T0).unwrap();
            throttle.right(&guess, T0);
        }
        let looked_at = (0..100).filter(|n| wrong(&mut throttle, &format!("m{n}"), T0));
        assert_eq!(looked_at.count(), 5);
        let own = (0..20).filter(|_| wrong(&mut throttle, "n0", T0)).count();
        assert_eq!(own, 6, "forgotten");
    }

    #[test]
    fn what_nobody_looked_at_does_not_count() {
        let mut throttle = throttle();
        for _ in 0..100 {
            let guess = throttle.guess("ann", HOME, T0).unwrap();
            throttle.unseen(&guess);
        }
    }
}
