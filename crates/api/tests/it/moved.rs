//! Rules that were saved when this server had another address.

use crate::permissions::{ask, polled};
use crate::rules::rule;
use crate::site::{START, Site};
use cresset_api::{ApiSettings, Readiness};
use cresset_catalog::port::Rules as _;
use serde_json::{Value, json};

/// A site at another address than its one rule, bob's, was saved under; and the rule's id.
async fn moved() -> (Site, String) {
    let settings = ApiSettings {
        repo_ip: "siem.example".to_owned(),
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let mut body = rule("Logins");
    body["search_params"]["query"] = json!("user=*");
    body["search_params"]["repos"] = json!(["default"]);
    let create = "/AlertRules/create_api";
    let answer = site.call("bob", "POST", create, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.json["id"].as_str().unwrap().to_owned();
    let saved = site.catalog.rule(id.parse().unwrap()).await.unwrap();
    let saved = saved.unwrap().rule;
    let mut spec = saved.spec;
    spec.search_params.repos = vec!["127.0.0.1:5504/default".to_owned()];
    let updated = site
        .catalog
        .update_rule(saved.id, saved.owner, spec, saved.updated_at);
    updated.await.unwrap();
    (site, id)
}

#[tokio::test]
async fn they_run_and_are_shown() {
    let (site, id) = moved().await;
    let path = format!("/api/v1/rules/{id}/evaluations");
    let reply = site.call("bob", "GET", &path, &Value::Null).await.json;
    assert_eq!(reply["mode"], json!("live"), "{reply}");
    site.ingest(&json!({"msg": "x", "user": "ann", "log_ts": START - 5}).to_string())
        .await;
    let shown = ask(&site, "bob", "/getalloweddata", &[("type", "livesearches")]).await;
    let life = shown["livesearches"][0]["life_id"].as_str().unwrap();
    let reply = polled(&site, "bob", &format!("life_{life}")).await;
    assert_eq!(reply["rows"][0]["user"], json!("ann"), "{reply}");
}

#[tokio::test]
async fn they_are_updated_under_their_address_and_no_other() {
    let (site, id) = moved().await;
    let path = format!("/AlertRules/read_api?id={id}");
    let read = site.call("bob", "GET", &path, &Value::Null).await;
    let mut body = read.json["data"].clone();
    let update = async |body: &Value| {
        let path = "/AlertRules/update_api";
        site.call("bob", "POST", path, body).await.status
    };
    body["description"] = json!("as it was, but for this");
    assert_eq!(update(&body).await, 200);
    body["search_params"]["repos"] = json!(["siem.example:5504/default"]);
    assert_eq!(update(&body).await, 200);
    body["search_params"]["repos"] = json!(["127.0.0.1:5504/default"]);
    assert_eq!(update(&body).await, 422, "a slip, as far as can be told");
}
