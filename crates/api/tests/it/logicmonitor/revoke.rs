//! Many tokens revoked at once.

use super::rights::everybody;
use super::{Key, call, good, header, key, new_token, refused, request, store};
use crate::site::Site;
use cresset_catalog::port::{ApiTokens as _, Users as _};
use cresset_model::token::TokenKind;
use serde_json::{Value, json};

const REVOKE: &str = "/setting/admins/apitokens/revoke";

/// Two signing tokens and a bearer token for each of bob and eve.
async fn site_with_tokens() -> (Site, Key) {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    for user in ["bob", "eve"] {
        for n in 0..2 {
            let mut new = new_token(&site, user, TokenKind::Lmv1).await;
            new.note = format!("n{n}");
            store(&site, new).await;
        }
        let mut new = new_token(&site, user, TokenKind::Bearer).await;
        "b".clone_into(&mut new.note);
        store(&site, new).await;
    }
    (site, admin)
}

fn ids(reply: &Value) -> Vec<i64> {
    let items = reply["items"].as_array().unwrap().iter();
    let ids: Vec<i64> = items.map(|item| item["id"].as_i64().unwrap()).collect();
    assert_eq!(reply["total"], json!(ids.len()));
    ids
}

/// The ids of those that are not disabled.
async fn enabled(site: &Site) -> Vec<i64> {
    let mut enabled = Vec::new();
    for id in 1..100 {
        let token = site.catalog.token(None, id).await.unwrap();
        enabled.extend(token.filter(|t| !t.disabled).map(|t| t.id));
    }
    enabled
}

async fn audited(site: &Site) -> Vec<String> {
    let lines = site.catalog.audit_entries(1000).await.unwrap().into_iter();
    let revoked = lines.filter(|line| line.action == "api_token_revoked");
    revoked.map(|line| line.detail).collect()
}

/// The answer to a body that is understood.
async fn revoke(site: &Site, key: &Key, body: &Value) -> Value {
    good(site, key, "POST", REVOKE, body).await
}

#[tokio::test]
async fn what_a_filter_selects_is_shown_and_then_revoked() {
    let (site, admin) = site_with_tokens().await;
    let all = [1, 2, 3, 4, 5, 6, 7];
    let dry = async |mut body: Value, expected: &[i64]| {
        body["dryRun"] = json!(true);
        let reply = revoke(&site, &admin, &body).await;
        assert_eq!(ids(&reply), expected, "{body}");
        assert_eq!(reply["dryRun"], json!(true));
        assert_eq!(enabled(&site).await, all, "{body}");
    };
    let bobs = "adminName:bob";
    // Never the token that the request is signed with.
    dry(json!({"filter": "id:*"}), &[2, 3, 5, 6, 4, 7]).await;
    dry(json!({"filter": bobs}), &[2, 3, 4]).await;
    dry(json!({"filter": bobs, "type": "lmv1"}), &[2, 3]).await;
    dry(json!({"filter": bobs, "type": "Bearer"}), &[4]).await;
    let filter = "note:n0||note:\"b\",adminName:eve";
    dry(json!({ "filter": filter }), &[2, 5, 7]).await;
    dry(json!({"filter": "status:1"}), &[]).await;
    // Bodies are not encoded.
    dry(json!({"filter": "note:n%30"}), &[]).await;
    dry(json!({"unusedSince": 1}), &[]).await;
    dry(json!({"unusedSince": "1", "filter": "id:*"}), &[]).await;
    assert_eq!(audited(&site).await, [""; 0]);

    let body = json!({ "filter": bobs });
    let reply = revoke(&site, &admin, &body).await;
    assert_eq!(ids(&reply), [2, 3, 4]);
    assert_eq!(
        (&reply["action"], &reply["dryRun"]),
        (&json!("disable"), &json!(false))
    );
    for item in reply["items"].as_array().unwrap() {
        assert_eq!(item["status"], json!(1));
        let key = item["accessKey"].as_str().unwrap();
        assert!(key.is_empty() || key.ends_with('*'), "{key}");
    }
    assert_eq!(enabled(&site).await, [1, 5, 6, 7]);
    let lines = audited(&site).await;
    assert_eq!(lines.len(), 3);
    let end = format!(
        " of bob in a bulk revocation via API token {}",
        admin.access_id
    );
    assert!(
        lines
            .iter()
            .all(|l| l.starts_with("Disable api tokens - ") && l.ends_with(&end)),
        "{lines:?}"
    );
    let again = revoke(&site, &admin, &body).await;
    assert_eq!(ids(&again), [0; 0]);

    // Disabled ones can be deleted.
    let body = json!({"filter": "adminName:bob|eve", "type": "lmv1", "action": "delete"});
    let reply = revoke(&site, &admin, &body).await;
    assert_eq!(ids(&reply), [2, 3, 5, 6]);
    assert_eq!(site.catalog.token(None, 2).await.unwrap(), None);
    assert_eq!(enabled(&site).await, [1, 7]);
    assert_eq!(audited(&site).await.len(), 7);
}

#[tokio::test]
async fn a_caught_dry_run_becomes_no_deletion() {
    let (site, admin) = site_with_tokens().await;
    let before = enabled(&site).await;
    let body = json!({"filter": "adminName:bob", "dryRun": true}).to_string();
    let authorization = header(&site, &admin, "POST", REVOKE, &body);
    // As somebody who caught the request can send it: with another body, or another query.
    let other = body.replace("true", "false");
    let sent = request(&authorization, "3", "POST", REVOKE, &other);
    let answer = site.send(sent).await;
    refused(&answer, "3", 401, 1401, "another body");
    for query in [
        "dryRun=false",
        "dryRun=",
        "action=delete",
        "filter=id:*",
        "unusedSince=1",
        "type=lmv1",
    ] {
        let target = format!("{REVOKE}?{query}");
        for version in ["1", "2", "3"] {
            let sent = request(&authorization, version, "POST", &target, &body);
            let answer = site.send(sent).await;
            let text = refused(&answer, version, 400, 1007, query);
            let expected = "in the query string is not taken; send it in the body";
            assert!(text.contains(expected), "{query}: {text}");
        }
    }
    assert_eq!(enabled(&site).await, before);
    let fields = format!("{REVOKE}?v=3&fields=total,dryRun");
    let sent = request(&authorization, "3", "POST", &fields, &body);
    let answer = site.send(sent).await;
    assert_eq!(answer.json, json!({"total": 3, "dryRun": true}));
}

#[tokio::test]
async fn revoking_takes_effect_at_once() {
    let (site, admin) = site_with_tokens().await;
    let bob = key(&site, "bob").await;
    let own = format!("/setting/admins/{}/apitokens", bob.owner);
    good(&site, &bob, "GET", &own, &Value::Null).await;
    let body = json!({ "filter": format!("accessId:{}", bob.access_id) });
    let target = "/setting/admins/apiTokens/revoke";
    good(&site, &admin, "POST", target, &body).await;
    let answer = call(&site, &bob, "3", "GET", &own, "").await;
    refused(&answer, "3", 401, 1401, "revoked");
}

#[tokio::test]
async fn nothing_is_revoked_by_mistake() {
    let (site, admin) = site_with_tokens().await;
    let before = enabled(&site).await;
    for (query, body, word) in [
        ("", "", "empty"),
        ("", "{}", "filter"),
        ("", r#"{"dryRun":true}"#, "filter"),
        ("", r#"{"filter":""}"#, "blank"),
        ("", r#"{"filter":"  "}"#, "blank"),
        ("", r#"{"unusedSince":" "}"#, "blank"),
        ("", r#"{"unusedSince":1.5}"#, "unusedSince"),
        ("", r#"{"filter":","}"#, "invalid filter"),
        ("", r#"{"filter":"accessKey:x"}"#, "invalid filter"),
        ("", r#"{"filter":7}"#, "filter"),
        ("", r#"{"filter":"id:*","dryRun":"maybe"}"#, "dryRun"),
        ("", r#"{"filter":"id:*","dryRun":null}"#, "dryRun"),
        ("", r#"{"filter":"id:*","dry_run":true}"#, "\"dry_run\""),
        ("", r#"{"filter":"id:*","action":"burn"}"#, "action"),
        ("", r#"{"filter":"id:*","type":"all"}"#, "type"),
        ("", r#"{"filter":"id:*","size":1}"#, "\"size\""),
        ("?size=1", r#"{"filter":"id:*"}"#, "size is for lists"),
        ("?sort=id", r#"{"filter":"id:*"}"#, "sort is for lists"),
        ("?filter=id:*", "{}", "send it in the body"),
        ("", "[]", "object"),
        ("", "{", "JSON"),
    ] {
        for version in ["1", "2", "3"] {
            let target = format!("{REVOKE}{query}");
            let answer = call(&site, &admin, version, "POST", &target, body).await;
            let text = refused(&answer, version, 400, 1007, body);
            assert!(text.contains(word), "{query} {body}: {text}");
        }
    }
    let answer = call(&site, &admin, "3", "GET", REVOKE, "").await;
    assert_ne!(answer.status, 200, "{answer:?}");
    assert_eq!(enabled(&site).await, before);
}

#[tokio::test]
async fn nobody_revokes_what_they_may_not_change() {
    let site = Site::new().await;
    let keys = everybody(&site).await;
    let names = ["admin", "bob", "eve", "ack", "cleo", "aud", "nob"];
    let before = enabled(&site).await;
    for (n, who) in keys.iter().enumerate() {
        for (m, whose) in names.iter().enumerate() {
            let body = json!({"filter": format!("adminName:{whose}"), "dryRun": true});
            let body = body.to_string();
            let answer = call(&site, who, "3", "POST", REVOKE, &body).await;
            let what = format!("{} revokes {whose}'s: {answer:?}", names[n]);
            match names[n] {
                // Neither have the right to change any token.
                "aud" | "nob" => _ = refused(&answer, "3", 403, 1041, &what),
                "admin" => assert_eq!(answer.status, 200, "{what}"),
                "cleo" if m < 4 => {
                    let text = refused(&answer, "3", 403, 1041, &what);
                    assert!(text.contains("userPermission:write"), "{text}");
                }
                "cleo" => assert_eq!(answer.status, 200, "{what}"),
                // They do not learn of the tokens of others.
                _ => assert_eq!(ids(&answer.json), [0; 0], "{what}"),
            }
        }
    }
    // All or none.
    let cleo = &keys[4];
    let body = json!({"filter": "adminName:aud|admin"}).to_string();
    let answer = call(&site, cleo, "3", "POST", REVOKE, &body).await;
    refused(&answer, "3", 403, 1041, "some");
    assert_eq!(enabled(&site).await, before);
    let body = json!({"filter": "id:*,userPermission:write"});
    let reply = revoke(&site, cleo, &body).await;
    assert_eq!(ids(&reply), [keys[5].id, keys[6].id]);
}

#[tokio::test]
async fn too_many_at_once_are_refused() {
    let (site, admin) = site_with_tokens().await;
    for n in 0..11 {
        let name = format!("user{n}");
        site.add_user(&name, "readonly").await;
        for _ in 0..91 {
            let new = new_token(&site, &name, TokenKind::Lmv1).await;
            store(&site, new).await;
        }
    }
    for dry in [true, false] {
        let body = json!({"filter": "adminName:user*", "dryRun": dry}).to_string();
        let answer = call(&site, &admin, "3", "POST", REVOKE, &body).await;
        let text = refused(&answer, "3", 400, 1007, &body);
        assert!(text.contains("1001 tokens"), "{text}");
    }
    let body = json!({"filter": "adminName:user*,adminName!:user3"});
    let reply = revoke(&site, &admin, &body).await;
    assert_eq!(ids(&reply).len(), 910);
}
