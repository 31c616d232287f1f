use super::*;
use serde_json::json;

fn read(body: &Value) -> Result<UserBody> {
    UserBody::read(body.as_object().unwrap())
}

/// Bodies as real clients send them (spec §6.2 and §7.3).
#[test]
fn bodies_of_real_clients() {
    let check = |body: Value, expect: UserBody| assert_eq!(read(&body).unwrap(), expect, "{body}");
    let text = |text: &str| Some(text.to_owned());
    check(
        json!({"username": "svc", "roles": [{"id": 4}], "status": "active", "apionly": true}),
        UserBody {
            username: text("svc"),
            suspended: Some(false),
            api_only: Some(true),
            roles: Some(vec![RoleRef::Id(4)]),
            ..UserBody::default()
        },
    );
    check(
        json!({"username": "mcp", "email": "m@x", "firstName": "M", "lastName": "C",
            "roles": [{"id": 1}], "apionly": true, "twoFAEnabled": false}),
        UserBody {
            username: text("mcp"),
            email: text("m@x"),
            first_name: text("M"),
            last_name: text("C"),
            api_only: Some(true),
            roles: Some(vec![RoleRef::Id(1)]),
            extra: json!({"twoFAEnabled": false}).as_object().unwrap().clone(),
            ..UserBody::default()
        },
    );
    check(
        json!({"lastName": "I", "note": "n", "roles": [{"privileges": [], "name": "tok-admins",
            "id": 10}], "apionly": true, "password": "Pw1!aaaa", "email": "ci@x",
            "firstName": "C", "username": "ci@x"}),
        UserBody {
            username: text("ci@x"),
            email: text("ci@x"),
            first_name: text("C"),
            last_name: text("I"),
            note: text("n"),
            password: Some(SecretString::new("Pw1!aaaa")),
            api_only: Some(true),
            roles: Some(vec![RoleRef::Id(10)]),
            ..UserBody::default()
        },
    );
    check(
        json!({"acceptEULA": true, "email": "vault@x.example", "note": "made by vault",
            "password": "aB3$efgh!jklmnopqrst", "roles": [{"id": 7}],
            "username": "vault_dev_role"}),
        UserBody {
            username: text("vault_dev_role"),
            email: text("vault@x.example"),
            note: text("made by vault"),
            password: Some(SecretString::new("aB3$efgh!jklmnopqrst")),
            roles: Some(vec![RoleRef::Id(7)]),
            extra: json!({"acceptEULA": true}).as_object().unwrap().clone(),
            ..UserBody::default()
        },
    );
    check(
        json!({"username": "net", "email": "n@x", "password": "Pw1!aaaa", "password1": "Pw1!aaaa",
            "view-permission": [true, true, true, true, true, true], "apiTokens": [],
            "smsEmailFormat": "sms", "roles": [{"id": 0, "name": "readonly"}], "status": "active",
            "apionly": false, "note": null, "timezone": ""}),
        UserBody {
            username: text("net"),
            email: text("n@x"),
            password: Some(SecretString::new("Pw1!aaaa")),
            suspended: Some(false),
            api_only: Some(false),
            roles: Some(vec![RoleRef::Name("readonly".to_owned())]),
            extra: json!({"smsEmailFormat": "sms"})
                .as_object()
                .unwrap()
                .clone(),
            ..UserBody::default()
        },
    );
    check(
        json!({"note": "n2"}),
        UserBody {
            note: text("n2"),
            ..UserBody::default()
        },
    );
    check(json!({}), UserBody::default());
}

#[test]
fn mistakes_are_named() {
    let check = |body: Value, expected: &str| {
        let error = read(&body).unwrap_err().to_string();
        assert!(error.contains(expected), "{body}: {error}");
    };
    check(json!({"username": 4}), "username must be a string");
    check(json!({"username": " "}), "username must not be empty");
    check(
        json!({"username": "a".repeat(64)}),
        "username must not be longer than 63",
    );
    check(
        json!({"username": "a\u{7}"}),
        "username must not contain control",
    );
    check(json!({"email": "nobody"}), "email must be a mail address");
    check(json!({"email": "a b@x"}), "email must be a mail address");
    check(json!({"email": "@x"}), "email must be a mail address");
    check(
        json!({"status": "gone"}),
        "status must be active or suspended",
    );
    check(json!({"status": 2}), "status must be active or suspended");
    check(
        json!({"apionly": "perhaps"}),
        "apionly must be true or false",
    );
    check(json!({"roles": []}), "roles must name at least one role");
    check(json!({"roles": {}}), "roles must be a list");
    check(json!({"roles": ["x"]}), "roles[0] must be an object");
    check(
        json!({"roles": [{"id": 1}, {}]}),
        "roles[1] must have an id or a name",
    );
    check(
        json!({"roles": [{"id": -1}]}),
        "roles[0].id must be a whole number",
    );
    check(
        json!({"roles": vec![json!({"id": 1}); 65]}),
        "roles must not have more than 64",
    );
    check(
        json!({"timezone": "Mars/Base"}),
        "timezone must be a time zone",
    );
    check(
        json!({"note": "n".repeat(1_025)}),
        "note must not be longer",
    );
    check(
        json!({"adminGroupIds": ["a"]}),
        "adminGroupIds must be a list",
    );
    check(
        json!({"password": ["Pw1!aaaa"]}),
        "password must be a string",
    );
}

#[test]
fn a_role_named_twice_counts_once() {
    let body = json!({"roles": [{"id": 3, "name": "x"}, {"id": "3"}, {"name": "x"}]});
    let expected = [RoleRef::Id(3), RoleRef::Name("x".to_owned())];
    assert_eq!(read(&body).unwrap().roles.unwrap(), expected);
}

#[test]
fn a_printed_body_hides_the_password() {
    let body = read(&json!({"password": "Pw1!aaaa"})).unwrap();
    assert!(!format!("{body:?}").contains("Pw1!"));
}
