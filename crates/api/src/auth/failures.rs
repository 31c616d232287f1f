//! What follows from a failed authentication: a count, an audit entry, and a delay
//! for the next failure.
//!
//! Keys are verified first, and who proves to have the key is never held back: otherwise
//! a stranger behind the same proxy could lock a user out. What is verified here costs
//! one HMAC or one comparison. Passwords, which are short and costly to hash, are counted
//! apart, before they are looked at ([`super::guesses`]).

use super::Proven;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_auth::throttle::{FailureThrottle, ThrottleSettings};
use cresset_model::{Duration, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;

/// Longest claimed name that is recorded, in characters.
const NAME_CHARS: usize = 64;

/// Which kind of credential failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A self-signed token.
    Token,
    /// User name and secret key.
    SecretKey,
    /// An LMv1 signature.
    Signature,
    /// A bearer token of LogicMonitor's kind.
    Bearer,
    /// User name and password.
    Basic,
    /// No kind that is known.
    Header,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::SecretKey => "secret_key",
            Self::Signature => "lmv1",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Header => "header",
        }
    }
}

/// Failures so far.
pub(crate) struct Failures {
    throttle: Mutex<FailureThrottle>,
    budget: Mutex<AuditBudget>,
}

impl Failures {
    pub(crate) fn new(settings: ThrottleSettings, audit_per_minute: u32) -> Self {
        Self {
            throttle: Mutex::new(FailureThrottle::new(settings)),
            budget: Mutex::new(AuditBudget::new(audit_per_minute)),
        }
    }

    /// Counts a wrong guess, and refuses it if it comes too soon after earlier ones.
    fn guessed(&self, name: &str, peer: IpAddr, now: Timestamp) -> Result<()> {
        match self.throttle.lock().failed(name, peer, now) {
            Ok(_) => Ok(()),
            Err(wait) => {
                metrics::counter!("cresset_auth_throttled_total").increment(1);
                Err(Error::Throttled(wait))
            }
        }
    }

    /// Forgets earlier failures.
    pub(crate) fn succeeded(&self, name: &str, peer: IpAddr) {
        self.throttle.lock().record_success(name, peer);
    }
}

impl Context {
    /// Records a failure. Only a `guess`, that is one that shows no knowledge of the key,
    /// slows down the next one: a client whose clock is wrong is no attacker. A guess that
    /// comes too soon after others is [`Error::Throttled`], and not audited.
    pub(crate) async fn auth_failed(
        &self,
        kind: Kind,
        name: &str,
        peer: IpAddr,
        reason: &'static str,
        guess: bool,
    ) -> Result<()> {
        let now = self.now();
        metrics::counter!("cresset_auth_failures_total",
            "kind" => kind.as_str(), "reason" => reason)
        .increment(1);
        if guess {
            self.failures.guessed(name, peer, now)?;
        }
        let allowance = self.failures.budget.lock().take(now, peer);
        let Some(suppressed) = allowance else {
            return Ok(());
        };
        let name: String = name
            .chars()
            .filter(|c| !c.is_control())
            .take(NAME_CHARS)
            .collect();
        let kind = kind.as_str();
        let detail = match suppressed {
            0 => format!("{kind}: {reason}"),
            n => format!("{kind}: {reason}; {n} earlier failures were not recorded"),
        };
        self.audit_refused(&name, peer, "authentication_failed", detail)
            .await;
        Ok(())
    }

    /// Records that somebody proven asks more often than the quota allows. The entry counts
    /// among those about failures, so that no flood of these fills the disk either.
    pub(crate) async fn over_quota(&self, proven: &Proven) {
        let (user, peer) = (&proven.caller.user.username, proven.caller.peer);
        let allowance = self.failures.budget.lock().take(self.now(), peer);
        let Some(suppressed) = allowance else {
            return;
        };
        let mut detail = match &proven.token {
            Some(token) => format!("API token {}", token.label()),
            None => format!("user {user}"),
        };
        if suppressed > 0 {
            detail += &format!("; {suppressed} earlier refusals were not recorded");
        }
        self.audit_refused(user, peer, "api_request_throttled", detail)
            .await;
    }
}

/// At most so many entries per minute, so that a flood of failures cannot fill the disk,
/// and of one address a quarter of them, so that its flood does not hide another's failures.
struct AuditBudget {
    per_minute: u32,
    minute: i64,
    written: u32,
    /// Entries written this minute; never more addresses than entries.
    by_address: HashMap<IpAddr, u32>,
    suppressed: u64,
}

impl AuditBudget {
    fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            minute: i64::MIN,
            written: 0,
            by_address: HashMap::new(),
            suppressed: 0,
        }
    }

    /// The number of entries left out since the last one, or `None` if this one is left out.
    fn take(&mut self, now: Timestamp, peer: IpAddr) -> Option<u64> {
        let minute = now.0.div_euclid(Duration::minutes(1).0);
        if minute != self.minute {
            self.minute = minute;
            self.written = 0;
            self.by_address.clear();
        }
        let share = self.per_minute.div_ceil(4);
        let of_peer = self.by_address.get(&peer).copied().unwrap_or(0);
        if self.written >= self.per_minute || of_peer >= share {
            self.suppressed += 1;
            return None;
        }
        self.written += 1;
        self.by_address.insert(peer, of_peer + 1);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn a_flood_writes_no_more_than_the_budget() {
        let mut budget = AuditBudget::new(3);
        let now = Timestamp::from_secs(60);
        let written = (0..=249).filter(|n| budget.take(now, peer(*n)).is_some());
        assert_eq!(written.count(), 3);
        let later = now + Duration::minutes(1);
        assert_eq!(budget.take(later, peer(1)), Some(247));
        assert_eq!(budget.take(later, peer(2)), Some(0));
    }

    #[test]
    fn a_flood_from_one_address_leaves_room_for_others() {
        let mut budget = AuditBudget::new(8);
        let now = Timestamp::from_secs(60);
        let flood = (0..1000).filter(|_| budget.take(now, peer(1)).is_some());
        assert_eq!(flood.count(), 2);
        assert_eq!(budget.take(now, peer(2)), Some(998));
    }
}
