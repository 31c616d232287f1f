//! Macros: our own endpoints, and everything that a query comes in by.

use crate::rules::rule;
use crate::site::{Answer, START, Site};
use serde_json::{Value, json};

const ALL: &str = "/api/v1/macros";

async fn put(site: &Site, name: &str, body: Value) -> Answer {
    let path = format!("{ALL}/{name}");
    site.call("admin", "PUT", &path, &body).await
}

async fn made(site: &Site, name: &str, text: &str, parameters: &[&str]) {
    let answer = put(site, name, json!({"text": text, "parameters": parameters})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Creates a rule with this query.
async fn ruled(site: &Site, user: &str, name: &str, query: &str) -> Answer {
    let mut body = rule(name);
    body["search_params"]["query"] = json!(query);
    body["search_params"]["throttling_enabled"] = json!(false);
    site.call(user, "POST", "/AlertRules/create_api", &body)
        .await
}

#[tokio::test]
async fn macros_are_made_shown_changed_and_deleted() {
    let site = Site::new().await;
    let body = json!({"text": "user=$who$", "parameters": ["who"], "description": "somebody"});
    let answer = put(&site, "by_user", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut expect = json!({"name": "BY_USER", "parameters": ["who"], "text": "user=$who$",
        "description": "somebody", "updated_at": answer.json["updated_at"], "rules": 0});
    assert_eq!(answer.json, expect);
    expect.as_object_mut().unwrap().remove("rules");
    made(&site, "ABOVE", "`by_user(amy)` login", &[]).await;
    let read = |path: &'static str| site.call("admin", "GET", path, &Value::Null);
    assert_eq!(read("/api/v1/macros/By_User").await.json, expect);
    let all = read(ALL).await.json;
    assert_eq!((&all["total"], &all["macros"][1]), (&json!(2), &expect));
    let page = read("/api/v1/macros?limit=1&page=2").await.json;
    assert_eq!(page["macros"], json!([expect]));
    assert_eq!(read("/api/v1/macros/NO_SUCH").await.status, 404);
    let delete = async |name: &str| {
        let path = format!("{ALL}/{name}");
        site.call("admin", "DELETE", &path, &Value::Null).await
    };
    let answer = delete("by_user").await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.text.contains("the macro ABOVE"), "{answer:?}");
    assert_eq!(delete("above").await.json, json!({"deleted": "ABOVE"}));
    assert_eq!(delete("by_user").await.status, 200);
    assert_eq!(delete("by_user").await.status, 404);
}

#[tokio::test]
async fn what_is_no_macro_is_refused_with_the_reason() {
    let site = Site::new().await;
    made(&site, "SOME", "a=1 or b=2", &[]).await;
    for (name, body, words) in [
        ("X1", json!({}), "is required"),
        ("X1", json!({"text": 5}), "must be a string"),
        ("X1", json!({"text": "a=("}), "in the macro `X1`"),
        (
            "X1",
            json!({"text": "a=1 `nowhere`"}),
            "calls the macro `nowhere`",
        ),
        ("X1", json!({"text": "`x1`"}), "calls itself"),
        (
            "X1",
            json!({"text": "a=1", "parameters": "who"}),
            "a list of strings",
        ),
        (
            "X1",
            json!({"text": "a=1", "parameters": ["a b"]}),
            "cannot name a parameter",
        ),
        ("a%20b", json!({"text": "a=1"}), "cannot name a macro"),
    ] {
        let answer = put(&site, name, body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert!(answer.text.contains(words), "{body}: {answer:?}");
    }
    // It would call itself by way of another.
    made(&site, "OUTER", "`some`", &[]).await;
    let answer = put(&site, "SOME", json!({"text": "c=1 or `outer`"})).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("calls itself"), "{answer:?}");
}

#[tokio::test]
async fn searches_and_explanations_call_macros() {
    let site = Site::new().await;
    let event = |n: i64, user: &str| json!({"msg": "login", "user": user, "log_ts": START - n});
    let events = [event(3, "amy"), event(2, "bob"), event(1, "amy")].map(|e| e.to_string());
    site.ingest(&events.join("\n")).await;
    made(&site, "BY_USER", "user=$who$", &["who"]).await;
    made(&site, "COUNTED", "| chart count() as c by user", &[]).await;
    let range = [START - 60, START];
    let searched = async |query: &str| {
        let mut data = json!({"query": query, "time_range": range});
        loop {
            let fields = [("requestData", &*data.to_string())];
            let reply = site.form("/getsearchlogs", &fields).await.json;
            match reply["search_id"].as_str() {
                Some(id) => data = json!({ "search_id": id }),
                None if reply["final"] == json!(false) => {}
                None => return reply,
            }
        }
    };
    let reply = searched("`by_user(amy)` | `counted`").await;
    assert_eq!(reply["rows"][0]["c"], 2, "{reply}");
    made(&site, "BY_USER", "user=$who$ or user=bob", &["who"]).await;
    let reply = searched("`by_user(amy)` | `counted`").await;
    assert_eq!(reply["rows"].as_array().map(Vec::len), Some(2), "{reply}");
    let reply = searched("`by_user`").await;
    let message = reply["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("takes 1 argument (who), and is given 0"),
        "{reply}"
    );
    let body = json!({"query": "`by_user(amy)` login | `counted`", "time_range": range});
    let reply = site
        .call("admin", "POST", "/api/v1/explain", &body)
        .await
        .json;
    let tree = "((user=\"amy\" or user=\"bob\") and \"login\") | chart count() as c by user";
    assert_eq!(reply["tree"], tree);
    assert_eq!(reply["looked_at"]["newest"], 3);
}

#[tokio::test]
async fn a_change_that_breaks_a_rule_is_refused() {
    let site = Site::new().await;
    made(&site, "FAILED", "label=Fail user=$who$", &["who"]).await;
    let answer = ruled(&site, "admin", "Rule of admin", "`failed` x=1").await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("takes 1 argument"), "{answer:?}");
    let answer = ruled(&site, "admin", "Rule of admin", "`failed(amy)` x=1").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.json["id"].as_str().unwrap().to_owned();
    // The rule is shown as it was written, and runs as the macro says.
    let path = format!("/AlertRules/read_api?id={id}");
    let shown = site.call("admin", "GET", &path, &Value::Null).await;
    assert!(shown.text.contains("`failed(amy)` x=1"), "{shown:?}");
    let path = format!("/api/v1/rules/{id}/evaluations");
    let mode = async || site.call("admin", "GET", &path, &Value::Null).await.json;
    assert_eq!(mode().await["mode"], "live");

    let answer = put(
        &site,
        "FAILED",
        json!({"text": "label=Failed user=$who$", "parameters": ["who"]}),
    );
    let answer = answer.await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["rules"], 1);
    let narrower = json!({"text": "label=Fail"});
    let answer = put(&site, "FAILED", narrower.clone()).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(
        answer.text.contains("the rule \\\"Rule of admin\\\""),
        "{answer:?}"
    );
    // Names of rules are their owners' alone.
    let answer = site
        .call("bob", "DELETE", "/api/v1/macros/FAILED", &Value::Null)
        .await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(!answer.text.contains("Rule of admin"), "{answer:?}");
    assert!(
        answer.text.contains("an active rule of another user"),
        "{answer:?}"
    );
    let kept = site
        .call("admin", "GET", "/api/v1/macros/FAILED", &Value::Null)
        .await;
    assert_eq!(kept.json["text"], "label=Failed user=$who$");

    let answer = put(&site, "FAILED?force=true", narrower).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = mode().await;
    let reason = told["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("takes 0 arguments"), "{told}");
    // It is broken already, and so holds nobody up.
    let answer = site
        .call("admin", "DELETE", "/api/v1/macros/FAILED", &Value::Null)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_rule_that_cannot_run_is_not_switched_on() {
    let site = Site::new().await;
    let places = "user=* | process geoip(source_address) as country";
    let answer = ruled(&site, "admin", "With places", places).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.text.contains("geoip.places"), "{answer:?}");

    made(&site, "SOME", "user=amy", &[]).await;
    let answer = ruled(&site, "admin", "With a macro", "`some`").await;
    let id = answer.json["id"].as_str().unwrap().to_owned();
    let switch = async |act: &str| {
        let path = format!("/AlertRules/{act}_api");
        site.call("admin", "POST", &path, &json!({"ids": [id]}))
            .await
    };
    assert_eq!(switch("deactivate").await.status, 200);
    // Nobody is in its way, since no active rule calls it.
    let gone = site.call("admin", "DELETE", "/api/v1/macros/SOME", &Value::Null);
    assert_eq!(gone.await.status, 200);
    let answer = switch("activate").await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(
        answer.text.contains("there is no macro `some`"),
        "{answer:?}"
    );
    made(&site, "SOME", "user=bob", &[]).await;
    assert_eq!(switch("activate").await.status, 200);
}
