//! Who is let in, and what the others learn.

use super::{ACCOUNT, Key, call, header, key, new_token, refused, request, store};
use crate::site::{ALL, Answer, START, Site, key_of};
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use cresset_api::{ApiSettings, Readiness};
use cresset_auth::lmv1;
use cresset_catalog::port::Users as _;
use cresset_model::token::TokenKind;
use cresset_model::{Clock as _, Duration, SecretString, Timestamp};
use serde_json::json;

const FAILED: &str = "Authentication failed";

async fn get(site: &Site, authorization: &str, peer: &str) -> Answer {
    let request = request(authorization, "3", "GET", ACCOUNT, "");
    site.send_from(peer, request).await
}

/// What the newest failure in the audit log says.
async fn reason(site: &Site) -> String {
    let entries = site.catalog.audit_entries(10).await.unwrap();
    let failed = entries
        .into_iter()
        .find(|e| e.action == "authentication_failed");
    failed.unwrap().detail
}

#[tokio::test]
async fn one_text_for_every_cause_and_the_reason_in_the_audit_log() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let good = header(&site, &admin, "GET", ACCOUNT, "");
    let now = site.clock.now();
    let changed = async |change: &dyn Fn(&mut cresset_catalog::port::NewToken)| {
        let mut new = new_token(&site, "admin", TokenKind::Lmv1).await;
        change(&mut new);
        let key = store(&site, new).await;
        header(&site, &key, "GET", ACCOUNT, "")
    };
    let disabled = changed(&|new| new.disabled = true).await;
    let expired = changed(&|new| new.expires_at = Some(Timestamp::from_secs(START))).await;
    let elsewhere = changed(&|new| new.networks = vec!["10.0.0.0/8".to_owned()]).await;
    let unknown = good.replace(&admin.access_id, "nobody");
    let path = format!("/santaba/rest{ACCOUNT}");
    let whole_path = lmv1::header(
        &admin.access_id,
        &admin.secret,
        "GET",
        &path,
        b"",
        now.0 / 1000,
    );
    let other_body = header(&site, &admin, "GET", ACCOUNT, "{}");
    let mut bearer = new_token(&site, "admin", TokenKind::Bearer).await;
    let unused = format!("Bearer {}", bearer.secret.expose());
    bearer.networks = vec!["10.0.0.0/8".to_owned()];
    bearer.secret = new_token(&site, "admin", TokenKind::Bearer).await.secret;
    let far = format!("Bearer {}", bearer.secret.expose());
    store(&site, bearer).await;
    let jwt = site.token("admin", "setting:read");
    let wrong = SecretString::new("wrong");
    let forged = site.token_signed("admin", ALL, &wrong, Duration::ZERO);
    let stale = site.token_signed("admin", ALL, &key_of("admin"), Duration::hours(3));
    for (n, (authorization, expected)) in [
        (unknown, "lmv1: unknown_token"),
        (disabled, "lmv1: token_disabled"),
        (expired, "lmv1: token_expired"),
        (elsewhere, "lmv1: network"),
        (whole_path, "lmv1: signature"),
        (other_body, "lmv1: signature"),
        ("LMv1 x".to_owned(), "lmv1: malformed"),
        (format!("LMv1 {}", "a".repeat(5000)), "lmv1: malformed"),
        (format!("{good}:1"), "lmv1: malformed"),
        (format!("lmv1 {}", &good[5..]), "header: unknown_scheme"),
        ("Basic YWRtaW46eA==".to_owned(), "header: unknown_scheme"),
        (String::new(), "header: unknown_scheme"),
        (unused.clone(), "bearer: unknown_token"),
        (far, "bearer: network"),
        (unused[..60].to_owned(), "bearer: length"),
        (unused.replace("lmb_", "lmb_x"), "bearer: length"),
        (format!("Bearer {jwt}x"), "token: structure"),
        (format!("Bearer {forged}"), "token: signature"),
        (format!("Bearer {stale}"), "token: expired"),
        ("Bearer ".to_owned(), "token: structure"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = get(&site, &authorization, &format!("192.0.2.{n}:1")).await;
        let text = refused(&answer, "3", 401, 1401, &authorization);
        assert_eq!(text, FAILED, "{authorization}");
        assert!(!answer.headers.contains_key("x-auth-failure-reason"));
        assert!(answer.headers.contains_key("www-authenticate"));
        let told = reason(&site).await;
        assert!(
            told == expected || expected.ends_with("structure") && told.starts_with("token: "),
            "{authorization}: {told}"
        );
    }
    assert_eq!(get(&site, &good, "192.0.2.7:1").await.status, 200);
    let jwt = format!("Bearer {jwt}");
    assert_eq!(get(&site, &jwt, "192.0.2.7:1").await.status, 200);
}

#[tokio::test]
async fn headers_that_are_missing_doubled_or_no_text() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let good = header(&site, &admin, "GET", ACCOUNT, "");
    let uri = format!("/santaba/rest{ACCOUNT}");
    let check = async |values: &[&[u8]], expected: &str| {
        let mut request = Request::get(&uri).header("x-version", "2");
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            request = request.header("authorization", value);
        }
        let answer = site.send(request.body(Body::empty()).unwrap()).await;
        refused(&answer, "2", 401, 1401, expected);
        assert_eq!(reason(&site).await, expected);
    };
    check(&[], "header: missing").await;
    check(&[good.as_bytes(), good.as_bytes()], "header: several").await;
    check(&[good.as_bytes(), b"Bearer x"], "header: several").await;
    check(&[b"LMv1 \xff:x:1"], "header: malformed").await;
}

#[tokio::test]
async fn only_the_keys_holder_is_told_that_the_clock_is_wrong() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let at = |offset: i64, secret: &SecretString| {
        let now = site.clock.now().0 / 1000 + offset;
        lmv1::header(&admin.access_id, secret, "GET", ACCOUNT, b"", now)
    };
    let window = 30 * 60 * 1000;
    for offset in [-window, -window + 1000, 0, window - 1000, window] {
        let answer = get(&site, &at(offset, &admin.secret), "192.0.2.7:1").await;
        assert_eq!(answer.status, 200, "{offset}");
    }
    let told = format!("clock-skew; server-time={}", START * 1000);
    for offset in [-window - 1000, window + 1000] {
        let stale = at(offset, &admin.secret);
        let answer = get(&site, &stale, "192.0.2.7:1").await;
        assert_eq!(refused(&answer, "3", 401, 1401, "skew"), FAILED);
        assert_eq!(answer.headers["x-auth-failure-reason"], told);
        let first = request(&stale, "1", "GET", ACCOUNT, "");
        let answer = site.send(first).await;
        refused(&answer, "1", 401, 1401, "skew");
        assert_eq!(answer.headers["x-auth-failure-reason"], told);
        assert_eq!(reason(&site).await, "lmv1: clock_skew");
        let guessed = at(offset, &SecretString::new("guess"));
        let answer = get(&site, &guessed, "192.0.2.8:1").await;
        assert!(!answer.headers.contains_key("x-auth-failure-reason"));
    }
}

#[tokio::test]
async fn guesses_are_slowed_down_and_lock_nobody_out() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let stranger = Key {
        secret: SecretString::new("guess"),
        access_id: admin.access_id.clone(),
        ..admin
    };
    for _ in 0..50 {
        let answer = call(&site, &stranger, "3", "GET", ACCOUNT, "").await;
        assert_eq!(refused(&answer, "3", 401, 1401, "guess"), FAILED);
    }
    let entries = site.catalog.audit_entries(100).await.unwrap();
    let failed = entries
        .iter()
        .filter(|e| e.action == "authentication_failed");
    assert!(failed.count() < 20);
    // The owner, from the very same address.
    let answer = call(&site, &admin, "3", "GET", ACCOUNT, "").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_request_may_come_twice_unless_that_is_refused() {
    for refuse_replays in [false, true] {
        let settings = ApiSettings {
            refuse_replays,
            ..ApiSettings::default()
        };
        let site = Site::with(settings, Readiness::default()).await;
        let admin = key(&site, "admin").await;
        let authorization = header(&site, &admin, "GET", ACCOUNT, "");
        assert_eq!(get(&site, &authorization, "192.0.2.7:1").await.status, 200);
        let again = get(&site, &authorization, "192.0.2.8:1").await;
        if refuse_replays {
            assert_eq!(refused(&again, "3", 401, 1401, "replay"), FAILED);
            assert_eq!(reason(&site).await, "lmv1: replayed");
        } else {
            assert_eq!(again.status, 200);
        }
        site.clock.advance(Duration::millis(1));
        let later = header(&site, &admin, "GET", ACCOUNT, "");
        assert_eq!(get(&site, &later, "192.0.2.7:1").await.status, 200);
    }
}

#[tokio::test]
async fn a_suspended_owner_is_refused_at_once() {
    let site = Site::new().await;
    let bob = key(&site, "bob").await;
    let this = "/setting/admins/apitokens/self";
    assert_eq!(call(&site, &bob, "3", "GET", this, "").await.status, 200);
    let user = site.catalog.user_by_name("bob").await.unwrap().unwrap();
    site.catalog.set_user_disabled(user.id, true).await.unwrap();
    let answer = call(&site, &bob, "3", "GET", this, "").await;
    refused(&answer, "3", 401, 1401, "suspended");
    assert_eq!(reason(&site).await, "lmv1: user_disabled");
}

#[tokio::test]
async fn the_body_is_covered_byte_by_byte() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    for body in [
        "{}",
        "{}\n",
        "{\r\n  \"note\": \"x\"\r\n}",
        "{\"note\":\"café\"}",
        "{\"note\":\"caf\\u00e9\"}",
        "\u{feff}{}",
    ] {
        let answer = call(&site, &admin, "3", "POST", &own, body).await;
        assert_eq!(answer.status, 200, "{body:?}: {answer:?}");
        let authorization = header(&site, &admin, "POST", &own, body);
        let longer = format!("{body} ");
        let changed = request(&authorization, "3", "POST", &own, &longer);
        refused(&site.send(changed).await, "3", 401, 1401, "another body");
    }
    // A query is not signed.
    let authorization = header(&site, &admin, "GET", &own, "");
    let target = format!("{own}?size=1");
    let sent = request(&authorization, "3", "GET", &target, "");
    assert_eq!(site.send(sent).await.status, 200);
    // Bytes of the path that are moved into the body make no other request of it.
    let authorization = header(
        &site,
        &admin,
        "DELETE",
        "x/setting/admins/apitokens/self",
        "",
    );
    let moved = request(&authorization, "3", "GET", ACCOUNT, "x");
    refused(&site.send(moved).await, "3", 401, 1401, "moved");
    let answer = call(&site, &admin, "3", "GET", ACCOUNT, "{}/x").await;
    refused(&answer, "3", 400, 1007, "a body that is no JSON");
}

#[tokio::test]
async fn a_signature_in_percent_code_is_checked_both_ways() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let sent = "/setting/admins/api%74okens";
    for signed in [ACCOUNT, sent] {
        let authorization = header(&site, &admin, "GET", signed, "");
        let answer = site
            .send(request(&authorization, "3", "GET", sent, ""))
            .await;
        // Either signature is good; the path itself is none that is known.
        refused(&answer, "3", 404, 1069, signed);
    }
    let target = format!("/setting/admins/%3{}/apitokens", admin.owner);
    let decoded = format!("/setting/admins/{}/apitokens", admin.owner);
    for signed in [&target, &decoded] {
        let authorization = header(&site, &admin, "GET", signed, "");
        let answer = site
            .send(request(&authorization, "3", "GET", &target, ""))
            .await;
        assert_eq!(answer.status, 200, "{signed}: {answer:?}");
    }
    let wrong = header(&site, &admin, "GET", "/setting/admins", "");
    let answer = site.send(request(&wrong, "3", "GET", &target, "")).await;
    refused(&answer, "3", 401, 1401, "another path");
    assert_eq!(json!(reason(&site).await), json!("lmv1: signature"));
}
