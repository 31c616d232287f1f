//! What real clients send (spec §6.2, §6.3 and §7.3) works.

use super::{ROLES, USERS, get, one, post};
use crate::logicmonitor::{call, good, key};
use crate::site::Site;
use serde_json::{Value, json};

/// What the Python SDK insists on in every user.
fn fits_the_sdk(user: &Value) {
    for name in ["username", "email"] {
        assert!(user[name].is_string(), "{name}: {user}");
    }
    // It turns these into numbers, whatever stands there.
    for name in [
        "id",
        "tenantId",
        "lastLoginOn",
        "lastActionOn",
        "lastAccessOn",
        "inactiveSessionTimeoutInSeconds",
    ] {
        assert!(user[name].is_i64(), "{name}: {user}");
    }
    let roles = user["roles"].as_array().unwrap();
    assert!(!roles.is_empty(), "{user}");
    for role in roles {
        assert!(role["name"].is_string(), "{role}");
        assert!(role["privileges"].is_array(), "{role}");
    }
    assert!(user.get("password").is_none(), "{user}");
}

#[tokio::test]
async fn the_python_sdk() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let role = post(
        &site,
        &admin,
        ROLES,
        &json!({"privileges": [{"operation": "write", "objectId": "useraccess.*",
            "objectType": "setting"}], "name": "tok-admins"}),
    )
    .await;
    let found = get(
        &site,
        &admin,
        "/setting/roles?filter=name%3A%22tok-admins%22",
    )
    .await;
    assert_eq!(found["total"], json!(1));
    assert_eq!(found["items"], json!([role]));
    let body = json!({"lastName": "I", "note": "n",
        "roles": [{"privileges": [], "name": "tok-admins", "id": role["id"]}],
        "apionly": true, "password": "Pw1!aaaa", "email": "ci@x", "firstName": "C",
        "username": "ci@x"});
    let user = post(&site, &admin, USERS, &body).await;
    fits_the_sdk(&user);
    assert_eq!(
        user["roles"][0]["privileges"][0]["objectId"],
        json!("useraccess.*")
    );
    assert_eq!(user["userPermission"], json!("write"));
    let path = one(USERS, &user);
    let list = get(
        &site,
        &admin,
        "/setting/admins?size=10&filter=username%3A%22ci%40x%22",
    )
    .await;
    assert_eq!(list["total"], json!(1));
    let read = get(&site, &admin, &path).await;
    assert_eq!(list["items"], json!([read]));
    fits_the_sdk(&read);
    let changed = good(&site, &admin, "PATCH", &path, &json!({"note": "n2"})).await;
    assert_eq!(changed["note"], json!("n2"));
    assert_eq!(changed["firstName"], json!("C"));
    post(&site, &admin, &format!("{path}/apitokens"), &json!({})).await;
    // It sends a body with deletions, too.
    let in_use = call(&site, &admin, "3", "DELETE", &one(ROLES, &role), "{}").await;
    assert_eq!(
        (in_use.status.as_u16(), &in_use.json["errorCode"]),
        (400, &json!(1400))
    );
    assert_eq!(
        good(&site, &admin, "DELETE", &path, &json!({})).await,
        json!({})
    );
    let path = one(ROLES, &role);
    assert_eq!(
        good(&site, &admin, "DELETE", &path, &json!({})).await,
        json!({})
    );
}

#[tokio::test]
async fn the_others() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    for body in [
        // PowerShell, without a mail address.
        json!({"username": "svc", "roles": [{"id": 4}], "status": "active", "apionly": true,
            "note": "n", "adminGroupIds": [1, 2]}),
        // lm-mcp.
        json!({"username": "mcp", "email": "m@x", "firstName": "M", "lastName": "C",
            "roles": [{"id": 1}], "apionly": true, "twoFAEnabled": false}),
        // .NET.
        json!({"username": "net", "email": "n@x", "password": "Pw1!aaaa", "password1": "Pw1!aaaa",
            "view-permission": [true, true, true, true, true, true], "apiTokens": [],
            "smsEmailFormat": "sms", "roles": [{"id": 0, "name": "ReadOnly"}],
            "status": "active", "apionly": false, "note": null, "timezone": ""}),
        // As written by hand in the specification.
        json!({"username": "ci", "email": "", "roles": [{"id": 3}], "apionly": true}),
    ] {
        let user = post(&site, &admin, USERS, &body).await;
        fits_the_sdk(&user);
        assert_eq!(user["username"], body["username"]);
        assert_eq!(user["apionly"], body["apionly"]);
        assert_eq!(user["status"], json!("active"));
        let read = get(&site, &admin, &one(USERS, &user)).await;
        assert_eq!(read, user);
    }
    let svc = get(&site, &admin, "/setting/admins?filter=username:svc").await;
    assert_eq!(svc["items"][0]["adminGroupIds"], json!([1, 2]));
    let net = get(&site, &admin, "/setting/admins?filter=username:net").await;
    assert_eq!(net["items"][0]["roles"][0]["name"], json!("readonly"));
}

/// The Vault plugin looks at the HTTP status and the status in the body.
#[tokio::test]
async fn the_vault_plugin() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let role = call(
        &site,
        &admin,
        "",
        "GET",
        "/setting/roles?filter=name:readonly",
        "",
    )
    .await;
    assert_eq!(
        (role.status.as_u16(), &role.json["status"]),
        (200, &json!(200))
    );
    let role = &role.json["data"]["items"][0]["id"];
    let body = json!({"acceptEULA": true, "email": "vault@x.example", "note": "by vault",
        "password": "aB3$efgh!jklmnopqrst", "roles": [{"id": role}],
        "username": "vault_dev_role"});
    let made = call(&site, &admin, "", "POST", USERS, &body.to_string()).await;
    assert_eq!(
        (made.status.as_u16(), &made.json["status"]),
        (200, &json!(200))
    );
    assert_eq!(made.json["data"]["acceptEULA"], json!(true));
    let path = one(USERS, &made.json["data"]);
    let deleted = call(&site, &admin, "", "DELETE", &path, "").await;
    assert_eq!(
        deleted.json,
        json!({"status": 200, "errmsg": "OK", "data": null})
    );
    let again = call(&site, &admin, "", "DELETE", &path, "").await;
    assert_eq!(
        (again.status.as_u16(), &again.json["status"]),
        (200, &json!(1069))
    );
}
