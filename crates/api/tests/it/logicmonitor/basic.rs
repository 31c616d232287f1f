//! User name and password, where the settings allow them.

use super::{ACCOUNT, BASE, Key, header, key, refused};
use crate::site::{Answer, Site};
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cresset_api::{ApiSettings, Readiness};
use cresset_auth::throttle::ThrottleSettings;
use cresset_catalog::port::Users as _;
use cresset_model::{Duration, SecretString};
use futures::future::join_all;
use serde_json::{Value, json};
use std::num::NonZeroUsize;

const PASSWORD: &str = "Correct:horse7";

async fn site(basic: bool) -> Site {
    site_with(ApiSettings {
        basic,
        ..ApiSettings::default()
    })
    .await
}

async fn site_with(settings: ApiSettings) -> Site {
    let site = Site::with(settings, Readiness::default()).await;
    let admin = key(&site, "admin").await;
    for (name, more) in [
        ("pat", json!({"password": PASSWORD})),
        ("bot", json!({"apionly": true})),
        ("gone", json!({"password": PASSWORD, "status": "suspended"})),
    ] {
        let mut body = json!({"username": name, "email": "p@x.example", "roles": [{"id": 1}]});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        super::good(&site, &admin, "POST", "/setting/admins", &body).await;
    }
    site
}

async fn ask(site: &Site, peer: &str, version: &str, target: &str, text: &str) -> Answer {
    let header = format!("Basic {}", STANDARD.encode(text));
    let request = Request::get(target)
        .header("authorization", header)
        .header("x-version", version)
        .body(Body::empty())
        .unwrap();
    site.send_from(&format!("{peer}:1"), request).await
}

async fn reason(site: &Site) -> String {
    let entries = site.catalog.audit_entries(1).await.unwrap();
    assert_eq!(entries[0].action, "authentication_failed");
    entries[0].detail.clone()
}

#[tokio::test]
async fn passwords_are_taken_in_the_first_version_if_at_all() {
    let target = format!("{BASE}{ACCOUNT}");
    let right = format!("pat:{PASSWORD}");
    let off = site(false).await;
    for version in ["1", "2", "3"] {
        let answer = ask(&off, "192.0.2.7", version, &target, &right).await;
        let text = refused(&answer, version, 401, 1401, "off");
        assert_eq!(text, "Authentication failed");
        assert_eq!(reason(&off).await, "header: unknown_scheme");
    }
    let on = site(true).await;
    let answer = ask(&on, "192.0.2.7", "1", &target, &right).await;
    assert_eq!(answer.json["status"], json!(200), "{answer:?}");
    assert_ne!(answer.json["data"]["items"], Value::Null);
    for version in ["2", "3"] {
        let answer = ask(&on, "192.0.2.7", version, &target, &right).await;
        refused(&answer, version, 401, 1401, "another version");
    }
    for (n, (text, expected)) in [
        ("pat:correct:horse7".to_owned(), "basic: password"),
        ("pat:Correct".to_owned(), "basic: password"),
        (format!("Pat:{PASSWORD}"), "basic: unknown_user"),
        (format!("bot:{PASSWORD}"), "basic: password"),
        ("bot:".to_owned(), "basic: malformed"),
        (format!("gone:{PASSWORD}"), "basic: user_disabled"),
        (
            format!("admin:{}", crate::site::key_of("admin").expose()),
            "basic: password",
        ),
        ("pat".to_owned(), "basic: malformed"),
        (String::new(), "basic: malformed"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ask(&on, &format!("10.0.0.{n}"), "1", &target, &text).await;
        let said = refused(&answer, "1", 401, 1401, expected);
        assert_eq!(said, "Authentication failed", "{expected}");
        assert_eq!(reason(&on).await, expected);
    }
}

#[tokio::test]
async fn guessing_is_held_back_before_a_password_is_looked_at() {
    let site = site(true).await;
    let target = format!("{BASE}{ACCOUNT}");
    let right = format!("pat:{PASSWORD}");
    for _ in 0..6 {
        let answer = ask(&site, "192.0.2.66", "1", &target, "pat:guess").await;
        refused(&answer, "1", 401, 1401, "guess");
    }
    // The guesser is held back even with the right one, everybody else is not.
    let answer = ask(&site, "192.0.2.66", "1", &target, &right).await;
    refused(&answer, "1", 401, 1401, "held back");
    let answer = ask(&site, "192.0.2.7", "1", &target, &right).await;
    assert_eq!(answer.json["status"], json!(200), "{answer:?}");
    site.clock.advance(Duration::seconds(2));
    let answer = ask(&site, "192.0.2.66", "1", &target, &right).await;
    assert_eq!(answer.json["status"], json!(200), "{answer:?}");
}

#[tokio::test]
async fn guesses_at_one_moment_are_counted_before_they_are_looked_at() {
    let site = site(true).await;
    let target = format!("{BASE}{ACCOUNT}");
    let right = format!("pat:{PASSWORD}");
    let texts = ["pat:guess"; 7].into_iter().chain([right.as_str()]);
    let asked = texts.map(|text| ask(&site, "192.0.2.66", "1", &target, text));
    for answer in join_all(asked).await {
        refused(&answer, "1", 401, 1401, "at once");
    }
    assert_eq!(recorded(&site, "basic: password").await, 6);
    // Right ones at once do not hold each other back.
    let asked = (0..8).map(|_| ask(&site, "192.0.2.7", "1", &target, &right));
    for answer in join_all(asked).await {
        assert_eq!(answer.json["status"], json!(200), "{answer:?}");
    }
}

#[tokio::test]
async fn failures_and_successes_with_keys_leave_the_count_of_guesses_alone() {
    let capacity = NonZeroUsize::new(8).unwrap();
    let site = site_with(ApiSettings {
        basic: true,
        throttle: ThrottleSettings {
            capacity,
            ..ThrottleSettings::default()
        },
        ..ApiSettings::default()
    })
    .await;
    let target = format!("{BASE}{ACCOUNT}");
    let right = format!("pat:{PASSWORD}");
    for _ in 0..6 {
        let answer = ask(&site, "192.0.2.66", "1", &target, "pat:guess").await;
        refused(&answer, "1", 401, 1401, "guess");
    }
    for n in 0..20 {
        let nobody = Key {
            access_id: format!("nobody{n}"),
            secret: SecretString::new("guess"),
            id: 0,
            owner: 0,
        };
        let signed = header(&site, &nobody, "GET", ACCOUNT, "");
        let answer = sent(&site, &target, &signed).await;
        refused(&answer, "1", 401, 1401, "a made-up key");
    }
    let found = site.catalog.user_and_key("pat").await.unwrap();
    let own = found.unwrap().1;
    let token = site.token_signed("pat", "setting:read", own.secret(), Duration::ZERO);
    let answer = sent(&site, &target, &format!("Bearer {token}")).await;
    assert_eq!(answer.json["status"], json!(200), "{answer:?}");
    let answer = ask(&site, "192.0.2.66", "1", &target, &right).await;
    refused(&answer, "1", 401, 1401, "held back");
}

async fn sent(site: &Site, target: &str, authorization: &str) -> Answer {
    let request = Request::get(target)
        .header("authorization", authorization)
        .header("x-version", "1")
        .body(Body::empty())
        .unwrap();
    site.send_from("192.0.2.66:1", request).await
}

async fn recorded(site: &Site, detail: &str) -> usize {
    let entries = site.catalog.audit_entries(200).await.unwrap();
    entries.iter().filter(|e| e.detail == detail).count()
}

#[tokio::test]
async fn made_up_names_are_held_back_for_those_who_are_not_known_there() {
    let site = site_with(ApiSettings {
        basic: true,
        failure_audit_per_minute: 1000,
        ..ApiSettings::default()
    })
    .await;
    let target = format!("{BASE}{ACCOUNT}");
    let right = format!("pat:{PASSWORD}");
    let answer = ask(&site, "192.0.2.66", "1", &target, &right).await;
    assert_eq!(answer.json["status"], json!(200), "{answer:?}");
    for n in 0..30 {
        let answer = ask(&site, "192.0.2.66", "1", &target, &format!("n{n}:guess")).await;
        refused(&answer, "1", 401, 1401, "made up");
    }
    assert_eq!(recorded(&site, "basic: unknown_user").await, 21);
    for peer in ["192.0.2.66", "192.0.2.7"] {
        let answer = ask(&site, peer, "1", &target, &right).await;
        assert_eq!(answer.json["status"], json!(200), "{peer}: {answer:?}");
    }
}

#[tokio::test]
async fn other_interfaces_know_no_passwords() {
    let site = site(true).await;
    let right = format!("pat:{PASSWORD}");
    for target in ["/api/v1/repos", "/AlertRules/lists_api"] {
        let answer = ask(&site, "192.0.2.7", "1", target, &right).await;
        assert_eq!(answer.status, 401, "{target}");
    }
}
