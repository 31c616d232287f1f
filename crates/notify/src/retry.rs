//! When a failed attempt is made again; pure.

use crate::outcome::Outcome;
use cresset_catalog::port::AttemptOutcome;
use cresset_model::{Duration, Entropy, Timestamp};

/// The longest wait that a destination's `Retry-After` can ask for.
const LONGEST_WAIT: Duration = Duration::hours(24);

/// Pauses between the attempts of a delivery. The first attempt is immediate, the first
/// pause comes before the first retry, and so on.
///
/// A delivery is given up when the attempt after the last pause fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule(Vec<Duration>);

/// A retry schedule needs at least one pause and no negative ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a retry schedule needs 1 to 50 pauses, none of them negative")]
pub struct InvalidSchedule;

impl Default for RetrySchedule {
    /// Eight attempts over about 28 hours.
    fn default() -> Self {
        Self(vec![
            Duration::seconds(5),
            Duration::minutes(5),
            Duration::minutes(30),
            Duration::hours(2),
            Duration::hours(5),
            Duration::hours(10),
            Duration::hours(10),
        ])
    }
}

impl RetrySchedule {
    /// A schedule of its own.
    pub fn new(pauses: Vec<Duration>) -> Result<Self, InvalidSchedule> {
        let fits = (1..=50).contains(&pauses.len()) && pauses.iter().all(|p| *p >= Duration::ZERO);
        if fits {
            Ok(Self(pauses))
        } else {
            Err(InvalidSchedule)
        }
    }

    /// Number of attempts before a delivery is given up.
    pub const fn attempts(&self) -> usize {
        self.0.len() + 1
    }

    /// The pause after `failed` failed attempts, at least one, `None` if there is none left.
    ///
    /// The scheduled pause varies by a tenth either way, so that deliveries that failed
    /// together do not come back together; `retry_after` is a lower bound, cut at 24 hours.
    pub fn wait(
        &self,
        failed: u32,
        retry_after: Option<Duration>,
        entropy: &dyn Entropy,
    ) -> Option<Duration> {
        let pause = usize::try_from(failed).ok()?.checked_sub(1)?;
        let scheduled = *self.0.get(pause)?;
        let asked = retry_after.unwrap_or(Duration::ZERO).min(LONGEST_WAIT);
        Some(jittered(scheduled, entropy).max(asked))
    }

    /// What the outbox must record after attempt number `attempt` (from 1).
    pub fn decide(
        &self,
        outcome: &Outcome,
        attempt: u32,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> AttemptOutcome {
        match outcome {
            Outcome::Delivered { .. } => AttemptOutcome::Delivered,
            Outcome::Dead { .. } => AttemptOutcome::Dead,
            Outcome::Suppressed { .. } => AttemptOutcome::Suppressed,
            Outcome::Retry { after, .. } => match self.wait(attempt, *after, entropy) {
                Some(wait) => AttemptOutcome::RetryAt(now + wait),
                None => AttemptOutcome::Dead,
            },
        }
    }
}

fn jittered(wait: Duration, entropy: &dyn Entropy) -> Duration {
    let mut bytes = [0; 4];
    entropy.fill(&mut bytes);
    let share = f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX);
    Duration((wait.0 as f64 * (0.9 + 0.2 * share)) as i64)
}

/// What an HTTP status means for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    /// Accepted.
    Accepted,
    /// Worth another attempt.
    Transient,
    /// Another attempt would meet the same answer.
    Permanent,
}

/// Classifies an HTTP status: 2xx is accepted; 408, 425, 429 and 5xx are tried again;
/// redirects, 410 and all other statuses are final.
pub const fn classify_status(status: u16) -> StatusClass {
    match status {
        200..=299 => StatusClass::Accepted,
        408 | 425 | 429 | 500..=599 => StatusClass::Transient,
        _ => StatusClass::Permanent,
    }
}

/// Reads a `Retry-After` header: seconds or an HTTP date; `None` if it is neither.
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(
            value
                .parse()
                .map_or(LONGEST_WAIT, Duration::seconds)
                .min(LONGEST_WAIT),
        );
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let wait = Timestamp(at.as_microsecond()).since(now);
    Some(wait.clamp(Duration::ZERO, LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::Fixed;
    use proptest::prelude::*;

    fn total(entropy: &dyn Entropy) -> Duration {
        let schedule = RetrySchedule::default();
        (1..8)
            .filter_map(|n| schedule.wait(n, None, entropy))
            .fold(Duration::ZERO, |a, b| a + b)
    }

    #[test]
    fn eight_attempts_over_about_28_hours() {
        let schedule = RetrySchedule::default();
        assert_eq!(schedule.attempts(), 8);
        assert_eq!(
            total(&Fixed(0)),
            Duration((99_305_000_000_f64 * 0.9) as i64)
        );
        assert!(total(&Fixed(255)) <= Duration::minutes(1822));
        assert_eq!(schedule.wait(0, None, &Fixed(77)), None, "none has failed");
        assert_eq!(schedule.wait(8, None, &Fixed(77)), None);
        assert_eq!(schedule.wait(u32::MAX, None, &Fixed(77)), None);
    }

    proptest! {
        #[test]
        fn waits_stay_within_a_tenth(failed in 1u32..8, byte: u8, asked in 0i64..200_000) {
            let schedule = RetrySchedule::default();
            let plain = schedule.0[failed as usize - 1].0 as f64;
            let wait = schedule.wait(failed, None, &Fixed(byte)).unwrap();
            prop_assert!(wait.0 as f64 >= plain * 0.9 - 1.0 && wait.0 as f64 <= plain * 1.1 + 1.0);
            let asked = Duration::seconds(asked);
            let held = schedule.wait(failed, Some(asked), &Fixed(byte)).unwrap();
            prop_assert_eq!(held, wait.max(asked.min(Duration::hours(24))));
        }
    }

    #[test]
    fn statuses() {
        let check = |statuses: &[u16], expect| {
            for status in statuses {
                assert_eq!(classify_status(*status), expect, "{status}");
            }
        };
        check(&[200, 201, 202, 204, 299], StatusClass::Accepted);
        check(
            &[408, 425, 429, 500, 502, 503, 504, 599],
            StatusClass::Transient,
        );
        check(
            &[100, 301, 302, 307, 308, 400, 401, 403, 404, 410, 422, 600],
            StatusClass::Permanent,
        );
    }

    #[test]
    fn retry_after_forms() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = Timestamp::from_secs(784_111_777);
        let check = |value: &str, expect: Option<i64>| {
            assert_eq!(
                parse_retry_after(value, now),
                expect.map(Duration::seconds),
                "{value}"
            );
        };
        check("0", Some(0));
        check("120", Some(120));
        check(" 7 ", Some(7));
        check("99999999999999999999999", Some(86_400));
        check("172800", Some(86_400));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("Sat, 06 Nov 2094 08:00:00 GMT", Some(86_400));
        check("", None);
        check("-5", None);
        check("1.5", None);
        check("tomorrow", None);
    }

    #[test]
    fn every_entry_of_a_schedule_is_a_pause() {
        let schedule = RetrySchedule::new(vec![Duration::hours(1), Duration::hours(3)]).unwrap();
        let now = Timestamp::from_secs(1000);
        let after = |attempt| schedule.decide(&Outcome::retry("503"), attempt, now, &Fixed(0));
        let tenth_less = |hours: i64| AttemptOutcome::RetryAt(now + Duration::minutes(hours * 54));
        assert_eq!(after(1), tenth_less(1));
        assert_eq!(after(2), tenth_less(3));
        assert_eq!(after(3), AttemptOutcome::Dead);
        assert_eq!(schedule.attempts(), 3);
    }

    #[test]
    fn the_last_failure_is_final() {
        let schedule = RetrySchedule::new(vec![Duration::seconds(10)]).unwrap();
        let now = Timestamp::from_secs(1000);
        let failed = Outcome::Retry {
            detail: "503".into(),
            after: Some(Duration::minutes(2)),
        };
        let held = AttemptOutcome::RetryAt(now + Duration::minutes(2));
        assert_eq!(schedule.decide(&failed, 1, now, &Fixed(0)), held);
        assert_eq!(
            schedule.decide(&failed, 2, now, &Fixed(0)),
            AttemptOutcome::Dead
        );
        assert_eq!(RetrySchedule::new(Vec::new()), Err(InvalidSchedule));
    }
}
