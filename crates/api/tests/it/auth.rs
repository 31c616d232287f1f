//! Forged, stale and guessed credentials.

use crate::site::{ALL, JSON, Site, key_of, request};
use cresset_api::{ApiSettings, Pace, Readiness};
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
    let answer = ask("192.0.2.1:2", &wrong).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.json["status_code"], json!(429));
    // Guesses from another address or at another user are counted apart.
    assert_eq!(ask("192.0.2.2:1", &wrong).await.status, 401);
    let other = site.token_signed("bob", ALL, &SecretString::new("wrong"), Duration::ZERO);
    assert_eq!(ask("192.0.2.1:1", &other).await.status, 401);
    // The secret key form shares the throttle, but says nothing about it.
    let answer = site.send_from("192.0.2.1:1", users("admin", "no")).await;
    assert_eq!(answer.json["message"], json!("Authentication Failed"));
    site.clock.advance(Duration::seconds(2));
    assert_eq!(ask("192.0.2.1:1", &wrong).await.status, 401);
    assert_eq!(ask("192.0.2.1:1", &wrong).await.status, 429);
    // Who has the key passes, and with that the count starts again.
    assert_eq!(ask("192.0.2.1:1", &right).await.status, 200);
    assert_eq!(ask("192.0.2.1:1", &wrong).await.status, 401);
}

/// A request of the credential family.
fn users(name: &str, key: &str) -> axum::http::Request<axum::body::Body> {
    let body = json!({"username": name, "secret_key": key}).to_string();
    request("POST", "/get_users", None, JSON, body)
}

/// Behind a proxy all clients have one address.
#[tokio::test]
async fn a_stranger_locks_nobody_out() {
    let site = Site::new().await;
    let wrong = site.token_signed("admin", ALL, &SecretString::new("wrong"), Duration::ZERO);
    let ask = |token: &str| request("GET", PATH, Some(token), JSON, "");
    for _ in 0..15 {
        site.send(ask(&wrong)).await;
        site.send(users("admin", "wrong")).await;
        assert_eq!(site.send(ask(&site.token("admin", ALL))).await.status, 200);
    }
    for _ in 0..15 {
        site.send(ask(&wrong)).await;
    }
    assert_eq!(site.send(ask(&wrong)).await.status, 429);
    let answer = site.send(users("admin", key_of("admin").expose())).await;
    assert_eq!(answer.json["success"], json!(true), "{answer:?}");
}

#[tokio::test]
async fn guesses_at_the_same_moment_are_all_counted() {
    let site = Site::new().await;
    let guesses = (0..40).map(|n| {
        let key = SecretString::new(format!("guess {n}"));
        let token = site.token_signed("admin", ALL, &key, Duration::ZERO);
        site.send(request("GET", PATH, Some(&token), JSON, ""))
    });
    let answers = futures::future::join_all(guesses).await;
    let judged = answers.iter().filter(|a| a.status == 401).count();
    let held_back = answers.iter().filter(|a| a.status == 429).count();
    assert_eq!((judged, held_back), (6, 34));
}

#[tokio::test]
async fn a_large_body_is_not_read_from_a_stranger() {
    let site = Site::new().await;
    let padding = " ".repeat(300 << 10);
    for path in [
        "/get_users",
        "/incidents",
        "/getsearchlogs",
        "/getalloweddata",
    ] {
        let method = if path == "/incidents" { "GET" } else { "POST" };
        let body = format!("{{\"username\":\"admin\"{padding}}}");
        let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = read.clone();
        let endless = futures::stream::repeat_with(move || {
            counter.fetch_add(1 << 16, std::sync::atomic::Ordering::SeqCst);
            Ok::<_, std::io::Error>(vec![b' '; 1 << 16])
        });
        for body in [body.into(), axum::body::Body::from_stream(endless)] {
            let answer = site.send(request(method, path, None, JSON, body)).await;
            assert_eq!(answer.status, 413, "{path}");
            assert_eq!(
                answer.json,
                json!({"success": false, "message": "the body is larger than 262144 bytes; send smaller ones"})
            );
        }
        assert!(read.load(std::sync::atomic::Ordering::SeqCst) <= 384 << 10);
    }
}

/// Bodies that come slowly are given up, and until then one address gets a share only.
#[tokio::test]
async fn bodies_of_strangers_are_bounded_together() {
    let settings = ApiSettings {
        max_login_body_bytes: 1000,
        max_login_in_flight_bytes: 4000,
        body_pace: Pace {
            bytes: 1000,
            span: Duration::millis(300),
        },
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let stalled = || {
        let first = futures::stream::once(async { Ok::<_, std::io::Error>(vec![b' '; 900]) });
        let body = futures::StreamExt::chain(first, futures::stream::pending());
        request(
            "POST",
            "/get_users",
            None,
            JSON,
            axum::body::Body::from_stream(body),
        )
    };
    let stranger = "192.0.2.66:1";
    let (a, b, other) = tokio::join!(
        site.send_from(stranger, stalled()),
        site.send_from(stranger, stalled()),
        site.send(users("admin", key_of("admin").expose())),
    );
    let (slow, refused) = if a.status == 408 { (a, b) } else { (b, a) };
    assert_eq!(slow.status, 408, "{slow:?}");
    assert!(slow.text.contains("the body came too slowly"), "{slow:?}");
    assert!(
        refused.text.contains("too much is being received"),
        "{refused:?}"
    );
    assert_eq!(other.json["success"], json!(true));
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
