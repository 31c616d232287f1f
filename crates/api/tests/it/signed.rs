//! LMv1 signatures and bearer tokens wherever self-signed tokens are taken.

use crate::logicmonitor::{Key, good, key, new_token, store};
use crate::rules::rule;
use crate::site::{ALL, Answer, JSON, START, Site, request};
use axum::body::Body;
use axum::http::Request;
use cresset_api::endpoints::{Access, ENDPOINTS, Endpoint, Family};
use cresset_api::{ApiSettings, Readiness};
use cresset_auth::lmv1;
use cresset_catalog::port::{ApiTokens as _, Lists as _};
use cresset_model::token::TokenKind;
use cresset_model::user::Scope;
use cresset_model::{Clock as _, Duration, SecretString};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const MULTIPART: &str = "multipart/form-data; boundary=BOUNDARY";

fn header(site: &Site, key: &Key, method: &str, target: &str, body: &[u8]) -> String {
    let path = target.split('?').next().unwrap();
    let now = site.clock.now().0 / 1000;
    lmv1::header(&key.access_id, &key.secret, method, path, body, now)
}

fn with_header(method: &str, target: &str, authorization: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(target)
        .header("authorization", authorization)
        .header("content-type", JSON)
        .body(body)
        .unwrap()
}

async fn send(site: &Site, key: &Key, method: &str, target: &str, body: &str) -> Answer {
    let authorization = header(site, key, method, target, body.as_bytes());
    let body = Body::from(body.to_owned());
    site.send(with_header(method, target, &authorization, body))
        .await
}

/// A key of the administrator that has these scopes only.
async fn narrowed(site: &Site, kind: TokenKind, scopes: &[Scope]) -> Key {
    let scopes = scopes.iter().map(|scope| scope.as_str().to_owned());
    let new = cresset_catalog::port::NewToken {
        scopes: Some(scopes.collect()),
        ..new_token(site, "admin", kind).await
    };
    store(site, new).await
}

fn path(endpoint: &Endpoint) -> String {
    let path = endpoint.path.replace("{id}", "67f8ae6fbe9edae2fcfbc1ee");
    path.replace("{name}", "SOME_LIST")
}

fn takes_tokens() -> impl Iterator<Item = (&'static Endpoint, Scope, &'static str)> {
    ENDPOINTS.iter().flat_map(|endpoint| {
        let scope = endpoint.access.scope();
        let methods = endpoint.methods.iter();
        scope
            .into_iter()
            .flat_map(move |scope| methods.clone().map(move |m| (endpoint, scope, *m)))
    })
}

fn permitted(answer: &Answer, what: &str) {
    let code = answer.status.as_u16();
    assert!(![401, 403, 405, 500].contains(&code), "{what}: {answer:?}");
}

fn unproven(answer: &Answer, family: Family, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    let text = match family {
        Family::Native => answer.json["detail"].clone(),
        _ => answer.json["error"].clone(),
    };
    assert_eq!(text, json!("Authentication failed"), "{what}: {answer:?}");
    assert_eq!(answer.headers["www-authenticate"], "Bearer", "{what}");
}

#[tokio::test]
async fn every_endpoint_with_a_token_takes_a_signature() {
    let site = Site::new().await;
    let (admin, eve) = (key(&site, "admin").await, key(&site, "eve").await);
    let mut stranger = key(&site, "admin").await;
    stranger.secret = SecretString::new("guess");
    for (n, (endpoint, scope, method)) in takes_tokens().enumerate() {
        let (path, what) = (path(endpoint), format!("{method} {}", endpoint.path));
        // Another address each time, so that the throttle stays out of it.
        let guess = header(&site, &stranger, method, &path, b"{}");
        let guess = with_header(method, &path, &guess, Body::from("{}"));
        let answer = site.send_from(&format!("10.0.0.{n}:1"), guess).await;
        unproven(&answer, endpoint.family, &what);
        // What was signed is this request and no other.
        let other = header(&site, &admin, method, &path, b"{ }");
        let other = with_header(method, &path, &other, Body::from("{}"));
        let answer = site.send_from(&format!("10.0.1.{n}:1"), other).await;
        unproven(&answer, endpoint.family, &what);

        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|s| *s != scope).collect();
        let without = narrowed(&site, TokenKind::Lmv1, &others).await;
        let answer = send(&site, &without, method, &path, "{}").await;
        assert_eq!(answer.status, 403, "{what}: {answer:?}");
        assert!(answer.text.contains(scope.as_str()), "{what}: {answer:?}");

        let answer = send(&site, &eve, method, &path, "{}").await;
        let reads = scope.allowed_for(&["readonly".to_owned()]);
        let for_all = matches!(endpoint.access, Access::Token(_));
        assert_eq!(
            answer.status == 403,
            !(reads && for_all),
            "{what}: {answer:?}"
        );

        let with = narrowed(&site, TokenKind::Lmv1, &[scope]).await;
        for key in [&with, &admin] {
            permitted(&send(&site, key, method, &path, "{}").await, &what);
        }
    }
}

#[tokio::test]
async fn every_endpoint_with_a_token_takes_a_bearer_token() {
    let site = Site::new().await;
    for (endpoint, scope, method) in takes_tokens() {
        let (path, what) = (path(endpoint), format!("{method} {}", endpoint.path));
        let ask = async |key: &Key| {
            let token = key.secret.expose();
            site.send(request(method, &path, Some(token), JSON, "{}"))
                .await
        };
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|s| *s != scope).collect();
        let without = narrowed(&site, TokenKind::Bearer, &others).await;
        assert_eq!(ask(&without).await.status, 403, "{what}");
        permitted(
            &ask(&narrowed(&site, TokenKind::Bearer, &[scope]).await).await,
            &what,
        );
    }
}

#[tokio::test]
async fn a_signature_covers_the_body_of_a_rule_and_of_a_file() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let target = "/AlertRules/create_api";
    let body = rule("Signed").to_string();
    let authorization = header(&site, &admin, "POST", target, body.as_bytes());
    let forged = rule("Forged").to_string();
    let sent = with_header("POST", target, &authorization, Body::from(forged));
    unproven(&site.send(sent).await, Family::Jwt, "forged");
    let sent = with_header("POST", target, &authorization, Body::from(body));
    assert_eq!(site.send(sent).await.status, 200);
    let list = send(&site, &admin, "GET", "/AlertRules/lists_api?limit=5", "").await;
    assert_eq!(list.json["total"], json!(1), "{list:?}");
    assert_eq!(list.json["rows"][0]["name"], json!("Signed"));

    let file = "--BOUNDARY\r\nContent-Disposition: form-data; name=\"package_import_name\"\r\n\r\n\
        SIGNED\r\n--BOUNDARY\r\nContent-Disposition: form-data; name=\"package_import\"; \
        filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\none\ntwo\r\n--BOUNDARY--\r\n";
    let import = "/UserDefinedList/import_api";
    let authorization = header(&site, &admin, "POST", import, file.as_bytes());
    let send = async |body: String| {
        let mut sent = with_header("POST", import, &authorization, Body::from(body));
        sent.headers_mut()
            .insert("content-type", MULTIPART.parse().unwrap());
        site.send(sent).await
    };
    let changed = file.replace("two", "2wo");
    unproven(&send(changed).await, Family::Jwt, "another file");
    assert!(site.catalog.list("SIGNED").await.unwrap().is_none());
    let answer = send(file.to_owned()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let list = site.catalog.list("SIGNED").await.unwrap().unwrap();
    assert_eq!(list.len, 2);
}

#[tokio::test]
async fn the_path_is_signed_as_sent_or_decoded() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let sent = "/api/v1/lists/SOME%5FLIST";
    for signed in [sent, "/api/v1/lists/SOME_LIST"] {
        let authorization = header(&site, &admin, "PUT", signed, b"[\"a\"]");
        let put = with_header("PUT", sent, &authorization, Body::from("[\"a\"]"));
        let answer = site.send(put).await;
        assert_eq!(answer.status, 200, "{signed}: {answer:?}");
    }
    // HEAD is a method of its own for the signature.
    let head = header(&site, &admin, "HEAD", "/api/v1/lists", b"");
    let answer = site
        .send(with_header("HEAD", "/api/v1/lists", &head, Body::empty()))
        .await;
    assert_eq!(answer.status, 200);
    let get = header(&site, &admin, "GET", "/api/v1/lists", b"");
    let answer = site
        .send(with_header("HEAD", "/api/v1/lists", &get, Body::empty()))
        .await;
    assert_eq!(answer.status, 401);
}

/// Method, body and path are signed one behind the other, so bytes of one could be taken for
/// bytes of the next. No path is the end of another, and a body that nobody expects is read.
#[tokio::test]
async fn bytes_that_are_moved_make_no_other_request() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    for method in ["GET", "DELETE"] {
        let answer = send(&site, &admin, method, "/api/v1/lists/SOME_LIST", "{}x").await;
        assert_eq!(answer.status, 400, "{method}: {answer:?}");
    }
    let fits = |pattern: &str, text: &str| pattern.starts_with('{') || pattern == text;
    let signed = || ENDPOINTS.iter().filter(|e| e.access.scope().is_some());
    for long in signed() {
        for short in signed() {
            let (a, b): (Vec<_>, Vec<_>) = (
                long.path.split('/').collect(),
                short.path.split('/').collect(),
            );
            // Both begin with an empty part, before the first slash.
            if a.len() <= b.len() || !long.methods.iter().any(|m| short.methods.contains(m)) {
                continue;
            }
            let ends = a.iter().rev().zip(b[1..].iter().rev());
            let same = ends.clone().all(|(a, b)| fits(b, a) || fits(a, b));
            assert!(!same, "{} ends as {}", long.path, short.path);
        }
    }
}

#[tokio::test]
async fn only_the_keys_holder_is_told_that_the_clock_is_wrong() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let told = format!("clock-skew; server-time={}", START * 1000);
    for (target, family) in [
        ("/api/v1/repos", Family::Native),
        ("/AlertRules/lists_api", Family::Jwt),
        ("/api/v1/ingest", Family::Native),
    ] {
        let method = if target.ends_with("ingest") {
            "POST"
        } else {
            "GET"
        };
        let late = site.clock.now().0 / 1000 - 31 * 60 * 1000;
        for (secret, is_told) in [
            (admin.secret.clone(), true),
            (SecretString::new("x"), false),
        ] {
            let stale = lmv1::header(&admin.access_id, &secret, method, target, b"", late);
            let answer = site
                .send(with_header(method, target, &stale, Body::empty()))
                .await;
            unproven(&answer, family, target);
            let found = answer.headers.get("x-auth-failure-reason");
            assert_eq!(found.is_some_and(|v| *v == *told), is_told, "{target}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_disabled_or_repeated_is_refused_at_once() {
    let settings = ApiSettings {
        refuse_replays: true,
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let admin = key(&site, "admin").await;
    let authorization = header(&site, &admin, "GET", "/api/v1/repos", b"");
    let ask = || with_header("GET", "/api/v1/repos", &authorization, Body::empty());
    assert_eq!(site.send(ask()).await.status, 200);
    unproven(&site.send(ask()).await, Family::Native, "a second time");
    let other = key(&site, "admin").await;
    let path = format!("/setting/admins/{}/apitokens/{}", admin.owner, admin.id);
    good(&site, &other, "PATCH", &path, &json!({"status": 1})).await;
    site.clock.advance(Duration::seconds(1));
    let answer = send(&site, &admin, "GET", "/api/v1/repos", "").await;
    unproven(&answer, Family::Native, "disabled");
}

#[tokio::test]
async fn a_stranger_makes_nobody_read_a_body() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let read = Arc::new(AtomicUsize::new(0));
    let counter = read.clone();
    let endless = futures::stream::repeat_with(move || {
        counter.fetch_add(1 << 16, Ordering::SeqCst);
        Ok::<_, std::io::Error>(vec![b' '; 1 << 16])
    });
    let target = "/AlertRules/create_api";
    let unknown = header(&site, &admin, "POST", target, b"").replace(&admin.access_id, "nobody");
    let sent = with_header("POST", target, &unknown, Body::from_stream(endless));
    unproven(&site.send(sent).await, Family::Jwt, "unknown");
    assert!(read.load(Ordering::SeqCst) <= 1 << 17);
    // Where nobody is asked for, nobody is looked up.
    for (method, path, status) in [("GET", "/health/live", 200), ("PUT", "/api/v1/repos", 405)] {
        let sent = with_header(method, path, &unknown, Body::empty());
        assert_eq!(site.send(sent).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn one_credential_only() {
    let site = Site::new().await;
    let admin = key(&site, "admin").await;
    let target = "/api/v1/repos";
    let signed = header(&site, &admin, "GET", target, b"");
    let bearer = format!("Bearer {}", site.token("admin", ALL));
    for second in [&signed, &bearer] {
        let mut sent = with_header("GET", target, &signed, Body::empty());
        sent.headers_mut()
            .append("authorization", second.parse().unwrap());
        assert_eq!(site.send(sent).await.status, 401);
    }
    for scheme in ["lmv1", "LMV1", "Basic"] {
        let sent = with_header(
            "GET",
            target,
            &signed.replace("LMv1", scheme),
            Body::empty(),
        );
        assert_eq!(site.send(sent).await.status, 401, "{scheme}");
    }
}

#[tokio::test]
async fn what_was_done_with_a_signature_is_done_by_its_owner() {
    let site = Site::new().await;
    let bob = key(&site, "bob").await;
    let body = rule("Of bob").to_string();
    let made = send(&site, &bob, "POST", "/AlertRules/create_api", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    for (user, total) in [("bob", 1), ("admin", 0)] {
        let list = site.call(user, "GET", "/AlertRules/lists_api", &Value::Null);
        assert_eq!(list.await.json["total"], json!(total), "{user}");
    }
    let used = site.catalog.token(Some(bob.owner), bob.id).await.unwrap();
    assert_eq!(used.unwrap().last_used_at, Some(site.clock.now()));
}
