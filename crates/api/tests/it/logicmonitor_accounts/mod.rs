//! Users, roles, the access logs and the company's settings below `/santaba/rest`.

mod access_logs;
mod clients;
mod passwords;
mod rights;
mod roles;
mod users;

use crate::logicmonitor::{Key, call, good, refused};
use crate::site::Site;
use cresset_catalog::port::Users as _;
use serde_json::{Value, json};

const USERS: &str = "/setting/admins";
const ROLES: &str = "/setting/roles";

/// The path of a thing by its number.
fn one(list: &str, object: &Value) -> String {
    format!("{list}/{}", object["id"].as_i64().unwrap())
}

async fn get(site: &Site, key: &Key, target: &str) -> Value {
    good(site, key, "GET", target, &Value::Null).await
}

async fn post(site: &Site, key: &Key, target: &str, body: &Value) -> Value {
    good(site, key, "POST", target, body).await
}

/// Checks that version 3 refuses with `status` (and version 1 with `in_v1`), and gives back
/// the text.
async fn refuse(
    site: &Site,
    key: &Key,
    (method, target): (&str, &str),
    body: &Value,
    (status, in_v1): (u16, u16),
) -> String {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let what = format!("{method} {target} {body}");
    let answer = call(site, key, "3", method, target, &body).await;
    let text = refused(&answer, "3", status, in_v1, &what);
    let answer = call(site, key, "", method, target, &body).await;
    assert_eq!(refused(&answer, "", status, in_v1, &what), text);
    text
}

const BAD: (u16, u16) = (400, 1007);
const DENIED: (u16, u16) = (403, 1041);
const MISSING: (u16, u16) = (404, 1069);
const TAKEN: (u16, u16) = (409, 600);

/// A role with privileges on settings.
async fn role(site: &Site, admin: &Key, name: &str, settings: &[(&str, &str)]) -> Value {
    let privilege = |(object, operation): &(&str, &str)| json!({"objectType": "setting", "objectId": object, "operation": operation});
    let privileges: Vec<Value> = settings.iter().map(privilege).collect();
    let body = json!({"name": name, "privileges": privileges});
    post(site, admin, ROLES, &body).await
}

/// An API-only user with these roles, made by the API, and a key of it.
async fn user(site: &Site, admin: &Key, name: &str, roles: &[&str]) -> (Value, Key) {
    let roles: Vec<Value> = roles.iter().map(|role| json!({"name": role})).collect();
    let body = json!({"username": name, "apionly": true, "roles": roles});
    let made = post(site, admin, USERS, &body).await;
    (made, crate::logicmonitor::key(site, name).await)
}

async fn number(site: &Site, name: &str) -> i64 {
    let user = site.catalog.user_by_name(name).await.unwrap();
    user.unwrap().number
}
