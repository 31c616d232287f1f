//! Replies about searches, compared with recorded ones; and searches that live.

use crate::permissions::{ask, found, polled, search};
use crate::rules::{created, rule};
use crate::site::{START, Site};
use cresset_api::{ApiSettings, Readiness};
use cresset_catalog::port::{Rules as _, Users as _};
use cresset_model::Duration;
use serde_json::{Value, json};
use std::path::Path;

const FORGOTTEN: &str = "Forgotten search";

/// A recorded message; `None` where the recordings are not at hand.
fn recorded(name: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/spec/payloads");
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        println!("skipped: {name} is not here");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "truth value",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// Every key of the recorded message is there, with a value of the same type.
fn same_shape(recorded: &Value, ours: &Value, at: &str) {
    assert_eq!(kind(recorded), kind(ours), "{at}: {recorded} and {ours}");
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (key, value) in recorded {
                let Some(our) = ours.get(key) else {
                    panic!("{at}: {key} is missing");
                };
                same_shape(value, our, &format!("{at}/{key}"));
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            for (recorded, our) in recorded.iter().zip(ours) {
                same_shape(recorded, our, &format!("{at}/0"));
            }
        }
        _ => {}
    }
}

async fn with_recorded_event() -> Site {
    let site = Site::new().await;
    let event = json!({"msg": "search; performed", "log_ts": START - 30, "device_ip": "127.0.0.1",
        "device_name": "localhost", "norm_id": "LogPoint", "sig_id": "10501",
        "source_name": "/x/y.log"});
    site.ingest(&event.to_string()).await;
    site
}

#[tokio::test]
async fn replies_have_the_recorded_shape() {
    let site = with_recorded_event().await;
    let data = json!({"query": "| chart count() by col_type", "time_range": "Last hour"});
    let started = search(&site, "admin", &data).await;
    let chart = found(&site, "admin", &data).await;
    let data = json!({"query": "col_type=*", "time_range": "Last hour"});
    let simple = found(&site, "admin", &data).await;
    for (name, ours) in [
        ("getsearchlogs.start.response.json", &started),
        ("getsearchlogs.poll.chart.response.json", &chart),
        ("getsearchlogs.poll.simple.row.json", &simple["rows"][0]),
        (
            "error-forgotten-search.200.json",
            &polled(&site, "admin", "16fba59d-5b3b-4a0f-9e0b-3f6f0f6f2f3e").await,
        ),
    ] {
        let Some(recorded) = recorded(name) else {
            return;
        };
        same_shape(&recorded, ours, name);
    }
    created(&site, "admin", "Some rule").await;
    for kind in [
        "user_preference",
        "loginspects",
        "logpoint_repos",
        "livesearches",
    ] {
        let ours = ask(&site, "admin", "/getalloweddata", &[("type", kind)]).await;
        let name = format!("getalloweddata.{kind}.response.json");
        let Some(recorded) = recorded(&name) else {
            return;
        };
        same_shape(&recorded, &ours, &name);
    }
}

#[tokio::test]
async fn recorded_requests_are_understood() {
    let site = with_recorded_event().await;
    for name in [
        "getsearchlogs.start.requestData.docs.json",
        "getsearchlogs.start.requestData.elixir.json",
        "getsearchlogs.start.requestData.pylogpoint.json",
    ] {
        let Some(mut data) = recorded(name) else {
            return;
        };
        // One names a repo of a second node, which this test does not have.
        if data["repos"]
            .as_str()
            .is_some_and(|r| r.contains("10.0.0.2"))
        {
            data["repos"] = json!("127.0.0.1:5504,127.0.0.1:5504/default");
        }
        let reply = found(&site, "admin", &data).await;
        assert_eq!(reply["final"], json!(true), "{name}: {reply}");
    }
}

#[tokio::test]
async fn limits_and_times_in_every_form() {
    let site = Site::new().await;
    let events: Vec<String> = (0..150)
        .map(|n| json!({"msg": "x", "user": "ann", "log_ts": START - n}).to_string())
        .collect();
    site.ingest(&events.join("\n")).await;
    for (limit, rows) in [
        (json!(null), 100),
        (json!(7), 7),
        (json!("7"), 7),
        (json!(1_000_000_000), 150),
    ] {
        for timeout in [json!(null), json!(30), json!("30"), json!(1_000_000)] {
            let data = json!({"query": "user=ann", "time_range": "Last hour", "limit": limit,
                "timeout": timeout});
            let reply = found(&site, "admin", &data).await;
            assert_eq!(reply["rows"].as_array().unwrap().len(), rows, "{data}");
            assert_eq!(reply["estim_count"], json!(150), "{data}");
        }
    }
}

#[tokio::test]
async fn a_timechart_has_the_bucket_first() {
    let site = with_recorded_event().await;
    let data = json!({"query": "| timechart count() by col_type every 1 hour",
        "time_range": "Last 2 hours"});
    let reply = found(&site, "admin", &data).await;
    assert_eq!(reply["query_type"], json!("timechart"));
    assert_eq!(reply["grouping"], json!(["log_ts", "col_type"]));
    assert_eq!(reply["columns"], json!(["count()"]));
    let row = &reply["rows"][0];
    let bucket = START - 3_600;
    assert_eq!(row["_group"], json!([bucket.to_string(), "http"]));
    assert_eq!(row["log_ts"], json!(bucket));
    assert_eq!(row["count()"], json!(1));
    let Some(mut recorded) = recorded("getsearchlogs.poll.chart.response.json") else {
        return;
    };
    recorded["rows"] = json!([]);
    same_shape(&recorded, &reply, "timechart");
}

#[tokio::test]
async fn a_search_is_forgotten_ten_minutes_after_its_last_poll() {
    let site = with_recorded_event().await;
    let data = json!({"query": "col_type=*", "time_range": "Last hour"});
    let id = search(&site, "admin", &data).await["search_id"].clone();
    let id = id.as_str().unwrap();
    for _ in 0..3 {
        site.clock.advance(Duration::minutes(9));
        assert_eq!(polled(&site, "admin", id).await["success"], json!(true));
    }
    site.clock.advance(Duration::minutes(11));
    let expected = json!({"success": false, "message": FORGOTTEN});
    assert_eq!(polled(&site, "admin", id).await, expected);
}

/// Polls of one live search at the same time never take it away from each other.
#[tokio::test]
async fn a_live_search_is_polled_by_many_at_once() {
    let site = Site::new().await;
    let mut body = rule("Logins");
    body["search_params"]["query"] = json!("user=* | chart count() as cnt by user");
    site.call("bob", "POST", "/AlertRules/create_api", &body)
        .await;
    site.ingest(&json!({"msg": "x", "user": "ann", "log_ts": START - 5}).to_string())
        .await;
    let shown = ask(&site, "bob", "/getalloweddata", &[("type", "livesearches")]).await;
    let life = shown["livesearches"][0]["life_id"].as_str().unwrap();
    let id = format!("life_{life}");
    for _ in 0..20 {
        let polls = (0..8).map(|_| polled(&site, "bob", &id));
        for reply in futures::future::join_all(polls).await {
            assert_eq!(reply["success"], json!(true), "{reply}");
            if reply["final"] == json!(true) {
                assert_eq!(reply["rows"][0]["cnt"], json!(1), "{reply}");
            }
        }
    }
}

#[tokio::test]
async fn a_live_search_shows_the_present() {
    let site = Site::new().await;
    let mut body = rule("Logins");
    body["search_params"]["query"] = json!("user=* | chart count() as cnt by user");
    let create = "/AlertRules/create_api";
    let answer = site.call("bob", "POST", create, &body).await;
    let rule_id = answer.json["id"].as_str().unwrap().to_owned();
    let shown = ask(&site, "bob", "/getalloweddata", &[("type", "livesearches")]).await;
    let info = &shown["livesearches"][0]["query_info"];
    assert_eq!(info["columns"], json!(["cnt"]));
    assert_eq!(info["grouping"], json!(["user"]));
    let life = shown["livesearches"][0]["life_id"].as_str().unwrap();
    let id = format!("life_{life}");
    let counted = async || {
        let reply = polled(&site, "bob", &id).await;
        assert_eq!(reply["orig_search_id"], json!(id));
        assert_eq!(reply["query_type"], json!("chart"));
        reply["rows"]
            .as_array()
            .unwrap()
            .first()
            .map(|row| row["cnt"].clone())
    };
    assert_eq!(counted().await, None);
    site.ingest(&json!({"msg": "x", "user": "ann", "log_ts": START - 5}).to_string())
        .await;
    assert_eq!(counted().await, Some(json!(1)));
    site.clock.advance(Duration::minutes(4));
    site.ingest(&json!({"msg": "y", "user": "ann", "log_ts": START + 200}).to_string())
        .await;
    assert_eq!(counted().await, Some(json!(2)), "one of each poll");
    // The rule looks back ten minutes.
    site.clock.advance(Duration::minutes(8));
    assert_eq!(counted().await, Some(json!(1)));

    let forgotten = json!({"success": false, "message": FORGOTTEN});
    assert_eq!(polled(&site, "eve", &id).await, forgotten, "another's");
    let other = format!(
        "{}{}",
        &id[..id.len() - 1],
        if id.ends_with('0') { '1' } else { '0' }
    );
    for wrong in [
        "life_",
        "life_x",
        other.as_str(),
        "life_ääääääääääääääääääääääää",
    ] {
        assert_eq!(polled(&site, "bob", wrong).await, forgotten, "{wrong}");
    }
    let ids = json!({ "ids": [rule_id] });
    site.call("bob", "POST", "/AlertRules/deactivate_api", &ids)
        .await;
    assert_eq!(polled(&site, "bob", &id).await, forgotten, "switched off");
}

/// What a rule was when a search of it began is not what it is now.
#[tokio::test]
async fn a_live_search_follows_its_rule() {
    let settings = ApiSettings {
        poll_hold: Duration::ZERO,
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let mut body = rule("Logins");
    body["search_params"]["query"] = json!("user=*");
    let create = "/AlertRules/create_api";
    let answer = site.call("bob", "POST", create, &body).await;
    body["id"] = answer.json["id"].clone();
    for (name, ago) in [("ann", 5), ("ann", 6), ("cid", 300)] {
        let event = json!({"msg": "x", "user": name, "log_ts": START - ago});
        site.ingest(&event.to_string()).await;
    }
    let shown = ask(&site, "bob", "/getalloweddata", &[("type", "livesearches")]).await;
    let life = shown["livesearches"][0]["life_id"].as_str().unwrap();
    let id = format!("life_{life}");
    let rows = async || {
        let reply = polled(&site, "bob", &id).await;
        reply["rows"].as_array().unwrap().len()
    };
    assert_eq!(rows().await, 3);
    for (key, value, expected) in [("timerange_minute", 1, 2), ("limit", 1, 1)] {
        // Until one is begun and not shown yet; nearly always that is the first.
        for _ in 0..100 {
            let begun = search(&site, "bob", &json!({ "search_id": id })).await;
            if begun["final"] == json!(false) {
                break;
            }
        }
        body["search_params"][key] = json!(value);
        body["search_params"]["search_interval_minute"] = json!(1);
        let update = "/AlertRules/update_api";
        let answer = site.call("bob", "POST", update, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(rows().await, expected, "{key}");
    }
}

#[tokio::test]
async fn a_live_search_fills_lists_for_who_may() {
    let site = Site::new().await;
    let settings = json!({"kind": "dynamic", "age_limit_minute": 60});
    site.call("admin", "PUT", "/api/v1/lists/seen", &settings)
        .await;
    let mut body = rule("Feeds a list");
    body["search_params"]["query"] = json!("user=* | process toList(SEEN, user)");
    let create = "/AlertRules/create_api";
    let answer = site.call("bob", "POST", create, &body).await;
    let saved = site
        .catalog
        .rule(answer.json["id"].as_str().unwrap().parse().unwrap());
    let saved = saved.await.unwrap().unwrap().rule;
    // As if eve had been more than a reader when she saved it.
    let eve = site.catalog.user_by_name("eve").await.unwrap().unwrap().id;
    let made = site
        .catalog
        .create_rule(site.id(), eve, saved.spec, saved.created_at, None);
    made.await.unwrap();
    for (user, permitted) in [("bob", true), ("eve", false)] {
        let shown = ask(&site, user, "/getalloweddata", &[("type", "livesearches")]).await;
        let life = shown["livesearches"][0]["life_id"].as_str().unwrap();
        let reply = polled(&site, user, &format!("life_{life}")).await;
        assert_eq!(reply["success"], json!(permitted), "{user}: {reply}");
    }
}
