//! Tokens that may do less than their owner.

use super::{ACCOUNT, Key, call, good, header, key, refused, request};
use crate::site::{START, Site};
use axum::body::Body;
use cresset_catalog::port::Users as _;
use cresset_model::{Duration, SecretString};
use serde_json::{Value, json};

async fn made(site: &Site, by: &Key, body: Value) -> Key {
    let target = format!("/setting/admins/{}/apitokens", by.owner);
    let made = good(site, by, "POST", &target, &body).await;
    Key {
        access_id: made["accessId"].as_str().unwrap().to_owned(),
        secret: SecretString::new(made["accessKey"].as_str().unwrap()),
        id: made["id"].as_i64().unwrap(),
        owner: by.owner,
    }
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let short = made(&site, &admin, json!({"expiresOn": START + 60})).await;
    site.clock.advance(Duration::seconds(59));
    let answer = call(&site, &short, "3", "GET", ACCOUNT, "").await;
    assert_eq!(answer.status, 200);
    site.clock.advance(Duration::seconds(1));
    let answer = call(&site, &short, "3", "GET", ACCOUNT, "").await;
    refused(&answer, "3", 401, 1401, "expired");
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    let late = format!("{{\"expiresOn\": {}}}", START + 60);
    let answer = call(&site, &admin, "3", "POST", &own, &late).await;
    let text = refused(&answer, "3", 400, 1007, "in the past");
    assert_eq!(text, "expiresOn must be in the future");
}

#[tokio::test]
async fn a_token_works_from_its_networks_only() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let bound = made(
        &site,
        &admin,
        json!({"allowedIps": ["192.0.2.0/24", "2001:db8::/32"]}),
    )
    .await;
    for (peer, expected) in [
        ("192.0.2.7:1", 200),
        ("[::ffff:192.0.2.7]:1", 200),
        ("[2001:db8::9]:1", 200),
        ("192.0.3.7:1", 401),
        ("[2001:db9::9]:1", 401),
    ] {
        let authorization = header(&site, &bound, "GET", ACCOUNT, "");
        let request = request(&authorization, "3", "GET", ACCOUNT, "");
        let answer = site.send_from(peer, request).await;
        assert_eq!(answer.status, expected, "{peer}");
    }
}

#[tokio::test]
async fn scopes_narrow_both_apis() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let reader = made(&site, &admin, json!({"scopes": ["setting:read"]})).await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    assert_eq!(
        call(&site, &reader, "3", "GET", ACCOUNT, "").await.status,
        200
    );
    let answer = call(&site, &reader, "3", "POST", &own, "{}").await;
    refused(&answer, "3", 403, 1041, "reader");

    let target = format!("{own}?type=bearer");
    let body = json!({"scopes": ["logs:write"]});
    let sender = good(&site, &admin, "POST", &target, &body).await;
    let bearer = format!("Bearer {}", sender["accessKey"].as_str().unwrap());
    let answer = site.send(request(&bearer, "3", "GET", ACCOUNT, "")).await;
    refused(&answer, "3", 403, 1041, "sender");
    let this = "/setting/admins/apitokens/self";
    let answer = site.send(request(&bearer, "3", "GET", this, "")).await;
    assert_eq!(answer.json["scopes"], json!(["logs:write"]));
    let native = async |method: &str, path: &str, body: &str| {
        let request = axum::http::Request::builder().method(method).uri(path);
        let request = request.header("authorization", &bearer);
        site.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    };
    let stored = native("POST", "/api/v1/ingest", "{\"msg\":\"x\"}").await;
    assert_eq!(stored.status, 200, "{stored:?}");
    assert_eq!(native("GET", "/api/v1/lists", "").await.status, 403);
}

#[tokio::test]
async fn no_credential_makes_a_wider_one() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let end = START + 3600;
    let limits = json!({
        "scopes": ["setting:read", "setting:write"],
        "allowedIps": ["192.0.2.0/24"],
        "expiresOn": end,
    });
    let narrow = made(&site, &admin, limits.clone()).await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    // What is not named is taken over.
    let child = good(&site, &narrow, "POST", &own, &json!({})).await;
    for key in ["scopes", "allowedIps", "expiresOn"] {
        assert_eq!(child[key], limits[key], "{key}");
    }
    let one = format!("{own}/{}", child["id"]);
    let admins = format!("{own}/{}", admin.id);
    for wider in [
        json!({"scopes": null}),
        json!({"scopes": ["logs:write"]}),
        json!({"allowedIps": []}),
        json!({"allowedIps": ["10.0.0.0/8"]}),
        json!({"expiresOn": 0}),
        json!({"expiresOn": end + 1}),
    ] {
        let body = wider.to_string();
        for (method, target) in [
            ("POST", &own),
            ("PUT", &one),
            ("PATCH", &one),
            ("PATCH", &admins),
        ] {
            let answer = call(&site, &narrow, "3", method, target, &body).await;
            refused(
                &answer,
                "3",
                403,
                1041,
                &format!("{method} {target} {body}"),
            );
        }
    }
    let narrower = json!({"scopes": ["setting:read"], "expiresOn": end - 1});
    good(&site, &narrow, "PATCH", &one, &narrower).await;
    // Nor does it get the secret of a new token in the place of a wider one.
    let rotate = format!("{admins}/rotate");
    let answer = call(&site, &narrow, "3", "POST", &rotate, "").await;
    refused(&answer, "3", 403, 1041, "rotation");
    let rotate = format!("{own}/{}/rotate", narrow.id);
    let renewed = good(&site, &narrow, "POST", &rotate, &Value::Null).await;
    assert_eq!(renewed["expiresOn"], json!(end));

    // A self-signed token gives no more than its own scopes either.
    let jwt = format!("Bearer {}", site.token("admin", "setting:write"));
    let answer = site.send(request(&jwt, "3", "POST", &own, "{}")).await;
    assert_eq!(
        answer.json["scopes"],
        json!(["setting:write"]),
        "{answer:?}"
    );
    let entries = site.catalog.audit_entries(1).await.unwrap();
    assert_eq!(entries[0].action, "api_token_created");
}
