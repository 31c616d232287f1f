//! Whatever is sent, the answer is one of the documented ones, and never a 500.

use super::{ACCOUNT, call, header, key, refused, request};
use crate::site::{Answer, Site};
use cresset_api::{ApiSettings, Readiness};
use cresset_auth::quota::Limits;
use serde_json::json;

async fn site() -> Site {
    let plenty = 100_000;
    let settings = ApiSettings {
        quota: Limits {
            get: plenty,
            post: plenty,
            put: plenty,
            patch: plenty,
            delete: plenty,
            ..Limits::default()
        },
        ..ApiSettings::default()
    };
    Site::with(settings, Readiness::default()).await
}

/// One of the statuses of the tables, in the envelope of the version.
fn documented(answer: &Answer, version: &str, what: &str) {
    let code = if version == "1" {
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        answer.json["status"].as_i64().unwrap()
    } else if answer.status == 200 {
        200
    } else {
        let code = answer.json["errorCode"].as_i64().unwrap();
        assert_eq!(code, 1000 + i64::from(answer.status.as_u16()), "{what}");
        code
    };
    let known = [200, 1007, 1069, 1041, 600, 1400, 1404, 1405, 1413, 1401];
    assert!(known.contains(&code), "{what}: {answer:?}");
    assert!(!answer.text.contains("SQL"), "{what}: {answer:?}");
}

#[tokio::test]
async fn bodies() {
    let site = site().await;
    let admin = key(&site, "admin").await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    let one = format!("{own}/{}", admin.id);
    let deep = "[".repeat(5000);
    let bodies: Vec<String> = [
        "",
        " ",
        "\u{feff}",
        "null",
        "[]",
        "[{}]",
        "7",
        "\"{}\"",
        "{",
        "{}{}",
        "{} x",
        "{'note':1}",
        "note=x",
        "{\"status\":0}",
        "{\"status\":3}",
        "{\"status\":-1}",
        "{\"status\":2.5}",
        "{\"status\":1e400}",
        "{\"status\":99999999999999999999}",
        "{\"status\":[]}",
        "{\"status\":\"x\"}",
        "{\"note\":5}",
        "{\"note\":[]}",
        "{\"note\":{}}",
        "{\"note\":true}",
        "{\"expiresOn\":-5}",
        "{\"expiresOn\":9e99}",
        "{\"expiresOn\":\"soon\"}",
        "{\"allowedIps\":{}}",
        "{\"allowedIps\":[\"x\"]}",
        "{\"allowedIps\":[\"0.0.0.0/33\"]}",
        "{\"allowedIps\":[[]]}",
        "{\"scopes\":7}",
        "{\"scopes\":[\"root\"]}",
        "{\"scopes\":[]}",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        deep.clone(),
        format!("{{\"note\":{deep}"),
        json!({"note": "x".repeat(1025)}).to_string(),
        json!({"scopes": vec!["logs:write"; 65]}).to_string(),
        json!({"allowedIps": vec!["10.0.0.0/8"; 300]}).to_string(),
    ])
    .collect();
    for body in &bodies {
        for (method, target) in [("POST", &own), ("PUT", &one), ("PATCH", &one)] {
            for version in ["1", "2", "3"] {
                let answer = call(&site, &admin, version, method, target, body).await;
                let what: String = format!("{version} {method} {body}")
                    .chars()
                    .take(80)
                    .collect();
                refused(&answer, version, 400, 1007, &what);
            }
        }
    }
    // Nothing came of any of them.
    let list = call(&site, &admin, "3", "GET", &own, "").await;
    assert_eq!(list.json["total"], json!(1));
    let token = &list.json["items"][0];
    assert_eq!((&token["status"], &token["note"]), (&json!(2), &json!("")));
}

#[tokio::test]
async fn nulls_count_as_not_given() {
    let site = site().await;
    let admin = key(&site, "admin").await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    let body = "{\"note\":null,\"status\":null,\"expiresOn\":null,\"allowedIps\":null,\
        \"scopes\":null,\"id\":null,\"accessKey\":null,\"roles\":null,\"status2\":null}";
    let answer = call(&site, &admin, "3", "POST", &own, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["status"], json!(2));
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let site = site().await;
    let admin = key(&site, "admin").await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    let body = json!({"note": "x".repeat(300 << 10)}).to_string();
    for version in ["1", "2", "3"] {
        let answer = call(&site, &admin, version, "POST", &own, &body).await;
        refused(&answer, version, 413, 1007, "too large");
    }
}

#[tokio::test]
async fn targets() {
    let site = site().await;
    let admin = key(&site, "admin").await;
    let owner = admin.owner;
    let own = format!("/setting/admins/{owner}/apitokens");
    let mut targets: Vec<String> = [
        "//",
        "/%00",
        "/%FF%FE",
        "/setting/admins/%FF/apitokens",
        "/setting/admins/%00/apitokens",
        "/setting/admins/../apitokens",
        "/setting/admins//apitokens",
        "/setting/admins/1%2F2/apitokens",
        "/setting/admins/0x1/apitokens",
        "/setting/admins/+1/apitokens",
        "/setting/admins/1.0/apitokens",
        "/setting/admins/99999999999999999999999999/apitokens",
        "/setting/admins/9223372036854775807/apitokens",
        "/setting/admins/%D9%A1/apitokens",
        "/setting/admins/apitokens/%FF",
        "/setting/admins/apitokens/SELF",
    ]
    .map(str::to_owned)
    .into();
    for query in [
        "%FF",
        "=&=&&",
        "filter=%FF",
        "filter=%00",
        "filter=note:%00",
        "filter=note:%27%3B%20DROP%20TABLE%20api_tokens%3B--",
        "filter=note:%22%27%20OR%201=1--%22",
        "filter=%27%20OR%20%271%27=%271:x",
        "filter=id:9999999999999999999999",
        "filter=id:1e999",
        "filter=id:NaN",
        "filter=id:%22%22",
        "filter=note:::nothing",
        "filter=note::::empty",
        "filter=_all~%25",
        "filter=_all~%22%5C%22",
        "filter=(note:x)",
        "filter=((((((((note:x",
        "filter=note:*",
        "filter=note:**********************%2a%2a%2ax",
        "filter=%7C%7C%7C%7C%7C",
        "filter=,,,,",
        "filter=note:%2525%2525%25ZZ",
        "filter=id%3E%3C5",
        "filter=id!5",
        "sort=%00",
        "sort=id%3Bdrop",
        "sort=,,,",
        "sort=--id",
        "size=%00",
        "size=0x10",
        "size=-99999999999999999999999",
        "offset=-99999999999999999999999",
        "offset=1e3",
        "fields=%00,%FF,,,",
        "type=%00",
        "patchFields=,",
        "v=&size=1",
    ] {
        targets.push(format!("{ACCOUNT}?{query}"));
        targets.push(format!("{own}?{query}"));
    }
    let long = "x".repeat(20_000);
    targets.push(format!("{ACCOUNT}?filter=note:{long}"));
    targets.push(format!("{ACCOUNT}?filter={}", "note:x,".repeat(5_000)));
    targets.push(format!("{ACCOUNT}?filter=note:{}", "a%7C".repeat(5_000)));
    targets.push(format!("{ACCOUNT}?filter={}", "(".repeat(30_000)));
    targets.push(format!("{ACCOUNT}?sort={long}"));
    targets.push(format!("{ACCOUNT}?fields={long}"));
    targets.push(format!("{ACCOUNT}?{}", "a=b&".repeat(5_000)));
    for target in &targets {
        for version in ["1", "2", "3"] {
            let what: String = target.chars().take(80).collect();
            for (method, body) in [("GET", ""), ("POST", "{}"), ("PATCH", "{}"), ("DELETE", "")] {
                let answer = call(&site, &admin, version, method, target, body).await;
                documented(&answer, version, &format!("{version} {method} {what}"));
            }
        }
    }
}

#[tokio::test]
async fn authorization_headers_of_every_length() {
    let site = site().await;
    let admin = key(&site, "admin").await;
    let good = header(&site, &admin, "GET", ACCOUNT, "");
    for length in [0, 1, 4, 5, 6, 20, 25, 26, 27, 100, good.len() - 1] {
        let cut = &good[..length];
        let answer = site.send(request(cut, "3", "GET", ACCOUNT, "")).await;
        refused(&answer, "3", 401, 1401, cut);
    }
    for scheme in [
        "LMv1 ",
        "Bearer ",
        "Bearer lmb_",
        "Basic ",
        "",
        "LMv1 a:b:",
        "LMv1 ::",
    ] {
        for length in [1, 64, 1000, 1100, 9000, 60_000] {
            let long = format!("{scheme}{}", "x".repeat(length));
            let answer = site.send(request(&long, "2", "GET", ACCOUNT, "")).await;
            refused(&answer, "2", 401, 1401, scheme);
        }
    }
}
