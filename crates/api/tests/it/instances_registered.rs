//! How instances are registered and removed.

use crate::instances::{PATH, WEB, answered, berlin, fleet, known};
use crate::permissions::grant;
use crate::rules::rule;
use crate::site::Site;
use cresset_api::{ApiSettings, Readiness};
use cresset_catalog::port::{Instances as _, Rules as _, Users as _};
use cresset_model::instance::Trust;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn instances_are_registered_by_administrators() {
    let site = Site::new().await;
    assert_eq!(site.call("bob", "POST", PATH, &berlin()).await.status, 403);
    let empty = json!({"instances": []});
    assert_eq!(
        site.call("admin", "GET", PATH, &Value::Null).await.json,
        empty
    );

    let answer = site.call("admin", "POST", PATH, &berlin()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let row = json!({"name": "berlin", "url": "http://10.0.0.7:7070", "address": "10.0.0.7:7070",
        "user": "searcher", "product": "other", "up": false, "checked_at": null, "seen_at": null,
        "error": null, "repos": []});
    assert_eq!(answer.json, row);
    assert_eq!(site.instances_changed.load(Ordering::SeqCst), 1);
    let instance = known(&site, "berlin").await;
    assert!(!instance.by_operator, "the guard judges where it is");
    assert_eq!(instance.trust, Trust::System);
    let key = site.catalog.instance_key(instance.id).await.unwrap();
    assert_eq!(key.expose(), "the-secret-of-berlin");

    site.catalog
        .record_health(instance.id, &answered())
        .await
        .unwrap();
    let answer = site.call("eve", "GET", PATH, &Value::Null).await;
    assert!(!answer.text.contains("the-secret"), "{}", answer.text);
    let shown = &answer.json["instances"][0];
    assert_eq!(shown["checked_at"], json!("2026-01-01T00:00:00Z"));
    assert_eq!(shown["seen_at"], json!("2025-12-31T23:59:00Z"));
    assert_eq!(shown["error"], json!("cannot reach it"));
    assert_eq!(
        (&shown["up"], &shown["product"]),
        (&json!(false), &json!("cresset"))
    );

    // The same name, and the same place under another name.
    for (field, value) in [("url", "http://10.0.0.8:7070"), ("name", "paris")] {
        let mut body = berlin();
        body[field] = json!(value);
        let answer = site.call("admin", "POST", PATH, &body).await;
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(
            answer.json["detail"].as_str().unwrap().contains("berlin"),
            "{answer:?}"
        );
    }

    let remove = |user: &'static str| {
        let path = format!("{PATH}/berlin");
        let site = &site;
        async move { site.call(user, "DELETE", &path, &Value::Null).await }
    };
    assert_eq!(remove("bob").await.status, 403);
    assert_eq!(remove("admin").await.json, json!({"removed": "berlin"}));
    assert_eq!(site.instances_changed.load(Ordering::SeqCst), 2);
    assert_eq!(remove("admin").await.status, 404);
    assert_eq!(
        site.call("admin", "GET", PATH, &Value::Null).await.json,
        empty
    );

    let mut audited = site.catalog.audit_entries(10).await.unwrap();
    audited.retain(|entry| entry.action.starts_with("instance_"));
    audited.sort_by(|a, b| a.action.cmp(&b.action));
    let found: Vec<_> = audited
        .iter()
        .map(|e| (e.actor.as_str(), e.action.as_str(), e.detail.as_str()))
        .collect();
    let expected = [
        (
            "admin",
            "instance_added",
            "berlin at http://10.0.0.7:7070 as searcher",
        ),
        ("admin", "instance_removed", "berlin"),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_does_not_read_is_no_instance() {
    let site = Site::with(
        ApiSettings {
            own_nodes: vec!["localhost:7070".to_owned()],
            ..ApiSettings::default()
        },
        Readiness::default(),
    )
    .await;
    let block =
        |inner: &str| format!("-----BEGIN CERTIFICATE-----\n{inner}\n-----END CERTIFICATE-----\n");
    let good = block("TUlJ\nQg==");
    for (field, value, part) in [
        ("name", Value::Null, "required"),
        ("name", json!("a b"), "must be 1 to 64"),
        ("name", json!(7), "string"),
        ("url", Value::Null, "required"),
        ("url", json!("10.0.0.7:7070"), ""),
        ("url", json!("ftp://10.0.0.7"), "https://"),
        ("url", json!("https://[::1]:7070"), "IPv4"),
        ("url", json!("https://u:p@h"), "password"),
        ("url", json!("https://h?x=1"), "?"),
        ("url", json!("http://127.0.0.1:5504"), "this server"),
        ("url", json!("http://LOCALHOST:7070/x"), "this server"),
        ("user", Value::Null, "required"),
        ("user", json!(["a"]), "string"),
        ("user", json!("x".repeat(129)), "128"),
        ("secret_key", Value::Null, "required"),
        ("secret_key", json!(""), "empty"),
        ("secret_key", json!("a\nb"), "one line"),
        ("ca_pem", json!("hello"), "BEGIN CERTIFICATE"),
        ("ca_pem", json!(block("not base64!")), "BEGIN CERTIFICATE"),
        ("ca_pem", json!(block("")), "BEGIN CERTIFICATE"),
        (
            "ca_pem",
            json!(format!("{good}-----BEGIN CERTIFICATE-----\nTUlJ")),
            "BEGIN",
        ),
        ("ca_pem", json!("x".repeat(300_000)), "longer"),
        ("insecure", json!("yes"), "true or false"),
    ] {
        let mut body = berlin();
        body[field] = value.clone();
        let answer = site.call("admin", "POST", PATH, &body).await;
        assert_eq!(answer.status, 422, "{field} {value}: {answer:?}");
        let message = answer.json["errors"][field].as_str().unwrap_or_default();
        assert!(
            !message.is_empty() && message.contains(part),
            "{field} {value}: {answer:?}"
        );
        let keys = answer.json["errors"].as_object().unwrap().len();
        assert_eq!(keys, 1, "{field} {value}: {answer:?}");
    }
    let mut body = berlin();
    body["ca_pem"] = json!(good);
    body["insecure"] = json!(true);
    let answer = site.call("admin", "POST", PATH, &body).await;
    assert!(answer.json["errors"]["insecure"].is_string(), "{answer:?}");
    assert!(site.catalog.instances().await.unwrap().is_empty());

    body["insecure"] = json!(false);
    assert_eq!(site.call("admin", "POST", PATH, &body).await.status, 201);
    let instance = known(&site, "berlin").await;
    assert_eq!(instance.trust, Trust::Authorities(good));
}

#[tokio::test]
async fn an_instance_that_rules_search_stays() {
    let site = fleet().await;
    grant(&site, "bob", Some(&["default", WEB])).await;
    let mut rules = Vec::new();
    for n in 1..=7 {
        let mut body = rule(&format!("Over berlin {n}"));
        body["search_params"]["repos"] = json!(["default", WEB]);
        let answer = site
            .call("bob", "POST", "/AlertRules/create_api", &body)
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        rules.push(answer.json["id"].as_str().unwrap().to_owned());
    }
    let remove = async |name: &str, query: &str| {
        let path = format!("{PATH}/{name}{query}");
        site.call("admin", "DELETE", &path, &Value::Null).await
    };
    let answer = remove("berlin", "").await;
    assert_eq!(answer.status, 409);
    let told = answer.json["detail"].as_str().unwrap();
    assert!(
        told.contains("Over berlin 1") && told.contains("2 more"),
        "{told}"
    );
    assert_eq!(remove("berlin", "?force=maybe").await.status, 422);
    assert_eq!(remove("rome", "").await.status, 200, "no rule names it");

    // Rules that do not run do not hold it.
    let body = json!({"ids": rules[1..]});
    site.call("bob", "POST", "/AlertRules/deactivate_api", &body)
        .await;
    let told = remove("berlin", "").await.json["detail"].to_string();
    assert!(
        told.contains("Over berlin 1") && !told.contains("more"),
        "{told}"
    );
    assert_eq!(remove("berlin", "?force=true").await.status, 200);
    assert!(site.catalog.instances().await.unwrap().is_empty());
    let kept = site.catalog.active_rules().await.unwrap();
    assert_eq!(kept[0].rule.spec.search_params.repos, ["default", WEB]);
}
