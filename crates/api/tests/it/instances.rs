//! Registered instances: how their repos are listed, and who may search what there.

use crate::permissions::{ask, grant};
use crate::rules::rule;
use crate::site::{START, Site};
use cresset_catalog::port::Instances as _;
use cresset_model::Timestamp;
use cresset_model::instance::{Instance, InstanceHealth, Product, RemoteRepo};
use serde_json::{Value, json};

pub(crate) const PATH: &str = "/api/v1/instances";
pub(crate) const WEB: &str = "10.0.0.7:7070/web";

/// A wish for an instance, as clients write it.
pub(crate) fn berlin() -> Value {
    json!({"name": "berlin", "url": "http://10.0.0.7:7070/", "user": "searcher",
        "secret_key": "the-secret-of-berlin"})
}

/// A site that knows two instances: berlin has answered once and is away now, rome is new.
pub(crate) async fn fleet() -> Site {
    let site = Site::new().await;
    let answer = site.call("admin", "POST", PATH, &berlin()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let rome = json!({"name": "rome", "url": "https://rome.example", "user": "searcher",
        "secret_key": "the-secret-of-rome", "insecure": true});
    assert_eq!(site.call("admin", "POST", PATH, &rome).await.status, 201);
    let berlin = known(&site, "berlin").await;
    let health = answered();
    site.catalog
        .record_health(berlin.id, &health)
        .await
        .unwrap();
    site
}

pub(crate) async fn known(site: &Site, name: &str) -> Instance {
    let instances = site.catalog.instances().await.unwrap();
    let found = instances.into_iter().find(|i| i.name == name);
    found.unwrap()
}

pub(crate) fn answered() -> InstanceHealth {
    let repo = |name: &str| RemoteRepo {
        name: name.to_owned(),
        address: format!("127.0.0.1:5504/{name}"),
    };
    InstanceHealth {
        checked_at: Some(Timestamp::from_secs(START)),
        seen_at: Some(Timestamp::from_secs(START - 60)),
        error: Some("cannot reach it".to_owned()),
        product: Product::Cresset,
        repos: vec![repo("_cresset"), repo("web")],
    }
}

async fn searchable(site: &Site, user: &str) -> Value {
    let path = "/Repo/get_all_searchable_logpoint";
    site.call(user, "POST", path, &json!({})).await.json["rows"].clone()
}

async fn allowed(site: &Site, user: &str, kind: &str, logpoints: Value) -> Value {
    let logpoints = if logpoints.is_null() {
        String::new()
    } else {
        logpoints.to_string()
    };
    let fields = [("type", kind), ("logpoints", logpoints.as_str())];
    ask(site, user, "/getalloweddata", &fields).await
}

#[tokio::test]
async fn nodes_are_listed_with_their_repos() {
    let site = fleet().await;
    let row = |repo: &str| {
        json!({"active": "False", "address": format!("10.0.0.7:7070/{repo}"), "ha": "",
            "repo": repo})
    };
    let rows = searchable(&site, "admin").await;
    assert_eq!(rows.as_array().unwrap().len(), 3);
    assert_eq!(rows[0]["li"], json!("Cresset"), "this node is first");
    assert_eq!(rows[0]["active"], json!(true));
    assert_eq!(
        rows[0]["repos"][0]["address"],
        json!("127.0.0.1:5504/_cresset")
    );
    let berlin = json!({"active": false, "li": "berlin", "li_ip": "10.0.0.7",
        "repos": [row("_cresset"), row("web")]});
    assert_eq!(rows[1], berlin);
    let rome = json!({"active": false, "li": "rome", "li_ip": "rome.example", "repos": []});
    assert_eq!(rows[2], rome);

    let berlin = known(&site, "berlin").await;
    let health = InstanceHealth {
        error: None,
        ..answered()
    };
    site.catalog
        .record_health(berlin.id, &health)
        .await
        .unwrap();
    let rows = searchable(&site, "admin").await;
    assert_eq!(rows[1]["active"], json!(true));
    assert_eq!(rows[1]["repos"][1]["active"], json!("True"));
}

#[tokio::test]
async fn a_server_without_instances_is_one_row() {
    let site = Site::new().await;
    let rows = searchable(&site, "admin").await;
    assert_eq!(rows.as_array().unwrap().len(), 1);
    let nodes = json!([{"name": "Cresset", "ip": "127.0.0.1"}]);
    let reply = allowed(&site, "admin", "loginspects", Value::Null).await;
    assert_eq!(reply["allowed_loginspects"], nodes);
    let reply = allowed(&site, "admin", "logpoint_repos", Value::Null).await;
    assert_eq!(reply["logpoint"], nodes);
}

#[tokio::test]
async fn allowed_data_tells_of_every_node() {
    let site = fleet().await;
    grant(&site, "bob", Some(&["default", WEB])).await;
    let this = json!({"name": "Cresset", "ip": "127.0.0.1"});
    let berlin = json!({"name": "berlin", "ip": "10.0.0.7"});
    let rome = json!({"name": "rome", "ip": "rome.example"});
    let own = json!({"repo": "default", "address": "127.0.0.1:5504/default"});
    let web = json!({"repo": "web", "address": WEB});
    for (chosen, nodes, repos) in [
        (Value::Null, json!([this, berlin, rome]), json!([own, web])),
        (json!([]), json!([this, berlin, rome]), json!([own, web])),
        (json!([{"ip": "10.0.0.7"}]), json!([berlin]), json!([web])),
        (json!([{"name": "rome"}]), json!([rome]), json!([])),
        (json!([this]), json!([this]), json!([own])),
        (
            json!([{"name": "rome", "ip": "10.0.0.7"}]),
            json!([]),
            json!([]),
        ),
        (
            json!([{"name": "nobody", "ip": "10.9.9.9"}]),
            json!([]),
            json!([]),
        ),
    ] {
        let reply = allowed(&site, "bob", "loginspects", chosen.clone()).await;
        let expected = json!({"success": true, "allowed_loginspects": nodes});
        assert_eq!(reply, expected, "{chosen}");
        let reply = allowed(&site, "bob", "logpoint_repos", chosen.clone()).await;
        let expected = json!({"success": true, "allowed_repos": repos, "logpoint": nodes});
        assert_eq!(reply, expected, "{chosen}");
        let reply = allowed(&site, "bob", "devices", chosen.clone()).await;
        let expected = json!({"success": true, "allowed_devices": [{}], "logpoint": nodes});
        assert_eq!(reply, expected, "{chosen}");
        // Each address is found again by its ip, as clients do.
        for repo in repos.as_array().unwrap() {
            let (ip, _) = repo["address"].as_str().unwrap().split_once(':').unwrap();
            let listed = nodes.as_array().unwrap();
            assert!(listed.iter().any(|node| node["ip"] == ip), "{chosen}");
        }
    }
}

#[tokio::test]
async fn grants_reach_to_other_instances() {
    let site = fleet().await;
    let addresses = async |user: &str| -> Vec<String> {
        let rows = searchable(&site, user).await;
        let repos = rows
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|row| row["repos"].as_array());
        let addresses = repos
            .flatten()
            .map(|repo| repo["address"].as_str().unwrap());
        addresses.map(str::to_owned).collect()
    };
    let of_instance = async |user: &str| {
        let reply = site.call(user, "GET", PATH, &Value::Null).await.json;
        reply["instances"][0]["repos"].clone()
    };
    assert_eq!(of_instance("admin").await.as_array().unwrap().len(), 2);
    for granted in [None, Some(["default"].as_slice())] {
        grant(&site, "bob", granted).await;
        assert_eq!(addresses("bob").await, ["127.0.0.1:5504/default"]);
        assert_eq!(of_instance("bob").await, json!([]));
    }
    grant(&site, "bob", Some(&[WEB])).await;
    assert_eq!(addresses("bob").await, [WEB]);
    assert_eq!(
        of_instance("bob").await,
        json!([{"name": "web", "address": WEB}])
    );

    // A rule that is saved, and a search that starts, name what is granted.
    for (user, repo, status, word) in [
        ("bob", WEB, 200, ""),
        ("bob", "10.0.0.7:7070/_cresset", 422, "permission"),
        ("bob", "default", 422, "permission"),
        ("admin", "10.0.0.7:7070/_cresset", 200, ""),
        ("admin", "10.0.0.7:7070/nope", 422, "does not exist"),
        ("admin", "10.0.0.8:7070/web", 422, "does not exist"),
        ("admin", "rome.example:443/any", 200, ""),
        ("bob", "rome.example:443/any", 422, "permission"),
        ("eve", "rome.example:443/any", 403, ""),
    ] {
        let mut body = rule(&format!("Rule of {user} over {repo}"));
        body["search_params"]["repos"] = json!([repo]);
        let answer = site
            .call(user, "POST", "/AlertRules/create_api", &body)
            .await;
        assert_eq!(answer.status, status, "{user} {repo}: {answer:?}");
        let message = &answer.json["validationErrors"]["search_params"]["repos"];
        assert!(
            message.as_str().unwrap_or_default().contains(word),
            "{answer:?}"
        );
        if user == "eve" {
            continue;
        }
        let data = json!({"query": "*", "time_range": "Last hour", "repos": [repo]});
        let data = data.to_string();
        let fields = [("requestData", data.as_str())];
        let reply = ask(&site, user, "/getsearchlogs", &fields).await;
        assert_eq!(
            reply["success"],
            json!(status == 200),
            "{user} {repo}: {reply}"
        );
        let message = reply["message"].as_str().unwrap_or_default();
        assert!(message.contains(word), "{user} {repo}: {reply}");
    }
    // Without a grant nothing elsewhere is searched; with one also what was never seen.
    let unseen = "rome.example:443/any";
    for (granted, status) in [(None, 422), (Some([unseen].as_slice()), 200)] {
        grant(&site, "bob", granted).await;
        let mut body = rule("Not seen yet");
        body["search_params"]["repos"] = json!([unseen]);
        let path = "/AlertRules/create_api";
        let answer = site.call("bob", "POST", path, &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}
