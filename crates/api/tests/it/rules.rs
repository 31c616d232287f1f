//! Alert rules from creation to deletion.

use crate::site::{ALL, JSON, Site, request};
use cresset_catalog::port::Users as _;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// A rule that is fine.
pub(crate) fn rule(name: &str) -> Value {
    json!({
        "search_params": {
            "query": "error_code=4625 | chart count() as cnt by user | search cnt>5",
            "timerange_day": 0, "timerange_hour": 0, "timerange_minute": 10,
            "repos": ["127.0.0.1:5504/default"], "limit": 100, "flush_on_trigger": true,
            "search_interval_minute": 5, "delay_interval_minute": 0,
            "throttling_enabled": true, "throttling_field": "user", "throttling_time_range": 30,
        },
        "incident_condition": {"condition_option": "greaterthan", "condition_value": 0,
            "risk": "high", "aggregate": "max"},
        "taxonomy": {"attack_tag_hashes": ["367359dcae4304bb45ad0f49c09ae8d3"],
            "logsources": ["Windows"], "metadata": [{"field": "rule_id", "value": "1"}]},
        "incident_ownership": {"assignee": "admin", "visible_to_usergroups": []},
        "incident_display_data": {"apply_jinja_template": true, "simple_view": false,
            "jinja_template": "{% for row in rows %}{{row.user}}{% endfor %}"},
        "foureyes": {"original_data": false},
        "name": name, "description": "a rule", "updated_date": "2026/11/21",
    })
}

/// Creates a rule of `user` and returns its id.
pub(crate) async fn created(site: &Site, user: &str, name: &str) -> String {
    let answer = site
        .call(user, "POST", "/AlertRules/create_api", &rule(name))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_life_of_a_rule() {
    let site = Site::new().await;
    let answer = site
        .call(
            "admin",
            "POST",
            "/AlertRules/create_api",
            &rule("Probe one"),
        )
        .await;
    let id = answer.json["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 24);
    let keys: Vec<&String> = answer.json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "message", "name"]);

    // The body-less POST of the vendor's SDK and the documented GET.
    let path = format!("/AlertRules/read_api?id={id}");
    for method in ["GET", "POST"] {
        let data = site.call("admin", method, &path, &Value::Null).await.json["data"].clone();
        for (section, sent) in rule("Probe one").as_object().unwrap() {
            if section != "updated_date" {
                assert_eq!(&data[section], sent, "{section}");
            }
        }
        assert_eq!(data["id"], json!(id));
        assert_eq!(data["active"], json!(true));
    }

    let ids = json!({ "ids": [id] });
    for (endpoint, active) in [("deactivate", false), ("activate", true)] {
        let path = format!("/AlertRules/{endpoint}_api");
        let answer = site.call("admin", "POST", &path, &ids).await;
        assert_eq!(answer.json["success"], json!(true));
        assert_eq!(answer.json["ids"], ids["ids"]);
        assert!(answer.json["message"].is_string());
        let rows = site
            .call("admin", "GET", "/AlertRules/lists_api", &Value::Null)
            .await
            .json;
        assert_eq!(rows["rows"][0]["active"], json!(active));
    }

    site.call("admin", "POST", "/AlertRules/deactivate_api", &ids)
        .await;
    let mut changed = rule("Probe two");
    changed["id"] = json!(id);
    let answer = site
        .call("admin", "POST", "/AlertRules/update_api", &changed)
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["name"]),
        (200, &json!("Probe two"))
    );
    let data = site.call("admin", "GET", &path, &Value::Null).await.json["data"].clone();
    assert_eq!(
        (&data["name"], &data["active"]),
        (&json!("Probe two"), &json!(false))
    );

    let answer = site
        .call("admin", "POST", "/AlertRules/delete_api", &ids)
        .await;
    assert_eq!(answer.json["success"], json!(true));
    let answer = site.call("admin", "GET", &path, &Value::Null).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json["success"], json!(false));
    assert_eq!(site.announced.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn a_taken_name_is_a_200_that_says_so() {
    let site = Site::new().await;
    created(&site, "admin", "Taken name").await;
    created(&site, "bob", "Taken name").await;
    let other = created(&site, "admin", "Other name").await;
    let mut renamed = rule("Taken name");
    renamed["id"] = json!(other);
    for (path, body) in [
        ("/AlertRules/create_api", rule("Taken name")),
        ("/AlertRules/update_api", renamed),
    ] {
        let answer = site.call("admin", "POST", path, &body).await;
        assert_eq!(answer.status, 200);
        let expected = json!({"success": false, "message": "Validation error",
            "validationErrors": {"name": "Alert rule name already exists"}});
        assert_eq!(answer.json, expected, "{path}");
    }
}

#[tokio::test]
async fn pages_add_up_to_all_rules_in_order() {
    let site = Site::new().await;
    let mut names = Vec::new();
    for n in 0..7 {
        names.push(format!("Rule number {n}"));
        created(&site, "admin", &names[n]).await;
        site.clock.advance(cresset_model::Duration::seconds(1));
    }
    created(&site, "bob", "Rule of bob").await;
    let list = async |query: &str| {
        let path = format!("/AlertRules/lists_api?{query}");
        let answer = site.call("admin", "GET", &path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let rows = answer.json["rows"].as_array().unwrap().clone();
        let names: Vec<String> = rows
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect();
        (names, answer.json["total"].as_u64().unwrap())
    };
    let mut paged = Vec::new();
    for page in 1..=3 {
        let (rows, total) = list(&format!("limit=3&page={page}&search_value=")).await;
        assert_eq!((rows.len(), total), (if page == 3 { 1 } else { 3 }, 7));
        paged.extend(rows);
    }
    assert_eq!(paged, names);
    assert_eq!(list("limit=5000").await.0, names);
    assert_eq!(list("limit=2&return_all_data=True").await.0, names);
    assert_eq!(list("limit=3&page=9").await, (Vec::new(), 7));
    assert_eq!(list("search_value=NUMBER%203").await.0, ["Rule number 3"]);
    assert_eq!(list("enabled=False").await.1, 0);
    assert_eq!(list("type=vendor").await.1, 0);
    for query in [
        "limit=0",
        "limit=x",
        "page=-1",
        "return_all_data=maybe",
        "type=mine",
    ] {
        let path = format!("/AlertRules/lists_api?{query}");
        let answer = site.call("admin", "GET", &path, &Value::Null).await;
        let field = query.split('=').next().unwrap();
        assert_eq!(answer.status, 422, "{query}");
        assert!(
            answer.json["validationErrors"][field].is_string(),
            "{query}"
        );
    }
}

#[tokio::test]
async fn what_is_looked_up_is_checked_at_save() {
    let site = Site::new().await;
    let mut body = rule("Wrong rule");
    body["search_params"]["repos"] = json!(["127.0.0.1:5504/nope"]);
    body["search_params"]["query"] = json!("user=admin | chart cuont() by user");
    body["incident_ownership"]["assignee"] = json!("nobody");
    // What cannot be read keeps nothing else from being checked.
    body["incident_condition"]["risk"] = json!("deadly");
    let answer = site
        .call("admin", "POST", "/AlertRules/create_api", &body)
        .await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json["success"], json!(false));
    assert!(answer.json["message"].is_string());
    let errors = &answer.json["validationErrors"];
    for pointer in [
        "/search_params/repos",
        "/search_params/query",
        "/incident_ownership/assignee",
        "/incident_condition/risk",
    ] {
        assert!(errors.pointer(pointer).is_some(), "{pointer} in {errors}");
    }
    let query = errors["search_params"]["query"].as_str().unwrap();
    assert!(
        query.contains("line 1, column 20") && query.contains("count"),
        "{query}"
    );
    let list = site
        .call("admin", "GET", "/AlertRules/lists_api", &Value::Null)
        .await;
    assert_eq!(list.json["total"], json!(0));
}

#[tokio::test]
async fn rules_of_others_do_not_exist() {
    let site = Site::new().await;
    let id = created(&site, "bob", "Rule of bob").await;
    let mine = created(&site, "admin", "Rule of admin").await;
    let mut update = rule("Stolen rule");
    update["id"] = json!(id);
    let notification = json!({"ids": [id], "type": "http", "http_url": "https://a.example",
        "http_request_type": "POST"});
    let both = json!({ "ids": [mine, id] });
    let http = "/pluggables/Notification/HTTPNotification";
    for (method, path, body) in [
        ("GET", format!("/AlertRules/read_api?id={id}"), Value::Null),
        ("POST", "/AlertRules/update_api".to_owned(), update),
        (
            "POST",
            "/AlertRules/activate_api".to_owned(),
            json!({ "ids": [id] }),
        ),
        (
            "POST",
            "/AlertRules/deactivate_api".to_owned(),
            both.clone(),
        ),
        ("POST", "/AlertRules/delete_api".to_owned(), both),
        ("POST", format!("{http}/create_api"), notification),
        ("GET", format!("{http}/read_api?id={id}"), Value::Null),
        (
            "GET",
            format!("/api/v1/rules/{id}/evaluations"),
            Value::Null,
        ),
    ] {
        let answer = site.call("admin", method, &path, &body).await;
        assert_eq!(answer.status, 404, "{path} {answer:?}");
    }
    // All or none: the caller's own rule of the mixed requests is as it was.
    for (user, id) in [("admin", mine), ("bob", id)] {
        let path = format!("/AlertRules/read_api?id={id}");
        let answer = site.call(user, "GET", &path, &Value::Null).await;
        assert_eq!(answer.json["data"]["active"], json!(true), "{user}");
    }
}

#[tokio::test]
async fn wrong_ids_and_bodies_name_the_field() {
    let site = Site::new().await;
    for body in [
        json!({}),
        json!({"ids": []}),
        json!({"ids": "67f8ae6fbe9edae2fcfbc1ee"}),
        json!({"ids": ["x"]}),
        json!({"ids": [1]}),
        json!({"ids": {}}),
    ] {
        let answer = site
            .call("admin", "POST", "/AlertRules/delete_api", &body)
            .await;
        assert_eq!(answer.status, 422, "{body}");
        assert!(answer.json["validationErrors"]["ids"].is_string(), "{body}");
    }
    for query in ["", "?id=", "?id=zz", "?ID=67f8ae6fbe9edae2fcfbc1ee"] {
        let path = format!("/AlertRules/read_api{query}");
        let answer = site.call("admin", "GET", &path, &Value::Null).await;
        assert_eq!(answer.status, 422, "{query}");
    }
    let unknown = "/AlertRules/read_api?id=67f8ae6fbe9edae2fcfbc1ee";
    assert_eq!(
        site.call("admin", "GET", unknown, &Value::Null)
            .await
            .status,
        404
    );
    let token = site.token("admin", ALL);
    for body in [
        "",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{",
        "\u{0}",
        &"[".repeat(100_000),
    ] {
        let path = "/AlertRules/create_api";
        let answer = site
            .send(request("POST", path, Some(&token), JSON, body.to_owned()))
            .await;
        assert_eq!(answer.status, 400, "{body:.20}");
        assert_eq!(answer.json["success"], json!(false));
        assert!(answer.json["message"].is_string());
    }
}

/// Rules kept as code are read, compared and written back.
#[tokio::test]
async fn what_is_read_can_be_written_back() {
    let site = Site::new().await;
    let mut bare = rule("Without options");
    for (section, field) in [
        ("search_params", "throttling_enabled"),
        ("search_params", "limit"),
        ("taxonomy", "metadata"),
        ("taxonomy", "logsources"),
        ("incident_display_data", "jinja_template"),
    ] {
        bare[section].as_object_mut().unwrap().remove(field);
    }
    bare.as_object_mut().unwrap().remove("foureyes");
    for body in [rule("With everything"), bare] {
        let create = "/AlertRules/create_api";
        let answer = site.call("admin", "POST", create, &body).await;
        let id = answer.json["id"].as_str().unwrap().to_owned();
        let ids = json!({ "ids": [id] });
        site.call("admin", "POST", "/AlertRules/deactivate_api", &ids)
            .await;
        let path = format!("/AlertRules/read_api?id={id}");
        let read =
            async || site.call("admin", "GET", &path, &Value::Null).await.json["data"].clone();
        let before = read().await;
        let mut sent = before.clone();
        sent["version"] = json!(99);
        sent["active"] = json!(true);
        sent["owner"] = json!({"of": "somebody"});
        let answer = site
            .call("admin", "POST", "/AlertRules/update_api", &sent)
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(read().await, before);
    }
}

#[tokio::test]
async fn a_query_is_refused_with_the_place_of_the_mistake() {
    let site = Site::new().await;
    for (query, position, drawn) in [
        (
            "user=admin | chart cuont() by user",
            "line 1, column 20: ",
            "\n1 | user=admin | chart cuont() by user\n  |                    ^",
        ),
        ("a=b\nc=(", "line 2, column 3: ", "\n2 | c=(\n  |   ^"),
    ] {
        let mut body = rule("Wrong query");
        body["search_params"]["query"] = json!(query);
        let path = "/AlertRules/create_api";
        let answer = site.call("admin", "POST", path, &body).await;
        assert_eq!(answer.status, 422);
        let said = &answer.json["validationErrors"]["search_params"]["query"];
        let said = said.as_str().unwrap();
        assert!(said.starts_with(position), "{said}");
        assert!(said.contains(drawn), "{said}");
    }
}

#[tokio::test]
async fn a_disabled_user_is_no_assignee() {
    let site = Site::new().await;
    let bob = site.catalog.user_by_name("bob").await.unwrap().unwrap();
    let mut body = rule("Brute force");
    body["incident_ownership"]["assignee"] = json!("bob");
    let create = async || {
        let path = "/AlertRules/create_api";
        site.call("admin", "POST", path, &body).await
    };
    site.catalog.set_user_disabled(bob.id, true).await.unwrap();
    let refused = create().await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(
        refused.json["validationErrors"],
        json!({"incident_ownership": {"assignee": "the user \"bob\" is disabled"}})
    );
    site.catalog.set_user_disabled(bob.id, false).await.unwrap();
    assert_eq!(create().await.status, 200);
}
