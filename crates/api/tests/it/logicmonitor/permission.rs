//! Filters by what the caller may do, tokens that nobody uses, and settings about versions.

use super::rights::everybody;
use super::{ACCOUNT, call, good, header, key, new_token, refused, request, store};
use crate::site::Site;
use cresset_api::{ApiSettings, Readiness, V1AuthFailure};
use cresset_catalog::port::ApiTokens as _;
use cresset_model::filter::{Cell, Column, Row, parse};
use cresset_model::token::TokenKind;
use cresset_model::{Duration, Timestamp};
use serde_json::{Value, json};

/// An item of a list, as the reference for filters sees it.
struct Item<'a>(&'a Value);

const COLUMNS: &[Column] = &[
    Column::text("adminName"),
    Column::text("userPermission"),
    Column::number("id"),
];

impl Row for Item<'_> {
    fn columns(&self) -> &[Column] {
        COLUMNS
    }

    fn cell(&self, column: &Column) -> Cell {
        match &self.0[column.name] {
            Value::String(text) => Cell::Text(text.clone()),
            Value::Number(number) => Cell::Number(number.as_i64().unwrap()),
            _ => Cell::Null,
        }
    }
}

fn ids(list: &Value) -> Vec<i64> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_filter_by_permission_finds_what_the_items_say() {
    let site = Site::new().await;
    let keys = everybody(&site).await;
    let filters = [
        "userPermission:write",
        "userPermission:read",
        "userPermission:none",
        "userPermission!:write",
        "userPermission:read%7Cwrite",
        "userPermission~r",
        "userPermission:*",
        "userPermission!::empty",
        "userPermission:::null",
        "userPermission:read,adminName:bob",
        "userPermission:write%7C%7CadminName:bob",
        "userPermission:write,userPermission:read%7C%7Cid:3",
        "USERPERMISSION:WRITE,id%3E2",
    ];
    // Of everybody's: administrator, clerk, auditor. Of one's own: manager, nobody.
    for (n, own) in [(0, false), (4, false), (5, false), (1, true), (6, true)] {
        let who = &keys[n];
        let list = if own {
            format!("/setting/admins/{}/apitokens", who.owner)
        } else {
            ACCOUNT.to_owned()
        };
        let all = good(&site, who, "GET", &list, &Value::Null).await;
        for filter in filters {
            let target = format!("{list}?filter={filter}");
            let found = good(&site, who, "GET", &target, &Value::Null).await;
            let text = filter.replace("%7C", "|").replace("%3E", ">");
            let asked = parse(&text).unwrap();
            let items = all["items"].as_array().unwrap().iter();
            let expected = items.filter(|item| asked.matches(&Item(item)));
            let expected: Vec<i64> = expected.map(|item| item["id"].as_i64().unwrap()).collect();
            assert_eq!(ids(&found), expected, "{n} {filter}");
            assert_eq!(found["total"], json!(expected.len()), "{n} {filter}");
        }
    }
    let sorted = format!("{ACCOUNT}?sort=userPermission");
    let answer = call(&site, &keys[0], "3", "GET", &sorted, "").await;
    let text = refused(&answer, "3", 400, 1007, "sort");
    assert!(text.contains("invalid sort"), "{text}");
}

#[tokio::test]
async fn tokens_that_nobody_used_since() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let old = |n: i64| Timestamp::from_secs(1_000_000 + n);
    for n in 0..3 {
        let mut new = new_token(&site, "bob", TokenKind::Lmv1).await;
        new.created_at = old(n);
        let made = store(&site, new).await;
        if n == 1 {
            let used = site.catalog.token_used(made.id, old(5000), "::1");
            used.await.unwrap();
        }
    }
    let check = async |query: &str, expected: &[i64]| {
        for list in [ACCOUNT, "/setting/admins/2/apitokens"] {
            let target = format!("{list}?{query}");
            let found = good(&site, &admin, "GET", &target, &Value::Null).await;
            assert_eq!(ids(&found), expected, "{target}");
        }
    };
    check("unusedSince=1000000", &[]).await;
    check("unusedSince=1000001", &[2]).await;
    check("unusedSince=1000003", &[2, 4]).await;
    check("unusedSince=1005000", &[2, 4]).await;
    check("unusedSince=1005001", &[2, 3, 4]).await;
    check("unusedSince=1005001&filter=id:2%7C%7Cid:3", &[2, 3]).await;
    check("unusedSince=1005001&filter=adminName:nobody", &[]).await;
    for bad in ["x", "-1", "0", "1700000000000"] {
        let target = format!("{ACCOUNT}?unusedSince={bad}");
        let answer = call(&site, &admin, "3", "GET", &target, "").await;
        let text = refused(&answer, "3", 400, 1007, bad);
        assert!(text.contains("unusedSince"), "{text}");
    }
}

#[tokio::test]
async fn users_are_listed_with_their_tokens() {
    let site = Site::new().await;
    let keys = everybody(&site).await;
    let bearer = new_token(&site, "bob", TokenKind::Bearer).await;
    store(&site, bearer).await;
    for who in [&keys[0], &keys[4], &keys[5]] {
        // Its first use is recorded with the token.
        good(&site, who, "GET", &format!("{ACCOUNT}/self"), &Value::Null).await;
        let users = good(&site, who, "GET", "/setting/admins", &Value::Null).await;
        let users = users["items"].as_array().unwrap();
        assert_eq!(users.len(), 7);
        for user in users {
            let mut expected = Vec::new();
            for kind in ["lmv1", "bearer"] {
                let target = format!("/setting/admins/{}/apitokens?type={kind}", user["id"]);
                let tokens = good(&site, who, "GET", &target, &Value::Null).await;
                expected.extend(tokens["items"].as_array().unwrap().clone());
            }
            assert!(!expected.is_empty());
            assert_eq!(user["apiTokens"], Value::Array(expected), "{user}");
        }
    }
    let fields = "/setting/admins?fields=id,username";
    let users = good(&site, &keys[0], "GET", fields, &Value::Null).await;
    assert_eq!(users["items"][0].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_strict_put_keeps_what_it_does_not_name() {
    let settings = ApiSettings {
        strict_put: true,
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let admin = key(&site, "admin").await;
    let one = format!("/setting/admins/{}/apitokens/{}", admin.owner, {
        let new = new_token(&site, "admin", TokenKind::Lmv1).await;
        store(&site, new).await.id
    });
    let put = async |body: Value, status: i64, note: &str| {
        let changed = good(&site, &admin, "PUT", &one, &body).await;
        assert_eq!(changed["status"], json!(status), "{body}");
        assert_eq!(changed["note"], json!(note), "{body}");
    };
    put(json!({"status": 1, "note": "n"}), 1, "n").await;
    put(json!({}), 1, "n").await;
    put(json!({"note": "m"}), 1, "m").await;
    put(json!({"status": 2}), 2, "m").await;
}

#[tokio::test]
async fn the_first_version_tells_of_failed_authentication_as_it_is_set() {
    for (v1_auth_failure, http, status) in [
        (V1AuthFailure::Http200Status1401, 200, 1401),
        (V1AuthFailure::Http200Status403, 200, 403),
        (V1AuthFailure::Http401Status1401, 401, 1401),
    ] {
        let settings = ApiSettings {
            v1_auth_failure,
            ..ApiSettings::default()
        };
        let site = Site::with(settings, Readiness::default()).await;
        let admin = key(&site, "admin").await;
        let signed = header(&site, &admin, "GET", ACCOUNT, "");
        site.clock.advance(Duration::hours(1));
        for authorization in [signed.as_str(), "LMv1 nobody:x:1", "Bearer lmb_x"] {
            let sent = request(authorization, "1", "GET", ACCOUNT, "");
            let answer = site.send(sent).await;
            assert_eq!(answer.status, http, "{answer:?}");
            let expected =
                json!({"status": status, "errmsg": "Authentication failed", "data": null});
            assert_eq!(answer.json, expected);
            assert_eq!(answer.headers.contains_key("www-authenticate"), http == 401);
        }
        let other = call(&site, &admin, "3", "GET", ACCOUNT, "").await;
        assert_eq!(other.status, 200);
    }
}
