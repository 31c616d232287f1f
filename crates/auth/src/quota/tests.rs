use super::*;
use proptest::prelude::*;

const T0: Timestamp = Timestamp::from_secs(1_700_000_000);
const TOKENS: &str = "/setting/admins/{id}/apitokens";
const VERBS: [Verb; 5] = [Verb::Get, Verb::Post, Verb::Put, Verb::Patch, Verb::Delete];

const fn key(endpoint: &str, verb: Verb) -> Key<'_> {
    Key { endpoint, verb }
}

fn after(millis: i64) -> Timestamp {
    T0 + Duration::millis(millis)
}

/// Three GET in ten seconds.
fn small() -> Quota {
    Quota::new(Limits {
        get: 3,
        window: Duration::seconds(10),
        ..Limits::default()
    })
}

#[test]
fn each_verb_has_the_documented_limit() {
    let table = [
        ("GET", 500),
        ("POST", 200),
        ("PUT", 200),
        ("PATCH", 250),
        ("DELETE", 300),
    ];
    let mut quota = Quota::new(Limits::default());
    for (method, limit) in table {
        let key = key(TOKENS, Verb::of(method).unwrap());
        for n in 1..=limit {
            let verdict = quota.take(key, T0);
            let expected = Verdict {
                limit,
                remaining: limit - n,
                window_seconds: 60,
                allowed: true,
            };
            assert_eq!(verdict, expected, "{method} {n}");
        }
        let refused = quota.take(key, after(59_999));
        assert_eq!((refused.allowed, refused.remaining), (false, 0), "{method}");
        let again = quota.take(key, after(60_000));
        assert_eq!(
            (again.allowed, again.remaining),
            (true, limit - 1),
            "{method}"
        );
    }
}

#[test]
fn verbs_of_methods() {
    assert_eq!(Verb::of("HEAD"), Some(Verb::Get));
    for method in ["OPTIONS", "get", "", "TRACE"] {
        assert_eq!(Verb::of(method), None, "{method}");
    }
}

#[test]
fn the_window_rolls() {
    let mut quota = small();
    let get = key(TOKENS, Verb::Get);
    for (millis, allowed, remaining) in [
        (0, true, 2),
        (4_000, true, 1),
        (8_000, true, 0),
        (9_999, false, 0),
        (10_000, true, 0),
        (10_001, false, 0),
        (13_999, false, 0),
        (14_000, true, 0),
        (28_000, true, 2),
    ] {
        let verdict = quota.take(get, after(millis));
        assert_eq!(
            (verdict.allowed, verdict.remaining),
            (allowed, remaining),
            "{millis}"
        );
    }
}

#[test]
fn refused_requests_do_not_extend_the_window() {
    let mut quota = small();
    let get = key(TOKENS, Verb::Get);
    for _ in 0..3 {
        assert!(quota.take(get, T0).allowed);
    }
    for millis in 1..10_000 {
        assert!(!quota.take(get, after(millis)).allowed, "{millis}");
    }
    assert_eq!(quota.take(get, after(10_000)).remaining, 2);
}

#[test]
fn endpoints_and_verbs_do_not_share_a_budget() {
    let mut quota = Quota::new(Limits {
        get: 1,
        post: 1,
        put: 1,
        patch: 1,
        delete: 1,
        ..Limits::default()
    });
    for endpoint in [TOKENS, "/setting/admins", "/setting/roles"] {
        for verb in VERBS {
            assert!(
                quota.take(key(endpoint, verb), T0).allowed,
                "{endpoint} {verb:?}"
            );
            assert!(
                !quota.take(key(endpoint, verb), T0).allowed,
                "{endpoint} {verb:?}"
            );
        }
    }
}

#[test]
fn looking_spends_nothing() {
    let mut quota = small();
    let get = key(TOKENS, Verb::Get);
    for _ in 0..10 {
        let verdict = quota.look(get, T0);
        assert_eq!((verdict.allowed, verdict.remaining), (true, 3));
    }
    for _ in 0..3 {
        quota.take(get, T0);
    }
    let verdict = quota.look(get, T0);
    assert_eq!((verdict.allowed, verdict.remaining), (false, 0));
}

#[test]
fn odd_limits() {
    let verdict = |get: u32, window: Duration| {
        let mut quota = Quota::new(Limits {
            get,
            window,
            ..Limits::default()
        });
        quota.take(key(TOKENS, Verb::Get), T0)
    };
    let none = verdict(0, Duration::minutes(1));
    assert_eq!((none.allowed, none.limit, none.remaining), (false, 0, 0));
    assert_eq!(verdict(u32::MAX, Duration::minutes(1)).limit, MAX_LIMIT);
    assert_eq!(verdict(1, Duration::millis(1_500)).window_seconds, 2);
    assert_eq!(verdict(1, Duration::ZERO).window_seconds, 1);
    assert_eq!(verdict(1, Duration(i64::MIN)).window_seconds, 1);
}

#[test]
fn a_clock_set_back_closes_nothing_for_longer_than_a_window() {
    let mut quota = small();
    let get = key(TOKENS, Verb::Get);
    for _ in 0..3 {
        assert!(quota.take(get, after(3_600_000)).allowed);
    }
    assert!(!quota.take(get, T0).allowed);
    assert!(!quota.take(get, after(9_999)).allowed);
    assert!(quota.take(get, after(10_000)).allowed);
}

#[test]
fn memory_is_bounded() {
    let mut quota = small();
    let get = key(TOKENS, Verb::Get);
    for n in 0..10_000 {
        quota.take(get, after(n));
    }
    assert!(quota.window(get).admitted.len() <= 3);
    for n in 0..2 * MAX_ENDPOINTS {
        quota.take(key(&format!("/{n}"), Verb::Get), T0);
    }
    assert_eq!(quota.endpoints.len(), MAX_ENDPOINTS);
}

/// What was admitted and has not left its window, in no order and for all keys at once.
#[derive(Default)]
struct Naive(Vec<(String, Verb, Timestamp)>);

impl Naive {
    fn take(&mut self, limits: &Limits, key: Key<'_>, now: Timestamp) -> (bool, u32) {
        let mut spent = 0;
        self.0.retain_mut(|(endpoint, verb, at)| {
            if endpoint != key.endpoint || *verb != key.verb {
                return true;
            }
            *at = (*at).min(now);
            let counts = now < *at + limits.window;
            spent += u32::from(counts);
            counts
        });
        let limit = limits.of(key.verb);
        if spent >= limit {
            return (false, 0);
        }
        self.0.push((key.endpoint.to_owned(), key.verb, now));
        (true, limit - spent - 1)
    }
}

proptest! {
    #[test]
    fn agrees_with_the_naive_model(
        get in 0u32..6,
        post in 1u32..4,
        seconds in 1i64..8,
        steps in prop::collection::vec((0usize..2, 0usize..2, -500i64..3_000), 1..120),
    ) {
        let limits = Limits { get, post, window: Duration::seconds(seconds), ..Limits::default() };
        let (mut quota, mut naive, mut now) = (Quota::new(limits), Naive::default(), T0);
        for (endpoint, verb, millis) in steps {
            // Mostly onwards, at times the same moment, at times back.
            now = now + Duration::millis(if millis % 3 == 0 { 0 } else { millis });
            let key = key(["/a", "/b"][endpoint], [Verb::Get, Verb::Post][verb]);
            let before = quota.look(key, now);
            let verdict = quota.take(key, now);
            let expected = naive.take(&limits, key, now);
            prop_assert_eq!((verdict.allowed, verdict.remaining), expected);
            prop_assert_eq!(before.allowed, verdict.allowed);
            prop_assert_eq!(before.remaining, verdict.remaining + u32::from(verdict.allowed));
        }
    }
}
