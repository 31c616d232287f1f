//! Explanations of searches.

use crate::site::{START, Site};
use serde_json::{Value, json};

const EXPLAIN: &str = "/api/v1/explain";

async fn with_events() -> Site {
    let site = Site::new().await;
    let event = |n: i64| json!({"msg": format!("login {n}"), "user": "amy", "log_ts": START - n});
    let events: Vec<String> = (0..6).map(|n| event(n).to_string()).collect();
    site.ingest(&events.join("\n")).await;
    site
}

#[tokio::test]
async fn a_search_is_explained_with_what_it_looked_at() {
    let site = with_events().await;
    let range = [START - 3_600, START];
    let body = json!({"query": "user=amy login or x=1 | chart count() as c by user",
        "time_range": range});
    let answer = site.call("admin", "POST", EXPLAIN, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let nothing = json!({"all": 0, "by_time": 0, "by_contents": 0, "read": 0});
    let looked_at = json!({"files": nothing, "blocks": nothing, "events": nothing, "whole": 0,
        "newest": 6, "elsewhere": 0});
    let filter = json!([
        {"stream": null, "condition": "user=\"amy\"", "decided_by": "columns",
            "columns": ["user"], "lists": []},
        {"stream": null, "condition": "(\"login\" or x=1)", "decided_by": "raw_text",
            "columns": ["msg", "x"], "lists": []},
    ]);
    let mut explained = answer.json;
    assert!(explained["elapsed_seconds"].take().is_number());
    let expect = json!({
        "tree": "(user=\"amy\" and (\"login\" or x=1)) | chart count() as c by user",
        "filter": filter,
        "fields_read": ["user"],
        "steps": [
            "counts them by user in the columns; no event is put together",
            "makes a row of each user: count() as c",
        ],
        "query_type": "chart",
        "warnings": [],
        "not_searched": null,
        "elapsed_seconds": null,
        "looked_at": looked_at,
    });
    assert_eq!(explained, expect);

    // The same from Logpoint's endpoint, for who asks.
    let mut data = json!({"query": body["query"], "time_range": range});
    let mut plain = data.clone();
    for asked in [Some(true), None] {
        let told = loop {
            let fields = [("requestData", &*data.to_string())];
            let reply = site.form("/getsearchlogs", &fields).await.json;
            if reply["final"] == json!(true) {
                break reply["explain"].clone();
            }
            if let Some(id) = reply["search_id"].as_str() {
                data = json!({ "search_id": id, "explain": asked });
            }
        };
        match asked {
            Some(_) => {
                assert_eq!(told["tree"], expect["tree"]);
                assert_eq!(told["looked_at"], expect["looked_at"]);
            }
            None => assert_eq!(told, Value::Null),
        }
        std::mem::swap(&mut data, &mut plain);
    }
}

#[tokio::test]
async fn what_is_not_searched_says_why() {
    let site = with_events().await;
    let explained = async |body: Value| site.call("admin", "POST", EXPLAIN, &body).await;
    let answer = explained(json!({"query": "usre=amy"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["looked_at"], json!(null));
    assert_eq!(
        answer.json["not_searched"],
        json!("no time_range was given")
    );
    let fill = json!({"query": "user=amy | process toList(SEEN, user)",
        "time_range": [START - 60, START]});
    let answer = explained(fill).await;
    let why = answer.json["not_searched"].as_str().unwrap_or_default();
    assert!(why.contains("fills lists"), "{answer:?}");
    for (body, status, words) in [
        (json!({}), 400, "query"),
        (json!({"query": 5}), 400, "query must be a string"),
        (json!({"query": "a | chrat count()"}), 400, "did you mean"),
        (
            json!({"query": "a", "time_range": "soon"}),
            400,
            "time_range",
        ),
        (
            json!({"query": "a", "time_range": [1, 2], "repos": ["nowhere"]}),
            400,
            "nowhere",
        ),
        (
            json!({"query": "| process geoip(user) as c", "time_range": [1, 2]}),
            409,
            "geoip",
        ),
    ] {
        let answer = explained(body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.text.contains(words), "{body}: {answer:?}");
    }
}
