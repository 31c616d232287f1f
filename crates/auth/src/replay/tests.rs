use super::*;
use crate::lmv1::{SignedRequest, parse, sign};
use cresset_model::{Duration, SecretString};
use proptest::prelude::*;
use std::collections::HashSet;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// The header of request number `n`, signed at `at`.
fn header(n: u32, at: Timestamp) -> String {
    let request = SignedRequest {
        method: "GET",
        path: &format!("/{n}"),
        body: b"",
    };
    sign("id", &SecretString::new("key"), &request, at)
}

fn cache(capacity: usize) -> ReplayCache {
    ReplayCache::new(NonZeroUsize::new(capacity).unwrap())
}

fn admit(cache: &mut ReplayCache, header: &str, now: Timestamp) -> Result<(), Lmv1Error> {
    cache.admit(&parse(header)?, now)
}

#[test]
fn a_request_is_admitted_once() {
    let mut cache = cache(10);
    let one = header(1, NOW);
    assert_eq!(admit(&mut cache, &one, NOW), Ok(()));
    assert_eq!(admit(&mut cache, &one, NOW), Err(Lmv1Error::Replayed));
    // Another access id before the same signature changes nothing.
    let renamed = one.replacen("LMv1 id:", "LMv1 other:", 1);
    assert_eq!(admit(&mut cache, &renamed, NOW), Err(Lmv1Error::Replayed));
    assert_eq!(admit(&mut cache, &header(2, NOW), NOW), Ok(()));
    let later = NOW + Duration::millis(1);
    assert_eq!(admit(&mut cache, &header(1, later), NOW), Ok(()));
}

#[test]
fn it_is_remembered_as_long_as_its_time_is_good() {
    // A clock that is half an hour ahead makes a signature good for an hour.
    for (signed, last) in [
        (NOW, NOW + WINDOW),
        (NOW + WINDOW, NOW + WINDOW + WINDOW),
        (NOW - WINDOW, NOW),
    ] {
        let mut cache = cache(10);
        let one = header(1, signed);
        assert_eq!(admit(&mut cache, &one, NOW), Ok(()));
        assert_eq!(admit(&mut cache, &one, last), Err(Lmv1Error::Replayed));
        assert_eq!(cache.len(), 1);
        // Beyond it is forgotten, and refused all the same if the clock is set back.
        let beyond = last + Duration(1);
        assert_eq!(admit(&mut cache, &header(2, beyond), beyond), Ok(()));
        assert_eq!(cache.len(), 1);
        assert_eq!(admit(&mut cache, &one, NOW), Err(Lmv1Error::Replayed));
    }
}

#[test]
fn a_full_cache_refuses_late_requests_and_admits_new_ones() {
    let mut cache = cache(3);
    let at = |n: i64| NOW + Duration::seconds(n);
    for n in 1..=5u32 {
        assert_eq!(admit(&mut cache, &header(n, at(n.into())), at(5)), Ok(()));
    }
    assert_eq!(cache.len(), 3);
    for n in 1..=5u32 {
        let again = admit(&mut cache, &header(n, at(n.into())), at(5));
        assert_eq!(again, Err(Lmv1Error::Replayed), "{n}");
    }
    // Signed before something that is forgotten: nobody can tell it from a replay.
    let late = admit(&mut cache, &header(9, at(2)), at(5));
    assert_eq!(late, Err(Lmv1Error::Replayed));
    assert_eq!(admit(&mut cache, &header(9, at(3)), at(5)), Ok(()));
}

proptest! {
    #[test]
    fn nothing_is_admitted_twice_and_with_room_nothing_wrongly_refused(
        capacity in 1usize..12,
        steps in prop::collection::vec((0u32..6, 0i64..6, -40i64..80), 1..80),
    ) {
        let (mut small, mut large) = (cache(capacity), cache(1000));
        let mut admitted = [HashSet::new(), HashSet::new()];
        for (n, signed, minutes) in steps {
            let now = NOW + Duration::minutes(minutes);
            let text = header(n, NOW + Duration::minutes(signed * 6));
            for (cache, admitted) in [&mut small, &mut large].into_iter().zip(&mut admitted) {
                if admit(cache, &text, now).is_ok() {
                    prop_assert!(admitted.insert(text.clone()), "{text} was admitted twice");
                }
            }
            prop_assert!(small.len() <= capacity);
        }
        // With room and a clock that stands still, only replays are refused.
        let mut still = cache(1000);
        for text in &admitted[1] {
            prop_assert_eq!(admit(&mut still, text, NOW), Ok(()));
        }
    }
}
