//! Passwords come in and never out.

use super::{BAD, USERS, get, one, post, refuse};
use crate::logicmonitor::{call, good, key};
use crate::site::Site;
use cresset_catalog::port::Users as _;
use cresset_model::SecretString;
use serde_json::{Value, json};

const FIRST: &str = "Canary.first7Xq";
const SECOND: &str = "Canary.second8Zk";

async fn fits(site: &Site, name: &str, password: &str) -> bool {
    let user = site.catalog.user_by_name(name).await.unwrap().unwrap();
    let password = SecretString::new(password);
    let checked = site.catalog.check_password(user.id, &password);
    checked.await.unwrap()
}

fn person(name: &str) -> Value {
    json!({"username": name, "email": "p@x.example", "roles": [{"id": 4}], "password": FIRST})
}

#[tokio::test]
async fn a_password_is_set_and_changed() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let made = post(&site, &admin, USERS, &person("pat")).await;
    let path = one(USERS, &made);
    assert!(fits(&site, "pat", FIRST).await);
    // Without `changePassword` it stays, whatever the body says.
    let body = json!({"password": SECOND, "note": "n"});
    let same = good(&site, &admin, "PATCH", &path, &body).await;
    assert_eq!(same["note"], json!("n"));
    let whole = json!({"username": "pat", "email": "p@x.example", "roles": [{"id": 4}],
        "password": SECOND});
    good(&site, &admin, "PUT", &path, &whole).await;
    assert!(fits(&site, "pat", FIRST).await);
    for wrong in ["perhaps", "2"] {
        let target = format!("{path}?changePassword={wrong}");
        refuse(&site, &admin, ("PATCH", &target), &body, BAD).await;
    }
    let target = format!("{path}?changePassword=true");
    refuse(
        &site,
        &admin,
        ("PATCH", &target),
        &json!({"note": "x"}),
        BAD,
    )
    .await;
    refuse(
        &site,
        &admin,
        ("PATCH", &target),
        &json!({"password": "short"}),
        BAD,
    )
    .await;
    assert!(fits(&site, "pat", FIRST).await);
    good(&site, &admin, "PATCH", &target, &body).await;
    assert!(fits(&site, "pat", SECOND).await);
    assert!(!fits(&site, "pat", FIRST).await);
}

#[tokio::test]
async fn only_api_only_users_do_without() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let check = async |key: &str, value: Value, expected: &str| {
        let mut body = person("pat");
        body[key] = value;
        let text = refuse(&site, &admin, ("POST", USERS), &body, BAD).await;
        assert!(text.contains(expected), "{key}: {text}");
        assert!(!text.contains("Canary"), "{text}");
    };
    check("password", json!(null), "password is required").await;
    check("password", json!(""), "password is required").await;
    check("password", json!("canary.first7xq"), "upper case letter").await;
    check("password", json!("Password1!"), "leaked").await;
    check("email", json!(null), "email is required").await;
    check("email", json!("nobody"), "mail address").await;
    let mut body = person("api");
    body["apionly"] = json!(true);
    body["email"] = json!(null);
    let made = post(&site, &admin, USERS, &body).await;
    assert_eq!(made["email"], json!(""));
    assert!(!fits(&site, "api", FIRST).await);
    let path = one(USERS, &made);
    let target = format!("{path}?changePassword=true");
    refuse(
        &site,
        &admin,
        ("PATCH", &target),
        &json!({"password": SECOND}),
        BAD,
    )
    .await;
    // Who begins to log in needs both.
    let person = json!({"apionly": false, "email": "a@x.example"});
    let text = refuse(&site, &admin, ("PATCH", &path), &person, BAD).await;
    assert!(text.contains("needs a password"), "{text}");
    let person = json!({"apionly": false, "password": SECOND});
    let text = refuse(&site, &admin, ("PATCH", &target), &person, BAD).await;
    assert!(text.contains("email is required"), "{text}");
    let person = json!({"apionly": false, "email": "a@x.example", "password": SECOND});
    good(&site, &admin, "PATCH", &target, &person).await;
    assert!(fits(&site, "api", SECOND).await);
    refuse(&site, &admin, ("PATCH", &path), &json!({"email": ""}), BAD).await;
    // And who ends loses the password.
    good(&site, &admin, "PATCH", &path, &json!({"apionly": true})).await;
    assert!(!fits(&site, "api", SECOND).await);
}

#[tokio::test]
async fn no_answer_holds_a_password() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let mut seen = String::new();
    for version in ["", "2", "3"] {
        let name = format!("pat{version}");
        let body = person(&name).to_string();
        let made = call(&site, &admin, version, "POST", USERS, &body).await;
        seen.push_str(&made.text);
        let taken = call(&site, &admin, version, "POST", USERS, &body).await;
        seen.push_str(&taken.text);
    }
    let list = call(&site, &admin, "3", "GET", "/setting/admins?fields=*", "").await;
    for user in list.json["items"].as_array().unwrap() {
        let path = one(USERS, user);
        let target = format!("{path}?fields=password,username,passwordHash,api_access_key");
        seen.push_str(&get(&site, &admin, &target).await.to_string());
    }
    let target = format!("{}?changePassword=true", one(USERS, &list.json["items"][0]));
    let odd = json!({"password": format!("{FIRST}\u{7}")});
    let odd = call(&site, &admin, "3", "PATCH", &target, &odd.to_string()).await;
    assert_eq!(odd.status, 400);
    let logs = call(
        &site,
        &admin,
        "3",
        "GET",
        "/setting/accesslogs?size=1000",
        "",
    )
    .await;
    for text in [&list.text, &odd.text, &logs.text] {
        seen.push_str(text);
    }
    for word in ["Canary", "argon2", "passwordHash"] {
        assert!(!seen.contains(word), "{word}: {seen}");
    }
    let entries = site.catalog.audit_entries(1000).await.unwrap();
    assert!(!format!("{entries:?}").contains("Canary"));
}
