//! The matrix finds a hole that is made on purpose.

use super::matrix::findings;
use super::policy::{self, Line};
use super::things::World;
use crate::site::Site;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use cresset_catalog::port::{Rules as _, Users as _};
use http_body_util::BodyExt as _;
use std::sync::Arc;

/// What goes wrong.
#[derive(Clone)]
enum Fault {
    /// Nobody asks who sends the request: all are this administrator.
    Anybody(HeaderValue),
    /// A refusal of one status is forgotten.
    Forgotten(StatusCode),
    /// A list has everybody's rules.
    Everything(Arc<cresset_catalog::sqlite::SqliteCatalog>),
    /// The act is refused after it is done.
    TooLate(Arc<cresset_catalog::sqlite::SqliteCatalog>),
}

async fn around(fault: Fault, mut request: Request, next: Next) -> Response {
    match fault {
        Fault::Anybody(token) => {
            request.headers_mut().insert(header::AUTHORIZATION, token);
            next.run(request).await
        }
        Fault::Forgotten(status) => {
            let mut response = next.run(request).await;
            if response.status() == status {
                *response.status_mut() = StatusCode::OK;
            }
            response
        }
        Fault::Everything(catalog) => {
            let (mut parts, body) = next.run(request).await.into_parts();
            let mut text = body.collect().await.unwrap().to_bytes().to_vec();
            for user in catalog.users().await.unwrap() {
                for rule in catalog.rules_of(user.id).await.unwrap() {
                    text.extend_from_slice(rule.id.to_string().as_bytes());
                }
            }
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(text))
        }
        Fault::TooLate(catalog) => {
            let response = next.run(request).await;
            if response.status() == StatusCode::NOT_FOUND {
                let user = catalog.users().await.unwrap().remove(0);
                let hour = cresset_model::user::HourFormat::Twelve;
                let changed = cresset_model::user::Preferences {
                    timezone: format!("{}x", user.timezone),
                    date_format: user.date_format,
                    hour_format: hour,
                };
                catalog.set_preferences(user.id, &changed).await.unwrap();
            }
            response
        }
    }
}

/// The server with a fault on one path.
fn spoil(site: &mut Site, path: &str, fault: Fault) {
    let path = path.to_owned();
    let layer = from_fn(move |request: Request, next: Next| {
        let (path, fault) = (path.clone(), fault.clone());
        async move {
            if request.uri().path() == path {
                return around(fault, request, next).await;
            }
            next.run(request).await
        }
    });
    let whole = std::mem::take(&mut site.router);
    site.router = Router::new().fallback_service(whole).layer(layer);
}

fn line(method: &str, path: &str) -> Line {
    let lines = policy::lines();
    let mut found = lines
        .into_iter()
        .filter(|l| l.method == method && l.path == path);
    found.next().unwrap()
}

/// Checks that the matrix is content without the fault, and names it with it.
async fn check(method: &str, path: &str, fault: impl FnOnce(&Site) -> Fault, expected: &str) {
    let mut world = World::new().await;
    let line = line(method, path);
    let found = findings(&world, &line).await;
    assert!(found.is_empty(), "{found:#?}");
    let fault = fault(&world.site);
    spoil(&mut world.site, path, fault);
    let found = findings(&world, &line).await;
    assert!(
        found.iter().any(|text| text.contains(expected)),
        "{path}: {found:#?}"
    );
}

#[tokio::test]
async fn a_route_that_asks_nobody_is_found() {
    let everybody = |site: &Site| {
        let token = site.token("admin", crate::site::ALL);
        Fault::Anybody(HeaderValue::try_from(format!("Bearer {token}")).unwrap())
    };
    let expected = "nothing: 401 was expected, not 200";
    check("GET", "/api/v1/repos", everybody, expected).await;
}

#[tokio::test]
async fn a_forgotten_refusal_is_found() {
    for (method, path, status, expected) in [
        (
            "GET",
            "/AlertRules/read_api",
            StatusCode::NOT_FOUND,
            "Other: 404 was expected",
        ),
        (
            "POST",
            "/api/v1/repos",
            StatusCode::FORBIDDEN,
            "manager by Jwt",
        ),
        (
            "GET",
            "/santaba/rest/setting/roles",
            StatusCode::FORBIDDEN,
            "narrow bearer token",
        ),
        (
            "POST",
            "/api/v1/ingest",
            StatusCode::UNAUTHORIZED,
            "a bearer token, expired",
        ),
    ] {
        check(method, path, |_| Fault::Forgotten(status), expected).await;
    }
}

#[tokio::test]
async fn a_list_of_everything_is_found() {
    let everything = |site: &Site| Fault::Everything(site.catalog.clone());
    let expected = "somebody else's in a list";
    check("GET", "/AlertRules/lists_api", everything, expected).await;
}

#[tokio::test]
async fn a_refusal_that_acts_is_found() {
    let late = |site: &Site| Fault::TooLate(site.catalog.clone());
    let expected = "refused changed something";
    check("POST", "/AlertRules/delete_api", late, expected).await;
}

#[test]
fn a_route_without_a_line_is_found() {
    let mut lines = policy::lines();
    let left_out = lines.remove(0);
    assert!(!policy::routes(&lines).contains(&left_out.route()));
    assert_ne!(policy::routes(&lines), super::routes::all());
}
