//! The page that shows the OpenAPI document.

use crate::site::Site;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

#[tokio::test]
async fn the_page_brings_everything_along_and_permits_nothing_else() {
    let site = Site::new().await;
    let answer = site
        .call("admin", "GET", "/api/v1/docs", &Value::Null)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for element in ["script", "style"] {
        let parts: Vec<&str> = answer.text.split(&format!("<{element}>")).collect();
        assert_eq!(parts.len(), 2, "one {element}, whose hash the policy names");
        let (content, _) = parts[1].split_once(&format!("</{element}>")).unwrap();
        let hash = ring::digest::digest(&ring::digest::SHA256, content.as_bytes());
        let named = format!("{element}-src 'sha256-{}'", STANDARD.encode(hash));
        assert!(policy.contains(&named), "{policy}");
    }
    for forbidden in [
        "http://",
        "https://",
        "//cdn",
        "innerHTML",
        "eval(",
        " onclick",
        " style=",
        "<link",
    ] {
        assert!(!answer.text.contains(forbidden), "{forbidden}");
    }
}
