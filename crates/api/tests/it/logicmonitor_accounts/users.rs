//! The life of users.

use super::{BAD, MISSING, TAKEN, USERS, get, number, one, post, refuse, user};
use crate::logicmonitor::{Key, call, good, key};
use crate::site::{START, Site};
use cresset_model::SecretString;
use serde_json::{Value, json};

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|user| user["username"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_new_user_is_complete() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let body = json!({"username": "ci", "email": "ci@x.example", "apionly": true,
        "roles": [{"id": 4}], "timezone": "Europe/Berlin", "phone": "12", "id": 1,
        "viewPermission": {"Logs": true}, "createdBy": "nobody", "unknown": {"a": [1]}});
    let made = post(&site, &admin, USERS, &body).await;
    let check = |key: &str, expected: Value| assert_eq!(made[key], expected, "{key}");
    check("email", json!("ci@x.example"));
    check("timezone", json!("Europe/Berlin"));
    check("phone", json!("12"));
    check("viewPermission", json!({"Logs": true}));
    check("contactMethod", json!("email"));
    check("createdBy", json!("admin"));
    check("createdOn", json!(START));
    check("lastLoginOn", json!(0));
    check("apiTokens", json!([]));
    check("status", json!("active"));
    check(
        "roles",
        json!([get(&site, &admin, "/setting/roles/4").await]),
    );
    assert_ne!(made["id"], json!(1));
    // What is asked for by `fields`, and nothing else.
    let path = format!("{}?fields=id,username", one(USERS, &made));
    let read = get(&site, &admin, &path).await;
    assert_eq!(read, json!({"id": made["id"], "username": "ci"}));
}

#[tokio::test]
async fn put_replaces_and_patch_changes() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let body = json!({"username": "ci", "apionly": true, "roles": [{"id": 4}], "note": "n",
        "firstName": "C", "email": "c@x", "phone": "12", "smsEmail": "s@x", "status": "suspended",
        "timezone": "Europe/Berlin"});
    let made = post(&site, &admin, USERS, &body).await;
    let path = one(USERS, &made);
    let with = |changes: &[(&str, Value)]| {
        let mut expected = made.clone();
        for (key, value) in changes {
            expected[*key] = value.clone();
        }
        expected
    };
    let patched = good(&site, &admin, "PATCH", &path, &json!({"phone": "34"})).await;
    assert_eq!(patched, with(&[("phone", json!("34"))]));
    // Only what the query names.
    let target = format!("{path}?patchFields=note");
    let body = json!({"note": "m", "phone": "56", "status": "active"});
    let patched = good(&site, &admin, "PATCH", &target, &body).await;
    assert_eq!(
        patched,
        with(&[("phone", json!("34")), ("note", json!("m"))])
    );
    // Nothing but checks.
    let target = format!("{path}?validationOnly=true");
    let same = good(&site, &admin, "PATCH", &target, &json!({"note": "z"})).await;
    assert_eq!(same["note"], json!("m"));
    // Access and time zone stay where nobody speaks of them.
    let body = json!({"username": "ci2", "roles": [{"name": "ackonly"}]});
    let put = good(&site, &admin, "PUT", &path, &body).await;
    let role = get(&site, &admin, "/setting/roles/3").await;
    let expected = with(&[
        ("username", json!("ci2")),
        ("roles", json!([role])),
        ("note", json!("")),
        ("firstName", json!("")),
        ("email", json!("")),
        ("phone", json!("")),
        ("smsEmail", json!("")),
    ]);
    assert_eq!(put, expected);
    assert_eq!(get(&site, &admin, &path).await, expected);
    let back = json!({"status": "active"});
    let active = good(&site, &admin, "PATCH", &path, &back).await;
    assert_eq!(active["status"], json!("active"));
}

#[tokio::test]
async fn lists_are_filtered_and_sorted() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    for (name, first, role, status) in [
        ("zoe", "Zoë", 4, "active"),
        ("yan", "John", 4, "suspended"),
        ("johnny", "X", 2, "active"),
    ] {
        let body = json!({"username": name, "firstName": first, "apionly": true,
            "roles": [{"id": role}], "status": status, "note": "made"});
        post(&site, &admin, USERS, &body).await;
    }
    let check = async |query: &str, expected: &[&str]| {
        let list = get(&site, &admin, &format!("{USERS}?{query}")).await;
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["total"], json!(expected.len()), "{query}");
    };
    check("filter=note:made&sort=-username", &["zoe", "yan", "johnny"]).await;
    check("filter=note:made,status:suspended", &["yan"]).await;
    check("filter=note:made,roles:manager", &["johnny"]).await;
    check("filter=note:made,roles.name:manager", &["johnny"]).await;
    check(
        "filter=note:made&filterGroupString=JOHN",
        &["yan", "johnny"],
    )
    .await;
    check("filterGroupString=suspended", &["yan"]).await;
    check("filterGroupString=zo%C3%AB", &["zoe"]).await;
    check(
        "filter=note:made&type=bearer&permission=traces&sort=id",
        &["zoe", "yan", "johnny"],
    )
    .await;
    check("filter=username:nobody", &[]).await;
    let page = get(
        &site,
        &admin,
        "/setting/admins?filter=note:made&size=1&offset=1",
    )
    .await;
    assert_eq!((names(&page), &page["total"]), (vec!["yan"], &json!(3)));
    for bad in [
        "filter=password:x",
        "sort=password",
        "filter=a",
        "size=x",
        "offset=-1",
    ] {
        refuse(
            &site,
            &admin,
            ("GET", &format!("{USERS}?{bad}")),
            &Value::Null,
            BAD,
        )
        .await;
    }
}

#[tokio::test]
async fn tokens_come_with_a_user() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let body = json!({"username": "ci", "apionly": true, "roles": [{"id": 4}],
        "apiTokens": [{"note": "a"}, {"note": "b", "status": 1}, {"type": "bearer"}]});
    let made = post(&site, &admin, USERS, &body).await;
    let tokens = made["apiTokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 3);
    assert_eq!(
        (&tokens[1]["status"], &tokens[1]["note"]),
        (&json!(1), &json!("b"))
    );
    let text = |token: &Value, key: &str| token[key].as_str().unwrap().to_owned();
    assert!(text(&tokens[2], "accessKey").starts_with("lmb_"));
    let own = Key {
        access_id: text(&tokens[0], "accessId"),
        secret: SecretString::new(text(&tokens[0], "accessKey")),
        id: tokens[0]["id"].as_i64().unwrap(),
        owner: made["id"].as_i64().unwrap(),
    };
    // It works, and its owner sees itself without any secret.
    let read = get(&site, &own, &one(USERS, &made)).await;
    assert_eq!(read["apiTokens"].as_array().unwrap().len(), 3);
    let printed = read.to_string();
    for token in tokens {
        assert!(!printed.contains(&text(token, "accessKey")), "{printed}");
    }
    let listed = get(&site, &admin, "/setting/admins?filter=username:ci").await;
    assert_eq!(listed["items"][0]["apiTokens"][0]["note"], json!("a"));
    let listed = get(
        &site,
        &admin,
        "/setting/admins?filter=username:ci&fields=id",
    )
    .await;
    assert_eq!(listed["items"], json!([{"id": own.owner}]));
    // A token that cannot be made makes no user.
    let bad = json!({"username": "no", "apionly": true, "roles": [{"id": 4}],
        "apiTokens": [{}, {"status": 3}]});
    let text = refuse(&site, &admin, ("POST", USERS), &bad, BAD).await;
    assert!(text.contains("apiTokens[1]"), "{text}");
    let many = json!({"username": "no", "apionly": true, "roles": [{"id": 4}],
        "apiTokens": vec![json!({}); 21]});
    refuse(&site, &admin, ("POST", USERS), &many, BAD).await;
    let none = get(&site, &admin, "/setting/admins?filter=username:no").await;
    assert_eq!(none["total"], json!(0));
}

#[tokio::test]
async fn what_is_taken_or_missing() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let body = json!({"username": "bob", "apionly": true, "roles": [{"id": 4}]});
    let text = refuse(&site, &admin, ("POST", USERS), &body, TAKEN).await;
    assert!(text.contains("bob"), "{text}");
    let (ci, _) = user(&site, &admin, "ci", &["readonly"]).await;
    let rename = json!({"username": "bob"});
    refuse(&site, &admin, ("PATCH", &one(USERS, &ci)), &rename, TAKEN).await;
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let body = json!({"username": "x", "roles": [{"id": 4}]});
        for id in ["4711", "99999999999999999999", "x", "-1"] {
            let path = format!("{USERS}/{id}");
            let answer = call(&site, &admin, "3", method, &path, &body.to_string()).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
    refuse(
        &site,
        &admin,
        ("GET", "/setting/admins/4711"),
        &Value::Null,
        MISSING,
    )
    .await;
}

#[tokio::test]
async fn bad_bodies() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let path = one(USERS, &user(&site, &admin, "ci", &["readonly"]).await.0);
    for (body, expected) in [
        (json!({}), "username is required"),
        (json!({"username": "a"}), "roles is required"),
        (json!({"username": "a", "roles": []}), "at least one role"),
        (
            json!({"username": "a", "roles": [{"id": 4711}]}),
            "does not exist",
        ),
        (
            json!({"username": "a", "roles": [{"name": "nobody"}]}),
            "does not exist",
        ),
        (
            json!({"username": null, "roles": [{"id": 4}]}),
            "username is required",
        ),
        (
            json!({"username": ["a"], "roles": [{"id": 4}]}),
            "username must be a string",
        ),
        (
            json!({"username": "a", "roles": [{"id": 4}], "status": 2}),
            "status must be",
        ),
        (
            json!({"username": "a", "roles": [{"id": 4}], "note": "x".repeat(1025)}),
            "note",
        ),
    ] {
        for (method, target) in [("POST", USERS), ("PUT", path.as_str())] {
            let text = refuse(&site, &admin, (method, target), &body, BAD).await;
            assert!(text.contains(expected), "{method} {body}: {text}");
        }
    }
    for bad in ["", "[]", "null", "7", "{", "\"x\"", "{}{}"] {
        for (method, target) in [("POST", USERS), ("PUT", &path), ("PATCH", &path)] {
            let answer = call(&site, &admin, "3", method, target, bad).await;
            assert_eq!(answer.json["errorCode"], json!(1400), "{method} {bad}");
        }
    }
    refuse(
        &site,
        &admin,
        ("PATCH", &format!("{path}?validationOnly=x")),
        &json!({}),
        BAD,
    )
    .await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let own = format!("{USERS}/{}", number(&site, "admin").await);
    let text = refuse(&site, &admin, ("DELETE", &own), &Value::Null, BAD).await;
    assert!(text.contains("themselves"), "{text}");
    for change in [
        json!({"status": "suspended"}),
        json!({"roles": [{"id": 4}]}),
    ] {
        refuse(&site, &admin, ("PATCH", &own), &change, BAD).await;
    }
    // One of two may go.
    let (second, other) = user(&site, &admin, "second", &["administrator"]).await;
    good(
        &site,
        &other,
        "PATCH",
        &own,
        &json!({"status": "suspended"}),
    )
    .await;
    let answer = call(&site, &admin, "3", "GET", &own, "").await;
    assert_eq!(answer.status, 401);
    let text = refuse(
        &site,
        &other,
        ("PATCH", &one(USERS, &second)),
        &json!({"status": "suspended"}),
        BAD,
    )
    .await;
    assert!(!text.is_empty());
    assert_eq!(
        good(&site, &other, "DELETE", &own, &Value::Null).await,
        json!({})
    );
}

#[tokio::test]
async fn a_user_s_tokens_end_with_the_user() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let (ci, own) = user(&site, &admin, "ci", &["readonly"]).await;
    let path = one(USERS, &ci);
    get(&site, &own, &path).await;
    let suspend = json!({"status": "suspended"});
    good(&site, &admin, "PATCH", &path, &suspend).await;
    assert_eq!(call(&site, &own, "3", "GET", &path, "").await.status, 401);
    good(&site, &admin, "PATCH", &path, &json!({"status": "active"})).await;
    get(&site, &own, &path).await;
    good(&site, &admin, "DELETE", &path, &Value::Null).await;
    assert_eq!(call(&site, &own, "3", "GET", &path, "").await.status, 401);
    let tokens = get(
        &site,
        &admin,
        "/setting/admins/apitokens?filter=adminName:ci",
    )
    .await;
    assert_eq!(tokens["total"], json!(0));
}
