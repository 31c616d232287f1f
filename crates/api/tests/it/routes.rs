//! What every endpoint has in common, generated from the table of endpoints.

use crate::site::{ALL, JSON, Site, key_of, request};
use cresset_api::endpoints::{Access, ENDPOINTS, Endpoint, Family};
use cresset_api::{ApiSettings, Readiness};
use cresset_model::Duration;
use cresset_model::user::Scope;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A path with its variable parts filled in.
fn concrete(path: &str) -> String {
    path.replace("{id}", "67f8ae6fbe9edae2fcfbc1ee")
        .replace("{name}", "SOME_LIST")
}

fn scope(endpoint: &Endpoint) -> Option<Scope> {
    endpoint.access.scope()
}

/// All scopes but one.
fn without(scope: Scope) -> String {
    let others = Scope::ALL.into_iter().filter(|other| *other != scope);
    others.map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_table_is_what_is_served() {
    let document = serde_json::to_value(cresset_api::openapi()).unwrap();
    let mut served = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            served.insert((path.clone(), method.to_uppercase()));
        }
    }
    let mut listed = BTreeSet::new();
    for endpoint in ENDPOINTS {
        for method in endpoint.methods {
            let new = listed.insert((endpoint.path.to_owned(), (*method).to_owned()));
            assert!(new, "{} {method} stands there twice", endpoint.path);
        }
    }
    assert_eq!(served, listed);
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused() {
    let site = Site::new().await;
    for endpoint in ENDPOINTS {
        let Some(scope) = scope(endpoint) else {
            continue;
        };
        for method in endpoint.methods {
            let path = concrete(endpoint.path);
            let ask = async |token: Option<&str>| {
                site.send(request(method, &path, token, JSON, "{}")).await
            };
            let answer = ask(None).await;
            assert_eq!(answer.status, 401, "{method} {path} without a token");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");

            let answer = ask(Some(&site.token("admin", &without(scope)))).await;
            assert_eq!(
                answer.status,
                403,
                "{method} {path} without {}",
                scope.as_str()
            );
            if endpoint.family == Family::Jwt {
                assert_eq!(answer.json["status_code"], json!(403));
                assert!(answer.json["error"].is_string());
                assert!(answer.json.get("message").is_none());
            }

            // The role limits what a scope gives.
            let answer = ask(Some(&site.token("eve", ALL))).await;
            let reads = scope.allowed_for(&["readonly".to_owned()]);
            let administrator = matches!(endpoint.access, Access::Administrator(_));
            assert_eq!(
                answer.status == 403,
                !reads || administrator,
                "{method} {path} as a reader: {answer:?}"
            );

            let answer = ask(Some(&site.token("admin", scope.as_str()))).await;
            let code = answer.status.as_u16();
            assert!(
                ![401, 403, 405, 500].contains(&code),
                "{method} {path}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn wrong_credentials_are_a_200_that_says_so() {
    let site = Site::new().await;
    let expected = json!({"success": false, "message": "Authentication Failed"});
    for endpoint in ENDPOINTS.iter().filter(|e| e.access == Access::SecretKey) {
        for (n, body) in [
            json!({}),
            json!({"username": "admin"}),
            json!({"username": "admin", "secret_key": "wrong", "requestData": {}}),
            json!({"username": "nobody", "secret_key": key_of("nobody").expose()}),
            json!({"username": "admin", "secret_key": ""}),
            json!({"username": ["admin"], "secret_key": {}}),
            json!({"username": "bob", "secret_key": key_of("admin").expose()}),
        ]
        .into_iter()
        .enumerate()
        {
            for method in endpoint.methods {
                let request = request(method, endpoint.path, None, JSON, body.to_string());
                let answer = site.send_from(&format!("192.0.2.{n}:1"), request).await;
                assert_eq!(answer.status, 200, "{body}");
                assert_eq!(answer.json, expected, "{body}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_an_unknown_path_404() {
    let site = Site::new().await;
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FROB"];
    let paths: BTreeSet<&str> = ENDPOINTS.iter().map(|e| e.path).collect();
    for path in paths {
        let known: Vec<&str> = ENDPOINTS
            .iter()
            .filter(|e| e.path == path)
            .flat_map(|e| e.methods.iter().copied())
            .collect();
        for method in methods.iter().filter(|m| !known.contains(m)) {
            let answer = site
                .call("admin", method, &concrete(path), &Value::Null)
                .await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.json.is_object(), "{method} {path}: {}", answer.text);
        }
    }
    for path in [
        "/",
        "/AlertRules",
        "/AlertRules/create_api/",
        "/x",
        "/api/v1/nope",
        "/health",
    ] {
        let answer = site.call("admin", "GET", path, &Value::Null).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.text.contains("was not found on this server."),
            "{path}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn requests_are_named_and_measured() {
    let site = Site::new().await;
    let answer = site
        .call("admin", "GET", "/health/live", &Value::Null)
        .await;
    assert_eq!(answer.headers["x-request-id"].len(), 24);
    for (sent, echoed) in [
        ("abc-1", true),
        ("with blank", false),
        (&"x".repeat(200), false),
    ] {
        let request = axum::http::Request::get("/x").header("x-request-id", sent);
        let answer = site
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert_eq!(answer.headers["x-request-id"] == *sent, echoed, "{sent}");
    }
}

#[tokio::test]
async fn a_panic_takes_down_its_request_only() {
    let readiness = Readiness {
        reasons: vec!["panic".to_owned()],
    };
    let site = Site::with(ApiSettings::default(), readiness).await;
    let answer = site
        .call("admin", "GET", "/health/ready", &Value::Null)
        .await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(!answer.text.contains("asked to"), "{}", answer.text);
    assert_eq!(
        site.call("admin", "GET", "/health/live", &Value::Null)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_client_that_never_ends_its_body_is_let_go() {
    let settings = ApiSettings {
        request_timeout: Duration::millis(50),
        ..ApiSettings::default()
    };
    let site = Site::with(settings, Readiness::default()).await;
    let token = site.token("admin", ALL);
    let body = || {
        let start = futures::stream::iter([Ok::<_, std::io::Error>("{".to_owned())]);
        axum::body::Body::from_stream(futures::StreamExt::chain(start, futures::stream::pending()))
    };
    for path in ["/AlertRules/create_api", "/api/v1/ingest"] {
        let answer = site
            .send(request("POST", path, Some(&token), JSON, body()))
            .await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.json.is_object());
    }
}

#[tokio::test]
async fn json_may_begin_with_a_byte_order_mark_and_bear_any_content_type() {
    let site = Site::new().await;
    let token = site.token("admin", ALL);
    for (n, media) in [JSON, "text/plain", "application/octet-stream"]
        .iter()
        .enumerate()
    {
        let body = format!(
            "\u{feff}{}",
            crate::rules::rule(&format!("Brute force {n}"))
        );
        let path = "/AlertRules/create_api";
        let made = site
            .send(request("POST", path, Some(&token), media, body))
            .await;
        assert_eq!(made.status, 200, "{media}: {made:?}");
    }
    let credentials = json!({"username": "admin", "secret_key": key_of("admin").expose()});
    let body = format!("\u{feff}{credentials}");
    let users = site
        .send(request("POST", "/get_users", None, JSON, body))
        .await;
    assert_eq!(users.json["success"], json!(true), "{users:?}");
}
