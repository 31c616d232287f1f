//! Our own searches: rows with their types, pages, and what is refused.

use crate::site::{Answer, JSON, START, Site, request};
use serde_json::{Value, json};

const SEARCHES: &str = "/api/v1/searches";

async fn with_events() -> Site {
    let site = Site::new().await;
    // Two of each second.
    let event = |n: i64| json!({"msg": "x", "log_ts": START - 60 - n / 2, "n": n, "tags": ["a"], "ok": true});
    let events: Vec<String> = (0..10).map(|n| event(n).to_string()).collect();
    site.ingest(&events.join("\n")).await;
    site
}

async fn ask(site: &Site, method: &str, path: &str, scope: &str, body: &Value) -> Answer {
    let token = site.token("admin", scope);
    let body = if method == "POST" {
        body.to_string()
    } else {
        String::new()
    };
    site.send(request(method, path, Some(&token), JSON, body))
        .await
}

fn search(query: &str) -> Value {
    json!({"query": query, "time_range": [START - 3_600, START]})
}

/// All answers until the search is done, each from the rows of those before.
async fn searched(site: &Site, body: &Value, rows: usize) -> (Vec<Value>, Value) {
    let started = ask(site, "POST", SEARCHES, "search:read", body).await;
    assert_eq!(started.status, 201, "{started:?}");
    let id = started.json["search_id"].as_str().unwrap().to_owned();
    let mut all = Vec::new();
    loop {
        let path = format!("{SEARCHES}/{id}?skip={}&rows={rows}", all.len());
        let answer = ask(site, "GET", &path, "search:read", &Value::Null).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let new = answer.json["rows"].as_array().unwrap();
        assert!(new.len() <= rows);
        all.extend(new.iter().cloned());
        if answer.json["done"] == json!(true) {
            return (all, answer.json);
        }
    }
}

#[tokio::test]
async fn rows_keep_their_types_and_come_in_parts() {
    let site = with_events().await;
    let (rows, last) = searched(&site, &search("n=*"), 3).await;
    assert_eq!(rows.len(), 10);
    assert_eq!(rows[0]["ok"], json!(true));
    assert_eq!(rows[0]["tags"], json!(["a"]));
    assert!(rows.iter().all(|row| row["n"].is_i64()));
    assert_eq!(last["total"], 10);
    assert_eq!(
        (&last["complete"], &last["query_type"]),
        (&json!(true), &json!("simple"))
    );
    assert_eq!(last["progress"]["found"], 10);
    assert_eq!(last["next"], Value::Null);
    let (rows, last) = searched(&site, &search("| chart count() as c by ok"), 10).await;
    assert_eq!(rows, [json!({"ok": true, "c": 10})]);
    assert_eq!(
        (&last["columns"], &last["grouping"]),
        (&json!(["c"]), &json!(["ok"]))
    );
}

#[tokio::test]
async fn pages_follow_each_other() {
    let site = with_events().await;
    let mut body = search("n=*");
    let (whole, _) = searched(&site, &body, 100).await;
    body["limit"] = json!(3);
    let mut pages = Vec::new();
    loop {
        let (rows, last) = searched(&site, &body, 100).await;
        pages.extend(rows);
        // Newer than the first page.
        site.ingest(&json!({"msg": "late", "n": 99, "log_ts": START - 60}).to_string())
            .await;
        match last["next"].as_str() {
            Some(next) => body["page"] = json!(next),
            None => break,
        }
    }
    assert_eq!(pages, whole);
}

#[tokio::test]
async fn what_is_refused() {
    let site = with_events().await;
    let refused = async |body: Value, status: u16, word: &str| {
        let answer = ask(&site, "POST", SEARCHES, "search:read", &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.text.contains(word), "{body}: {answer:?}");
    };
    refused(search("| chrat count()"), 400, "chart").await;
    refused(json!({"query": "*"}), 400, "time_range").await;
    let page = |query: &str, page: Value| {
        let mut body = search(query);
        body["page"] = page;
        body
    };
    let inside = format!("{}.5.9", (START - 60) * 1_000_000);
    let outside = format!("{}.5.9", (START + 60) * 1_000_000);
    for (query, page_of) in [
        ("*", json!(7)),
        ("*", json!("1.2")),
        ("*", json!(outside)),
        ("| chart count()", json!(inside)),
    ] {
        refused(page(query, page_of), 400, "page must be").await;
    }
    let feeds = search("| process toList(NUMBERS, n)");
    refused(feeds, 403, "search:write").await;
    let answer = ask(
        &site,
        "GET",
        &format!("{SEARCHES}/x"),
        "search:read",
        &Value::Null,
    )
    .await;
    assert_eq!(answer.status, 404);
    let path = format!("{SEARCHES}/x?skip=-1");
    let answer = ask(&site, "GET", &path, "search:read", &Value::Null).await;
    assert_eq!(answer.status, 422);
}
