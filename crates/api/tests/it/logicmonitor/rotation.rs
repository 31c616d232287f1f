//! A new token in the place of an old one.

use super::{Key, call, good, key, refused, request};
use crate::site::Site;
use cresset_model::{Duration, SecretString};
use serde_json::{Value, json};

const THIS: &str = "/setting/admins/apitokens/self";

fn rotate(key: &Key, query: &str) -> String {
    let (owner, id) = (key.owner, key.id);
    format!("/setting/admins/{owner}/apitokens/{id}/rotate{query}")
}

fn key_in(made: &Value) -> Key {
    Key {
        access_id: made["accessId"].as_str().unwrap().to_owned(),
        secret: SecretString::new(made["accessKey"].as_str().unwrap()),
        id: made["id"].as_i64().unwrap(),
        owner: made["adminId"].as_i64().unwrap(),
    }
}

#[tokio::test]
async fn both_work_for_a_while() {
    let site = Site::new().await;
    let old = key(&site, "bob").await;
    let one = format!("/setting/admins/{}/apitokens/{}", old.owner, old.id);
    let body = json!({"note": "ci", "allowedIps": ["192.0.2.0/24"]});
    good(&site, &old, "PATCH", &one, &body).await;
    let made = good(
        &site,
        &old,
        "POST",
        &rotate(&old, "?overlapSeconds=60"),
        &json!({}),
    )
    .await;
    let new = key_in(&made);
    assert_ne!((new.id, &new.access_id), (old.id, &old.access_id));
    assert_eq!(made["note"], json!("ci"));
    assert_eq!(made["allowedIps"], json!(["192.0.2.0/24"]));
    let was = good(&site, &old, "GET", THIS, &Value::Null).await;
    assert_eq!(was["rotatedTo"], json!(new.id));
    site.clock.advance(Duration::seconds(59));
    good(&site, &old, "GET", THIS, &Value::Null).await;
    good(&site, &new, "GET", THIS, &Value::Null).await;
    site.clock.advance(Duration::seconds(1));
    good(&site, &new, "GET", THIS, &Value::Null).await;
    let answer = call(&site, &old, "3", "GET", THIS, "").await;
    refused(&answer, "3", 401, 1401, "the old one's time is over");
}

#[tokio::test]
async fn at_once_and_only_once() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let old = key(&site, "bob").await;
    good(
        &site,
        &admin,
        "POST",
        &rotate(&old, "?overlapSeconds=0"),
        &json!({}),
    )
    .await;
    let answer = call(&site, &old, "3", "GET", THIS, "").await;
    refused(&answer, "3", 401, 1401, "at once");
    let answer = call(&site, &admin, "3", "POST", &rotate(&old, ""), "{}").await;
    refused(&answer, "3", 400, 1007, "it has expired");
    let twice = key(&site, "eve").await;
    good(&site, &admin, "POST", &rotate(&twice, ""), &json!({})).await;
    let answer = call(&site, &admin, "3", "POST", &rotate(&twice, ""), "{}").await;
    refused(&answer, "3", 400, 1007, "it has been replaced");
    for query in [
        "?overlapSeconds=-1",
        "?overlapSeconds=x",
        "?overlapSeconds=99999999999",
    ] {
        let answer = call(&site, &admin, "3", "POST", &rotate(&admin, query), "{}").await;
        let text = refused(&answer, "3", 400, 1007, query);
        assert!(text.contains("overlapSeconds"), "{text}");
    }
}

#[tokio::test]
async fn bearer_tokens_too() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let target = format!("/setting/admins/{}/apitokens", admin.owner);
    let old = good(
        &site,
        &admin,
        "POST",
        &format!("{target}?type=bearer"),
        &json!({}),
    )
    .await;
    let new = good(
        &site,
        &admin,
        "POST",
        &format!("{target}/{}/rotate", old["id"]),
        &json!({}),
    )
    .await;
    assert_eq!(new["type"], json!("bearer"));
    for token in [&old, &new] {
        let bearer = format!("Bearer {}", token["accessKey"].as_str().unwrap());
        let answer = site.send(request(&bearer, "3", "GET", THIS, "")).await;
        assert_eq!(answer.json["id"], token["id"]);
    }
}
