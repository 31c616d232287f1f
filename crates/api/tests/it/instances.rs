//! Registered instances: how they are listed, who may search what there, and how they are
//! registered and removed.

use crate::permissions::{ask, grant};
use crate::rules::rule;
use crate::site::{START, Site};
use cresset_api::{ApiSettings, Readiness};
use cresset_catalog::port::{Instances as _, Rules as _, Users as _};
use cresset_model::Timestamp;
use cresset_model::instance::{Instance, InstanceHealth, Product, RemoteRepo, Trust};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const PATH: &str = "/api/v1/instances";
const WEB: &str = "10.0.0.7:7070/web";

/// A wish for an instance, as clients write it.
fn berlin() -> Value {
    json!({"name": "berlin", "url": "http://10.0.0.7:7070/", "user": "searcher",
        "secret_key": "the-secret-of-berlin"})
}

/// A site that knows two instances: berlin has answered once and is away now, rome is new.
async fn fleet() -> Site {
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

async fn known(site: &Site, name: &str) -> Instance {
    let instances = site.catalog.instances().await.unwrap();
    let found = instances.into_iter().find(|i| i.name == name);
    found.unwrap()
}

fn answered() -> InstanceHealth {
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
