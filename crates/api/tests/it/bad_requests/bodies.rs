//! Bodies that are no object, or whose values cannot be.

use super::{ROLES, Scene, USERS, VERSIONS, short};
use crate::logicmonitor::{call, refused};
use cresset_model::Duration;
use serde_json::json;

/// What every endpoint that wants an object refuses.
fn no_objects() -> Vec<String> {
    let mut all: Vec<String> = [
        "",
        " ",
        "\n",
        "\u{feff}",
        "null",
        "true",
        "7",
        "-0",
        "\"{}\"",
        "[]",
        "[{}]",
        "[[]]",
        "{",
        "}",
        "{}{}",
        "{}[]",
        "{} x",
        "{},",
        "{,}",
        "{\"note\"}",
        "{\"note\":}",
        "{note:1}",
        "{'note':'x'}",
        "{\"note\":\"x\",}",
        "{\"note\":\"x}",
        "{\"note\":\"\\x\"}",
        "{\"note\":\"\\ud800\"}",
        "{\"note\":undefined}",
        "{\"note\":NaN}",
        "{\"note\":01}",
        "{\"note\":+1}",
        "{\"note\":\"\u{1}\"}",
        "{/**/}",
        "note=x&status=1",
        "<note>x</note>",
        "--x\r\n\r\n--x--",
    ]
    .map(str::to_owned)
    .into();
    for depth in [129, 5_000, 30_000] {
        all.push("[".repeat(depth));
        all.push(format!("{{\"note\":{}", "[".repeat(depth)));
        all.push(format!(
            "{{\"note\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        ));
        all.push("{\"a\":".repeat(depth) + "1" + &"}".repeat(depth));
    }
    all
}

/// Values that tokens, users and roles refuse under each of these names.
fn values(names: &[&str], values: &[&str]) -> Vec<String> {
    let pair = |name: &str| {
        let one = |value: &&str| format!("{{\"{name}\":{value}}}");
        values.iter().map(one).collect::<Vec<_>>()
    };
    names.iter().flat_map(|name| pair(name)).collect()
}

/// No text.
const NO_TEXT: &[&str] = &[
    "5",
    "true",
    "[]",
    "{}",
    "[\"x\"]",
    "{\"x\":\"y\"}",
    "\"a\\u0000b\"",
];
/// No status of a token.
const NO_STATUS: &[&str] = &[
    "0",
    "3",
    "-1",
    "1.5",
    "4294967297",
    "99999999999999999999",
    "-99999999999999999999",
    "1e400",
    "1e300",
    "\"x\"",
    "\"\"",
    "\"active\"",
    "true",
    "[1]",
    "{}",
];
/// No number.
const NO_NUMBER: &[&str] = &[
    "-1",
    "2147483648",
    "99999999999999999999",
    "1e400",
    "1.5",
    "\"x\"",
    "true",
    "[]",
    "{}",
];
/// No true and no false.
const NO_FLAG: &[&str] = &["1", "\"yes\"", "[]", "{}", "\"\""];
/// No list of what is wanted.
const NO_LIST: &[&str] = &[
    "5", "true", "\"x\"", "{}", "[5]", "[null]", "[[]]", "[\"\"]",
];

fn tokens() -> Vec<String> {
    let mut all = values(&["note"], NO_TEXT);
    all.extend(values(&["status"], NO_STATUS));
    all.extend(values(
        &["expiresOn"],
        &[
            "-5",
            "9e99",
            "1e400",
            "99999999999999999999",
            "\"soon\"",
            "[]",
            "{}",
            "true",
        ],
    ));
    all.extend(values(&["allowedIps", "scopes"], NO_LIST));
    all.extend(values(
        &["allowedIps"],
        &[
            "[\"0.0.0.0/33\"]",
            "[\"::/129\"]",
            "[\"10.0.0.1/8x\"]",
            "[\"localhost\"]",
            "[\"10.0.0.0/-1\"]",
        ],
    ));
    all.extend(values(
        &["scopes"],
        &["[]", "[\"root\"]", "[\"*\"]", "[\"logs:write \\u0000\"]"],
    ));
    all.push(json!({"note": "x".repeat(1025)}).to_string());
    all
}

/// Bodies of users that are right in all but one value.
fn users() -> Vec<String> {
    let mut bad = values(
        &["username", "email", "note", "firstName", "password"],
        NO_TEXT,
    );
    bad.extend(values(&["status"], &["2", "\"gone\"", "[]", "{}", "true"]));
    bad.extend(values(&["apionly", "twoFAEnabled"], &NO_FLAG[..4]));
    bad.extend(values(
        &["tenantId", "inactiveSessionTimeoutInSeconds"],
        NO_NUMBER,
    ));
    bad.extend(values(&["roles"], NO_LIST));
    bad.extend(values(
        &["roles"],
        &[
            "[]",
            "[{}]",
            "[{\"id\":-1}]",
            "[{\"id\":999999}]",
            "[{\"id\":1e400}]",
            "[{\"id\":\"x\"}]",
            "[{\"name\":\"nobody\"}]",
            "[{\"name\":5}]",
            "[{\"id\":[]}]",
        ],
    ));
    bad.extend(values(&["username"], &["\"\"", "\" \"", "\"a\\nb\""]));
    bad.extend(values(&["email"], &["\"x\"", "\"@\"", "\"a b@c\""]));
    bad.extend(values(
        &["timezone"],
        &["\"Mars/Base\"", "5", "\"../../etc/passwd\""],
    ));
    bad.extend(values(&["adminGroupIds"], &["5", "[-1]", "[\"x\"]", "{}"]));
    bad.extend(values(&["viewPermission"], &["5", "[]", "{\"Logs\":1}"]));
    bad.push(json!({"username": "x".repeat(64)}).to_string());
    bad.push(json!({"note": "x".repeat(1025)}).to_string());
    bad.push(json!({"roles": vec![json!({"id": 4}); 2000]}).to_string());
    bad
}

fn roles() -> Vec<String> {
    let mut bad = values(&["name", "description", "customHelpLabel"], NO_TEXT);
    bad.extend(values(&["requireEULA", "twoFARequired"], &NO_FLAG[..4]));
    bad.extend(values(&["roleGroupId"], NO_NUMBER));
    bad.extend(values(&["privileges"], NO_LIST));
    bad.extend(values(
        &["privileges"],
        &[
            "[{}]",
            "[{\"objectType\":\"setting\"}]",
            "[{\"objectType\":5,\"objectId\":\"*\",\"operation\":\"read\"}]",
            "[{\"objectType\":\"setting\",\"objectId\":[],\"operation\":\"read\"}]",
            "[{\"objectType\":\"setting\",\"objectId\":\"*\",\"operation\":null}]",
        ],
    ));
    bad.extend(values(&["name"], &["\"\"", "\" \"", "\"a\\u0007b\""]));
    bad.push(json!({"name": "n".repeat(64)}).to_string());
    bad.push(json!({"description": "d".repeat(4097)}).to_string());
    bad
}

/// What an otherwise good body becomes with the only value of `bad` in it.
fn within(good: &str, bad: &str) -> String {
    let (good, bad) = (&good[..good.len() - 1], &bad[1..]);
    format!("{good},{bad}")
}

#[tokio::test]
async fn bodies_that_are_no_object_are_refused_everywhere() {
    let scene = Scene::new().await;
    let (bob, own) = (scene.bob().await, scene.admin.owner);
    let id = scene.admin.id;
    for body in no_objects() {
        for (method, target) in [
            ("POST", format!("{USERS}/{own}/apitokens")),
            ("PUT", format!("{USERS}/{own}/apitokens/{id}")),
            ("PATCH", format!("{USERS}/{own}/apitokens/{id}")),
            ("POST", USERS.to_owned()),
            ("PUT", format!("{USERS}/{bob}")),
            ("PATCH", format!("{USERS}/{bob}")),
            ("POST", ROLES.to_owned()),
            ("PUT", format!("{ROLES}/5")),
            ("PATCH", format!("{ROLES}/5")),
        ] {
            for version in VERSIONS {
                let answer = scene.send(version, method, &target, &body).await;
                let what = format!("{version} {method} {target} {:?}", short(&body));
                refused(&answer, version, 400, 1007, &what);
            }
        }
    }
    scene.unchanged().await;
}

#[tokio::test]
async fn values_that_cannot_be_are_refused_everywhere() {
    let scene = Scene::new().await;
    let (bob, own, id) = (scene.bob().await, scene.admin.owner, scene.admin.id);
    let token = format!("{USERS}/{own}/apitokens/{id}");
    let user = "{\"username\":\"new\",\"apionly\":true,\"roles\":[{\"id\":4}]}";
    let role = "{\"name\":\"new\",\"privileges\":[]}";
    for (bodies, good, add, one) in [
        (tokens(), "{}", format!("{USERS}/{own}/apitokens"), token),
        (users(), user, USERS.to_owned(), format!("{USERS}/{bob}")),
        (roles(), role, ROLES.to_owned(), format!("{ROLES}/5")),
    ] {
        for bad in bodies {
            // The last of two values with one name counts.
            let whole = if good == "{}" {
                bad.clone()
            } else {
                within(good, &bad)
            };
            for (method, target, body) in [
                ("POST", &add, &whole),
                ("PUT", &one, &whole),
                ("PATCH", &one, &bad),
            ] {
                for version in VERSIONS {
                    let answer = scene.send(version, method, target, body).await;
                    let what = format!("{version} {method} {target} {:?}", short(&bad));
                    refused(&answer, version, 400, 1007, &what);
                }
            }
        }
    }
    scene.unchanged().await;
}

/// A body that is too large is not even read.
#[tokio::test]
async fn bodies_that_are_too_large_are_refused_in_every_version() {
    let scene = Scene::new().await;
    let own = format!("{USERS}/{}/apitokens", scene.admin.owner);
    for size in [300 << 10, 2 << 20] {
        for target in [own.as_str(), USERS, ROLES] {
            let body = json!({"name": "x".repeat(size)}).to_string();
            for version in VERSIONS {
                let answer = scene.send(version, "POST", target, &body).await;
                refused(&answer, version, 413, 1007, target);
            }
        }
    }
    scene.unchanged().await;
}

/// A signature covers the bytes that were sent, and no others.
#[tokio::test]
async fn a_body_that_was_written_anew_is_refused() {
    let scene = Scene::new().await;
    let own = format!("{USERS}/{}/apitokens", scene.admin.owner);
    let signed = "{\"note\":\"a\"}";
    let authorization =
        crate::logicmonitor::header(&scene.site, &scene.admin, "POST", &own, signed);
    for body in [
        "{\"note\": \"a\"}",
        "{\"note\":\"b\"}",
        "{\"note\":\"a\"}\n",
        "{}",
        "",
    ] {
        for version in VERSIONS {
            let request = crate::logicmonitor::request(&authorization, version, "POST", &own, body);
            let answer = scene.site.send(request).await;
            refused(&answer, version, 401, 1401, body);
        }
    }
    scene.unchanged().await;
    // The same bytes are let in.
    scene.site.clock.advance(Duration::millis(1));
    let answer = call(&scene.site, &scene.admin, "3", "POST", &own, signed).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
