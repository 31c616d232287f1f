//! Who may see and change whom.

use super::{BAD, DENIED, ROLES, USERS, get, number, one, post, refuse, role, user};
use crate::logicmonitor::{Key, call, good, key};
use crate::permissions::grant;
use crate::site::Site;
use cresset_model::SecretString;
use serde_json::{Value, json};

/// What a caller reads and changes: of users, of roles.
struct May {
    name: &'static str,
    users: (bool, bool),
    roles: (bool, bool),
}

async fn status(site: &Site, caller: &Key, method: &str, target: &str, body: &Value) -> u16 {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    call(site, caller, "3", method, target, &body)
        .await
        .status
        .as_u16()
}

/// Every route, for callers of every kind. What is permitted is tried on things that nobody
/// else has, so that only the caller's right decides.
#[tokio::test]
async fn every_route_asks_for_its_right() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    role(&site, &admin, "users", &[("useraccess.*", "write")]).await;
    role(&site, &admin, "see", &[("useraccess.*", "read")]).await;
    role(&site, &admin, "roles", &[("roleaccess.*", "write")]).await;
    role(&site, &admin, "none", &[]).await;
    let may = |name, users, roles| May { name, users, roles };
    for (caller, may) in [
        ("administrator", may("a", (true, true), (true, true))),
        ("manager", may("b", (false, false), (false, false))),
        ("ackonly", may("c", (false, false), (false, false))),
        ("readonly", may("d", (false, false), (false, false))),
        ("users", may("e", (true, true), (true, true))),
        ("see", may("f", (true, false), (true, false))),
        ("roles", may("g", (false, false), (true, true))),
        ("none", may("h", (false, false), (false, false))),
    ] {
        let (own, caller_key) = user(&site, &admin, may.name, &[caller]).await;
        let (other, _) = user(&site, &admin, &format!("{}2", may.name), &["none"]).await;
        let spare = role(&site, &admin, &format!("{}3", may.name), &[]).await;
        let (other, spare) = (one(USERS, &other), one(ROLES, &spare));
        let new_user = json!({"username": format!("{}4", may.name), "apionly": true,
            "roles": [{"name": "none"}]});
        let new_role = json!({"name": format!("{}5", may.name), "privileges": []});
        let whole = json!({"username": format!("{}6", may.name), "roles": [{"name": "none"}]});
        let calls = [
            ("GET", USERS, Value::Null, may.users.0),
            ("GET", &other, Value::Null, may.users.0),
            ("POST", USERS, new_user, may.users.1),
            ("PATCH", &other, json!({"note": "n"}), may.users.1),
            ("PUT", &other, whole, may.users.1),
            ("DELETE", &other, Value::Null, may.users.1),
            ("GET", ROLES, Value::Null, may.roles.0),
            ("GET", &spare, Value::Null, may.roles.0),
            ("POST", ROLES, new_role, may.roles.1),
            ("PATCH", &spare, json!({"description": "n"}), may.roles.1),
            (
                "PUT",
                &spare,
                json!({"name": format!("{}7", may.name), "privileges": []}),
                may.roles.1,
            ),
            ("DELETE", &spare, Value::Null, may.roles.1),
        ];
        for (method, target, body, allowed) in calls {
            let expected = if allowed { 200 } else { 403 };
            let status = status(&site, &caller_key, method, target, &body).await;
            assert_eq!(status, expected, "{caller}: {method} {target}");
        }
        // Everybody sees themselves, and changes themselves only as any other user.
        let own = one(USERS, &own);
        assert_eq!(
            get(&site, &caller_key, &own).await["username"],
            json!(may.name)
        );
        let expected = if may.users.1 { 200 } else { 403 };
        let status = status(&site, &caller_key, "PATCH", &own, &json!({"note": "n"})).await;
        assert_eq!(status, expected, "{caller}: own");
    }
}

#[tokio::test]
async fn nobody_makes_or_changes_who_may_more() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    role(&site, &admin, "users", &[("useraccess.*", "write")]).await;
    let (uma, caller) = user(&site, &admin, "uma", &["users", "readonly"]).await;
    let make = |roles: Value| json!({"username": "new", "apionly": true, "roles": roles});
    for (name, allowed) in [
        ("administrator", false),
        ("manager", false),
        // Whoever only reads does not work on incidents.
        ("ackonly", false),
        ("readonly", true),
    ] {
        let body = make(json!([{"name": "readonly"}, {"name": name}]));
        let expected = if allowed { 200 } else { 403 };
        let status = status(&site, &caller, "POST", USERS, &body).await;
        assert_eq!(status, expected, "{name}");
    }
    let own = one(USERS, &uma);
    for role in ["administrator", "manager"] {
        let change = json!({"roles": [{"name": "users"}, {"name": role}]});
        let text = refuse(&site, &caller, ("PATCH", &own), &change, DENIED).await;
        assert!(text.contains("which you do not have"), "{text}");
    }
    // Neither by the role itself.
    let own_role = get(&site, &caller, "/setting/roles?filter=name:users").await;
    let own_role = one(ROLES, &own_role["items"][0]);
    good(
        &site,
        &caller,
        "PATCH",
        &own_role,
        &json!({"description": "d"}),
    )
    .await;
    for user in ["admin", "bob"] {
        let path = format!("{USERS}/{}", number(&site, user).await);
        let read = get(&site, &caller, &path).await;
        assert_eq!(read["userPermission"], json!("read"), "{user}");
        let whole = json!({"username": user, "email": "x@x", "roles": [{"name": "readonly"}]});
        for (method, target, body) in [
            ("PATCH", path.clone(), json!({"note": "n"})),
            (
                "PATCH",
                format!("{path}?changePassword=true"),
                json!({"password": "Mine.now77Qz"}),
            ),
            ("PUT", path.clone(), whole),
            ("DELETE", path.clone(), Value::Null),
        ] {
            refuse(&site, &caller, (method, &target), &body, DENIED).await;
        }
    }
    // Below them they may.
    let (below, _) = user(&site, &admin, "below", &["readonly"]).await;
    let read = get(&site, &caller, &one(USERS, &below)).await;
    assert_eq!(read["userPermission"], json!("write"));
    good(&site, &caller, "DELETE", &one(USERS, &below), &Value::Null).await;
}

#[tokio::test]
async fn roles_give_no_more_than_their_maker_has() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    role(&site, &admin, "roles", &[("roleaccess.*", "write")]).await;
    let strong = role(&site, &admin, "strong", &[("useraccess.*", "write")]).await;
    let (_, caller) = user(&site, &admin, "rob", &["roles"]).await;
    let with = |object: &str, operation: &str| {
        json!({"name": "new", "privileges": [{"objectType": "setting", "objectId": object,
            "operation": operation}]})
    };
    for (object, operation) in [
        ("*", "write"),
        ("useraccess.*", "write"),
        ("useraccess.*", "read"),
        ("useraccess.apitoken", "write"),
    ] {
        refuse(
            &site,
            &caller,
            ("POST", ROLES),
            &with(object, operation),
            DENIED,
        )
        .await;
    }
    let own = get(&site, &caller, "/setting/roles?filter=name:roles").await;
    let own = one(ROLES, &own["items"][0]);
    let more = json!({"privileges": with("useraccess.*", "write")["privileges"]});
    refuse(&site, &caller, ("PATCH", &own), &more, DENIED).await;
    // What is stronger is neither weakened nor removed.
    let strong = one(ROLES, &strong);
    assert_eq!(
        get(&site, &caller, &strong).await["userPermission"],
        json!("read")
    );
    refuse(
        &site,
        &caller,
        ("PATCH", &strong),
        &json!({"privileges": []}),
        DENIED,
    )
    .await;
    refuse(&site, &caller, ("DELETE", &strong), &Value::Null, DENIED).await;
    let made = post(&site, &caller, ROLES, &with("roleaccess.*", "write")).await;
    assert_eq!(made["userPermission"], json!("write"));
    let text = refuse(&site, &caller, ("DELETE", &own), &Value::Null, BAD).await;
    assert!(text.contains("depends on it"), "{text}");
}

/// A new user may search every ordinary repo, and a changed one what was granted.
#[tokio::test]
async fn nobody_gets_at_repos_by_way_of_others() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    role(&site, &admin, "users", &[("useraccess.*", "write")]).await;
    let (_, caller) = user(&site, &admin, "uma", &["users", "readonly"]).await;
    let (all, _) = user(&site, &admin, "all", &["readonly"]).await;
    let (some, _) = user(&site, &admin, "some", &["readonly"]).await;
    let (all, some) = (one(USERS, &all), one(USERS, &some));
    grant(&site, "some", Some(&["default"])).await;
    let note = json!({"note": "n"});
    good(&site, &caller, "PATCH", &all, &note).await;
    good(&site, &caller, "PATCH", &some, &note).await;
    grant(&site, "some", Some(&["_cresset"])).await;
    refuse(&site, &caller, ("PATCH", &some), &note, DENIED).await;
    grant(&site, "some", Some(&["default"])).await;
    grant(&site, "uma", Some(&["default"])).await;
    good(&site, &caller, "PATCH", &some, &note).await;
    let text = refuse(&site, &caller, ("PATCH", &all), &note, DENIED).await;
    assert!(text.contains("repos"), "{text}");
    let body = json!({"username": "new", "apionly": true, "roles": [{"name": "readonly"}]});
    refuse(&site, &caller, ("POST", USERS), &body, DENIED).await;
}

/// A token of the same user with these scopes.
async fn narrowed(site: &Site, key: &Key, scopes: &[&str]) -> Key {
    let tokens = format!("{USERS}/{}/apitokens", key.owner);
    let made = post(site, key, &tokens, &json!({"scopes": scopes})).await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Key {
        access_id: text("accessId"),
        secret: SecretString::new(text("accessKey")),
        id: made["id"].as_i64().unwrap(),
        owner: key.owner,
    }
}

#[tokio::test]
async fn a_narrow_token_sees_what_it_is_narrowed_to() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    role(&site, &admin, "spare", &[]).await;
    let logs = narrowed(&site, &admin, &["logs:write"]).await;
    let read = narrowed(&site, &admin, &["setting:read"]).await;
    let own = format!("{USERS}/{}", admin.owner);
    for target in [
        USERS,
        own.as_str(),
        ROLES,
        "/setting/roles/1",
        "/setting/companySetting",
        "/setting/accesslogs",
        "/setting/accesslogs/1",
    ] {
        refuse(&site, &logs, ("GET", target), &Value::Null, DENIED).await;
        get(&site, &read, target).await;
    }
    let note = json!({"note": "n"});
    for caller in [&logs, &read] {
        refuse(&site, caller, ("PATCH", &own), &note, DENIED).await;
        let role = json!({"name": "r", "privileges": []});
        refuse(&site, caller, ("POST", ROLES), &role, DENIED).await;
    }
}

#[tokio::test]
async fn a_narrow_token_makes_nobody_stronger_than_itself() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let narrow = narrowed(&site, &admin, &["setting:write"]).await;
    role(&site, &admin, "none", &[]).await;
    let make = |name: &str| json!({"username": format!("new-{name}"), "apionly": true, "roles": [{"name": name}]});
    for name in ["administrator", "manager", "readonly"] {
        refuse(&site, &narrow, ("POST", USERS), &make(name), DENIED).await;
    }
    let weak = post(&site, &narrow, USERS, &make("none")).await;
    good(&site, &narrow, "DELETE", &one(USERS, &weak), &Value::Null).await;
    let mut with_token = make("none");
    with_token["apiTokens"] = json!([{"scopes": ["logs:write"]}]);
    refuse(&site, &narrow, ("POST", USERS), &with_token, DENIED).await;
    // A token of which nobody says more is as narrow as the one that makes it.
    with_token["apiTokens"] = json!([{}]);
    let made = post(&site, &narrow, USERS, &with_token).await;
    assert_eq!(made["apiTokens"][0]["scopes"], json!(["setting:write"]));
}
