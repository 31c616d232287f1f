//! What is no credential.

use super::{ROLES, Scene, TOKENS, USERS, VERSIONS, short};
use crate::logicmonitor::{BASE, header, refused};
use axum::body::Body;
use axum::http::{HeaderValue, Request};

/// Requests that would be fine with a credential.
fn requests(owner: i64) -> [(&'static str, String, &'static str); 7] {
    [
        ("GET", TOKENS.to_owned(), ""),
        ("GET", USERS.to_owned(), ""),
        ("POST", format!("{USERS}/{owner}/apitokens"), "{}"),
        (
            "PUT",
            format!("{USERS}/{owner}/apitokens/1"),
            "{\"status\":1}",
        ),
        ("PATCH", format!("{USERS}/{owner}"), "{\"note\":\"x\"}"),
        ("DELETE", format!("{USERS}/{owner}/apitokens/1"), ""),
        (
            "POST",
            ROLES.to_owned(),
            "{\"name\":\"x\",\"privileges\":[]}",
        ),
    ]
}

/// Each list is the values of one request's `Authorization` headers.
fn credentials(scene: &Scene, method: &str, path: &str, body: &str) -> Vec<Vec<Vec<u8>>> {
    let good = header(&scene.site, &scene.admin, method, path, body);
    let jwt = format!("Bearer {}", scene.site.token("admin", "setting:write"));
    let (scheme, rest) = good.split_once(' ').unwrap();
    let parts: Vec<&str> = rest.split(':').collect();
    let (id, signature, epoch) = (parts[0], parts[1], parts[2]);
    let one = |text: String| vec![text.into_bytes()];
    let mut all: Vec<Vec<Vec<u8>>> = vec![
        Vec::new(),
        vec![good.clone().into_bytes(), good.clone().into_bytes()],
        vec![good.clone().into_bytes(), jwt.clone().into_bytes()],
        vec![jwt.clone().into_bytes(), jwt.clone().into_bytes()],
        vec![Vec::new(), good.clone().into_bytes()],
        vec![good.clone().into_bytes(); 50],
        vec![b"LMv1 \xff\xfe:x:1".to_vec()],
        vec![[good.as_bytes(), b"\xff"].concat()],
        vec![b"\xff\xff".to_vec()],
        vec!["LMv1 \u{e9}:\u{e9}:1".as_bytes().to_vec()],
    ];
    all.extend(
        [
            String::new(),
            " ".to_owned(),
            "\t".to_owned(),
            ":".to_owned(),
            "LMv1".to_owned(),
            "LMv1 ".to_owned(),
            "LMv1 :".to_owned(),
            "LMv1 ::".to_owned(),
            "LMv1 :::".to_owned(),
            format!("{scheme}{rest}"),
            format!("{scheme}  {rest}"),
            format!("{scheme}\t{rest}"),
            format!("lmv1 {rest}"),
            format!("LMV1 {rest}"),
            format!("LMv2 {rest}"),
            format!("Basic {rest}"),
            format!("Bearer {rest}"),
            format!("{good}, {good}"),
            format!("{good},"),
            format!("{good}:{epoch}"),
            format!("\"{good}\""),
            format!("LMv1 {id}"),
            format!("LMv1 {id}:{signature}"),
            format!("LMv1 {id}:{signature}:"),
            format!("LMv1 {id}::{epoch}"),
            format!("LMv1 :{signature}:{epoch}"),
            format!("LMv1 {id} :{signature}:{epoch}"),
            format!("LMv1 {id}: {signature}:{epoch}"),
            format!("LMv1 {id}:{signature}: {epoch}"),
            format!("LMv1 {id}:{signature}:{epoch}.0"),
            format!("LMv1 {id}:{signature}:+{epoch}"),
            format!("LMv1 {id}:{signature}:-{epoch}"),
            format!("LMv1 {id}:{signature}:0{epoch}"),
            format!("LMv1 {id}:{signature}:{epoch}000000000000"),
            format!("LMv1 {id}:{signature}:99999999999999999999999999"),
            format!("LMv1 {id}:{signature}:-9223372036854775808"),
            format!("LMv1 {id}:{signature}:0x10"),
            format!("LMv1 {id}:{signature}:"),
            format!("LMv1 {}:{signature}:{epoch}", id.to_lowercase() + "x"),
            format!("LMv1 %41{id}:{signature}:{epoch}"),
            format!("LMv1 {id}:{}:{epoch}", signature.to_lowercase()),
            format!("LMv1 {id}:{}:{epoch}", &signature[..87]),
            format!("LMv1 {id}:{signature}=:{epoch}"),
            format!("LMv1 {id}:{}:{epoch}", "A".repeat(88)),
            format!("LMv1 ' OR 1=1--:{signature}:{epoch}"),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            "Bearer lmb_".to_owned(),
            "Bearer null".to_owned(),
            "Bearer ..".to_owned(),
            "Bearer a.b.c".to_owned(),
            format!("{jwt}x"),
            format!("{jwt}."),
            format!("{jwt} {jwt}"),
            "Digest username=\"admin\"".to_owned(),
            "Negotiate AAAA".to_owned(),
            "undefined".to_owned(),
        ]
        .map(one),
    );
    for length in [1_000, 9_000, 70_000, 1 << 20] {
        let long = "x".repeat(length);
        for begin in [
            "",
            "LMv1 ",
            "LMv1 a:",
            "LMv1 a:b:",
            "Bearer ",
            "Bearer lmb_",
            "Basic ",
        ] {
            all.push(one(format!("{begin}{long}")));
        }
        all.push(one(format!("LMv1 {}", "a:".repeat(length / 2))));
        all.push(one(format!("LMv1 a:b:{}", "9".repeat(length))));
        all.push(one(format!("Bearer {}", "a.".repeat(length / 2))));
    }
    all
}

#[tokio::test]
async fn without_a_credential_every_request_is_refused_alike() {
    let scene = Scene::new().await;
    for (n, (method, target, body)) in requests(scene.admin.owner).into_iter().enumerate() {
        for values in credentials(&scene, method, &target, body) {
            // The long ones once are enough.
            if n > 0 && values.concat().len() > 100_000 {
                continue;
            }
            for version in VERSIONS {
                let mut request = Request::builder()
                    .method(method)
                    .uri(format!("{BASE}{target}"))
                    .header("x-version", version);
                for value in &values {
                    // A header cannot hold some bytes; a server never sees them.
                    let value = HeaderValue::from_bytes(value).unwrap();
                    request = request.header("authorization", value);
                }
                let request = request.body(Body::from(body)).unwrap();
                let what = values
                    .first()
                    .map(|v| String::from_utf8_lossy(v).into_owned());
                let what = format!("{version} {method} {:?}", short(&what.unwrap_or_default()));
                let peer = format!("192.0.2.{n}:1");
                let answer = scene.site.send_from(&peer, request).await;
                let text = refused(&answer, version, 401, 1401, &what);
                assert_eq!(text, "Authentication failed", "{what}");
            }
        }
    }
    scene.unchanged().await;
}
