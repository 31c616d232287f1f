//! Paths and parameters that nobody should send.

use super::{LOGS, ROLES, Scene, TOKENS, USERS, VERSIONS, encoded, short};
use crate::logicmonitor::{BASE, header, refused};
use axum::body::Body;
use axum::http::{Request, Uri};
use serde_json::{Value, json};

/// Lists with what they have.
async fn lists(scene: &Scene) -> Vec<(String, Value)> {
    let own = format!("{USERS}/{}/apitokens", scene.admin.owner);
    let mut all = Vec::new();
    for list in [TOKENS, &own, USERS, ROLES, LOGS] {
        let answer = scene.send("3", "GET", list, "").await;
        all.push((list.to_owned(), answer.json["total"].clone()));
    }
    all
}

#[tokio::test]
async fn sizes_and_offsets_of_every_kind() {
    let scene = Scene::new().await;
    for (list, total) in lists(&scene).await {
        for version in VERSIONS {
            for size in [
                "-1",
                "0",
                "-2147483648",
                "2147483647",
                "9223372036854775807",
                "-9223372036854775809",
                "99999999999999999999999999",
                "1001",
            ] {
                let answer = scene
                    .send(version, "GET", &format!("{list}?size={size}"), "")
                    .await;
                let page = page(&answer.json, version);
                assert_eq!(page["total"], total, "{list} size={size}: {answer:?}");
                let count = page["items"].as_array().map(Vec::len);
                assert_eq!(
                    json!(count),
                    total,
                    "as many as allowed: {list} size={size}"
                );
            }
            for offset in [
                "1000000",
                "9223372036854775807",
                "99999999999999999999999999",
            ] {
                let target = format!("{list}?offset={offset}&size=5");
                let answer = scene.send(version, "GET", &target, "").await;
                let page = page(&answer.json, version);
                assert_eq!(
                    (&page["items"], &page["total"]),
                    (&json!([]), &total),
                    "{target}"
                );
            }
            for query in [
                "size=x",
                "size=1.5",
                "size=1e3",
                "size=0x10",
                "size=%00",
                "size=--1",
                "size=1,2",
                "size=%F0%9F%A6%80",
                "size=true",
                "size=[]",
                "offset=-1",
                "offset=x",
                "offset=-9223372036854775809",
                "offset=1.5",
                "offset=1e3",
                "offset=%FF",
                "sort=nosuch",
                "sort=accessKey",
                "sort=%00",
                "sort=id%3BDROP%20TABLE%20users",
                "sort=(SELECT%201)",
                "sort=--id",
                "sort=id%20DESC",
                "sort=id,,id",
                "sort=%27",
                "sort=%22id%22",
                "sort=id,id,id,id,id,id,id,id,id",
                "sort=%FF",
            ] {
                let answer = scene
                    .send(version, "GET", &format!("{list}?{query}"), "")
                    .await;
                let what = format!("{version} {list}?{query}");
                refused(&answer, version, 400, 1007, &what);
            }
        }
    }
    scene.unchanged().await;
}

/// The list in an answer of the version.
fn page(answer: &Value, version: &str) -> Value {
    match version {
        "1" => answer["data"].clone(),
        _ => answer.clone(),
    }
}

#[tokio::test]
async fn versions_that_there_are_not() {
    let scene = Scene::new().await;
    for version in [
        "x",
        "-1",
        "0",
        "1.5",
        "\u{661}",
        "3,3",
        "v3",
        "99999999999999999999x",
    ] {
        let target = format!("{TOKENS}?v={}", encoded(version));
        let answer = scene.send("", "GET", &target, "").await;
        refused(&answer, "3", 400, 1007, version);
    }
    scene.unchanged().await;
}

/// Paths of nothing, some of them not even text.
#[tokio::test]
async fn paths_that_are_no_text_or_lead_nowhere() {
    let scene = Scene::new().await;
    for path in [
        "/",
        "//",
        "/%00",
        "/%FF%FE",
        "/setting",
        "/setting/",
        "/setting/%FF",
        "/setting/admins/",
        "/setting/admins/%FF",
        "/setting/admins/%C3%28",
        "/setting/admins/%ED%A0%80",
        "/setting/admins/%00",
        "/setting/admins/%FF/apitokens",
        "/setting/admins/1/%FF",
        "/setting/admins/1/apitokens/%FF",
        "/setting/admins/1/apitokens/%F0%9F%A6",
        "/setting/admins/apitokens/%FF",
        "/setting/roles/%FF",
        "/setting/accesslogs/%FF",
        "/setting/admins/..%2F..%2Fetc%2Fpasswd",
        "/setting/admins/1%2F2/apitokens",
        "/setting/admins/-1",
        "/setting/admins/1.0",
        "/setting/admins/1e3",
        "/setting/admins/0x1",
        "/setting/admins/%2B1",
        "/setting/admins/1%20",
        "/setting/admins/%D9%A1",
        "/setting/admins/2147483648",
        "/setting/admins/9223372036854775808",
        "/setting/admins/99999999999999999999999999",
        "/setting/admins/1;x=y",
        "/setting/admins/1'--",
        "/setting/roles/0",
        "/setting/roles/-1",
        "/setting/roles/1'--",
        "/setting/roles/99999999999999999999999999",
        "/setting/accesslogs/x",
        "/setting/accesslogs/99999999999999999999999999",
        "/Setting/admins",
        "/setting/ADMINS",
        "/setting/admins/1/apitokens/1/nothing",
        "/setting/admins/1/apitokens/1/rotate/x",
    ] {
        for version in VERSIONS {
            let answer = scene.send(version, "GET", path, "").await;
            let what = format!("{version} GET {path}");
            refused(&answer, version, 404, 1069, &what);
            let answer = scene.send(version, "DELETE", path, "").await;
            let code = answer.json["errorCode"]
                .as_i64()
                .or(answer.json["status"].as_i64());
            assert!(
                matches!(code, Some(1404 | 1405 | 1069 | 1007)),
                "{version} DELETE {path}: {answer:?}"
            );
        }
    }
    scene.unchanged().await;
}

/// The same bytes as they are, where the HTTP library lets them through.
#[tokio::test]
async fn paths_of_raw_bytes() {
    let scene = Scene::new().await;
    let mut read = 0;
    for raw in [
        &b"/setting/admins/\xff"[..],
        b"/setting/admins/\xc3\x28/apitokens",
        b"/setting/admins/\xed\xa0\x80",
        b"/setting/roles/\xf0\x9f\xa6\x80",
        b"/setting/\xe2\x80\xae",
        b"/\x80",
    ] {
        let target = [BASE.as_bytes(), raw].concat();
        let Ok(uri) = Uri::try_from(&target[..]) else {
            continue; // refused before any handler
        };
        read += 1;
        for version in VERSIONS {
            let signed = header(&scene.site, &scene.admin, "GET", uri.path(), "");
            let request = Request::get(uri.clone()).header("x-version", version);
            let request = request.header("authorization", signed);
            let answer = scene.site.send(request.body(Body::empty()).unwrap()).await;
            let what = format!("{version} {:?}", short(&String::from_utf8_lossy(raw)));
            let code = answer.json["errorCode"]
                .as_i64()
                .or(answer.json["status"].as_i64());
            assert!(
                matches!(code, Some(1404 | 1069 | 1401)),
                "{what}: {answer:?}"
            );
        }
    }
    assert!(read > 0, "no path with such bytes can be sent");
    scene.unchanged().await;
}

/// Methods that a path does not know.
#[tokio::test]
async fn methods_that_there_are_not() {
    let scene = Scene::new().await;
    let one = format!("{USERS}/{}", scene.admin.owner);
    for (method, target) in [
        ("PUT", TOKENS),
        ("POST", TOKENS),
        ("DELETE", TOKENS),
        ("PATCH", ROLES),
        ("POST", &one),
        ("DELETE", LOGS),
        ("TRACE", USERS),
        ("OPTIONS", USERS),
        ("PROPFIND", USERS),
        ("get", USERS),
    ] {
        for version in VERSIONS {
            let answer = scene.send(version, method, target, "{}").await;
            let what = format!("{version} {method} {target}");
            refused(&answer, version, 405, 1007, &what);
        }
    }
    scene.unchanged().await;
}
