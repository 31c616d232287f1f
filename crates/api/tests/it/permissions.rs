//! Which repos a user may search.

use crate::rules::{created, rule};
use crate::site::{FORM, JSON, START, Site, key_of, request};
use cresset_catalog::port::{Repos as _, Users as _};
use cresset_model::repo::Repo;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A site with a third repo `web`, an event in each of the two that take any, and users:
/// the administrator, bob without a restriction, wendy for whom only `web` is.
async fn restricted() -> Site {
    let site = Site::new().await;
    let repo = Repo {
        name: "web".to_owned(),
        retention_days: 30,
    };
    site.catalog.create_repo(repo).await.unwrap();
    site.add_user("wendy", "manager").await;
    grant(&site, "wendy", Some(&["web"])).await;
    for (repo, device) in [("default", "10.0.0.1"), ("web", "10.0.0.2")] {
        let token = site.token("admin", "logs:write");
        let event = json!({"msg": "hello", "user": "ann", "device_ip": device,
            "log_ts": START - 30});
        let path = format!("/api/v1/ingest?repo={repo}");
        let answer = site
            .send(request(
                "POST",
                &path,
                Some(&token),
                JSON,
                event.to_string(),
            ))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    site
}

pub(crate) async fn grant(site: &Site, user: &str, repos: Option<&[&str]>) {
    let user = site.catalog.user_by_name(user).await.unwrap().unwrap();
    let repos: Option<BTreeSet<String>> =
        repos.map(|repos| repos.iter().map(|repo| (*repo).to_owned()).collect());
    let granted = site.catalog.grant_repos(user.id, repos.as_ref());
    granted.await.unwrap();
}

/// A form of `user`.
pub(crate) async fn ask(site: &Site, user: &str, path: &str, fields: &[(&str, &str)]) -> Value {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("username", user)
        .append_pair("secret_key", key_of(user).expose());
    form.extend_pairs(fields);
    let answer = site
        .send(request("POST", path, None, FORM, form.finish()))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

/// Starts or polls a search as `user`.
pub(crate) async fn search(site: &Site, user: &str, data: &Value) -> Value {
    let fields = [("requestData", data.to_string())];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    ask(site, user, "/getsearchlogs", &fields).await
}

/// The whole result of a search, or why it was refused.
pub(crate) async fn found(site: &Site, user: &str, data: &Value) -> Value {
    let started = search(site, user, data).await;
    if started["success"] != json!(true) {
        return started;
    }
    polled(site, user, started["search_id"].as_str().unwrap()).await
}

/// Polls until the search is final or refused.
pub(crate) async fn polled(site: &Site, user: &str, id: &str) -> Value {
    for _ in 0..30 {
        let reply = search(site, user, &json!({ "search_id": id })).await;
        if reply["final"] != json!(false) {
            return reply;
        }
    }
    panic!("the search {id} did not end");
}

fn names<'a>(rows: &'a Value, key: &str) -> Vec<&'a str> {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row[key].as_str().unwrap()).collect()
}

const CASES: [(&str, &[&str]); 3] = [
    ("admin", &["_cresset", "default", "web"]),
    ("bob", &["default", "web"]),
    ("wendy", &["web"]),
];

#[tokio::test]
async fn only_permitted_repos_are_listed() {
    let site = restricted().await;
    for (user, expected) in CASES {
        let path = "/Repo/get_all_searchable_logpoint";
        let reply = site.call(user, "POST", path, &json!({})).await.json;
        assert_eq!(reply["rows"].as_array().unwrap().len(), 1);
        assert_eq!(
            names(&reply["rows"][0]["repos"], "repo"),
            expected,
            "{user}"
        );
        let fields = [("type", "logpoint_repos")];
        let reply = ask(&site, user, "/getalloweddata", &fields).await;
        assert_eq!(names(&reply["allowed_repos"], "repo"), expected, "{user}");
        let reply = site.call(user, "GET", "/api/v1/repos", &Value::Null).await;
        assert_eq!(names(&reply.json["repos"], "name"), expected, "{user}");
    }
    grant(&site, "wendy", Some(&[])).await;
    let fields = [("type", "logpoint_repos")];
    let reply = ask(&site, "wendy", "/getalloweddata", &fields).await;
    assert_eq!(reply["allowed_repos"], json!([]));
    grant(&site, "wendy", Some(&["_cresset"])).await;
    let reply = ask(&site, "wendy", "/getalloweddata", &fields).await;
    assert_eq!(names(&reply["allowed_repos"], "repo"), ["_cresset"]);
}

#[tokio::test]
async fn only_devices_of_permitted_repos_are_listed() {
    let site = restricted().await;
    let (one, two) = ("127.0.0.1/10.0.0.1", "127.0.0.1/10.0.0.2");
    grant(&site, "bob", Some(&[])).await;
    for (user, expected) in [("admin", &[one, two][..]), ("wendy", &[two]), ("bob", &[])] {
        let reply = ask(&site, user, "/getalloweddata", &[("type", "devices")]).await;
        let devices = reply["allowed_devices"][0].as_object().unwrap();
        let devices: Vec<&str> = devices.keys().map(String::as_str).collect();
        assert_eq!(devices, expected, "{user}");
    }
}

#[tokio::test]
async fn a_search_sees_only_permitted_repos() {
    let site = restricted().await;
    let data =
        |repos: Value| json!({"query": "user=ann", "time_range": "Last hour", "repos": repos});
    for all in [
        json!(null),
        json!([]),
        json!([""]),
        json!(""),
        json!("127.0.0.1:5504"),
    ] {
        for (user, expected) in [("admin", 2), ("bob", 2), ("wendy", 1)] {
            let reply = found(&site, user, &data(all.clone())).await;
            let rows = reply["rows"].as_array().unwrap();
            assert_eq!(rows.len(), expected, "{user} {all}");
        }
    }
    for (user, repos, refused) in [
        ("wendy", json!(["127.0.0.1:5504/web"]), false),
        ("wendy", json!(["127.0.0.1:5504/default"]), true),
        ("wendy", json!("web,default"), true),
        ("bob", json!(["127.0.0.1:5504/_cresset"]), true),
        ("admin", json!(["127.0.0.1:5504/_cresset"]), false),
    ] {
        let reply = search(&site, user, &data(repos.clone())).await;
        assert_eq!(reply["success"], json!(!refused), "{user} {repos}");
        assert_eq!(reply.get("search_id").is_none(), refused, "{user} {repos}");
        if refused {
            let message = reply["message"].as_str().unwrap();
            assert!(message.contains("no permission"), "{message}");
        }
    }
    grant(&site, "wendy", Some(&[])).await;
    let reply = search(&site, "wendy", &data(json!([]))).await;
    assert_eq!(reply["success"], json!(false));
    assert!(reply["message"].as_str().unwrap().contains("any repo"));
}

#[tokio::test]
async fn a_result_is_gone_with_the_permission() {
    let site = restricted().await;
    let data = json!({"query": "user=ann", "time_range": "Last hour"});
    for user in ["wendy", "bob"] {
        let started = search(&site, user, &data).await;
        let id = started["search_id"].as_str().unwrap();
        assert_eq!(polled(&site, user, id).await["final"], json!(true));
        grant(&site, user, Some(&["default"])).await;
        let reply = polled(&site, user, id).await;
        let expected = json!({"success": false, "message": "Forgotten search"});
        assert_eq!(reply, expected, "{user}");
    }
}

#[tokio::test]
async fn a_rule_names_only_permitted_repos() {
    let site = restricted().await;
    let create = "/AlertRules/create_api";
    for (user, repos, refused) in [
        (
            "wendy",
            json!(["127.0.0.1:5504/default"]),
            Some("127.0.0.1:5504/default"),
        ),
        ("wendy", json!(["web", "default"]), Some("default")),
        ("bob", json!(["127.0.0.1:5504/_cresset"]), Some("_cresset")),
        ("wendy", json!(["127.0.0.1:5504/web"]), None),
        ("bob", json!([]), None),
        ("admin", json!(["127.0.0.1:5504/_cresset"]), None),
    ] {
        let mut body = rule("Some rule");
        body["search_params"]["repos"] = repos.clone();
        let answer = site.call(user, "POST", create, &body).await;
        match refused {
            None => assert_eq!(answer.status, 200, "{answer:?}"),
            Some(repo) => {
                assert_eq!(answer.status, 422, "{user} {repos}");
                let message = answer.json["validationErrors"]["search_params"]["repos"].as_str();
                let message = message.unwrap();
                assert!(
                    message.contains(repo) && message.contains("permission"),
                    "{message}"
                );
            }
        }
    }
    // The same at an update, which changes nothing.
    let list = site
        .call("wendy", "GET", "/AlertRules/lists_api", &Value::Null)
        .await
        .json;
    assert_eq!(list["total"], json!(1));
    let id = list["rows"][0]["id"].as_str().unwrap();
    let mut body = rule("Other name");
    body["id"] = json!(id);
    let answer = site
        .call("wendy", "POST", "/AlertRules/update_api", &body)
        .await;
    assert_eq!(answer.status, 422);
    let after = site
        .call("wendy", "GET", "/AlertRules/lists_api", &Value::Null)
        .await
        .json;
    assert_eq!(after, list);
}

#[tokio::test]
async fn live_searches_follow_the_permission() {
    let site = restricted().await;
    created(&site, "bob", "In default").await;
    let live = async |user: &str| {
        let fields = [("type", "livesearches")];
        let reply = ask(&site, user, "/getalloweddata", &fields).await;
        reply["livesearches"].as_array().unwrap().clone()
    };
    let shown = live("bob").await;
    assert_eq!(shown.len(), 1);
    let life = format!("life_{}", shown[0]["life_id"].as_str().unwrap());
    assert_eq!(polled(&site, "bob", &life).await["success"], json!(true));
    grant(&site, "bob", Some(&["web"])).await;
    assert!(live("bob").await.is_empty());
    let expected = json!({"success": false, "message": "Forgotten search"});
    assert_eq!(polled(&site, "bob", &life).await, expected);
    grant(&site, "bob", Some(&["web", "default"])).await;
    assert_eq!(live("bob").await.len(), 1);
}
