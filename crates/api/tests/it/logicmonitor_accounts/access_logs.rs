//! The audit log in LogicMonitor's shape, and the company's settings.

use super::{BAD, DENIED, MISSING, USERS, get, one, post, refuse, role, user};
use crate::logicmonitor::{call, good, key};
use crate::site::{START, Site};
use serde_json::{Value, json};

const LOGS: &str = "/setting/accesslogs";

fn descriptions(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|line| line["description"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn every_change_is_told_once() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let ops = role(&site, &admin, "ops", &[]).await;
    let (ci, _) = user(&site, &admin, "ci", &["ops", "readonly"]).await;
    let path = one(USERS, &ci);
    good(
        &site,
        &admin,
        "PATCH",
        &path,
        &json!({"note": "n", "status": "suspended"}),
    )
    .await;
    good(
        &site,
        &admin,
        "PATCH",
        &one("/setting/roles", &ops),
        &json!({"description": "d"}),
    )
    .await;
    // What is refused, or only looked at, changes nothing and is not told.
    refuse(
        &site,
        &admin,
        ("POST", USERS),
        &json!({"username": "x"}),
        BAD,
    )
    .await;
    let target = format!("{path}?validationOnly=true");
    good(&site, &admin, "PATCH", &target, &json!({"note": "z"})).await;
    good(&site, &admin, "PATCH", &path, &json!({})).await;
    good(&site, &admin, "DELETE", &path, &Value::Null).await;
    good(
        &site,
        &admin,
        "DELETE",
        &one("/setting/roles", &ops),
        &Value::Null,
    )
    .await;
    let list = get(&site, &admin, "/setting/accesslogs?filter=username:admin").await;
    let via = format!(" via API token {}", admin.access_id);
    let told: Vec<&str> = descriptions(&list)
        .into_iter()
        .map(|text| text.strip_suffix(&via).unwrap_or_else(|| panic!("{text}")))
        .collect();
    let expected = [
        "Delete user role ops",
        "Delete account ci",
        "Update user role ops",
        "Update account ci (note, status)",
        "Add a new account ci (ops, readonly)",
        "Add user role ops",
    ];
    assert_eq!(told, expected);
    let line = &list["items"][0];
    assert_eq!(line["username"], json!("admin"));
    assert_eq!(line["ip"], json!("192.0.2.7"));
    assert_eq!(line["happenedOn"], json!(START));
    assert_eq!(line["happenedOnLocal"], json!("2026-01-01 00:00:00 UTC"));
    assert_eq!(line["sessionId"], json!(""));
    let id = line["id"].as_str().unwrap();
    assert_eq!(get(&site, &admin, &format!("{LOGS}/{id}")).await, *line);
    let page = get(
        &site,
        &admin,
        "/setting/accesslogs?sort=+id&size=1&fields=id",
    )
    .await;
    assert_eq!(page["items"], json!([{"id": "1"}]));
    for target in ["/setting/accesslogs/4711", "/setting/accesslogs/x"] {
        refuse(&site, &admin, ("GET", target), &Value::Null, MISSING).await;
    }
    refuse(
        &site,
        &admin,
        ("GET", "/setting/accesslogs?filter=actor:x"),
        &Value::Null,
        BAD,
    )
    .await;
}

#[tokio::test]
async fn only_administrators_see_it() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    role(&site, &admin, "users", &[("useraccess.*", "write")]).await;
    let (_, users) = user(&site, &admin, "uma", &["users", "manager"]).await;
    let bob = key(&site, "bob").await;
    for caller in [&users, &bob] {
        for target in [LOGS, "/setting/accesslogs/1"] {
            refuse(&site, caller, ("GET", target), &Value::Null, DENIED).await;
        }
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for target in [LOGS, "/setting/accesslogs/1"] {
            let answer = call(&site, &admin, "3", method, target, "{}").await;
            assert_eq!(answer.status, 405, "{method} {target}");
        }
    }
}

#[tokio::test]
async fn whoever_connects_reads_the_company_s_settings() {
    let site = Site::new().await;
    site.ingest(&format!(
        "{}\n{}\n",
        json!({"msg": "a", "device_ip": "10.0.0.1", "log_ts": START - 30}),
        json!({"msg": "b", "device_ip": "10.0.0.2", "log_ts": START - 20}),
    ))
    .await;
    let admin = key(&site, "admin").await;
    let (_, ci) = user(&site, &admin, "ci", &["readonly"]).await;
    for caller in [&admin, &ci] {
        let company = get(&site, caller, "/setting/companySetting").await;
        let expected = json!({"companyDisplayName": "Cresset", "numberOfDevices": 2,
            "numOfWebsites": 0});
        assert_eq!(company, expected);
    }
    let wrapped = call(&site, &ci, "", "GET", "/setting/companySetting", "").await;
    assert_eq!(wrapped.json["data"]["numberOfDevices"], json!(2));
    let changed = call(&site, &admin, "3", "PATCH", "/setting/companySetting", "{}").await;
    assert_eq!(changed.status, 405);
    post(
        &site,
        &admin,
        "/setting/roles",
        &json!({"name": "none", "privileges": []}),
    )
    .await;
    let (_, nobody) = user(&site, &admin, "nobody", &["none"]).await;
    get(&site, &nobody, "/setting/companySetting").await;
}
