//! The life of roles.

use super::{BAD, MISSING, ROLES, TAKEN, USERS, get, one, post, refuse, role, user};
use crate::logicmonitor::{call, good, key};
use crate::site::Site;
use serde_json::{Value, json};

#[tokio::test]
async fn the_built_in_ones_are_there_and_stay() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let list = get(&site, &admin, ROLES).await;
    assert_eq!(list["total"], json!(4));
    for (place, name) in ["administrator", "manager", "ackonly", "readonly"]
        .iter()
        .enumerate()
    {
        let role = &list["items"][place];
        assert_eq!(
            (&role["id"], &role["name"]),
            (&json!(place + 1), &json!(name))
        );
        assert_eq!(role["userPermission"], json!("read"));
        assert!(role["privileges"].is_array());
        let path = one(ROLES, role);
        assert_eq!(get(&site, &admin, &path).await, *role);
        refuse(&site, &admin, ("DELETE", &path), &Value::Null, BAD).await;
        let change = json!({"privileges": []});
        refuse(&site, &admin, ("PATCH", &path), &change, BAD).await;
        let whole = json!({"name": name, "privileges": []});
        refuse(&site, &admin, ("PUT", &path), &whole, BAD).await;
        assert_eq!(get(&site, &admin, &path).await, *role);
    }
}

#[tokio::test]
async fn made_changed_replaced_deleted() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let body = json!({"name": "ops", "description": "d", "customHelpLabel": "l",
        "requireEula": true, "unknown": 1,
        "privileges": [{"objectType": "host_group", "objectId": 7, "operation": "ack",
            "objectName": "Web", "subOperation": "sub"},
            {"objectType": "never heard of", "objectId": "", "operation": "whatever"}]});
    let made = post(&site, &admin, ROLES, &body).await;
    let expected = json!({
        "id": made["id"], "name": "ops", "description": "d", "customHelpLabel": "l",
        "customHelpURL": "", "requireEULA": true, "twoFARequired": false, "roleGroupId": 1,
        "privileges": [
            {"objectType": "host_group", "objectId": "7", "operation": "ack",
             "objectName": "Web", "subOperation": "sub"},
            {"objectType": "never heard of", "objectId": "", "operation": "whatever",
             "objectName": "", "subOperation": ""}],
        "associatedUserCount": 0, "acctRequireTwoFA": false,
        "enableRemoteSessionInCompanyLevel": false, "userPermission": "write",
    });
    assert_eq!(made, expected);
    let path = one(ROLES, &made);
    assert_eq!(get(&site, &admin, &path).await, expected);

    let patched = good(
        &site,
        &admin,
        "PATCH",
        &path,
        &json!({"twoFARequired": true}),
    )
    .await;
    let mut now = expected.clone();
    now["twoFARequired"] = json!(true);
    assert_eq!(patched, now);
    let target = format!("{path}?patchFields=description");
    let body = json!({"description": "e", "name": "x"});
    now["description"] = json!("e");
    assert_eq!(good(&site, &admin, "PATCH", &target, &body).await, now);

    // The user's role follows its name.
    let (ci, _) = user(&site, &admin, "ci", &["OPS"]).await;
    let body = json!({"name": "operators", "privileges": []});
    let put = good(&site, &admin, "PUT", &path, &body).await;
    for (key, value) in [
        ("name", json!("operators")),
        ("description", json!("")),
        ("customHelpLabel", json!("")),
        ("requireEULA", json!(false)),
        ("twoFARequired", json!(false)),
        ("privileges", json!([])),
        ("associatedUserCount", json!(1)),
    ] {
        assert_eq!(put[key], value, "{key}");
    }
    let read = get(&site, &admin, &one(USERS, &ci)).await;
    assert_eq!(read["roles"][0]["name"], json!("operators"));

    let text = refuse(&site, &admin, ("DELETE", &path), &Value::Null, BAD).await;
    assert!(text.contains("depends on it"), "{text}");
    good(&site, &admin, "DELETE", &one(USERS, &ci), &Value::Null).await;
    assert_eq!(
        good(&site, &admin, "DELETE", &path, &Value::Null).await,
        json!({})
    );
    refuse(&site, &admin, ("DELETE", &path), &Value::Null, MISSING).await;
    refuse(&site, &admin, ("GET", &path), &Value::Null, MISSING).await;
}

#[tokio::test]
async fn names_are_unique_in_any_case() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let ops = role(&site, &admin, "ops", &[]).await;
    for name in ["ops", "OPS", "Administrator"] {
        let body = json!({"name": name, "privileges": []});
        refuse(&site, &admin, ("POST", ROLES), &body, TAKEN).await;
    }
    let body = json!({"name": "Manager"});
    refuse(&site, &admin, ("PATCH", &one(ROLES, &ops)), &body, TAKEN).await;
    let same = good(
        &site,
        &admin,
        "PATCH",
        &one(ROLES, &ops),
        &json!({"name": "Ops"}),
    )
    .await;
    assert_eq!(same["name"], json!("Ops"));
}

#[tokio::test]
async fn lists_are_filtered_and_sorted() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    role(&site, &admin, "zebra", &[]).await;
    let check = async |query: &str, expected: &[&str]| {
        let list = get(&site, &admin, &format!("{ROLES}?{query}")).await;
        let items = list["items"].as_array().unwrap();
        let found: Vec<&str> = items.iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{query}");
    };
    check(
        "filter=name:\"read*\"|zebra".replace('"', "%22").as_str(),
        &["readonly", "zebra"],
    )
    .await;
    check("sort=-name&size=2", &["zebra", "readonly"]).await;
    check("filter=id%3C:2", &["administrator", "manager"]).await;
    check(
        "filter=roleGroupId:1,name~a&sort=name&size=1&offset=2",
        &["manager"],
    )
    .await;
    refuse(
        &site,
        &admin,
        ("GET", "/setting/roles?filter=privileges:x"),
        &Value::Null,
        BAD,
    )
    .await;
}

#[tokio::test]
async fn bad_bodies() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let path = one(ROLES, &role(&site, &admin, "ops", &[]).await);
    for (body, expected) in [
        (json!({}), "name is required"),
        (json!({"name": "a"}), "privileges is required"),
        (
            json!({"name": "a", "privileges": [{}]}),
            "privileges[0].objectType is required",
        ),
        (
            json!({"name": "a", "privileges": "x"}),
            "privileges must be a list",
        ),
        (
            json!({"name": "", "privileges": []}),
            "name must not be empty",
        ),
        (
            json!({"name": "n".repeat(64), "privileges": []}),
            "name must not be longer",
        ),
    ] {
        for (method, target) in [("POST", ROLES), ("PUT", path.as_str())] {
            let text = refuse(&site, &admin, (method, target), &body, BAD).await;
            assert!(text.contains(expected), "{method} {body}: {text}");
        }
    }
    for bad in ["", "[]", "null", "{"] {
        for (method, target) in [("POST", ROLES), ("PUT", &path), ("PATCH", &path)] {
            let answer = call(&site, &admin, "3", method, target, bad).await;
            assert_eq!(answer.json["errorCode"], json!(1400), "{method} {bad}");
        }
    }
}
