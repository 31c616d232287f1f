//! `GET /api/v1/docs`

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Html;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use std::sync::OnceLock;

/// One file without anything from elsewhere. It shows what `openapi.json` says.
const PAGE: &str = include_str!("docs/page.html");

/// The OpenAPI document, for people: open it in a browser.
#[utoipa::path(
    get, path = "/api/v1/docs", tag = "Operation",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(crate) async fn docs() -> (PageHeaders, Html<&'static str>) {
    (page_headers(policy()), Html(PAGE))
}

/// What a page of ours comes with.
pub(super) type PageHeaders = [(HeaderName, HeaderValue); 3];

/// Lets a page do what `policy` permits, and tell nobody where it was.
pub(super) fn page_headers(policy: &HeaderValue) -> PageHeaders {
    [
        (header::CONTENT_SECURITY_POLICY, policy.clone()),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ]
}

/// Permits the page's own script and style, named by their hashes, and nothing else.
fn policy() -> &'static HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    POLICY.get_or_init(|| {
        let (script, style) = (hash(PAGE, "script"), hash(PAGE, "style"));
        let text = format!(
            "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        // Base64 and the words above are all permitted in a header.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    })
}

/// The hash of the content of the one element `name` of a page, as a policy names it.
pub(super) fn hash(page: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let content = page
        .split_once(&open)
        .and_then(|(_, rest)| rest.split_once(&close))
        .map_or("", |(content, _)| content);
    format!(
        "sha256-{}",
        STANDARD.encode(digest(&SHA256, content.as_bytes()))
    )
}
