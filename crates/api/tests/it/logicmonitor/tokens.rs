//! The life of tokens.

use super::{ACCOUNT, Key, call, good, header, key, refused, request};
use crate::site::{START, Site};
use cresset_catalog::port::Users as _;
use cresset_model::{Duration, SecretString};
use serde_json::{Value, json};

/// The key that an answer to a creation tells.
fn key_in(created: &Value) -> Key {
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    Key {
        access_id: text("accessId"),
        secret: SecretString::new(text("accessKey")),
        id: created["id"].as_i64().unwrap(),
        owner: created["adminId"].as_i64().unwrap(),
    }
}

fn of(key: &Key) -> String {
    format!("/setting/admins/{}/apitokens", key.owner)
}

#[tokio::test]
async fn created_used_disabled_deleted() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let bob = key(&site, "bob").await;
    let made = good(
        &site,
        &admin,
        "POST",
        &of(&bob),
        &json!({"note": "café", "status": 2, "id": 7, "accessId": "mine", "unknown": [1]}),
    )
    .await;
    let new = key_in(&made);
    assert_eq!(new.access_id.len(), 20);
    assert_eq!(new.secret.expose().len(), 40);
    assert!(
        new.secret
            .expose()
            .bytes()
            .all(|b| b.is_ascii_alphanumeric())
    );
    let expected = json!({
        "id": new.id, "accessId": new.access_id, "accessKey": new.secret.expose(),
        "adminId": bob.owner, "adminName": "bob", "roles": ["manager"], "status": 2,
        "note": "café", "createdOn": START, "createdBy": "admin", "lastUsedOn": 0,
        "lastAuthIp": "", "userPermission": "write", "type": null, "expiresOn": 0,
        "allowedIps": [], "scopes": null, "rotatedTo": null,
    });
    assert_eq!(made, expected);

    // The secret is shown this once.
    let one = format!("{}/{}", of(&bob), new.id);
    let read = good(&site, &new, "GET", &one, &Value::Null).await;
    assert_eq!(read["accessKey"], json!(""));
    let by_id = format!("{ACCOUNT}/{}", new.id);
    let account = good(&site, &admin, "GET", &by_id, &Value::Null).await;
    assert_eq!(account["lastUsedOn"], json!(START));
    assert_eq!(account["lastAuthIp"], json!("192.0.2.7"));

    // Disabled, it is refused at once; enabled, it works again.
    let changed = good(&site, &admin, "PATCH", &one, &json!({"status": 1})).await;
    assert_eq!(
        (&changed["status"], &changed["note"]),
        (&json!(1), &json!("café"))
    );
    assert_eq!(changed["accessKey"], json!(""));
    let answer = call(&site, &new, "3", "GET", &one, "").await;
    assert_eq!(
        refused(&answer, "3", 401, 1401, "disabled"),
        "Authentication failed"
    );
    // As documented, a PUT without a status enables, and one without a note clears it.
    let changed = good(&site, &admin, "PUT", &one, &json!({})).await;
    assert_eq!(
        (&changed["status"], &changed["note"]),
        (&json!(2), &json!(""))
    );
    good(&site, &new, "GET", &one, &Value::Null).await;

    // The token that signs may delete itself.
    let answer = call(&site, &new, "3", "DELETE", &one, "{}").await;
    assert_eq!((answer.status.as_u16(), answer.json), (200, json!({})));
    let answer = call(&site, &new, "3", "GET", &one, "").await;
    refused(&answer, "3", 401, 1401, "deleted");
}

#[tokio::test]
async fn what_a_change_leaves_alone() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let later = START + 3600;
    let made = good(
        &site,
        &admin,
        "POST",
        &of(&admin),
        &json!({"note": "a", "expiresOn": later, "allowedIps": ["192.0.2.0/24"],
            "scopes": ["setting:read"]}),
    )
    .await;
    let one = format!("{}/{}", of(&admin), made["id"]);
    let own = |token: &Value| {
        let keys = ["expiresOn", "allowedIps", "scopes"];
        keys.map(|key| token[key].clone())
    };
    let as_made = [
        json!(later),
        json!(["192.0.2.0/24"]),
        json!(["setting:read"]),
    ];
    assert_eq!(own(&made), as_made);
    // A client that does not know these keys does not take them away.
    let put = good(
        &site,
        &admin,
        "PUT",
        &one,
        &json!({"note": "b", "status": 2}),
    )
    .await;
    assert_eq!((own(&put), &put["note"]), (as_made.clone(), &json!("b")));
    // What was read can be sent back.
    let same = good(&site, &admin, "PUT", &one, &put).await;
    assert_eq!(same, put);
    // PATCH takes only what patchFields names.
    let target = format!("{one}?patchFields=note,status");
    let body = json!({"note": "c", "expiresOn": 0, "scopes": null});
    let patched = good(&site, &admin, "PATCH", &target, &body).await;
    assert_eq!((own(&patched), &patched["note"]), (as_made, &json!("c")));
    let body = json!({"expiresOn": 0, "scopes": null, "allowedIps": []});
    let patched = good(&site, &admin, "PATCH", &one, &body).await;
    assert_eq!(own(&patched), [json!(0), json!([]), Value::Null]);
    assert_eq!(patched["note"], json!("c"));
}

#[tokio::test]
async fn bearer_tokens() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let target = format!("{}?type=BEARER", of(&admin));
    let made = good(&site, &admin, "POST", &target, &json!({"note": "ci"})).await;
    let secret = made["accessKey"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("lmb_"));
    assert_eq!(
        (&made["type"], &made["accessId"]),
        (&json!("bearer"), &json!(""))
    );

    let bearer = format!("Bearer {secret}");
    let ask = async |target: &str| {
        let request = request(&bearer, "3", "GET", target, "");
        site.send(request).await
    };
    // Lists show the beginning, by which clients find their own token.
    let listed = ask(&format!("{ACCOUNT}?type=bearer")).await;
    assert_eq!(listed.json["total"], json!(1), "{listed:?}");
    let shown = format!("{}****", &secret[..20]);
    assert_eq!(listed.json["items"][0]["accessKey"], json!(shown));
    let signing = ask(ACCOUNT).await;
    assert_eq!(signing.json["items"][0]["id"], json!(admin.id));
    assert_eq!(signing.json["total"], json!(1));

    // It is good for Logpoint's endpoints and our own, too.
    let native = |authorization: &str| {
        axum::http::Request::get("/api/v1/repos")
            .header("authorization", authorization)
            .body(axum::body::Body::empty())
            .unwrap()
    };
    assert_eq!(site.send(native(&bearer)).await.status, 200);

    let one = format!("{}/{}", of(&admin), made["id"]);
    good(&site, &admin, "DELETE", &one, &Value::Null).await;
    refused(&ask(ACCOUNT).await, "3", 401, 1401, "deleted");
    assert_eq!(site.send(native(&bearer)).await.status, 401);
}

#[tokio::test]
async fn a_token_knows_itself() {
    let site = Site::new().await;
    let eve = key(&site, "eve").await;
    let this = good(
        &site,
        &eve,
        "GET",
        "/setting/admins/apitokens/self",
        &Value::Null,
    )
    .await;
    assert_eq!(this["id"], json!(eve.id));
    assert_eq!(this["adminName"], json!("eve"));
    assert_eq!(this["accessKey"], json!(""));
    let jwt = format!("Bearer {}", site.token("eve", "setting:read"));
    let answer = site
        .send(request(
            &jwt,
            "3",
            "GET",
            "/setting/admins/apitokens/self",
            "",
        ))
        .await;
    refused(&answer, "3", 404, 1069, "a JWT is no API token");
}

#[tokio::test]
async fn last_use_is_written_once_a_minute() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let this = "/setting/admins/apitokens/self";
    let last = async |peer: &str| {
        let authorization = header(&site, &admin, "GET", this, "");
        let request = request(&authorization, "3", "GET", this, "");
        let answer = site.send_from(peer, request).await;
        let token = &answer.json;
        (
            token["lastUsedOn"].as_i64().unwrap() - START,
            token["lastAuthIp"].clone(),
        )
    };
    // The answer shows what was known before the request.
    assert_eq!(last("192.0.2.1:1").await, (0 - START, json!("")));
    site.clock.advance(Duration::seconds(50));
    assert_eq!(last("192.0.2.2:1").await, (0, json!("192.0.2.1")));
    site.clock.advance(Duration::seconds(15));
    assert_eq!(last("[::ffff:192.0.2.3]:1").await, (0, json!("192.0.2.1")));
    site.clock.advance(Duration::seconds(1));
    assert_eq!(last("192.0.2.4:1").await, (65, json!("192.0.2.3")));
}

#[tokio::test]
async fn a_list_that_is_watched_shows_the_use_that_its_own_request_is() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let list = "/setting/admins/apitokens";
    let watched = async || {
        let authorization = header(&site, &admin, "GET", list, "");
        let answer = site
            .send(request(&authorization, "3", "GET", list, ""))
            .await;
        let token = &answer.json["items"][0];
        assert_eq!(token["accessId"], admin.access_id.as_str());
        token["lastUsedOn"].as_i64().unwrap() - START
    };
    assert_eq!(watched().await, 0);
    for at in [20, 40] {
        site.clock.advance(Duration::seconds(20));
        assert_eq!(watched().await, 0, "{at}");
    }
    site.clock.advance(Duration::seconds(20));
    assert_eq!(watched().await, 60);
}

#[tokio::test]
async fn changes_are_in_the_audit_log() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let made = good(&site, &admin, "POST", &of(&admin), &json!({})).await;
    let new = key_in(&made);
    let one = format!("{}/{}", of(&admin), new.id);
    good(&site, &admin, "PUT", &one, &json!({"status": 1})).await;
    good(&site, &admin, "PUT", &one, &json!({})).await;
    good(&site, &admin, "DELETE", &one, &Value::Null).await;
    let entries = site.catalog.audit_entries(4).await.unwrap();
    let told: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry.action.as_str(), entry.detail.as_str()))
        .collect();
    let (id, by) = (&new.access_id, &admin.access_id);
    let expected = [
        (
            "api_token_deleted",
            format!("Delete api tokens - {id} via API token {by}"),
        ),
        (
            "api_token_changed",
            format!("Update api tokens - {id} (now enabled) via API token {by}"),
        ),
        (
            "api_token_changed",
            format!("Update api tokens - {id} (now disabled) via API token {by}"),
        ),
        (
            "api_token_created",
            format!("Add new api token - {id} for admin via API token {by}"),
        ),
    ];
    let expected: Vec<(&str, &str)> = expected.iter().map(|(a, d)| (*a, d.as_str())).collect();
    assert_eq!(told, expected);
    assert!(
        entries
            .iter()
            .all(|e| e.actor == "admin" && e.address == "192.0.2.7")
    );
    let secret = new.secret.expose();
    assert!(entries.iter().all(|entry| !entry.detail.contains(secret)));
}
