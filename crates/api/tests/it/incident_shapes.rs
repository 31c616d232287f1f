//! Answers about incidents against the messages that real clients were written for.

use crate::incidents::{ask, fired};
use crate::rules::created;
use crate::site::{START, Site};
use cresset_catalog::port::Groups as _;
use serde_json::{Value, json};
use std::path::Path;

/// A recorded message, if the recordings are on this machine.
fn recorded(name: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/spec/payloads");
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        println!("skipped: no recording {name}");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether `ours` has every key of `theirs` in its type, all the way down. Our own keys may
/// come on top; an empty list of ours says nothing.
fn compare(place: &str, theirs: &Value, ours: &Value) {
    assert_eq!(kind(ours), kind(theirs), "{place}: {ours}");
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, value) in theirs {
                let place = format!("{place}.{key}");
                let found = ours.get(key);
                compare(
                    &place,
                    value,
                    found.unwrap_or_else(|| panic!("{place} is missing")),
                );
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            if let Some(theirs) = theirs.first() {
                for value in ours {
                    compare(&format!("{place}[]"), theirs, value);
                }
            }
        }
        _ => {}
    }
}

/// Ids are 24 hex characters wherever they are recorded as such.
fn is_id(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Incidents of a rule whose group `Night` has the member eve.
async fn site_with_incident() -> (Site, String) {
    let site = Site::new().await;
    let group = site.id();
    let now = cresset_model::Timestamp::from_secs(START);
    site.catalog
        .create_group(group, "Night", now)
        .await
        .unwrap();
    let eve = user_id(&site, "eve").await.parse().unwrap();
    site.catalog
        .add_group_members("Night", &[eve])
        .await
        .unwrap();
    let rule = created(&site, "bob", "Brute force").await;
    let mut body = crate::rules::rule("Brute force");
    body["id"] = rule.clone().into();
    body["incident_ownership"]["visible_to_usergroups"] = json!(["Night", "Nobody"]);
    let answer = site
        .call("bob", "POST", "/AlertRules/update_api", &body)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (id, _) = fired(&site, "bob", &rule, START - 60).await;
    (site, id.to_string())
}

pub(crate) async fn user_id(site: &Site, name: &str) -> String {
    let reply = ask(site, "admin", "GET", "/get_users", Value::Null).await;
    let users = reply["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["name"] == name).unwrap();
    user["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn lists_and_states_have_the_recorded_keys_and_types() {
    let (site, id) = site_with_incident().await;
    let note = json!({"states": [{"_id": id, "comments": ["one", "two"]}]});
    let reply = ask(&site, "bob", "POST", "/add_incident_comment", note).await;
    assert_eq!(reply, json!({"success": true, "message": "Comments added"}));
    let span = || json!({"version": "0.1", "ts_from": START - 3600, "ts_to": START});

    let ours = ask(&site, "eve", "GET", "/incidents", span()).await;
    let one = &ours["incidents"][0];
    assert_eq!(one["repos"], json!(["127.0.0.1:5504/default"]));
    assert_eq!((&one["commentscount"], &one["id"]), (&json!(2), &json!(id)));
    assert_eq!(one["visible_to"].as_array().map(Vec::len), Some(1));
    assert!(is_id(&one["visible_to"][0]) && is_id(&one["assigned_to"]));
    assert_eq!(
        one["lastaction"],
        json!({"action": "two", "time": START, "title": "bob"})
    );
    if let Some(theirs) = recorded("incidents.response.xsoar.json") {
        compare("incidents", &theirs, &ours);
    }

    let ours = ask(&site, "eve", "GET", "/incident_states", span()).await;
    let expected = json!({"success": true, "states": [{
        "id": id,
        "status": "unresolved",
        "assigned_to": one["assigned_to"],
        "comments": [
            {"title": "bob", "time": START, "comment": "one"},
            {"title": "bob", "time": START, "comment": "two"},
        ],
    }]});
    assert_eq!(ours, expected);
    if let Some(theirs) = recorded("incident_states.response.xsoar.json") {
        compare("states", &theirs, &ours);
    }

    let ours = ask(&site, "eve", "GET", "/get_users", Value::Null).await;
    let eve = ours["users"].as_array().unwrap();
    let eve = eve.iter().find(|user| user["name"] == "eve").unwrap();
    let group = json!([{"id": one["visible_to"][0], "name": "Night"}]);
    assert_eq!(eve["usergroups"], group);
    if let Some(theirs) = recorded("get_users.response.json") {
        compare("users", &theirs, &ours);
    }
    let data = json!({"incident_obj_id": id, "incident_id": one["incident_id"]});
    let ours = ask(&site, "eve", "GET", "/get_data_from_incident", data).await;
    assert_eq!(ours["rows"][0]["user"], "alice");
}

#[tokio::test]
async fn recorded_writes_are_answered_as_recorded() {
    let (site, id) = site_with_incident().await;
    let (bob, eve) = (user_id(&site, "bob").await, user_id(&site, "eve").await);
    for (name, new_assignee) in [
        ("add_incident_comment", None),
        ("assign_incident", Some(&eve)),
        ("assign_incident", Some(&bob)),
        ("resolve_incident", None),
        ("close_incident", None),
        ("reopen_incident", None),
    ] {
        let Some(request) = recorded(&format!("{name}.request.json")) else {
            return;
        };
        let text = request["requestData"].to_string();
        let text = text
            .replace("5af12974007da85b99a3230b", &id)
            .replace("5a466e9dd8aaa4748d3977c7", new_assignee.unwrap_or(&bob));
        let data: Value = serde_json::from_str(&text).unwrap();
        let ours = ask(&site, "bob", "POST", &format!("/{name}"), data).await;
        let theirs = recorded("incident-write.responses.json").unwrap();
        assert_eq!(ours, theirs[name], "{name}");
    }
}

#[tokio::test]
async fn an_answer_has_more_incidents_than_a_page() {
    let site = Site::new().await;
    let rule = created(&site, "bob", "Brute force").await;
    let mut expected = Vec::new();
    for n in (0..401).rev() {
        let (id, _) = fired(&site, "bob", &rule, START - 60 - n).await;
        expected.push(id.to_string());
    }
    let span = json!({"ts_from": START - 3600, "ts_to": START});
    let reply = ask(&site, "bob", "GET", "/incidents?name=brute%20force", span).await;
    let incidents = reply["incidents"].as_array().unwrap();
    let ids: Vec<&str> = incidents
        .iter()
        .map(|i| i["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, expected);
    let span = json!({"ts_from": START - 3600, "ts_to": START});
    let reply = ask(&site, "bob", "GET", "/incidents?name=x", span).await;
    let nothing = json!({"success": true, "version": "0.1", "incidents": []});
    assert_eq!(reply, nothing);
}
