//! Who may see and change whose tokens.

use super::{ACCOUNT, Key, call, good, key, refused, request};
use crate::site::Site;
use cresset_catalog::port::{AuditEntry, NewRole, Roles as _};
use cresset_model::Clock as _;
use cresset_model::role::Privilege;
use serde_json::{Map, Value, json};

/// A role that may do `operation` with `object` of the settings.
async fn role(site: &Site, name: &str, object: &str, operation: &str) {
    let privilege = Privilege {
        object_type: "setting".to_owned(),
        object_id: object.to_owned(),
        operation: operation.to_owned(),
        extra: Map::new(),
    };
    let new = NewRole {
        name: name.to_owned(),
        privileges: vec![privilege],
        ..NewRole::default()
    };
    let told = AuditEntry {
        at: site.clock.now(),
        actor: "test".to_owned(),
        address: String::new(),
        action: "test".to_owned(),
        detail: String::new(),
    };
    site.catalog.create_role(new, &told).await.unwrap();
}

/// One user per kind of right.
pub(super) async fn everybody(site: &Site) -> Vec<Key> {
    role(site, "clerk", "useraccess.*", "write").await;
    role(site, "auditor", "useraccess.*", "read").await;
    role(site, "nobody", "useraccess.*", "none").await;
    for (name, role) in [
        ("ack", "ackonly"),
        ("cleo", "clerk"),
        ("aud", "auditor"),
        ("nob", "nobody"),
    ] {
        site.add_user(name, role).await;
    }
    let mut keys = Vec::new();
    for name in ["admin", "bob", "eve", "ack", "cleo", "aud", "nob"] {
        keys.push(key(site, name).await);
    }
    keys
}

#[tokio::test]
async fn whose_tokens_each_role_may_see_and_change() {
    let site = Site::new().await;
    let keys = everybody(&site).await;
    let victim = |n: usize| format!("/setting/admins/{}/apitokens", keys[n].owner);
    let (admins, bobs, auds) = (victim(0), victim(1), victim(5));
    // administrator, manager, readonly, ackonly, clerk, auditor, nobody
    let names = ["admin", "bob", "eve", "ack", "cleo", "aud", "nob"];
    let own_read = [true; 7];
    let own_write = [true, true, true, true, true, false, false];
    let all_read = [true, false, false, false, true, true, false];
    let write_bobs = [true, true, false, false, false, false, false];
    // Nobody acts as somebody who may do more.
    let write_auds = [true, false, false, false, true, false, false];
    let write_admins = [true, false, false, false, false, false, false];
    for (n, who) in keys.iter().enumerate() {
        let own = victim(n);
        let check = async |method: &str, target: &str, body: &str, expected: [bool; 7]| {
            let answer = call(&site, who, "3", method, target, body).await;
            let what = format!("{} {method} {target}: {answer:?}", names[n]);
            if expected[n] {
                assert_eq!(answer.status, 200, "{what}");
            } else {
                refused(&answer, "3", 403, 1041, &what);
            }
        };
        check("GET", &own, "", own_read).await;
        check("GET", &format!("{own}/{}", who.id), "", own_read).await;
        check("GET", &format!("{ACCOUNT}/{}", who.id), "", own_read).await;
        check("GET", &format!("{ACCOUNT}/self"), "", [true; 7]).await;
        check("GET", ACCOUNT, "", all_read).await;
        if n != 0 {
            check("GET", &admins, "", all_read).await;
            check("GET", &format!("{ACCOUNT}/{}", keys[0].id), "", all_read).await;
        }
        check("POST", &own, "{}", own_write).await;
        check("POST", &bobs, "{}", write_bobs).await;
        check("POST", &auds, "{}", write_auds).await;
        check("POST", &admins, "{}", write_admins).await;
        for (owner, target, expected) in [
            (0, &admins, write_admins),
            (1, &bobs, write_bobs),
            (5, &auds, write_auds),
        ] {
            let made = good(&site, &keys[0], "POST", target, &json!({})).await;
            let one = format!("{target}/{}", made["id"]);
            check("PUT", &one, "{}", expected).await;
            check("PATCH", &one, "{}", expected).await;
            check("POST", &format!("{one}/rotate"), "", expected).await;
            check("DELETE", &one, "", expected).await;
            assert_eq!(made["adminId"], json!(keys[owner].owner));
        }
    }
}

#[tokio::test]
async fn each_item_says_what_the_caller_may_do_with_it() {
    let site = Site::new().await;
    let keys = everybody(&site).await;
    let check = async |n: usize, expected: Value| {
        let target = format!("{ACCOUNT}?sort=id&fields=adminName,userPermission");
        let list = good(&site, &keys[n], "GET", &target, &Value::Null).await;
        let mut told = Map::new();
        for item in list["items"].as_array().unwrap() {
            let name = item["adminName"].as_str().unwrap().to_owned();
            told.insert(name, item["userPermission"].clone());
        }
        assert_eq!(Value::Object(told), expected);
    };
    check(
        0,
        json!({"admin": "write", "bob": "write", "eve": "write", "ack": "write",
            "cleo": "write", "aud": "write", "nob": "write"}),
    )
    .await;
    check(
        4,
        json!({"admin": "read", "bob": "read", "eve": "read", "ack": "read",
            "cleo": "write", "aud": "write", "nob": "write"}),
    )
    .await;
    check(
        5,
        json!({"admin": "read", "bob": "read", "eve": "read", "ack": "read",
            "cleo": "read", "aud": "read", "nob": "read"}),
    )
    .await;
}

#[tokio::test]
async fn self_signed_tokens_need_the_scope() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let own = format!("/setting/admins/{}/apitokens", admin.owner);
    let check = async |user: &str, scope: &str, method: &str, target: &str, expected: u16| {
        let jwt = format!("Bearer {}", site.token(user, scope));
        let body = if method == "POST" { "{}" } else { "" };
        let answer = site.send(request(&jwt, "3", method, target, body)).await;
        assert_eq!(
            answer.status, expected,
            "{user} {scope} {method} {target}: {answer:?}"
        );
    };
    let six = "search:read search:write logsource:read alertrules:read alertrules:write logs:write";
    check("admin", six, "GET", ACCOUNT, 403).await;
    check("admin", six, "POST", &own, 403).await;
    check("admin", "setting:read", "GET", ACCOUNT, 200).await;
    check("admin", "setting:read", "POST", &own, 403).await;
    check("admin", "setting:write", "GET", ACCOUNT, 200).await;
    check("admin", "setting:write", "POST", &own, 200).await;
    check("eve", "setting:write", "POST", &own, 403).await;
    check("eve", "setting:read", "GET", ACCOUNT, 403).await;
}
