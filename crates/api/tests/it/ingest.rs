//! `POST /api/v1/ingest`.

use crate::site::{Answer, JSON, Site, request};
use axum::body::Body;
use cresset_api::{ApiSettings, Pace, Readiness};
use cresset_auth::lmv1::{SignedRequest, sign};
use cresset_catalog::port::{ApiTokens as _, AuditEntry, NewToken, Users as _};
use cresset_ingest::IngestSettings;
use cresset_model::{Clock as _, Duration, SecretString};
use serde_json::json;
use std::io::Write as _;

const PATH: &str = "/api/v1/ingest?repo=default";

async fn post(site: &Site, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let token = site.token("admin", "logs:write");
    let mut request = request("POST", PATH, Some(&token), JSON, body);
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    site.send(request).await
}

#[tokio::test]
async fn partial_success_is_told_per_item() {
    let site = Site::new().await;
    let answer = post(&site, &[], "{\"msg\":\"a\"}\nnot json\n{\"msg\":\"b\"}\n").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["accepted"], json!(2));
    assert_eq!(answer.json["rejected"], json!(1));
    assert_eq!(answer.json["duplicate"], json!(false));
    assert_eq!(answer.json["errors"][0]["index"], json!(1));
    assert_eq!(answer.json["errors"][0]["line"], json!(2));
    assert!(answer.json["errors"][0]["reason"].is_string());
    let answer = post(&site, &[], "nope\nnope either\n").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        (&answer.json["accepted"], &answer.json["rejected"]),
        (&json!(0), &json!(2))
    );
}

#[tokio::test]
async fn nobody_writes_the_servers_own_log() {
    let site = Site::new().await;
    for user in ["admin", "bob"] {
        let token = site.token(user, "logs:write");
        let path = "/api/v1/ingest?repo=_cresset";
        let answer = site
            .send(request("POST", path, Some(&token), JSON, "{\"msg\":\"a\"}"))
            .await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
}

#[tokio::test]
async fn compressed_bodies_and_idempotency_keys() {
    let site = Site::new().await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"[{\"msg\":\"a\"},{\"msg\":\"b\"}]")
        .unwrap();
    let gzip = gzip.finish().unwrap();
    for duplicate in [false, true] {
        let headers = [("content-encoding", "gzip"), ("idempotency-key", "batch-1")];
        let answer = post(&site, &headers, gzip.clone()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json["accepted"], json!(2));
        assert_eq!(answer.json["duplicate"], json!(duplicate));
    }
    let answer = post(&site, &[("content-encoding", "gzip")], gzip[..20].to_vec()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.json["status"], json!(400));
    assert!(answer.json["detail"].is_string() && answer.json["title"].is_string());
    let answer = post(&site, &[("content-encoding", "br")], "{}").await;
    assert_eq!(answer.status, 415, "{answer:?}");
    let answer = post(&site, &[("idempotency-key", &"k".repeat(300))], "{}").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn an_unknown_repo_is_404() {
    let site = Site::new().await;
    let token = site.token("admin", "logs:write");
    for repo in ["nope", "../default", "%00"] {
        let path = format!("/api/v1/ingest?repo={repo}");
        let answer = site
            .send(request(
                "POST",
                &path,
                Some(&token),
                JSON,
                "{\"msg\":\"a\"}",
            ))
            .await;
        assert_eq!(answer.status, 404, "{repo}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_early() {
    let settings = ApiSettings {
        max_ingest_body_bytes: 10_000,
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    // Announced: refused before a byte is read. Streamed: refused when the limit is passed.
    let answer = post(&site, &[], vec![b'x'; 10_001]).await;
    assert_eq!(answer.status, 413);
    let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = read.clone();
    let endless = futures::stream::repeat_with(move || {
        counter.fetch_add(1000, std::sync::atomic::Ordering::SeqCst);
        Ok::<_, std::io::Error>(vec![b'x'; 1000])
    });
    let answer = post(&site, &[], Body::from_stream(endless)).await;
    assert_eq!(answer.status, 413);
    assert!(read.load(std::sync::atomic::Ordering::SeqCst) <= 12_000);
}

#[tokio::test]
async fn bodies_of_all_requests_share_a_budget() {
    let settings = ApiSettings {
        max_ingest_body_bytes: 3000,
        max_ingest_in_flight_bytes: 5000,
        body_pace: Pace {
            bytes: 3000,
            span: Duration::millis(1500),
        },
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let first = futures::stream::once(async { Ok::<_, std::io::Error>(vec![b' '; 2900]) });
    let stalled = Body::from_stream(futures::StreamExt::chain(first, futures::stream::pending()));
    let (stalled, other) = tokio::join!(post(&site, &[], stalled), async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        post(&site, &[], vec![b' '; 2900]).await
    });
    assert_eq!(stalled.status, 408);
    assert_eq!(other.status, 503);
    assert_eq!(other.headers["retry-after"], "2");
    // What was taken up was given back.
    let answer = post(&site, &[], "{\"msg\":\"a\"}").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn users_do_not_share_idempotency_keys() {
    let site = Site::new().await;
    let send = async |user: &str, body: &str| {
        let token = site.token(user, "logs:write");
        let mut request = request("POST", PATH, Some(&token), JSON, body.to_owned());
        let headers = request.headers_mut();
        headers.insert("idempotency-key", "batch-1".parse().unwrap());
        let answer = site.send(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json["duplicate"] == json!(true)
    };
    assert!(!send("admin", "{\"msg\":\"a\"}").await);
    assert!(!send("bob", "{\"msg\":\"b\"}").await);
    // Another body is another batch: none of it may be lost behind a 200.
    assert!(!send("admin", "{\"msg\":\"c\"}").await);
    assert!(send("admin", "{\"msg\":\"a\"}").await);
    assert!(send("bob", "{\"msg\":\"b\"}").await);
    assert!(send("admin", "{\"msg\":\"c\"}").await);
}

/// What takes too much memory at once is stored piece by piece, with the same reply.
#[tokio::test]
async fn a_batch_of_countless_events_is_stored_in_pieces() {
    let small = IngestSettings {
        max_batch_bytes: 64 << 10,
        ..IngestSettings::default()
    };
    let cut = Site::with_ingest(ApiSettings::default(), Readiness::default(), small).await;
    let whole = Site::new().await;
    let object = "{\"a\":1}\n";
    let giant = format!("{{\"b\":\"{}\"}}\n", "x".repeat(80 << 10));
    let lines = object.repeat(900) + "\n" + &object.repeat(600);
    for (name, body, rejected) in [
        ("lines", format!("{lines}nonsense\n\n{lines}[1]\n"), 2),
        (
            "array",
            format!("\n[{}\n{{\"a\":2}}, 7]", "{\"a\":\n1},".repeat(1_500)),
            1,
        ),
        ("giant", format!("{lines}{giant}{object}"), 0),
    ] {
        for (round, headers) in [
            vec![],
            vec![("idempotency-key", name)],
            vec![("idempotency-key", name)],
        ]
        .into_iter()
        .enumerate()
        {
            let expected = post(&whole, &headers, body.clone()).await;
            let answer = post(&cut, &headers, body.clone()).await;
            if name == "giant" {
                assert_eq!(answer.json["accepted"], json!(1_501), "{answer:?}");
                assert_eq!(answer.json["errors"][0]["line"], json!(1_502));
            } else {
                assert_eq!(expected.json["rejected"], json!(rejected), "{name}");
                assert_eq!(answer.json, expected.json, "{name}");
            }
            assert_eq!(answer.json["duplicate"], json!(round == 2), "{name}");
        }
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).unwrap();
    let headers = [("content-encoding", "gzip"), ("idempotency-key", "lines")];
    let answer = post(&cut, &headers, gzip.finish().unwrap()).await;
    assert_eq!(answer.json["accepted"], json!(1_500), "{answer:?}");
}

#[tokio::test]
async fn the_answer_says_which_limit_was_passed() {
    let small = IngestSettings {
        max_expanded_bytes: 1 << 20,
        ..IngestSettings::default()
    };
    let site = Site::with_ingest(ApiSettings::default(), Readiness::default(), small).await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&vec![b' '; 2 << 20]).unwrap();
    let gzip = gzip.finish().unwrap();
    for key in [None, Some(("idempotency-key", "k"))] {
        let mut headers = vec![("content-encoding", "gzip")];
        headers.extend(key);
        let answer = post(&site, &headers, gzip.clone()).await;
        assert_eq!(answer.status, 413);
        let text = "the expanded body is larger than 1048576 bytes; send smaller ones";
        assert_eq!(answer.json["detail"], json!(text));
    }
}

/// The same lines compressed anew are the same batch.
#[tokio::test]
async fn a_key_covers_what_the_body_holds_not_how_it_is_packed() {
    let site = Site::new().await;
    for (level, duplicate) in [(0, false), (9, true)] {
        let level = flate2::Compression::new(level);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(b"{\"msg\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}")
            .unwrap();
        let headers = [("content-encoding", "gzip"), ("idempotency-key", "k")];
        let answer = post(&site, &headers, gzip.finish().unwrap()).await;
        assert_eq!(answer.json["duplicate"], json!(duplicate), "{answer:?}");
    }
}

/// An access id is no secret: whoever knows one must not get more than a share.
#[tokio::test]
async fn unproven_bodies_leave_room_for_others() {
    let settings = ApiSettings {
        max_ingest_body_bytes: 1000,
        max_ingest_in_flight_bytes: 4000,
        body_pace: Pace {
            bytes: 1000,
            span: Duration::millis(300),
        },
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let key = SecretString::new("k".repeat(40));
    api_token(&site, "bob", "BOBSTOKEN00000000000", &key).await;
    let forged = |id: &str, body: Body| {
        let parts = SignedRequest {
            method: "POST",
            path: "/api/v1/ingest",
            body: b"",
        };
        let header = sign(id, &SecretString::new("x"), &parts, site.clock.now());
        let request = axum::http::Request::post(PATH).header("authorization", header);
        request.body(body).unwrap()
    };
    let stalled = |host: u8| {
        let first = futures::stream::once(async { Ok::<_, std::io::Error>(vec![b' '; 900]) });
        let body = futures::StreamExt::chain(first, futures::stream::pending());
        let request = forged("BOBSTOKEN00000000000", Body::from_stream(body));
        let peer = format!("192.0.2.{host}:1");
        let site = &site;
        async move { site.send_from(&peer, request).await }
    };
    let attack = futures::future::join_all((0..8).map(stalled));
    let honest = post(&site, &[], vec![b'x'; 900]);
    let (attack, honest) = tokio::join!(attack, honest);
    assert_eq!(honest.status, 400, "read and judged: {honest:?}");
    let given_up = attack.iter().filter(|a| a.status == 408).count();
    let refused = attack.iter().filter(|a| a.status == 503).count();
    assert_eq!((given_up, refused), (1, 7));
    let entries = site.catalog.audit_entries(20).await.unwrap();
    let recorded = entries
        .iter()
        .any(|e| e.actor == "BOBSTOKEN00000000000" && e.detail.contains("body_incomplete"));
    assert!(recorded, "{entries:?}");
    // The size is judged before the id, so that the answer does not tell who is known.
    for id in ["BOBSTOKEN00000000000", "NOBODYSTOKEN00000000"] {
        let answer = site.send(forged(id, Body::from(vec![b'x'; 1001]))).await;
        assert_eq!(answer.status, 413, "{id}");
    }
}

/// Gives `user` an API token.
async fn api_token(site: &Site, user: &str, access_id: &str, key: &SecretString) {
    let user = site.catalog.user_by_name(user).await.unwrap().unwrap();
    let now = site.clock.now();
    let token = NewToken::signing(access_id.to_owned(), key.clone(), user.number, now);
    let told = AuditEntry {
        at: now,
        actor: "test".to_owned(),
        address: String::new(),
        action: "api_token_created".to_owned(),
        detail: String::new(),
    };
    site.catalog.create_token(token, &told).await.unwrap();
}

#[tokio::test]
async fn signed_by_an_api_token() {
    let site = Site::new().await;
    let key = SecretString::new("k".repeat(40));
    api_token(&site, "bob", "BOBSTOKEN00000000000", &key).await;
    api_token(&site, "eve", "EVESTOKEN00000000000", &key).await;
    let body = "{\"msg\":\"a\"}";
    let now = site.clock.now();
    let parts = SignedRequest {
        method: "POST",
        path: "/api/v1/ingest",
        body: body.as_bytes(),
    };
    let post = async |header: String, body: &str| {
        let request = axum::http::Request::post(PATH).header("authorization", header);
        site.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    };
    let bob = sign("BOBSTOKEN00000000000", &key, &parts, now);
    let answer = post(bob.clone(), body).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["accepted"]),
        (200, &json!(1)),
        "{answer:?}"
    );
    let eve = sign("EVESTOKEN00000000000", &key, &parts, now);
    let answer = post(eve, body).await;
    assert_eq!(
        answer.status, 403,
        "a reader's role does not permit it: {answer:?}"
    );
    for (header, body) in [
        (bob, "{\"msg\":\"b\"}"),
        (sign("NOBODYSTOKEN00000000", &key, &parts, now), body),
        (
            sign("BOBSTOKEN00000000000", &SecretString::new("x"), &parts, now),
            body,
        ),
        (
            sign(
                "BOBSTOKEN00000000000",
                &key,
                &parts,
                now - Duration::minutes(31),
            ),
            body,
        ),
        ("LMv1 x".to_owned(), body),
    ] {
        let answer = post(header.clone(), body).await;
        assert_eq!(answer.status, 401, "{header}");
        assert_eq!(
            answer.json["detail"],
            json!("Authentication failed"),
            "{header}"
        );
    }
}
