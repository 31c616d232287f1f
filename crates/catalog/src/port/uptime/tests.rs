use super::*;
use proptest::prelude::*;

fn hour(n: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + n * 3600)
}

/// Seen up at these hours.
fn seen(hours: &[i64]) -> Uptime {
    let mut uptime = Uptime::default();
    hours.iter().for_each(|n| uptime.note(hour(*n)));
    uptime
}

#[test]
fn standstills_do_not_count() {
    for (hours, now, span, expected) in [
        (&[][..], 100, 24, 76),
        (&[100], 100, 24, 76),
        (&[97, 100], 100, 24, 76),
        (&[96, 100], 100, 24, 72),
        (&[0, 1000], 1000, 24, -24),
        (&[0, 1000, 1001, 1002], 1002, 24, -22),
        // Long enough ago.
        (&[0, 10, 13, 16, 19, 22], 22, 11, 11),
        (&[0, 10, 13, 16, 19, 22], 22, 12, 0),
        (&[0, 10, 12, 112, 114, 214], 214, 3, 11),
        (&[0, 10, 12, 112, 114, 214], 214, 4, 0),
        // The clock was an hour, and then years, ahead.
        (&[10, 9], 9, 24, -15),
        (&[10, 99_999, 11], 11, 24, -14),
        (&[0, 10, 99_999, 5], 5, 24, -24),
    ] {
        let found = seen(hours).before(hour(now), Duration::hours(span));
        assert_eq!(found, hour(expected), "{hours:?} {now} {span}");
    }
}

#[test]
fn what_is_remembered_is_bounded_and_errs_on_the_long_side() {
    let starts: Vec<i64> = (0..2000).map(|n| n * 24).collect();
    let uptime = seen(&starts);
    assert_eq!(uptime.standstills.len(), MOST);
    assert_eq!(uptime.standstills[0].from, hour(0));
    let written = serde_json::to_string(&uptime).unwrap();
    assert!(written.len() < 40_000, "{}", written.len());
    assert_eq!(
        serde_json::from_str::<Uptime>(&written).unwrap(),
        uptime,
        "{written}"
    );
}

proptest! {
    /// Against a count by hours.
    #[test]
    fn the_time_up_is_the_span(
        steps in prop::collection::vec((1_i64..12, any::<bool>()), 0..50),
        later in 0_i64..3,
        span in 0_i64..200,
    ) {
        let mut hours = vec![0];
        let mut down = std::collections::HashSet::new();
        for (step, stands) in steps {
            let from = *hours.last().unwrap();
            if stands {
                hours.push(from + step + 3);
                down.extend(from..from + step + 3);
            } else {
                hours.extend(from + 1..=from + step);
            }
        }
        let now = hours.last().unwrap() + later;
        let up = |from: i64| (from..now).filter(|n| !down.contains(n)).count() as i64;
        let found = seen(&hours).before(hour(now), Duration::hours(span));
        let found = (found.secs() - hour(0).secs()) / 3600;
        prop_assert_eq!(up(found), span);
        prop_assert!(up(found - 1) > span, "not the edge of a standstill: {}", found);
    }
}
