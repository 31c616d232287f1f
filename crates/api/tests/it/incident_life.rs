//! What people do to incidents, over HTTP.

use crate::incident_shapes::user_id;
use crate::incidents::{ask, fired};
use crate::rules::created;
use crate::site::{START, Site};
use cresset_catalog::port::{Deliveries as _, Users as _};
use cresset_model::Duration;
use serde_json::{Value, json};

async fn state(site: &Site, id: &str) -> (String, usize) {
    let id = id.parse().unwrap();
    let incident = cresset_catalog::port::Incidents::incident(&*site.catalog, id).await;
    let incident = incident.unwrap().unwrap();
    (incident.status.as_str().to_owned(), incident.comments.len())
}

#[tokio::test]
async fn the_life_of_an_incident() {
    let site = Site::new().await;
    site.add_user("carol", "ackonly").await;
    let rule = created(&site, "bob", "Brute force").await;
    let (id, _) = fired(&site, "bob", &rule, START - 60).await;
    let id = id.to_string();
    let carol = user_id(&site, "carol").await;
    let ids = || json!({"incident_ids": [id, id]});
    let to_carol = json!({"incident_ids": [id], "new_assignee": carol});
    let done = [
        "Incidents re-assigned",
        "Incidents resolved",
        "Incidents closed",
        "Incidents reopened",
    ];
    for (user, path, data, message, status) in [
        ("bob", "close", ids(), "resolve it first", "unresolved"),
        (
            "carol",
            "resolve",
            ids(),
            "there is no incident",
            "unresolved",
        ),
        ("bob", "assign", to_carol, done[0], "unresolved"),
        (
            "bob",
            "resolve",
            ids(),
            "assigned to somebody else",
            "unresolved",
        ),
        ("carol", "resolve", ids(), done[1], "resolved"),
        ("carol", "resolve", ids(), "resolved already", "resolved"),
        ("admin", "close", ids(), done[2], "closed"),
        ("carol", "resolve", ids(), "reopen it first", "closed"),
        ("bob", "reopen", ids(), done[3], "unresolved"),
        (
            "eve",
            "reopen",
            ids(),
            "your role may only read",
            "unresolved",
        ),
    ] {
        let before = state(&site, &id).await;
        let reply = ask(&site, user, "POST", &format!("/{path}_incident"), data).await;
        let success = done.contains(&message);
        assert_eq!(reply["success"], json!(success), "{user} {path}: {reply}");
        let said = reply["message"].as_str().unwrap();
        assert!(said.contains(message), "{user} {path}: {said}");
        let after = state(&site, &id).await;
        assert_eq!(after.0, status, "{user} {path}");
        assert_eq!(after.1, before.1 + usize::from(success), "{user} {path}");
    }
    let words: Vec<String> = site
        .catalog
        .audit_entries(9)
        .await
        .unwrap()
        .into_iter()
        .filter(|e| e.action.starts_with("incidents_"))
        .map(|e| format!("{} {} {}", e.actor, e.action, e.detail))
        .collect();
    assert_eq!(words.len(), 4);
    assert_eq!(words[0], format!("bob incidents_reopened {id}"));

    let span = json!({"ts_from": START, "ts_to": START});
    let reply = ask(&site, "carol", "GET", "/incident_states", span).await;
    let comments = reply["states"][0]["comments"].as_array().unwrap();
    let said: Vec<(&Value, &Value)> = comments
        .iter()
        .map(|c| (&c["title"], &c["comment"]))
        .collect();
    assert_eq!(
        json!(said),
        json!([
            ["bob", "Reassigned"],
            ["carol", "Resolved"],
            ["admin", "Completed"],
            ["bob", "Reopened"]
        ])
    );
}

#[tokio::test]
async fn bad_writes_change_nothing_and_name_the_bad_id() {
    let site = Site::new().await;
    let rule = created(&site, "bob", "Brute force").await;
    let (good, _) = fired(&site, "bob", &rule, START - 60).await;
    let foreign_rule = created(&site, "admin", "Of admin").await;
    let (foreign, _) = fired(&site, "admin", &foreign_rule, START - 60).await;
    let (good, foreign) = (good.to_string(), foreign.to_string());
    let bob = user_id(&site, "bob").await;
    let unknown = "67f8ae6fbe9edae2fcfbc1ee";
    let all: Vec<&str> = vec![&good; 1];
    let too_many = vec![json!({"_id": good, "comments": ["x"]}); 1001];
    for (path, data, message) in [
        (
            "resolve_incident",
            json!({"incident_ids": [good, unknown]}),
            unknown,
        ),
        (
            "resolve_incident",
            json!({"incident_ids": [good, foreign]}),
            &foreign,
        ),
        (
            "resolve_incident",
            json!({"incident_ids": [good, "x"]}),
            "\"x\"",
        ),
        (
            "resolve_incident",
            json!({"incident_ids": [good, 7]}),
            "incident_ids",
        ),
        (
            "resolve_incident",
            json!({"incident_ids": []}),
            "incident_ids",
        ),
        (
            "resolve_incident",
            json!({"incident_ids": good}),
            "incident_ids",
        ),
        ("resolve_incident", json!({}), "incident_ids"),
        ("resolve_incident", json!(7), "requestData"),
        (
            "assign_incident",
            json!({"incident_ids": all}),
            "new_assignee",
        ),
        (
            "assign_incident",
            json!({"incident_ids": all, "new_assignee": unknown}),
            unknown,
        ),
        (
            "assign_incident",
            json!({"incident_ids": all, "new_assignee": "bob"}),
            "new_assignee",
        ),
        (
            "assign_incident",
            json!({"incident_ids": [foreign], "new_assignee": bob}),
            &foreign,
        ),
        ("add_incident_comment", json!({"states": []}), "states"),
        ("add_incident_comment", json!({"states": [7]}), "states"),
        ("add_incident_comment", json!({"states": too_many}), "1000"),
        (
            "add_incident_comment",
            json!({"states": [{"_id": good}]}),
            "states",
        ),
        (
            "add_incident_comment",
            json!({"states": [{"_id": good, "comments": []}]}),
            "states",
        ),
        (
            "add_incident_comment",
            json!({"states": [{"_id": good, "comments": [" "]}]}),
            "states",
        ),
        (
            "add_incident_comment",
            json!({"states": [
                {"_id": good, "comments": ["a"]},
                {"_id": foreign, "comments": ["b"]},
            ]}),
            &foreign,
        ),
    ] {
        let reply = ask(&site, "bob", "POST", &format!("/{path}"), data.clone()).await;
        assert_eq!(reply["success"], json!(false), "{path} {data}");
        let said = reply["message"].as_str().unwrap();
        assert!(said.contains(message), "{path} {data}: {said}");
        for id in [&good, &foreign] {
            let unchanged = ("unresolved".to_owned(), 0);
            assert_eq!(state(&site, id).await, unchanged, "{path} {data}");
        }
    }
}

#[tokio::test]
async fn an_analyst_sends_the_notifications() {
    let site = Site::new().await;
    let rule = created(&site, "bob", "Brute force").await;
    let (id, _) = fired(&site, "bob", &rule, START - 60).await;
    let path = format!("/api/v1/incidents/{id}/notify");
    let nothing = Value::Null;
    let answer = site.call("bob", "POST", &path, &nothing).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    let hook = json!({
        "ids": [rule], "type": "http", "http_url": "https://hooks.example.com/abc",
        "http_request_type": "POST", "http_querystring": "", "notify_http": true,
        "http_body": "{}", "protocol": "HTTPS", "dispatch_option": "manual",
        "http_header": {"auth_type": "bearer_token", "auth_key": "x"},
    });
    let create = "/pluggables/Notification/HTTPNotification/create_api";
    let answer = site.call("bob", "POST", create, &hook).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let answer = site.call("bob", "POST", &path, &nothing).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // The dead one that the incident came with does not count.
    let deliveries = answer.json["deliveries"].as_array().unwrap();
    assert_eq!(deliveries.len(), 1);
    let delivery = deliveries[0].as_str().unwrap().parse().unwrap();
    let delivery = site.catalog.delivery(delivery).await.unwrap().unwrap();
    assert_eq!(
        (delivery.incident_id, delivery.state.as_str()),
        (id, "pending")
    );

    let again = site.call("admin", "POST", &path, &nothing).await;
    assert_eq!(again.json, answer.json);
    site.clock.advance(Duration::minutes(1));
    // It is still on its way: another would only double it.
    let later = site.call("bob", "POST", &path, &nothing).await;
    assert_eq!(later.json, answer.json);

    site.add_user("mallory", "manager").await;
    for (user, path) in [
        ("mallory", path.as_str()),
        ("bob", "/api/v1/incidents/67f8ae6fbe9edae2fcfbc1ee/notify"),
        ("bob", "/api/v1/incidents/x/notify"),
    ] {
        let answer = site.call(user, "POST", path, &nothing).await;
        assert_eq!(answer.status, 404, "{user} {path}");
    }
}
