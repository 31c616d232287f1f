//! What log shippers are told when the server cannot take what they send.

use crate::site::{Answer, Site};
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cresset_api::{ApiSettings, Pace, Readiness};
use cresset_model::Duration;
use std::fmt::Write as _;

const GRPC: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
/// Path and content type.
const WAYS: [(&str, &str); 6] = [
    ("/elastic/_bulk", "application/x-ndjson"),
    ("/services/collector/event", "application/json"),
    ("/loki/api/v1/push", "application/json"),
    ("/v1/logs", "application/json"),
    ("/v1/logs", "application/x-protobuf"),
    (GRPC, "application/grpc"),
];

/// A server that holds little, and waits briefly.
async fn small() -> Site {
    let settings = ApiSettings {
        max_ingest_body_bytes: 3000,
        max_ingest_in_flight_bytes: 5000,
        body_pace: Pace {
            bytes: 3000,
            span: Duration::millis(800),
        },
        ..ApiSettings::default()
    };
    Site::with(settings, Readiness::default()).await
}

async fn post(site: &Site, way: (&str, &str), headers: &[(&str, &str)], body: Body) -> Answer {
    let (path, media) = way;
    let token = site.token("admin", "logs:write");
    let mut request = Request::post(path)
        .header("content-type", media)
        .header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    site.send(request.body(body).unwrap()).await
}

/// What shippers look at.
fn shown(answer: &Answer) -> String {
    let mut text = answer.status.as_u16().to_string();
    for name in ["retry-after", "grpc-status", "grpc-message"] {
        if let Some(value) = answer.headers.get(name) {
            let _ = write!(text, " {name}={}", value.to_str().unwrap());
        }
    }
    if let Some(details) = answer.headers.get("grpc-status-details-bin") {
        let details = base64::engine::general_purpose::STANDARD_NO_PAD
            .decode(details)
            .unwrap();
        let info = details.windows(9).any(|part| part == b"RetryInfo");
        let _ = write!(text, " RetryInfo={info}");
    }
    let body = answer.text.trim();
    let printable = body.chars().all(|c| !c.is_control());
    if printable {
        text + " " + body
    } else {
        text + " base64:" + &STANDARD.encode(body)
    }
}

#[tokio::test]
async fn every_protocol_has_its_words_for_what_cannot_be_taken() {
    let site = small().await;
    let mut text = String::new();
    for way in WAYS {
        let _ = writeln!(text, "{} {}", way.0, way.1);
        let large = post(&site, way, &[], Body::from(vec![b' '; 3001])).await;
        let _ = writeln!(text, "  too large: {}", shown(&large));
        let encodings = [("content-encoding", "br"), ("grpc-encoding", "br")];
        let compressed = Body::from(&b"\x01\0\0\0\x01x"[..]);
        let encoded = post(&site, way, &encodings, compressed).await;
        let _ = writeln!(text, "  encoding: {}", shown(&encoded));
        let start = futures::stream::once(async { Ok::<_, std::io::Error>(vec![b' '; 2900]) });
        let stalled =
            Body::from_stream(futures::StreamExt::chain(start, futures::stream::pending()));
        let (slow, busy) = tokio::join!(post(&site, way, &[], stalled), async {
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            post(&site, way, &[], Body::from(vec![b' '; 2900])).await
        });
        let _ = writeln!(text, "  too slow: {}", shown(&slow));
        let _ = writeln!(text, "  busy: {}", shown(&busy));
    }
    insta::assert_snapshot!("cannot_be_taken", text);
}

#[tokio::test]
async fn a_server_that_is_not_well_says_so() {
    let readiness = Readiness {
        reasons: vec!["the disk is full".to_owned()],
    };
    let site = Site::with(ApiSettings::default(), readiness).await;
    for path in [
        "/services/collector/health",
        "/services/collector/health/1.0",
        "/ready",
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = site.send(request).await;
        assert_eq!(answer.status, 503, "{path}");
    }
}

/// A password opens nothing here, wherever it stands.
#[tokio::test]
async fn a_password_is_no_token() {
    let settings = ApiSettings {
        basic: true,
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let key = crate::site::key_of("admin");
    for (scheme, secret) in [
        ("Basic", STANDARD.encode(format!("admin:{}", key.expose()))),
        ("ApiKey", STANDARD.encode(format!("admin:{}", key.expose()))),
        ("Splunk", key.expose().to_owned()),
    ] {
        let request =
            Request::post("/elastic/_bulk").header("authorization", format!("{scheme} {secret}"));
        let answer = site.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status, 401, "{scheme}");
        assert!(!answer.text.contains(key.expose()), "{scheme}");
    }
}
