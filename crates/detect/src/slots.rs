//! Slots: event time cut into search intervals.
//!
//! Slot `k` of interval `I` is the event time `((k-1)·I, k·I]`, aligned to the
//! epoch; it is named by its end. All arithmetic saturates, so that times far
//! from the present cannot overflow.

use cresset_model::{Duration, Timestamp};

/// How far ahead of the server's clock the clock of a source may be. An event dated later than
/// that after its arrival counts for live rules at its arrival, because what it says of the
/// future must not decide over the future.
pub const CLOCK_SKEW: Duration = Duration::minutes(1);

/// The end of the slot that holds `t`. Intervals below one microsecond count as one.
pub fn slot_end(t: Timestamp, interval: Duration) -> Timestamp {
    let step = i128::from(interval.0.max(1));
    let end = (i128::from(t.0) + step - 1).div_euclid(step) * step;
    Timestamp(end.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
}

/// The moment before the first moment of the slot that ends at `end`.
pub fn slot_start(end: Timestamp, interval: Duration) -> Timestamp {
    end - Duration(interval.0.max(1))
}

/// The end of the first slot that ends after `t`.
pub fn next_slot_end(t: Timestamp, interval: Duration) -> Timestamp {
    slot_end(t + Duration(1), interval)
}

/// The end of the earliest slot that is still open at `now`: a slot is open
/// until `lateness` after its end, that moment included.
pub fn earliest_open(now: Timestamp, lateness: Duration, interval: Duration) -> Timestamp {
    slot_end(now - lateness, interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_slots() {
        let check = |t: i64, i: i64, end: i64| {
            assert_eq!(
                slot_end(Timestamp(t), Duration(i)),
                Timestamp(end),
                "{t} by {i}"
            );
        };
        check(0, 10, 0);
        check(1, 10, 10);
        check(10, 10, 10);
        check(11, 10, 20);
        check(-1, 10, 0);
        check(-10, 10, -10);
        check(-11, 10, -10);
        check(i64::MAX, 10, i64::MAX);
        check(i64::MIN + 5, 10, i64::MIN + 8);
        check(7, 0, 7);
    }

    proptest! {
        #[test]
        fn a_slot_holds_its_moments(t in -1_000_000i64..1_000_000, i in 1i64..5_000) {
            let (t, i) = (Timestamp(t), Duration(i));
            let end = slot_end(t, i);
            prop_assert_eq!(end.0.rem_euclid(i.0), 0);
            prop_assert!(slot_start(end, i) < t && t <= end);
            prop_assert!(next_slot_end(t, i) > t);
            prop_assert_eq!(next_slot_end(end, i), end + i);
        }

        #[test]
        fn a_slot_closes_after_its_lateness(k in -50i64..50, i in 1i64..500, l in 0i64..900) {
            let (end, i, l) = (Timestamp(k * i), Duration(i), Duration(l));
            prop_assert!(earliest_open(end + l, l, i) <= end);
            prop_assert!(earliest_open(end + l + Duration(1), l, i) > end);
        }
    }
}
