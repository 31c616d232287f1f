//! HTTP notifications, with the headers of Standard Webhooks.

use crate::http::{self, GuardedClient};
use crate::outcome::Outcome;
use crate::redact::Secrets;
use crate::retry::{StatusClass, classify_status, parse_retry_after};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cresset_model::notification::{HttpAuth, HttpMethod, HttpNotification, request_url};
use cresset_model::{ObjectId, Timestamp};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, Url};

/// How much of a reply is kept, in bytes.
const KEPT_REPLY: usize = 4 * 1024;

/// A rendered HTTP notification.
#[derive(Debug, Clone)]
pub struct Webhook<'a> {
    /// The delivery that it carries out; repeated on every retry.
    pub delivery: ObjectId,
    /// Where and how; the templates in it are already rendered below.
    pub notification: &'a HttpNotification,
    /// Rendered query string, without the question mark.
    pub query: String,
    /// Rendered body, sent with the methods that have one.
    pub body: String,
    /// The time of the attempt.
    pub at: Timestamp,
}

/// The address of a notification: its URL with `query` appended. The error says what is
/// wrong without showing the URL.
pub fn address(notification: &HttpNotification, query: &str) -> Result<Url, String> {
    let mut url = request_url(notification.url.expose(), &notification.protocol)
        .map_err(|error| format!("the URL does not read: {error}"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("the URL names no host".to_owned());
    }
    let query = query.trim().trim_start_matches('?');
    if !query.is_empty() {
        let query: String = query.chars().filter(|c| !c.is_control()).collect();
        let joined = match url.query().filter(|q| !q.is_empty()) {
            Some(own) => format!("{own}&{query}"),
            None => query,
        };
        url.set_query(Some(&joined));
    }
    Ok(url)
}

/// What a destination is known by, so that one that hangs delays only itself.
pub fn destination(notification: &HttpNotification) -> String {
    address(notification, "").map_or_else(
        |_| String::new(),
        |url| {
            let port = url.port_or_known_default().unwrap_or(0);
            format!("{}:{port}", url.host_str().unwrap_or_default())
        },
    )
}

impl GuardedClient {
    /// Makes one attempt to deliver `webhook`; never takes much longer than the client's
    /// time-out.
    pub async fn deliver(&self, webhook: &Webhook<'_>) -> Outcome {
        let notification = webhook.notification;
        let url = match address(notification, &webhook.query) {
            Ok(url) => url,
            Err(detail) => return Outcome::dead(detail),
        };
        let secrets = Secrets::of(notification, &url);
        let request = match self.request(method(notification.method), url) {
            Ok(request) => request,
            Err(refusal) => return Outcome::dead(refusal.to_string()),
        };
        let mut request = request
            .header("webhook-id", webhook.delivery.to_string())
            .header("webhook-timestamp", webhook.at.secs().to_string());
        match credentials(&notification.auth) {
            Ok(Some((name, value))) => request = request.header(name, value),
            Ok(None) => {}
            Err(detail) => return Outcome::dead(detail),
        }
        if notification.method.has_body() {
            request = request
                .header(CONTENT_TYPE, content_type(&webhook.body))
                .body(webhook.body.clone());
        }
        match request.send().await {
            Ok(response) => judge(response, webhook.at, &secrets).await,
            Err(error) => failure(error, &secrets),
        }
    }
}

const fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Head => Method::HEAD,
    }
}

fn content_type(body: &str) -> &'static str {
    let trimmed = body.trim_start();
    let json = trimmed.starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(trimmed).is_ok();
    if json {
        "application/json"
    } else {
        "text/plain; charset=utf-8"
    }
}

/// The header that proves who we are. The error names what is wrong, not the secret.
fn credentials(auth: &HttpAuth) -> Result<Option<(HeaderName, HeaderValue)>, String> {
    let (name, value) = match auth {
        HttpAuth::None => return Ok(None),
        HttpAuth::ApiToken { name, value } => {
            let header = HeaderName::from_bytes(name.trim().as_bytes())
                .map_err(|_| "the name of the API token's header is no header name".to_owned())?;
            let reserved = ["host", "content-length", "transfer-encoding", "connection"];
            if reserved.contains(&header.as_str()) {
                return Err(format!("the API token cannot be the header {header}"));
            }
            (header, value.expose().to_owned())
        }
        HttpAuth::Basic { user, password } => (AUTHORIZATION, basic(user, password.expose())),
        HttpAuth::Bearer { token } => (AUTHORIZATION, format!("Bearer {}", token.expose())),
    };
    let mut value = HeaderValue::from_str(value.trim())
        .map_err(|_| "the credentials hold characters that a header cannot".to_owned())?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

async fn judge(response: Response, now: Timestamp, secrets: &Secrets) -> Outcome {
    let status = response.status();
    let after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| parse_retry_after(value, now));
    let mut detail = format!("HTTP {}", status.as_u16());
    let class = classify_status(status.as_u16());
    if class == StatusClass::Accepted {
        return Outcome::Delivered { detail };
    }
    if status.is_redirection() {
        detail.push_str(": redirects are not followed; use the final address");
    }
    // What the reply says helps people; that it ends early or badly does not matter.
    if let Ok(body) = http::read_limited(response, secrets.needed(KEPT_REPLY)).await {
        let body = secrets.redact(&String::from_utf8_lossy(&body), KEPT_REPLY);
        if !body.trim().is_empty() {
            detail = format!("{detail}: {}", body.trim());
        }
    }
    match class {
        StatusClass::Transient => Outcome::Retry { detail, after },
        StatusClass::Accepted | StatusClass::Permanent => Outcome::dead(detail),
    }
}

fn failure(error: reqwest::Error, secrets: &Secrets) -> Outcome {
    if let Some(refusal) = http::refusal(&error) {
        return Outcome::dead(refusal.to_string());
    }
    let builder = error.is_builder();
    let mut detail = if error.is_timeout() {
        "the destination did not answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the request failed".to_owned()
    };
    let error = error.without_url();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    let detail = secrets.redact(&detail, KEPT_REPLY);
    if builder {
        Outcome::dead(detail)
    } else {
        Outcome::retry(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::SecretString;
    use cresset_model::notification::DispatchOption;

    fn notification(url: &str, auth: HttpAuth) -> HttpNotification {
        HttpNotification {
            enabled: true,
            url: SecretString::new(url),
            protocol: "HTTPS".to_owned(),
            method: HttpMethod::Post,
            query_string: String::new(),
            format_query: String::new(),
            body: String::new(),
            auth,
            dispatch: DispatchOption::Auto,
            threshold: None,
        }
    }

    #[test]
    fn addresses() {
        let check = |url: &str, query: &str, expect: &str| {
            let shown = match address(&notification(url, HttpAuth::None), query) {
                Ok(url) => url.to_string(),
                Err(error) => error,
            };
            assert_eq!(shown, expect, "{url} {query}");
        };
        check("hooks.example/a", "", "https://hooks.example/a");
        check("http://hooks.example/a", "", "http://hooks.example/a");
        check(
            "hooks.example:8443/a?x=1",
            "?y=2",
            "https://hooks.example:8443/a?x=1&y=2",
        );
        check(
            "hooks.example/a",
            "user='admin'&b=c d",
            "https://hooks.example/a?user=%27admin%27&b=c%20d",
        );
        check(
            "hooks.example/a",
            "a=1\r\nHost: x",
            "https://hooks.example/a?a=1Host:%20x",
        );
        check("http://", "", "the URL does not read: empty host");
        check(
            "http://[::1",
            "",
            "the URL does not read: invalid IPv6 address",
        );
        assert_eq!(
            destination(&notification("hooks.example/a", HttpAuth::None)),
            "hooks.example:443"
        );
    }

    #[test]
    fn credentials_become_headers() {
        let secret = SecretString::new;
        let check = |auth: HttpAuth, expect: Result<Option<(&str, &str)>, &str>| {
            let got = credentials(&auth);
            let got = got.as_ref().map(|header| {
                header.as_ref().map(|(name, value)| {
                    assert!(value.is_sensitive());
                    (name.as_str(), value.to_str().unwrap())
                })
            });
            assert_eq!(got.map_err(String::as_str), expect);
        };
        check(HttpAuth::None, Ok(None));
        check(
            HttpAuth::Basic {
                user: "key1".into(),
                password: secret("pwd1"),
            },
            Ok(Some(("authorization", "Basic a2V5MTpwd2Qx"))),
        );
        check(
            HttpAuth::Bearer {
                token: secret("tok"),
            },
            Ok(Some(("authorization", "Bearer tok"))),
        );
        check(
            HttpAuth::ApiToken {
                name: "X-Key".into(),
                value: secret("v"),
            },
            Ok(Some(("x-key", "v"))),
        );
        check(
            HttpAuth::ApiToken {
                name: "X Key".into(),
                value: secret("v"),
            },
            Err("the name of the API token's header is no header name"),
        );
        check(
            HttpAuth::ApiToken {
                name: "Host".into(),
                value: secret("v"),
            },
            Err("the API token cannot be the header host"),
        );
        check(
            HttpAuth::Bearer {
                token: secret("a\r\nX: y"),
            },
            Err("the credentials hold characters that a header cannot"),
        );
    }

    #[test]
    fn content_types() {
        assert_eq!(content_type("{\"a\": 1}"), "application/json");
        assert_eq!(content_type(" [1]"), "application/json");
        assert_eq!(content_type("{not json"), "text/plain; charset=utf-8");
        assert_eq!(content_type(""), "text/plain; charset=utf-8");
    }
}
