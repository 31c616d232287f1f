//! Pages, orders, filters and fields.

use super::{ACCOUNT, Key, call, good, key, new_token, refused, store};
use crate::site::Site;
use cresset_model::Timestamp;
use cresset_model::token::TokenKind;
use serde_json::{Value, json};

/// Five more tokens of bob, noted `n0` to `n4`, of which every second is disabled.
async fn site_with_tokens() -> (Site, Key) {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    for n in 0..5 {
        let mut new = new_token(&site, "bob", TokenKind::Lmv1).await;
        new.note = format!("n{n}");
        new.disabled = n % 2 == 0;
        new.created_at = Timestamp::from_secs(1_000_000 - n);
        store(&site, new).await;
    }
    (site, admin)
}

fn notes(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["note"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages() {
    let (site, admin) = site_with_tokens().await;
    let check = async |query: &str, total: u64, expected: &[&str]| {
        let target = format!("{ACCOUNT}?{query}");
        let list = good(&site, &admin, "GET", &target, &Value::Null).await;
        assert_eq!(list["total"], json!(total), "{query}");
        assert_eq!(notes(&list), expected, "{query}");
    };
    let all = ["", "n0", "n1", "n2", "n3", "n4"];
    check("", 6, &all).await;
    check("size=", 6, &all).await;
    check("size=-1", 6, &all).await;
    check("size=0", 6, &all).await;
    check("size=2147483647&offset=0", 6, &all).await;
    check("size=99999999999999999999", 6, &all).await;
    check("size=2", 6, &["", "n0"]).await;
    check("size=2&offset=5", 6, &["n4"]).await;
    check("offset=6", 6, &[]).await;
    check("offset=99999999999999999999", 6, &[]).await;
    check("sort=-id&size=2", 6, &["n4", "n3"]).await;
    check("sort=+id&size=2", 6, &["", "n0"]).await;
    check("sort=createdOn&size=2", 6, &["n4", "n3"]).await;
    check(
        "sort=%2Bstatus,-note",
        6,
        &["n4", "n2", "n0", "n3", "n1", ""],
    )
    .await;
    check("permission=traces&size=1", 6, &[""]).await;
    check("type=API%20Token&size=1", 6, &[""]).await;
    check("type=LMv1&size=1", 6, &[""]).await;
    check("type=bearer", 0, &[]).await;
}

#[tokio::test]
async fn filters_as_clients_write_them() {
    let (site, admin) = site_with_tokens().await;
    let check = async |filter: &str, expected: &[&str]| {
        let target = format!("{ACCOUNT}?sort=id&filter={filter}");
        let list = good(&site, &admin, "GET", &target, &Value::Null).await;
        assert_eq!(notes(&list), expected, "{filter}");
        assert_eq!(list["total"], json!(expected.len()), "{filter}");
    };
    check("", &["", "n0", "n1", "n2", "n3", "n4"]).await;
    check("status:1", &["n0", "n2", "n4"]).await;
    check("status:%221%22", &["n0", "n2", "n4"]).await;
    check("note:n1", &["n1"]).await;
    check("note:%22N1%22", &["n1"]).await;
    check("note%3A%22n1%22%7C%22n2%22", &["n1", "n2"]).await;
    check("note%3a%22n%252a%22,status:2", &["n1", "n3"]).await;
    check("adminName:bob,status!:1", &["n1", "n3"]).await;
    check("note~n,note!~3,status:2", &["n1"]).await;
    check("roles:%22administrator%22%7C%7Cnote:n0", &["", "n0"]).await;
    check("lastUsedOn%3C:0,createdOn%3E:999999", &["n0", "n1"]).await;
    let by_id = format!("accessId:%22{}%22", admin.access_id);
    check(&by_id, &[""]).await;
}

#[tokio::test]
async fn fields_name_what_is_shown() {
    let (site, admin) = site_with_tokens().await;
    let one = format!("/setting/admins/{}/apitokens/{}", admin.owner, admin.id);
    let check = async |fields: &str, expected: Option<&[&str]>| {
        let target = format!("{ACCOUNT}?size=1&fields={fields}");
        let list = good(&site, &admin, "GET", &target, &Value::Null).await;
        let target = format!("{one}?fields={fields}");
        let object = good(&site, &admin, "GET", &target, &Value::Null).await;
        for shown in [&list["items"][0], &object] {
            let keys: Vec<&str> = shown
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            match expected {
                Some(expected) => assert_eq!(keys, expected, "{fields}"),
                None => assert_eq!(keys.len(), 18, "{fields}: {keys:?}"),
            }
        }
    };
    check("", None).await;
    check("*", None).await;
    check("id,note", Some(&["id", "note"])).await;
    check("id,unknown,%20note", Some(&["id", "note"])).await;
    check("unknown", Some(&[])).await;
}

#[tokio::test]
async fn what_a_list_cannot_be_asked_for() {
    let (site, admin) = site_with_tokens().await;
    for (query, word) in [
        ("filter=accessKey~%22a%22", "invalid filter"),
        ("filter=password:x", "invalid filter"),
        ("filter=note", "invalid filter"),
        ("filter=note:%22x", "invalid filter"),
        ("filter=:x", "invalid filter"),
        ("filter=status=1", "invalid filter"),
        ("filter=note:x,,note:y", "invalid filter"),
        ("filter=note:x%7C%7C", "invalid filter"),
        ("sort=accessKey", "invalid sort"),
        ("sort=note%20DESC;--", "invalid sort"),
        ("sort=-", "invalid sort"),
        ("size=ten", "size"),
        ("size=1.5", "size"),
        ("offset=-1", "offset"),
        ("offset=x", "offset"),
        ("type=everything", "type"),
    ] {
        for version in ["1", "2", "3"] {
            let target = format!("{ACCOUNT}?{query}");
            let answer = call(&site, &admin, version, "GET", &target, "").await;
            let text = refused(&answer, version, 400, 1007, query);
            assert!(text.contains(word), "{query}: {text}");
        }
    }
}
