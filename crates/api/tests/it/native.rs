//! Health, metrics, repos, lists, evaluations, deliveries.

use crate::incidents::fired;
use crate::instances::{WEB, fleet};
use crate::permissions::grant;
use crate::rules::{created, rule};
use crate::site::{JSON, START, Site, request};
use cresset_api::{ApiSettings, Readiness};
use cresset_catalog::port::{Deliveries as _, Lists as _};
use cresset_model::notification::DeliveryState;
use serde_json::{Value, json};

#[tokio::test]
async fn health_and_metrics_are_open() {
    let reasons = vec!["the scheduler is 90 s behind".to_owned()];
    let sick = Site::with(
        ApiSettings::default(),
        Readiness {
            reasons: reasons.clone(),
        },
    )
    .await;
    let site = Site::new().await;
    let get = async |site: &Site, path: &str| site.send(request("GET", path, None, JSON, "")).await;
    assert_eq!(get(&site, "/health/live").await.status, 200);
    assert_eq!(get(&site, "/health/ready").await.status, 200);
    assert_eq!(get(&sick, "/health/live").await.status, 200);
    let answer = get(&sick, "/health/ready").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json["reasons"], json!(reasons));
    let answer = get(&site, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let answer = get(&site, "/api/v1/openapi.json").await;
    assert!(answer.json["openapi"].as_str().unwrap().starts_with("3.1"));
}

/// Late notifications are told, but must not take the node out of ingest.
#[tokio::test]
async fn late_notifications_degrade_and_do_not_disable() {
    let site = Site::new().await;
    let rule = created(&site, "bob", "Brute force").await;
    let (_, delivery) = fired(&site, "bob", &rule, START - 600).await;
    let ready = async || {
        site.send(request("GET", "/health/ready", None, JSON, ""))
            .await
    };
    assert_eq!(ready().await.json["degraded"], json!([]));
    let path = format!("/api/v1/deliveries/{delivery}/resend");
    assert_eq!(
        site.call("bob", "POST", &path, &Value::Null).await.status,
        200
    );
    assert_eq!(ready().await.json["degraded"], json!([]));
    site.clock.advance(cresset_model::Duration::seconds(90));
    let answer = ready().await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["status"]),
        (200, &json!("ready"))
    );
    assert_eq!(
        answer.json["degraded"],
        json!(["notifications are 90 seconds late"])
    );
}

#[tokio::test]
async fn repos_are_created_by_administrators() {
    let site = Site::new().await;
    let path = "/api/v1/repos";
    let body = json!({"name": "web", "retention_days": 90});
    assert_eq!(site.call("bob", "POST", path, &body).await.status, 403);
    let answer = site.call("admin", "POST", path, &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let expected = json!({"name": "web", "retention_days": 90, "address": "127.0.0.1:5504/web"});
    assert_eq!(answer.json, expected);
    assert_eq!(site.call("admin", "POST", path, &body).await.status, 409);
    let list = site.call("bob", "GET", path, &Value::Null).await;
    assert!(list.json["repos"].as_array().unwrap().contains(&expected));
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "../x"}),
        json!({"name": "UPPER"}),
        json!({"name": 7}),
        json!({"name": "a", "retention_days": 0}),
        json!({"name": "a", "retention_days": "x"}),
    ] {
        let answer = site.call("admin", "POST", path, &body).await;
        assert_eq!(answer.status, 422, "{body}");
        assert!(answer.json["errors"].is_object(), "{body}");
    }
}

#[tokio::test]
async fn lists_are_replaced_whole() {
    let site = Site::new().await;
    let path = "/api/v1/lists/bad_addresses";
    let answer = site
        .call(
            "admin",
            "PUT",
            path,
            &json!(["10.0.0.1", " 10.0.0.2 ", 7, ""]),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        (&answer.json["name"], &answer.json["values"]),
        (&json!("BAD_ADDRESSES"), &json!(3))
    );
    site.call("admin", "PUT", path, &json!(["one"])).await;
    let values = site
        .catalog
        .list_values("bad_addresses")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(values, ["one"]);
    let exact = json!([-5, u64::MAX, "1.50", "x".repeat(65_536)]);
    assert_eq!(site.call("admin", "PUT", path, &exact).await.status, 200);
    let values = site.catalog.list_values("bad_addresses").await.unwrap();
    let values = values.unwrap();
    for kept in ["-5", "18446744073709551615", "1.50"] {
        assert!(values.iter().any(|value| value == kept), "{kept}");
    }
    for body in [
        json!({}),
        json!("x"),
        json!([[]]),
        json!([null]),
        json!([1.50]),
        json!([1e20]),
        json!(["a\u{0}b"]),
        json!(["a\nb"]),
        json!(["a\rb"]),
        json!(["x".repeat(65_537)]),
    ] {
        assert_eq!(
            site.call("admin", "PUT", path, &body).await.status,
            422,
            "{body}"
        );
    }
    let patterns: Vec<String> = (0..=10_000).map(|n| format!("*{n}")).collect();
    let answer = site.call("admin", "PUT", path, &json!(patterns)).await;
    assert_eq!(answer.status, 422, "wildcards cost time on every event");
    let answer = site.call("admin", "PUT", path, &json!(patterns[1..])).await;
    assert_eq!(answer.status, 200);
    for name in ["x", "_a", "a%20b", "a%2Fb"] {
        let path = format!("/api/v1/lists/{name}");
        assert_eq!(
            site.call("admin", "PUT", &path, &json!([])).await.status,
            422,
            "{name}"
        );
    }
    assert_eq!(
        site.call("admin", "PUT", "/api/v1/lists/%ff", &json!([]))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn evaluations_say_how_a_rule_runs_and_why() {
    let site = Site::new().await;
    let live = created(&site, "admin", "Live rule").await;
    fired(&site, "admin", &live, START - 60).await;
    let get = async |id: &str| {
        let path = format!("/api/v1/rules/{id}/evaluations");
        site.call("admin", "GET", &path, &Value::Null).await.json
    };
    let reply = get(&live).await;
    assert_eq!(reply["mode"], json!("live"), "{reply}");
    let evaluation = &reply["evaluations"][0];
    assert_eq!(
        (&evaluation["verdict"], &evaluation["rows"]),
        (&json!("fired"), &json!(1))
    );
    assert_eq!(evaluation["slot_end"], json!("2025-12-31T23:59:00Z"));
    let mut absent = rule("Absence rule");
    absent["incident_condition"]["condition_option"] = json!("lessthan");
    let mut average = rule("Average rule");
    average["search_params"]["query"] = json!("user=* | chart avg(size) as a by user | search a>5");
    for body in [absent, average] {
        let answer = site
            .call("admin", "POST", "/AlertRules/create_api", &body)
            .await;
        let reply = get(answer.json["id"].as_str().unwrap()).await;
        assert_eq!(reply["mode"], json!("scheduled"), "{reply}");
        assert!(reply["reason"].as_str().unwrap().len() > 10);
        assert_eq!(reply["evaluations"], json!([]));
    }
    let answer = site
        .call("admin", "GET", "/api/v1/rules/x/evaluations", &Value::Null)
        .await;
    assert_eq!(answer.status, 404);
}

/// The detector decides by what the owner may search and which instances there are.
#[tokio::test]
async fn evaluations_say_what_keeps_a_rule_from_running() {
    let site = fleet().await;
    let reason = async |user: &str, id: &str| {
        let path = format!("/api/v1/rules/{id}/evaluations");
        let reply = site.call(user, "GET", &path, &Value::Null).await.json;
        (reply["mode"].clone(), reply["reason"].to_string())
    };
    let id = created(&site, "bob", "Nothing to search").await;
    assert_eq!(reason("bob", &id).await.0, json!("live"));
    grant(&site, "bob", Some(&[])).await;
    let (mode, told) = reason("bob", &id).await;
    assert_eq!(mode, json!("scheduled"));
    assert!(told.contains("may search none of its repos"), "{told}");

    let mut body = rule("In Berlin");
    body["search_params"]["repos"] = json!([WEB]);
    let create = "/AlertRules/create_api";
    let answer = site.call("admin", "POST", create, &body).await;
    let id = answer.json["id"].as_str().unwrap();
    let (mode, told) = reason("admin", id).await;
    assert_eq!(mode, json!("scheduled"));
    assert!(told.contains("it searches other instances"), "{told}");
    let path = "/api/v1/instances/berlin?force=true";
    let answer = site.call("admin", "DELETE", path, &Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, told) = reason("admin", id).await;
    assert!(told.contains("was removed"), "{told}");
}

#[tokio::test]
async fn dead_deliveries_are_sent_again() {
    let site = Site::new().await;
    let rule = created(&site, "bob", "Brute force").await;
    let (incident, delivery) = fired(&site, "bob", &rule, START - 60).await;
    site.add_user("mallory", "manager").await;
    let list = async |user: &str, query: &str| {
        let path = format!("/api/v1/deliveries{query}");
        site.call(user, "GET", &path, &Value::Null).await
    };
    for (user, query, expected) in [
        ("bob", "", 1),
        ("bob", "?state=dead&limit=5", 1),
        ("bob", "?state=pending", 0),
        ("admin", "?state=dead", 1),
        ("mallory", "?state=dead", 0),
    ] {
        let answer = list(user, query).await;
        let rows = answer.json["deliveries"].as_array().unwrap();
        assert_eq!(rows.len(), expected, "{user} {query}");
        if let Some(row) = rows.first() {
            assert_eq!(row["id"], json!(delivery.to_string()));
            assert_eq!(row["incident_id"], json!(incident.to_string()));
            assert_eq!(row["last_error"], json!("500 Internal Server Error"));
        }
    }
    assert_eq!(list("bob", "?state=lost").await.status, 422);
    let path = format!("/api/v1/deliveries/{delivery}/resend");
    assert_eq!(
        site.call("mallory", "POST", &path, &Value::Null)
            .await
            .status,
        404
    );
    assert_eq!(
        site.call("bob", "POST", &path, &Value::Null).await.status,
        200
    );
    let pending = site
        .catalog
        .deliveries(Some(DeliveryState::Pending), 10)
        .await
        .unwrap();
    assert_eq!(pending[0].id, delivery);
    // It is on its way now.
    assert_eq!(
        site.call("bob", "POST", &path, &Value::Null).await.status,
        409
    );
    for id in ["x", "67f8ae6fbe9edae2fcfbc1ee"] {
        let path = format!("/api/v1/deliveries/{id}/resend");
        assert_eq!(
            site.call("bob", "POST", &path, &Value::Null).await.status,
            404
        );
    }
}

#[tokio::test]
async fn deliveries_of_others_do_not_crowd_out_ones_own() {
    let site = Site::new().await;
    let own = created(&site, "bob", "Brute force").await;
    let (_, oldest) = fired(&site, "bob", &own, START - 600).await;
    let other = created(&site, "admin", "Another rule").await;
    for n in 0..3 {
        fired(&site, "admin", &other, START - 60 + n).await;
    }
    let list = async |user: &str| {
        let path = "/api/v1/deliveries?limit=1";
        let answer = site.call(user, "GET", path, &Value::Null).await;
        answer.json["deliveries"].as_array().unwrap().clone()
    };
    let rows = list("bob").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["id"], json!(oldest.to_string()));
    assert_eq!(list("admin").await.len(), 1);
}

#[tokio::test]
async fn the_techniques_of_attack_with_their_hashes() {
    let site = Site::new().await;
    let get = async |query: &str| {
        let path = format!("/api/v1/attack/techniques{query}");
        site.call("eve", "GET", &path, &Value::Null).await
    };
    let check = async |query: &str, shown: usize, total: usize| {
        let answer = get(query).await;
        let rows = answer.json["techniques"].as_array().map(Vec::len);
        let expected = (Some(shown), &json!(total));
        assert_eq!((rows, &answer.json["total"]), expected, "{query}");
    };
    check("", 887, 887).await;
    check("?limit=5000", 887, 887).await;
    check("?limit=100&page=9", 87, 887).await;
    check("?limit=100&page=10", 0, 887).await;
    check("?search=t1078.001", 4, 4).await;
    check("?search=valid%20ACCOUNTS&limit=1&page=2", 1, 4).await;
    check("?search=94711e5d399c28939c688f086b7faf85", 1, 1).await;
    check("?search=nothing%20like%20it", 0, 0).await;
    for query in ["?limit=0", "?page=x", "?limit=-1"] {
        assert_eq!(get(query).await.status, 422, "{query}");
    }
    let answer = get("?search=T1595&limit=1").await;
    assert_eq!(
        answer.json["techniques"],
        json!([{
            "hash": "94711e5d399c28939c688f086b7faf85",
            "attack_id": "T1595",
            "attack_tag": "Active Scanning",
            "attack_category": "Reconnaissance",
        }])
    );
    let copyright = answer.json["copyright"].as_str().unwrap_or_default();
    assert!(copyright.contains("The MITRE Corporation"), "{copyright}");
}
