//! How many requests the account may send.

use super::{ACCOUNT, Key, call, key, refused};
use crate::site::{Answer, Site};
use cresset_api::{ApiSettings, Readiness};
use cresset_auth::quota::Limits;
use cresset_model::{Duration, SecretString};

async fn site() -> Site {
    let settings = ApiSettings {
        quota: Limits {
            get: 3,
            post: 2,
            ..Limits::default()
        },
        ..ApiSettings::default()
    };
    Site::with(settings, Readiness::default()).await
}

/// Limit, what remains, and the window.
fn told(answer: &Answer) -> (u32, u32, u32) {
    let number = |name: &str| {
        let name = format!("x-rate-limit-{name}");
        answer.headers[name.as_str()]
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    };
    (number("limit"), number("remaining"), number("window"))
}

#[tokio::test]
async fn a_budget_per_endpoint_and_verb_of_the_whole_account() {
    let site = site().await;
    let (admin, bob) = (key(&site, "admin").await, key(&site, "bob").await);
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    let bobs = format!("/setting/admins/{}/apitokens", bob.owner);
    let mut left = Vec::new();
    for (who, target) in [(&admin, &own), (&bob, &bobs), (&admin, &bobs)] {
        let answer = call(&site, who, "3", "GET", target, "").await;
        assert_eq!(answer.status, 200);
        left.push(told(&answer));
    }
    assert_eq!(left, [(3, 2, 60), (3, 1, 60), (3, 0, 60)]);
    for version in ["", "1", "2", "3"] {
        let answer = call(&site, &bob, version, "GET", &bobs, "").await;
        let text = refused(&answer, version, 429, 1429, version);
        assert_eq!(text, "Too many requests (exceeded rate limits)");
        assert_eq!(told(&answer), (3, 0, 60));
        assert!(!answer.headers.contains_key("retry-after"));
    }
    // Another endpoint, and another verb.
    let answer = call(&site, &admin, "3", "GET", ACCOUNT, "").await;
    assert_eq!((answer.status.as_u16(), told(&answer)), (200, (3, 2, 60)));
    let answer = call(&site, &admin, "3", "POST", &own, "{}").await;
    assert_eq!((answer.status.as_u16(), told(&answer)), (200, (2, 1, 60)));
    // A minute later.
    site.clock.advance(Duration::minutes(1));
    let answer = call(&site, &admin, "3", "GET", &own, "").await;
    assert_eq!((answer.status.as_u16(), told(&answer)), (200, (3, 2, 60)));
}

#[tokio::test]
async fn a_stranger_spends_nothing() {
    let site = site().await;
    let admin = key(&site, "admin").await;
    let stranger = Key {
        access_id: admin.access_id.clone(),
        secret: SecretString::new("guess"),
        ..admin
    };
    for _ in 0..10 {
        let answer = call(&site, &stranger, "3", "GET", ACCOUNT, "").await;
        refused(&answer, "3", 401, 1401, "guess");
        assert_eq!(told(&answer), (3, 3, 60));
    }
    let answer = call(&site, &admin, "3", "GET", ACCOUNT, "").await;
    assert_eq!((answer.status.as_u16(), told(&answer)), (200, (3, 2, 60)));
    // Who is proven but refused has spent it.
    let eve = key(&site, "eve").await;
    let answer = call(&site, &eve, "3", "GET", ACCOUNT, "").await;
    refused(&answer, "3", 403, 1041, "eve");
    assert_eq!(told(&answer), (3, 1, 60));
}
