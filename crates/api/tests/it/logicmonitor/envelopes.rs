//! What answers look like in each version.

use super::{ACCOUNT, BASE, Key, call, header, key, refused, request};
use crate::site::{Answer, Site};
use axum::body::Body;
use serde_json::{Value, json};

async fn all_versions(
    site: &Site,
    key: &Key,
    method: &str,
    target: &str,
    body: &str,
) -> [Answer; 4] {
    [
        call(site, key, "", method, target, body).await,
        call(site, key, "1", method, target, body).await,
        call(site, key, "2", method, target, body).await,
        call(site, key, "3", method, target, body).await,
    ]
}

#[tokio::test]
async fn objects_lists_and_deletions() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);

    let one = format!("{own}/{}", admin.id);
    let [none, first, second, third] = all_versions(&site, &admin, "GET", &one, "").await;
    assert_eq!(third.json["accessId"], json!(admin.access_id));
    assert_eq!(second.json, third.json);
    let wrapped = json!({"status": 200, "errmsg": "OK", "data": third.json});
    assert_eq!((&first.json, &none.json), (&wrapped, &wrapped));

    let [none, first, second, third] = all_versions(&site, &admin, "GET", ACCOUNT, "").await;
    let items = json!([third.json["items"][0]]);
    let bare = json!({"total": 1, "items": items, "searchId": null, "isMin": false});
    assert_eq!((&second.json, &third.json), (&bare, &bare));
    let list = json!({"total": 1, "items": items, "searchId": null});
    let wrapped = json!({"status": 200, "errmsg": "OK", "data": list});
    assert_eq!((&first.json, &none.json), (&wrapped, &wrapped));

    for version in ["", "1", "2", "3"] {
        let made = call(&site, &admin, version, "POST", &own, "{}").await;
        assert_eq!(made.status, 200);
        assert_eq!(made.headers["content-type"], "application/json");
        let wrapped = matches!(version, "" | "1");
        let token = if wrapped {
            &made.json["data"]
        } else {
            &made.json
        };
        let target = format!("{own}/{}", token["id"]);
        let gone = call(&site, &admin, version, "DELETE", &target, "").await;
        let expected = if wrapped {
            json!({"status": 200, "errmsg": "OK", "data": null})
        } else {
            json!({})
        };
        assert_eq!(
            (gone.status.as_u16(), gone.json),
            (200, expected),
            "{version}"
        );
        let again = call(&site, &admin, version, "DELETE", &target, "").await;
        refused(&again, version, 404, 1069, "second deletion");
    }
}

#[tokio::test]
async fn refusals() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let eve = key(&site, "eve").await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    let one = format!("{own}/{}", admin.id);
    let eves = format!("/setting/admins/{}/apitokens/{}", eve.owner, eve.id);
    let check = async |who: &Key, method: &str, target: &str, body: &str, status, in_v1| {
        for version in ["", "1", "2", "3", "4"] {
            let answer = call(&site, who, version, method, target, body).await;
            let what = format!("{version} {method} {target} {body}");
            refused(&answer, version, status, in_v1, &what);
        }
    };
    // Paths and methods that do not exist.
    check(&admin, "GET", "", "", 404, 1069).await;
    check(&admin, "GET", "/", "", 404, 1069).await;
    check(&admin, "GET", "/device/devices", "", 404, 1069).await;
    check(&admin, "GET", "/setting/admins/apitokens/", "", 404, 1069).await;
    check(
        &admin,
        "GET",
        "/setting/admins/1/apitokens/1/2",
        "",
        404,
        1069,
    )
    .await;
    check(&admin, "DELETE", ACCOUNT, "", 405, 1007).await;
    check(&admin, "PUT", &own, "{}", 405, 1007).await;
    check(&admin, "POST", &one, "{}", 405, 1007).await;
    // Things that do not exist, or not there.
    check(&admin, "GET", &format!("{own}/999"), "", 404, 1069).await;
    check(&admin, "PUT", &format!("{own}/999"), "{}", 404, 1069).await;
    check(
        &admin,
        "DELETE",
        &format!("{own}/{}", eve.id),
        "",
        404,
        1069,
    )
    .await;
    check(
        &admin,
        "GET",
        "/setting/admins/999/apitokens",
        "",
        404,
        1069,
    )
    .await;
    check(
        &admin,
        "POST",
        "/setting/admins/999/apitokens",
        "{}",
        404,
        1069,
    )
    .await;
    check(&admin, "GET", "/setting/admins/apitokens/x1", "", 404, 1069).await;
    check(&admin, "GET", "/setting/admins/apitokens/-1", "", 404, 1069).await;
    check(
        &admin,
        "GET",
        "/setting/admins/apitokens/99999999999999999999",
        "",
        404,
        1069,
    )
    .await;
    // What cannot be read.
    check(&admin, "POST", &own, "", 400, 1007).await;
    check(&admin, "POST", &own, "{\"status\":3}", 400, 1007).await;
    check(&admin, "PATCH", &one, "{\"note\":7}", 400, 1007).await;
    check(
        &admin,
        "POST",
        &format!("{own}?type=basic"),
        "{}",
        400,
        1007,
    )
    .await;
    // Who may not.
    check(&eve, "GET", ACCOUNT, "", 403, 1041).await;
    check(&eve, "GET", &one, "", 403, 1041).await;
    check(&eve, "GET", "/setting/admins/999/apitokens", "", 403, 1041).await;
    check(&eve, "GET", "/setting/admins/apitokens/999", "", 403, 1041).await;
    check(&eve, "POST", &own, "{}", 403, 1041).await;
    check(&eve, "DELETE", &one, "", 403, 1041).await;
    // Whoever that is.
    let stranger = Key {
        access_id: "nobody".to_owned(),
        secret: admin.secret.clone(),
        id: 0,
        owner: 0,
    };
    check(&stranger, "GET", ACCOUNT, "", 401, 1401).await;
    // Nothing was changed by any of that.
    let still = call(&site, &eve, "3", "GET", &eves, "").await;
    assert_eq!(still.json["status"], json!(2));
}

#[tokio::test]
async fn every_version_is_chosen_by_header_or_query() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let check = async |header_value: Option<&str>, query: &str, wrapped: Option<bool>| {
        let target = format!("{ACCOUNT}{query}");
        let authorization = header(&site, &admin, "GET", &target, "");
        let mut request = request(&authorization, "", "GET", &target, "");
        if let Some(value) = header_value {
            let headers = request.headers_mut();
            headers.insert("X-version", value.parse().unwrap());
        }
        let answer = site.send(request).await;
        let what = format!("{header_value:?} {query}");
        match wrapped {
            Some(wrapped) => {
                assert_eq!(answer.status, 200, "{what}");
                assert_eq!(answer.json.get("errmsg").is_some(), wrapped, "{what}");
            }
            None => {
                let text = refused(&answer, "3", 400, 0, &what);
                assert!(text.contains("X-Version"), "{text}");
            }
        }
    };
    check(None, "", Some(true)).await;
    check(None, "?v=1", Some(true)).await;
    check(None, "?v=2", Some(false)).await;
    check(None, "?size=1&v=3", Some(false)).await;
    check(None, "?v=4", Some(false)).await;
    check(Some("3"), "?v=1", Some(false)).await;
    check(Some("1"), "?v=3", Some(true)).await;
    check(Some("three"), "", None).await;
    check(None, "?v=three", None).await;
}

#[tokio::test]
async fn the_tokens_name_may_be_in_any_case() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    for name in ["apitokens", "apiTokens", "APITOKENS", "ApiTokens"] {
        for target in [
            format!("/setting/admins/{name}?size=1&filter=status:2"),
            format!("/setting/admins/{}/{name}", admin.owner),
            format!("/setting/admins/{}/{name}/{}", admin.owner, admin.id),
            format!("/setting/admins/{name}/self"),
        ] {
            let answer = call(&site, &admin, "3", "GET", &target, "").await;
            assert_eq!(answer.status, 200, "{target}: {answer:?}");
        }
        // What is signed is the path as it is sent.
        let target = format!("/setting/admins/{name}");
        let authorization = header(&site, &admin, "GET", "/setting/admins/apitokens", "");
        let sent = site
            .send(request(&authorization, "3", "GET", &target, ""))
            .await;
        let expected = if name == "apitokens" { 200 } else { 401 };
        assert_eq!(sent.status, expected, "{name}");
    }
    let answer = call(&site, &admin, "3", "GET", "/setting/ADMINS/apiTokens", "").await;
    refused(&answer, "3", 404, 1069, "other names are exact");
}

#[tokio::test]
async fn other_paths_keep_their_shapes() {
    let site = Site::new().await;
    for path in ["/santaba", "/santaba/restaurant", "/santabarest/x"] {
        let answer = site
            .send(axum::http::Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.json["success"], json!(false), "{path}");
        assert!(!answer.headers.contains_key("x-rate-limit-limit"));
    }
    let answer = site.call("admin", "GET", BASE, &Value::Null).await;
    assert_eq!(answer.json["status"], json!(1069), "{answer:?}");
}
