//! One instance with the credentials to use there.

use cresset_auth::jwt::{Alg, SignClaims, sign};
use cresset_model::{Clock, Duration, SecretString, Timestamp};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration as Span;

/// How often one request is sent at most.
const ATTEMPTS: u32 = 4;
/// The first pause before another attempt; it doubles.
const PAUSE: Span = Span::from_millis(200);
/// Longest pause that a server may ask for.
const LONGEST_PAUSE: Span = Span::from_mins(1);
/// How long a token lasts; each request has a fresh one.
const TOKEN: Duration = Duration::minutes(10);
/// How long one request may take.
const PATIENCE: Span = Span::from_mins(1);
/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 << 20;

/// Why a call to an instance failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer came.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The instance.
        url: String,
        /// What went wrong, without the address.
        reason: String,
    },
    /// The instance said no.
    #[error("{message} ({status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("{path} answers what was not expected: {what}")]
    Unexpected {
        /// The endpoint.
        path: String,
        /// What is wrong with it.
        what: String,
    },
}

impl Error {
    /// Whether the instance is away or too busy, so that further calls would fail as well.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(*status, 401 | 429 | 502 | 503 | 504),
            Self::Unexpected { .. } => false,
        }
    }

    /// Whether the instance says that there is no such thing.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// Whether a request that may have been carried out can be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It does the same again.
    Safe,
    /// It would do it twice.
    Never,
    /// Nobody waits that long.
    AtOnceOnly,
}

/// One instance of Cresset or of a server that speaks Logpoint's API.
pub struct Member {
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    name: String,
    url: String,
    user: String,
    key: SecretString,
}

impl Member {
    /// An instance at `url`, called `name` in what people read. `http` decides which
    /// certificates are trusted and which addresses may be reached.
    pub fn new(
        http: reqwest::Client,
        clock: Arc<dyn Clock>,
        name: impl Into<String>,
        url: &str,
        user: impl Into<String>,
        key: SecretString,
    ) -> Self {
        Self {
            http,
            clock,
            name: name.into(),
            url: url.trim_end_matches('/').to_owned(),
            user: user.into(),
            key,
        }
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The user whose rules are meant.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether this is the key that is used there.
    pub(crate) fn has_key(&self, key: &SecretString) -> bool {
        self.key.expose() == key.expose()
    }

    /// Sends a request with a token of `scope`, several times if that can help, and
    /// returns the JSON of the answer. `dress` adds query and body to each attempt.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        scope: &str,
        repeat: Repeat,
        dress: impl Fn(RequestBuilder) -> RequestBuilder + Send + Sync,
    ) -> Result<Value, Error> {
        let send = |http: &reqwest::Client| {
            let request = http
                .request(method.clone(), format!("{}{path}", self.url))
                .bearer_auth(self.token(scope));
            dress(request)
        };
        self.insist(path, repeat, send).await
    }

    /// Sends a form with user name and key, as the endpoints of the credential family
    /// want it, several times if that can help, and returns the JSON of the answer.
    pub(crate) async fn form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        repeat: Repeat,
    ) -> Result<Value, Error> {
        let key = self.key.expose();
        let mut form = vec![("username", self.user.as_str()), ("secret_key", key)];
        form.extend_from_slice(fields);
        let send = |http: &reqwest::Client| http.post(format!("{}{path}", self.url)).form(&form);
        self.insist(path, repeat, send).await
    }

    /// Whether an endpoint that asks for nothing gives this JSON.
    pub(crate) async fn says(&self, path: &str, key: &str, expected: &str) -> bool {
        let send = |http: &reqwest::Client| http.get(format!("{}{path}", self.url));
        let said = self.insist(path, Repeat::AtOnceOnly, send).await;
        said.is_ok_and(|value| value.get(key).and_then(Value::as_str) == Some(expected))
    }

    async fn insist(
        &self,
        path: &str,
        repeat: Repeat,
        send: impl Fn(&reqwest::Client) -> RequestBuilder + Send + Sync,
    ) -> Result<Value, Error> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let wait = match send(&self.http).timeout(PATIENCE).send().await {
                // Refused before it was looked at, so it may always be sent again.
                Ok(reply) if reply.status() == StatusCode::TOO_MANY_REQUESTS => {
                    if attempt == ATTEMPTS || repeat == Repeat::AtOnceOnly {
                        return self.read(path, reply).await;
                    }
                    self.asked_pause(&reply).unwrap_or(pause)
                }
                Ok(reply) if matches!(reply.status().as_u16(), 502..=504) => {
                    if attempt == ATTEMPTS || repeat != Repeat::Safe {
                        return self.read(path, reply).await;
                    }
                    self.asked_pause(&reply).unwrap_or(pause)
                }
                Ok(reply) => return self.read(path, reply).await,
                Err(error) if attempt == ATTEMPTS || repeat != Repeat::Safe => {
                    return Err(self.unreachable(error));
                }
                Err(_) => pause,
            };
            tokio::time::sleep(wait.min(LONGEST_PAUSE)).await;
            pause *= 2;
            attempt += 1;
        }
    }

    fn asked_pause(&self, reply: &reqwest::Response) -> Option<Span> {
        let header = reply.headers().get("retry-after")?.to_str().ok()?;
        pause_of(header, self.clock.now())
    }

    fn token(&self, scope: &str) -> String {
        let now = self.clock.now();
        let claims = SignClaims {
            sub: self.user.clone(),
            scope: scope.to_owned(),
            iat: now,
            exp: now + TOKEN,
        };
        sign(&claims, &self.key, Alg::HS256)
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        let mut reason = String::new();
        let error = error.without_url();
        let mut source: Option<&dyn std::error::Error> = Some(&error);
        // The innermost cause is the one that people can act on.
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        if reason.contains("certificate") {
            reason += "; trust its certificate with --ca-file, or any with --insecure";
        }
        Error::Unreachable {
            url: self.url.clone(),
            reason,
        }
    }

    /// The JSON of an answer, or the words of a refusal.
    async fn read(&self, path: &str, mut reply: reqwest::Response) -> Result<Value, Error> {
        let status = reply.status();
        let mut bytes = Vec::new();
        while let Some(piece) = reply.chunk().await.map_err(|e| self.unreachable(e))? {
            if bytes.len() + piece.len() > MAX_ANSWER {
                return Err(Error::Unexpected {
                    path: path.to_owned(),
                    what: format!("more than {} MiB", MAX_ANSWER >> 20),
                });
            }
            bytes.extend_from_slice(&piece);
        }
        let value: Option<Value> = serde_json::from_slice(&bytes).ok();
        let refused = value.as_ref().is_some_and(refused);
        match value {
            Some(value) if status.is_success() && !refused => Ok(value),
            None if status.is_success() => Err(Error::Unexpected {
                path: path.to_owned(),
                what: "no JSON; is this the address of a Cresset or Logpoint server?".to_owned(),
            }),
            value => Err(Error::Refused {
                status: status.as_u16(),
                message: words(value.as_ref(), &bytes),
            }),
        }
    }
}

/// Whether an answer says no in spite of its status, in one of the ways that servers have.
fn refused(value: &Value) -> bool {
    let filled = |v: &Value| match v {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    let status = value.get("status").and_then(Value::as_str);
    value.get("success") == Some(&Value::Bool(false))
        || value.pointer("/response/success") == Some(&Value::Bool(false))
        || matches!(status, Some("error" | "failed"))
        || ["/validationErrors", "/errors", "/response/errors"]
            .iter()
            .any(|path| value.pointer(path).is_some_and(filled))
}

/// What a server says about a refusal.
fn words(value: Option<&Value>, bytes: &[u8]) -> String {
    const SHOWN: usize = 300;
    let Some(value) = value else {
        let text = String::from_utf8_lossy(bytes);
        let line = text.trim().lines().next().unwrap_or_default();
        return match line.chars().take(SHOWN).collect::<String>() {
            line if line.is_empty() => "no reason given".to_owned(),
            line => line,
        };
    };
    let mut said = Vec::new();
    fields(&mut said, "", value.get("validationErrors"));
    if !said.is_empty() {
        return said.join("; ");
    }
    let named = ["message", "detail", "error"]
        .iter()
        .find_map(|key| value.get(key)?.as_str());
    named.unwrap_or("no reason given").to_owned()
}

/// `validationErrors`, nested or flat, as `section.field: message`.
fn fields(said: &mut Vec<String>, path: &str, value: Option<&Value>) {
    match value {
        Some(Value::Object(map)) => {
            for (name, inner) in map {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                fields(said, &path, Some(inner));
            }
        }
        Some(Value::String(text)) => said.push(format!("{path}: {text}")),
        Some(Value::Null) | None => {}
        Some(other) => said.push(format!("{path}: {other}")),
    }
}

/// How long a `Retry-After` asks to wait from `now`: seconds, or an HTTP date. `None` if it
/// is neither; a date that has passed asks for no pause.
fn pause_of(header: &str, now: Timestamp) -> Option<Span> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|b| b.is_ascii_digit()) {
        return Some(header.parse().map_or(LONGEST_PAUSE, Span::from_secs));
    }
    let at = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    let wait = Timestamp(at.as_microsecond()).since(now);
    Some(wait.max(Duration::ZERO).to_std())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pause_in_seconds_or_until_a_moment() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = Timestamp::from_secs(784_111_777);
        let check = |header: &str, expected: Option<u64>| {
            let found = pause_of(header, now);
            assert_eq!(found, expected.map(Span::from_secs), "{header:?}");
        };
        check("0", Some(0));
        check(" 7 ", Some(7));
        check("99999999999999999999999", Some(60));
        check("Sun, 06 Nov 1994 08:50:00 GMT", Some(23));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("", None);
        check("-5", None);
        check("1.5", None);
        check("soon", None);
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let check = |value: Value, expected: &str| {
            assert_eq!(words(Some(&value), b""), expected);
        };
        check(
            json!({"success": false, "validationErrors": {"name": "already exists"}}),
            "name: already exists",
        );
        check(
            json!({"validationErrors": {"search_params": {"query": "bad", "limit": "zero"}}}),
            "search_params.limit: zero; search_params.query: bad",
        );
        check(json!({"success": false, "message": "no"}), "no");
        check(json!({"error": "expired", "status_code": 401}), "expired");
        check(json!({}), "no reason given");
        assert_eq!(
            words(None, b"<h1>Bad Gateway</h1>\nmore"),
            "<h1>Bad Gateway</h1>"
        );
    }
}
