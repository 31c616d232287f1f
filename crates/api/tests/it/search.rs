//! Searches as Logpoint's clients run them.

use crate::site::{FORM, START, Site, key_of, request};
use serde_json::{Value, json};

/// Starts a search and polls until it is final.
async fn searched(site: &Site, request_data: &Value) -> Value {
    let started = site
        .form(
            "/getsearchlogs",
            &[("requestData", &request_data.to_string())],
        )
        .await;
    let id = started.json["search_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{started:?}"))
        .to_owned();
    for _ in 0..30 {
        let poll = json!({"search_id": id, "waiter_id": "1.2", "seen_version": null}).to_string();
        let answer = site.form("/getsearchlogs", &[("requestData", &poll)]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.json["final"].is_boolean() && answer.json["rows"].is_array());
        if answer.json["final"] == json!(true) {
            return answer.json;
        }
        assert_eq!(answer.json["rows"], json!([]));
        let kind = &answer.json["query_type"];
        let names = match kind.as_str().unwrap() {
            "simple" => &["estim_count"][..],
            _ => &[
                "num_aggregated",
                "columns",
                "aliases",
                "grouping",
                "extra_fields",
            ],
        };
        for name in names {
            assert!(!answer.json[name].is_null(), "{name}: {answer:?}");
        }
    }
    panic!("the search did not end");
}

async fn with_events() -> Site {
    let site = Site::new().await;
    let events: Vec<String> = (0..6)
        .map(|n| {
            let (user, at) = (["alice", "bob", "alice"][n % 3], START - 60 * n as i64 - 30);
            json!({"msg": format!("login {n}"), "user": user, "log_ts": at,
                "source_address": "10.0.0.1", "attempt": n})
            .to_string()
        })
        .collect();
    site.ingest(&events.join("\n")).await;
    site
}

#[tokio::test]
async fn what_a_start_answers() {
    let site = with_events().await;
    let data = json!({"timeout": 900, "query": "user=*", "limit": 10, "client_name": "gui",
        "starts": {}, "time_range": "Last 10 minutes", "repos": null});
    let answer = site
        .form("/getsearchlogs", &[("requestData", &data.to_string())])
        .await;
    let reply = &answer.json;
    for (key, expected) in [
        ("success", json!(true)),
        ("client_type", json!("UI")),
        ("clientType", json!("UI")),
        ("query_filter", json!("")),
        ("latest", json!(false)),
        ("lookup", json!(false)),
        ("query_type", json!("simple")),
        ("time_range", json!([START - 600, START])),
    ] {
        assert_eq!(reply[key], expected, "{key}");
    }
    assert_eq!(reply["search_id"], reply["searchId"]);
    assert_eq!(reply["search_id"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn a_simple_search() {
    let site = with_events().await;
    let data = json!({"query": "user=alice", "time_range": "Last hour", "limit": 100});
    let reply = searched(&site, &data).await;
    for key in ["success", "final", "complete"] {
        assert_eq!(reply[key], json!(true), "{key}");
    }
    assert_eq!(reply["query_type"], json!("simple"));
    assert_eq!(reply["estim_count"], json!(4));
    for key in ["version", "elapsed_seconds", "totalPages"] {
        assert!(reply[key].is_number(), "{key}");
    }
    for key in [
        "orig_search_id",
        "status",
        "fields",
        "next_starts",
        "interesting_fields",
    ] {
        assert!(!reply[key].is_null(), "{key}");
    }
    let rows = reply["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    let row = &rows[0];
    assert_eq!(row["log_ts"], json!(START - 30));
    assert!(row["col_ts"].is_i64());
    assert_eq!(row["attempt"], json!("0"));
    assert_eq!(row["repo_name"], json!("default"));
    for (key, is_text) in [
        ("msg", true),
        ("_type_str", true),
        ("_type_num", true),
        ("_type_ip", true),
        ("_tz", true),
        ("_identifier", true),
        ("logpoint_name", true),
        ("collected_at", true),
        ("_labels", false),
    ] {
        assert_eq!(row[key].is_string(), is_text, "{key} in {row}");
        assert!(!row[key].is_null(), "{key}");
    }
    assert!(row["_type_ip"].as_str().unwrap().contains("source_address"));

    let data = json!({"query": "user=*", "time_range": [START - 100, START], "limit": 1});
    let reply = searched(&site, &data).await;
    assert_eq!(reply["rows"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_chart() {
    let site = with_events().await;
    let data = json!({"query": "| chart count() as cnt by user order by cnt desc",
        "time_range": "Last 24 hours", "repos": ["127.0.0.1:5504"]});
    let reply = searched(&site, &data).await;
    assert_eq!(reply["query_type"], json!("chart"));
    assert_eq!(reply["grouping"], json!(["user"]));
    assert_eq!(reply["columns"], json!(["cnt"]));
    assert_eq!(reply["aliases"], json!(["cnt"]));
    assert_eq!(reply["extra_fields"], json!([]));
    assert!(reply["num_aggregated"].is_u64());
    let row = &reply["rows"][0];
    assert_eq!(row["cnt"], json!(4));
    assert_eq!(row["user"], json!("alice"));
    assert_eq!(row["_group"], json!(["alice"]));
    assert!(row["_type_num"].as_str().unwrap().contains("cnt"));
}

/// The vendor's sample counts the 299 events of its one group.
#[tokio::test]
async fn num_aggregated_is_the_number_of_events() {
    let site = with_events().await;
    let data = json!({"query": "| chart count() by user", "time_range": "Last 24 hours"});
    let reply = searched(&site, &data).await;
    assert_eq!(reply["rows"].as_array().unwrap().len(), 2);
    assert_eq!(reply["num_aggregated"], json!(6));
    // Whatever is aggregated, and whatever becomes of the groups.
    let query = "| chart max(log_ts) as last by user | search user=nobody";
    let data = json!({"query": query, "time_range": "Last 24 hours"});
    assert_eq!(searched(&site, &data).await["num_aggregated"], json!(6));
}

#[tokio::test]
async fn a_timechart_chooses_spans_that_suit_the_range() {
    let site = with_events().await;
    for (range, width, rows) in [
        ("Last hour", 300, 2),
        ("Last 24 hours", 3_600, 1),
        ("Last 30 days", 86_400, 1),
    ] {
        let query = "| timechart count() as cnt";
        let data = json!({"query": query, "time_range": range});
        let reply = searched(&site, &data).await;
        assert_eq!(reply["grouping"], json!(["log_ts"]));
        assert_eq!(reply["num_aggregated"], json!(6), "{reply}");
        assert_eq!(reply["rows"].as_array().unwrap().len(), rows, "{reply}");
        for row in reply["rows"].as_array().unwrap() {
            assert_eq!(row["log_ts"].as_i64().unwrap() % width, 0, "{row}");
        }
    }
}

#[tokio::test]
async fn mistakes_are_a_200_without_search_id() {
    let site = Site::new().await;
    let last = "Last hour";
    for (data, part) in [
        (
            json!({"query": "a=(", "time_range": last}),
            "line 1, column",
        ),
        (json!({"time_range": last}), "query"),
        (json!({"query": 7, "time_range": last}), "query"),
        (json!({"query": "a=b"}), "time_range"),
        (
            json!({"query": "a=b", "time_range": "Last 5 parsecs"}),
            "time_range",
        ),
        (json!({"query": "a=b", "time_range": [5, 1]}), "time_range"),
        (
            json!({"query": "a=b", "time_range": last, "limit": -1}),
            "limit",
        ),
        (
            json!({"query": "a=b", "time_range": last, "timeout": "x"}),
            "timeout",
        ),
        (
            json!({"query": "a=b", "time_range": last, "repos": "10.9.8.7:5504/x"}),
            "10.9.8.7",
        ),
        (
            json!({"query": "a=b", "time_range": last, "repos": [7]}),
            "repos",
        ),
    ] {
        let answer = site
            .form("/getsearchlogs", &[("requestData", &data.to_string())])
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json["success"], json!(false), "{data}");
        assert!(answer.json.get("search_id").is_none());
        let message = answer.json["message"].as_str().unwrap();
        assert!(message.contains(part), "{data}: {message}");
    }
    for text in ["", "{", "[]", "7", "null"] {
        let answer = site.form("/getsearchlogs", &[("requestData", text)]).await;
        assert_eq!(answer.json["success"], json!(false), "{text}");
        assert!(
            answer.json["message"]
                .as_str()
                .unwrap()
                .contains("requestData"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_unknown_or_foreign_search_is_forgotten() {
    let site = with_events().await;
    let data = json!({"query": "user=*", "time_range": "Last hour"}).to_string();
    let started = site.form("/getsearchlogs", &[("requestData", &data)]).await;
    let id = started.json["search_id"].as_str().unwrap().to_owned();
    let poll = json!({ "searchId": id }).to_string();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("username", "bob")
        .append_pair("secret_key", key_of("bob").expose());
    form.append_pair("requestData", &poll);
    let expected = json!({"success": false, "message": "Forgotten search"});
    let answer = site
        .send(request("POST", "/getsearchlogs", None, FORM, form.finish()))
        .await;
    assert_eq!((answer.status.as_u16(), &answer.json), (200, &expected));
    let unknown = json!({"search_id": "16fba59d-5b3b-4a0f-9e0b-3f6f0f6f2f3e"}).to_string();
    let answer = site
        .form("/getsearchlogs", &[("requestData", &unknown)])
        .await;
    assert_eq!((answer.status.as_u16(), &answer.json), (200, &expected));
    // The owner finds it, by the misspelt key of one client too.
    let answer = site.form("/getsearchlogs", &[("requestData", &poll)]).await;
    assert_eq!(answer.json["success"], json!(true));
}

#[tokio::test]
async fn every_type_of_allowed_data() {
    let site = with_events().await;
    crate::rules::created(&site, "admin", "Brute force").await;
    let ask = async |fields: &[(&str, &str)]| site.form("/getalloweddata", fields).await.json;
    assert_eq!(
        ask(&[("type", "user_preference")]).await,
        json!({"success": true, "timezone": "UTC", "date_format": "%Y/%m/%d",
            "hour_format": "24 Hour"})
    );
    let node = json!([{"name": "Cresset", "ip": "127.0.0.1"}]);
    let reply = ask(&[("type", "loginspects"), ("logpoints", "")]).await;
    assert_eq!(reply, json!({"success": true, "allowed_loginspects": node}));
    let reply = ask(&[("type", "logpoint_repos")]).await;
    assert_eq!(reply["logpoint"], node);
    let repos = json!([
        {"repo": "_cresset", "address": "127.0.0.1:5504/_cresset"},
        {"repo": "default", "address": "127.0.0.1:5504/default"},
    ]);
    assert_eq!(reply["allowed_repos"], repos);
    let elsewhere = r#"[{"name": "other", "ip": "10.0.0.2"}]"#;
    let reply = ask(&[("type", "logpoint_repos"), ("logpoints", elsewhere)]).await;
    assert_eq!(reply["allowed_repos"], json!([]));
    let reply = ask(&[("type", "devices")]).await;
    assert_eq!(reply["allowed_devices"].as_array().unwrap().len(), 1);
    let devices = reply["allowed_devices"][0].as_object().unwrap();
    assert_eq!(
        devices["127.0.0.1/192.0.2.7"],
        json!("192.0.2.7"),
        "{devices:?}"
    );
    site.ingest("{\"msg\":\"x\",\"device_ip\":\"10.0.0.9\",\"device_name\":\"web1\"}")
        .await;
    let reply = ask(&[("type", "devices")]).await;
    assert_eq!(
        reply["allowed_devices"][0]["127.0.0.1/10.0.0.9"],
        json!("web1")
    );
    let reply = ask(&[("type", "livesearches")]).await;
    let live = &reply["livesearches"][0];
    assert_eq!(live["generated_by"], json!("alert"));
    assert_eq!(live["searchname"], json!("Brute force"));
    assert_eq!(live["life_id"].as_str().unwrap().len(), 40);
    assert_eq!(live["timerange_minute"], json!(10));
    let reply = ask(&[("type", "everything")]).await;
    assert_eq!(reply["success"], json!(false));
    assert!(reply["message"].as_str().unwrap().contains("everything"));
}

#[tokio::test]
async fn one_row_of_repos_for_one_node() {
    let site = Site::new().await;
    for body in [json!({}), json!({"data": {}}), Value::Null] {
        let path = "/Repo/get_all_searchable_logpoint";
        let reply = site.call("admin", "POST", path, &body).await.json;
        let rows = reply["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["active"], json!(true));
        assert_eq!(
            (&rows[0]["li"], &rows[0]["li_ip"]),
            (&json!("Cresset"), &json!("127.0.0.1"))
        );
        let expected = json!({"active": "True", "address": "127.0.0.1:5504/_cresset", "ha": "",
            "repo": "_cresset"});
        assert_eq!(rows[0]["repos"][0], expected);
    }
}
