//! Forged, stale and guessed credentials.

use crate::site::{ALL, JSON, Site, key_of, request};
use cresset_auth::jwt::{Alg, SignClaims, sign};
use cresset_catalog::port::Users as _;
use cresset_model::{Clock as _, Duration, SecretString};
use serde_json::json;

const PATH: &str = "/AlertRules/lists_api";

#[tokio::test]
async fn what_a_stranger_learns_is_one_text() {
    let site = Site::new().await;
    let wrong = SecretString::new("wrong");
    let good = site.token("admin", ALL);
    let mut disabled = site.token("bob", ALL);
    let bob = site.catalog.user_by_name("bob").await.unwrap().unwrap();
    site.catalog.set_user_disabled(bob.id, true).await.unwrap();
    let rotated = site.token("eve", ALL);
    let eve = site.catalog.user_by_name("eve").await.unwrap().unwrap();
    let new_key = SecretString::new("f".repeat(32));
    site.catalog
        .set_api_access_key(eve.id, new_key.clone())
        .await
        .unwrap();
    disabled.push_str("");
    for (n, token) in [
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        format!("{good}x"),
        good.replace("eyJ", "eyK"),
        site.token_signed("admin", ALL, &wrong, Duration::ZERO),
        site.token_signed("nobody", ALL, &wrong, Duration::ZERO),
        // Whoever guesses the key of nobody gets nowhere.
        site.token_signed(
            "nobody",
            ALL,
            &SecretString::new("no such user"),
            Duration::ZERO,
        ),
        site.token_signed("admin", ALL, &wrong, Duration::hours(5)),
        disabled,
        rotated,
        "y".repeat(9000),
    ]
    .into_iter()
    .enumerate()
    {
        let request = request("GET", PATH, Some(&token), JSON, "");
        let answer = site.send_from(&format!("192.0.2.{n}:1"), request).await;
        assert_eq!(answer.status, 401, "{n}");
        assert_eq!(
            answer.json,
            json!({"error": "Invalid token", "status_code": 401}),
            "{n}"
        );
    }
    let renewed = site.token_signed("eve", ALL, &new_key, Duration::ZERO);
    let answer = site
        .send(request("GET", PATH, Some(&renewed), JSON, ""))
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_keys_holder_learns_what_is_wrong() {
    let site = Site::new().await;
    let now = site.clock.now();
    let with = |iat, exp| {
        let claims = SignClaims {
            sub: "admin".into(),
            scope: ALL.into(),
            iat,
            exp,
        };
        sign(&claims, &key_of("admin"), Alg::HS512)
    };
    let hour = Duration::hours(1);
    for (token, text) in [
        (with(now - hour - hour, now - hour), "expired"),
        (with(now + hour, now + hour + hour), "not valid yet"),
        (with(now, now + Duration::days(2)), "lifetime"),
    ] {
        let answer = site
            .send(request("GET", PATH, Some(&token), JSON, ""))
            .await;
        assert_eq!(answer.status, 401);
        assert!(
            answer.json["error"].as_str().unwrap().contains(text),
            "{answer:?}"
        );
    }
    // Two headers, or another scheme, are refused too.
    let token = site.token("admin", ALL);
    for headers in [
        vec![format!("Basic {token}")],
        vec![format!("Bearer {token}"); 2],
    ] {
        let mut request = axum::http::Request::get(PATH);
        for header in headers {
            request = request.header("authorization", header);
        }
        let answer = site
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, 401);
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_per_user_and_address() {
    let site = Site::new().await;
    let wrong = site.token_signed("admin", ALL, &SecretString::new("wrong"), Duration::ZERO);
    let right = site.token("admin", ALL);
    let ask = async |peer: &str, token: &str| {
        site.send_from(peer, request("GET", PATH, Some(token), JSON, ""))
            .await
    };
    for _ in 0..6 {
        assert_eq!(ask("192.0.2.1:1", &wrong).await.status, 401);
    }
    let answer = ask("192.0.2.1:2", &right).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.json["status_code"], json!(429));
    // Neither another address nor another user is locked out.
    assert_eq!(ask("192.0.2.2:1", &right).await.status, 200);
    assert_eq!(
        ask("192.0.2.1:1", &site.token("bob", ALL)).await.status,
        200
    );
    // The secret key form shares the throttle, but says nothing about it.
    let body = json!({"username": "admin", "secret_key": key_of("admin").expose()}).to_string();
    let form = || request("POST", "/get_users", None, JSON, body.clone());
    let answer = site.send_from("192.0.2.1:1", form()).await;
    assert_eq!(answer.json["message"], json!("Authentication Failed"));
    site.clock.advance(Duration::seconds(2));
    let answer = site.send_from("192.0.2.1:1", form()).await;
    assert_eq!(answer.json["success"], json!(true));
    assert_eq!(ask("192.0.2.1:1", &right).await.status, 200);
}

#[tokio::test]
async fn expired_tokens_do_not_lock_anybody_out() {
    let site = Site::new().await;
    let stale = site.token_signed("admin", ALL, &key_of("admin"), Duration::hours(3));
    for _ in 0..20 {
        let answer = site
            .send(request("GET", PATH, Some(&stale), JSON, ""))
            .await;
        assert_eq!(answer.json["error"], json!("Token has expired"));
    }
    let fresh = site.token("admin", ALL);
    assert_eq!(
        site.send(request("GET", PATH, Some(&fresh), JSON, ""))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn failures_are_audited_within_a_budget() {
    let site = Site::new().await;
    for n in 0..200 {
        let user = format!("user{n}");
        let token = site.token_signed(&user, ALL, &SecretString::new("x"), Duration::ZERO);
        site.send(request("GET", PATH, Some(&token), JSON, ""))
            .await;
    }
    let entries = site.catalog.audit_entries(1000).await.unwrap();
    let failed: Vec<_> = entries
        .iter()
        .filter(|e| e.action == "authentication_failed")
        .collect();
    // A quarter of the budget: all came from one address.
    assert_eq!(failed.len(), 15);
    assert_eq!(failed[14].actor, "user0");
    assert_eq!(failed[14].address, "192.0.2.7");
    assert!(
        failed[14].detail.contains("unknown_user"),
        "{:?}",
        failed[14]
    );
    site.clock.advance(Duration::minutes(1));
    site.send(request("GET", PATH, Some("x"), JSON, "")).await;
    let entries = site.catalog.audit_entries(1).await.unwrap();
    assert!(
        entries[0].detail.contains("185 earlier"),
        "{:?}",
        entries[0]
    );
}
