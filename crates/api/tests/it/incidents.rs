//! Incidents as Logpoint's clients read them.

use crate::rules::created;
use crate::site::{START, Site, key_of, request};
use cresset_catalog::port::{Firing, FiringCommit, Incidents as _, Users as _};
use cresset_model::incident::{
    Evaluation, EvaluationMode, Incident, IncidentStatus, RuleState, Verdict,
};
use cresset_model::notification::{Channel, Delivery, DeliveryState};
use cresset_model::rule::{MetadataField, Risk, Taxonomy};
use cresset_model::{ObjectId, Timestamp};
use serde_json::{Value, json};

/// Writes an incident of `rule` detected at `at`, with one dead delivery; returns both ids.
pub(crate) async fn fired(site: &Site, user: &str, rule: &str, at: i64) -> (ObjectId, ObjectId) {
    fired_with(site, user, rule, at, |_| {}).await
}

/// As [`fired`], with something else about the incident.
async fn fired_with(
    site: &Site,
    user: &str,
    rule: &str,
    at: i64,
    change: impl FnOnce(&mut Incident),
) -> (ObjectId, ObjectId) {
    let owner = site.catalog.user_by_name(user).await.unwrap().unwrap().id;
    let rule_id: ObjectId = rule.parse().unwrap();
    let (id, detected_at) = (site.id(), Timestamp(at * 1_000_000 + 250_000));
    let row = json!({"user": "alice", "cnt": 7});
    let mut incident = Incident {
        id,
        rule_id,
        slot_end: Timestamp::from_secs(at),
        name: "Brute force".to_owned(),
        description: "a rule".to_owned(),
        owner,
        assignee: None,
        risk: Risk::High,
        status: IncidentStatus::Unresolved,
        query: "error_code=4625 | chart count() as cnt by user | search cnt>5".to_owned(),
        repos: vec!["127.0.0.1:5504/default".to_owned()],
        window_from: Timestamp::from_secs(at - 600),
        window_to: Timestamp::from_secs(at),
        detected_at,
        rows_count: 1,
        rows: vec![row.as_object().unwrap().clone()],
        comments: Vec::new(),
        throttle_enabled: true,
        taxonomy: Taxonomy {
            // A technique of MITRE's, and a hash that nobody knows.
            attack_tag_hashes: vec![
                "94711e5d399c28939c688f086b7faf85".to_owned(),
                "ffffffffffffffffffffffffffffffff".to_owned(),
            ],
            logsources: vec!["Windows".to_owned()],
            metadata: [
                ("author", "me"),
                ("attack_category", "Reconnaissance, Impact"),
                ("team", "north, south"),
            ]
            .map(|(field, value)| MetadataField {
                field: field.into(),
                value: value.into(),
            })
            .into(),
        },
    };
    change(&mut incident);
    let delivery = Delivery {
        id: site.id(),
        incident_id: id,
        rule_id,
        channel: Channel::Http,
        state: DeliveryState::Dead,
        attempts: 8,
        due_at: detected_at,
        last_error: "500 Internal Server Error".to_owned(),
        created_at: detected_at,
        finished_at: Some(detected_at),
    };
    let evaluation = Evaluation {
        rule_id,
        mode: EvaluationMode::Live,
        slot_end: Timestamp::from_secs(at),
        evaluated_at: detected_at,
        rows: 1,
        verdict: Verdict::Fired,
        duration_us: 120,
        error: None,
    };
    let delivery_id = delivery.id;
    let state = RuleState::default();
    let firing = Firing {
        incident,
        deliveries: vec![delivery],
        evaluation,
        state,
    };
    let commit = FiringCommit {
        firings: vec![firing],
        cursor: None,
    };
    site.catalog.commit_firings(commit).await.unwrap();
    (id, delivery_id)
}

pub(crate) async fn ask(site: &Site, user: &str, method: &str, path: &str, data: Value) -> Value {
    let key = key_of(user);
    let body = json!({"username": user, "secret_key": key.expose(), "requestData": data});
    // Clients send the JSON as raw text, whatever the type says.
    let request = request(method, path, None, "text/plain", body.to_string());
    let answer = site.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

#[tokio::test]
async fn an_incident_has_every_key_in_its_type() {
    let site = Site::new().await;
    let rule = created(&site, "admin", "Brute force").await;
    let (later, _) = fired(&site, "admin", &rule, START - 60).await;
    let (id, _) = fired(&site, "admin", &rule, START - 360).await;
    for method in ["GET", "POST"] {
        let data = json!({"version": "0.1", "ts_from": START - 3600, "ts_to": START as f64});
        let reply = ask(&site, "admin", method, "/incidents", data).await;
        assert_eq!(
            (&reply["success"], &reply["version"]),
            (&json!(true), &json!("0.1"))
        );
        let incidents = reply["incidents"].as_array().unwrap();
        let ids: Vec<&Value> = incidents.iter().map(|i| &i["id"]).collect();
        assert_eq!(ids, [&json!(id.to_string()), &json!(later.to_string())]);
        let one = &incidents[0];
        assert_eq!(one["incident_id"], incidents[1]["incident_id"]);
        assert_eq!(one["incident_id"].as_str().unwrap().len(), 32);
        assert!(one["detection_timestamp"].is_f64());
        assert_eq!(one["time_range"], json!([START - 960, START - 360]));
        assert_eq!(one["user_id"], Value::Null);
        for (key, expected) in [
            ("type", "Alert"),
            ("name", "Brute force"),
            ("description", "a rule"),
            ("tid", ""),
            ("risk_level", "high"),
            ("loginspect_ip_dns", "127.0.0.1"),
            ("status", "unresolved"),
            ("logpoint_name", "Cresset"),
            ("alert_obj_id", rule.as_str()),
        ] {
            assert_eq!(one[key], json!(expected), "{key}");
        }
        for key in ["username", "assigned_to", "alert_obj_id", "id"] {
            assert_eq!(one[key].as_str().map(str::len), Some(24), "{key}");
        }
        for (key, expected) in [
            ("attack_id", json!(["T1595"])),
            (
                "attack_tag",
                json!(["Active Scanning", "ffffffffffffffffffffffffffffffff"]),
            ),
            ("attack_category", json!("Reconnaissance, Impact")),
        ] {
            assert_eq!(one[key], expected, "{key}");
        }
        for key in ["comments", "visible_to", "repos"] {
            assert!(one[key].is_array(), "{key}");
        }
        assert_eq!(
            (&one["rows_count"], &one["commentscount"]),
            (&json!(1), &json!(0))
        );
        assert!(one["query"].is_string());
    }
}

#[tokio::test]
async fn filters_and_visibility() {
    let site = Site::new().await;
    let rule = created(&site, "bob", "Brute force").await;
    let (id, _) = fired(&site, "bob", &rule, START - 60).await;
    let span = || json!({"ts_from": START - 3600, "ts_to": START});
    let count = async |user: &str, query: &str| {
        let path = format!("/incidents{query}");
        let reply = ask(&site, user, "GET", &path, span()).await;
        reply["incidents"].as_array().map(Vec::len)
    };
    for (user, query, expected) in [
        ("bob", "", 1),
        ("admin", "", 1),
        ("eve", "", 0),
        ("bob", "?status=unresolved", 1),
        ("bob", "?status=resolved%2Cclosed", 0),
        ("bob", "?status=resolved,unresolved&risk=HIGH", 1),
        ("bob", "?risk=low,medium", 0),
        ("bob", "?name=brute%20force", 1),
        ("bob", &format!("?name=x,{id}"), 1),
        ("bob", &format!("?name={rule}"), 1),
        ("bob", "?type=search,ueba", 0),
        ("bob", "?log_source=windows", 1),
        ("bob", "?author=me", 1),
        ("bob", "?author=you", 0),
        ("bob", "?author=you,me", 1),
        ("bob", "?team=north%2C%20south", 1),
        ("bob", "?team=north", 0),
        ("bob", "?type=alert&name=brute%20force%2Cx", 1),
        ("bob", "?attack_tag=94711E5D399C28939C688F086B7FAF85", 1),
        ("bob", "?attack_tag=ffffffffffffffffffffffffffffffff", 1),
        ("bob", "?attack_tag=active%20SCANNING", 1),
        ("bob", "?attack_tag=Active", 0),
        ("bob", "?attack_tag=t1595", 1),
        ("bob", "?attack_tag=T1595.001", 0),
        ("bob", "?attack_tag=Phishing", 0),
        ("bob", "?attack_tag=Phishing,Active%20Scanning", 1),
        ("bob", "?attack_tag=Reconnaissance", 0),
        ("bob", "?attack_id=t1595", 1),
        ("bob", "?attack_id=94711E5D399C28939C688F086B7FAF85", 1),
        ("bob", "?attack_id=T1078,T1595", 1),
        ("bob", "?attack_id=Active%20Scanning", 0),
        (
            "bob",
            "?attack_category=94711e5d399c28939c688f086b7faf85",
            1,
        ),
        ("bob", "?attack_category=RECONNAISSANCE", 1),
        ("bob", "?attack_category=impact", 1),
        ("bob", "?attack_category=x,reconnaissance", 1),
        ("bob", "?attack_category=Discovery", 0),
        ("bob", "?unknown=", 1),
    ] {
        assert_eq!(count(user, query).await, Some(expected), "{user} {query}");
    }
    let reply = ask(&site, "bob", "GET", "/incidents?status=open", span()).await;
    assert_eq!(reply["success"], json!(false));
    let some = |n: usize| vec!["x"; n].join(",");
    let full = format!("?risk=high,{}&author=,{},me", some(49), some(49));
    assert_eq!(count("bob", &full).await, Some(1), "a hundred values");
    for path in ["/incidents", "/incident_states"] {
        let path = format!("{path}?team={}&name={}", some(50), some(51));
        let reply = ask(&site, "bob", "GET", &path, span()).await;
        let told = reply["message"].as_str().unwrap();
        assert!(told.contains("more than 100 values"), "{told}");
    }
    for data in [
        json!({}),
        json!({"ts_from": "x", "ts_to": 1}),
        json!({"ts_from": 1}),
        json!(7),
    ] {
        let reply = ask(&site, "bob", "GET", "/incidents", data.clone()).await;
        assert_eq!(reply["success"], json!(false), "{data}");
        assert!(reply["message"].is_string());
    }
}

#[tokio::test]
async fn rows_of_an_incident_and_users() {
    let site = Site::new().await;
    let rule = created(&site, "bob", "Brute force").await;
    let (id, _) = fired(&site, "bob", &rule, START - 60).await;
    let path = "/get_data_from_incident";
    let data = json!({"incident_obj_id": id.to_string(), "incident_id": "x", "date": 1.5});
    let reply = ask(&site, "bob", "GET", path, data.clone()).await;
    assert_eq!(reply["success"], json!(true));
    let row = &reply["rows"][0];
    assert_eq!((&row["cnt"], &row["user"]), (&json!(7), &json!("alice")));
    assert_eq!(row["_group"], json!(["alice"]));
    let (grouped, _) = fired_with(&site, "bob", &rule, START - 360, |incident| {
        incident.query = "| chart count() as cnt, max(host) as last by user, port, city".into();
        let row = json!({"user": "ann", "port": 22, "cnt": 7, "last": "web"});
        incident.rows = vec![row.as_object().unwrap().clone()];
    })
    .await;
    let asked = json!({"incident_obj_id": grouped.to_string()});
    let reply = ask(&site, "bob", "GET", path, asked).await;
    assert_eq!(reply["rows"][0]["_group"], json!(["ann", "22", ""]));
    for (user, data) in [
        ("eve", data),
        (
            "bob",
            json!({"incident_obj_id": "67f8ae6fbe9edae2fcfbc1ee"}),
        ),
        ("bob", json!({"incident_obj_id": 7})),
        ("bob", json!({})),
    ] {
        let reply = ask(&site, user, "GET", path, data).await;
        assert_eq!(reply["success"], json!(false));
    }
    let reply = ask(&site, "eve", "GET", "/get_users", Value::Null).await;
    let names: Vec<&Value> = reply["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["name"])
        .collect();
    assert_eq!(names, [&json!("admin"), &json!("bob"), &json!("eve")]);
    assert!(reply["users"][0]["usergroups"].is_array());
}
