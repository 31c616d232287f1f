//! Instances that do not answer and take long over it, such as those whose packets are
//! dropped on the way: who asked them again and again would do little else.

use cresset_model::instance::InstanceHealth;
use cresset_model::{Duration, Timestamp};
use std::time::Duration as Span;

/// A look that fails sooner costs nobody much to repeat.
const LONG: Span = Span::from_secs(2);
/// How long a look tells how an instance is: somewhat longer than until the next one.
const FRESH: Duration = Duration::seconds(60);

/// What a look that took long and failed tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silence {
    ended_at: Timestamp,
    error: String,
}

impl Silence {
    /// After a look that took so long and ended at `now`.
    pub(crate) fn after(health: &InstanceHealth, took: Span, now: Timestamp) -> Option<Self> {
        let error = health.error.clone().filter(|_| took >= LONG)?;
        Some(Self {
            ended_at: now,
            error,
        })
    }

    /// Why the instance is still not worth asking at `now`.
    pub(crate) fn lasts(&self, now: Timestamp) -> Option<&str> {
        (now.since(self.ended_at) < FRESH).then_some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_slow_failure_is_silence_and_only_for_a_while() {
        let at = Timestamp::from_secs;
        let health = |error: Option<&str>| InstanceHealth {
            checked_at: Some(at(90)),
            error: error.map(str::to_owned),
            ..InstanceHealth::default()
        };
        let check = |error: Option<&str>, took: u64, now: i64, expected: Option<&str>| {
            let silence = Silence::after(&health(error), Span::from_secs(took), at(100));
            let lasts = silence.as_ref().and_then(|s| s.lasts(at(now)));
            assert_eq!(lasts, expected, "{error:?} {took} {now}");
        };
        check(None, 12, 100, None);
        check(Some("refused"), 0, 100, None);
        check(Some("timed out"), 10, 100, Some("timed out"));
        check(Some("timed out"), 10, 159, Some("timed out"));
        check(Some("timed out"), 10, 160, None);
    }
}
