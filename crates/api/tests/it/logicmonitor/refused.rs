//! Refused requests in the access logs, in LogicMonitor's words (spec §3.9).

use super::{ACCOUNT, BASE, Key, call, key, new_token, request, store};
use crate::site::{JSON, Site, request as native};
use cresset_api::{ApiSettings, Readiness};
use cresset_auth::quota::Limits;
use cresset_catalog::port::AuditLog as _;
use cresset_model::filter::{ListQuery, Sort};
use cresset_model::token::TokenKind;
use cresset_model::{Duration, SecretString};

/// The descriptions of the newest lines, newest first.
async fn told(site: &Site, count: u32) -> Vec<String> {
    let query = ListQuery {
        sort: vec![Sort {
            column: "id".to_owned(),
            descending: true,
        }],
        size: count,
        ..ListQuery::default()
    };
    let lines = site.catalog.audit_lines(&query).await.unwrap();
    lines
        .items
        .into_iter()
        .map(|line| line.description)
        .collect()
}

#[tokio::test]
async fn a_failed_request_is_told_with_path_and_method() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let guess = Key {
        access_id: admin.access_id.clone(),
        secret: SecretString::new("guess"),
        ..admin
    };
    // The path comes as it was sent, the query string does not.
    let target = "/setting/admins/apiTokens?filter=note:secret";
    call(&site, &guess, "3", "GET", target, "").await;
    let expected = format!(
        "Failed API request: API token {} attempted to access path \
         '/santaba/rest/setting/admins/apiTokens' with Method: GET",
        admin.access_id
    );
    assert_eq!(told(&site, 1).await, [expected]);

    let mut bearer = new_token(&site, "admin", TokenKind::Bearer).await;
    bearer.networks = vec!["10.0.0.0/8".to_owned()];
    let bearer = store(&site, bearer).await;
    let header = format!("Bearer {}", bearer.secret.expose());
    let own = format!("/setting/admins/{}/apitokens", bearer.owner);
    site.send(request(&header, "", "POST", &own, "{}")).await;
    let shown = &bearer.secret.expose()[..20];
    let expected = format!(
        "Failed API request: API token {shown} attempted to access path '{BASE}{own}' \
         with Method: POST"
    );
    assert_eq!(told(&site, 1).await, [expected]);

    site.send(request("", "3", "GET", ACCOUNT, "")).await;
    let expected = format!("authentication failed: header: unknown_scheme (GET {BASE}{ACCOUNT})");
    assert_eq!(told(&site, 1).await, [expected]);

    let path = "/AlertRules/lists_api";
    site.send(native("GET", path, Some("x"), JSON, "")).await;
    let told = told(&site, 1).await.remove(0);
    assert!(told.starts_with("authentication failed: token: "), "{told}");
    assert!(told.ends_with(" (GET /AlertRules/lists_api)"), "{told}");
}

#[tokio::test]
async fn throttled_requests_are_told_within_a_budget() {
    let settings = ApiSettings {
        quota: Limits {
            get: 3,
            ..Limits::default()
        },
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let admin = key(&site, "admin").await;
    for _ in 0..3 {
        assert_eq!(
            call(&site, &admin, "3", "GET", ACCOUNT, "").await.status,
            200
        );
    }
    assert!(
        told(&site, 9)
            .await
            .iter()
            .all(|text| !text.contains("API request"))
    );
    for _ in 0..200 {
        assert_eq!(
            call(&site, &admin, "3", "GET", ACCOUNT, "").await.status,
            429
        );
    }
    let expected = format!(
        "Throttled API request: API token {} attempted to access path \
         '{BASE}{ACCOUNT}' with Method: GET",
        admin.access_id
    );
    let lines = told(&site, 1000).await;
    let throttled: Vec<&String> = lines.iter().filter(|text| **text == expected).collect();
    // A quarter of the budget: all came from one address.
    assert_eq!(throttled.len(), 15, "{lines:?}");
    site.clock.advance(Duration::minutes(1));
    let jwt = format!("Bearer {}", site.token("admin", "setting:read"));
    for _ in 0..4 {
        site.send(request(&jwt, "3", "GET", ACCOUNT, "")).await;
    }
    let expected = format!(
        "Throttled API request: user admin attempted to access path \
         '{BASE}{ACCOUNT}' with Method: GET"
    );
    assert_eq!(told(&site, 1).await, [expected]);
}
