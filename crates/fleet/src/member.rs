//! One instance with the credentials to use there.

mod refusal;

use cresset_auth::jwt::{Alg, SignClaims, sign};
use cresset_model::{Clock, Duration, SecretString, Timestamp};
use refusal::{refused, words};
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
pub(crate) const MAX_ANSWER: usize = 256 << 20;

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
    /// The answer is larger than is wanted.
    #[error("{path} answers with more than {} MiB", most >> 20)]
    TooLarge {
        /// The endpoint.
        path: String,
        /// Most bytes that are wanted.
        most: usize,
    },
}

impl Error {
    /// Whether the instance is away or too busy, so that further calls would fail as well.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(*status, 401 | 429 | 502 | 503 | 504),
            Self::Unexpected { .. } | Self::TooLarge { .. } => false,
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
    /// It does the same again, but nobody waits for a server that cannot be reached.
    IfReached,
    /// It would do it twice.
    Never,
    /// Nobody waits that long.
    AtOnceOnly,
}

impl Repeat {
    const fn after_answer(self) -> bool {
        matches!(self, Self::Safe | Self::IfReached)
    }

    fn after(self, error: &reqwest::Error) -> bool {
        match self {
            Self::Safe => true,
            Self::IfReached => !error.is_connect() && !error.is_timeout(),
            Self::Never | Self::AtOnceOnly => false,
        }
    }
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
        self.insist(path, repeat, MAX_ANSWER, send).await
    }

    /// Sends a form with user name and key, as the endpoints of the credential family
    /// want it, several times if that can help, and returns the JSON of the answer, which
    /// has at most `most` bytes.
    pub(crate) async fn form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        repeat: Repeat,
        most: usize,
    ) -> Result<Value, Error> {
        let key = self.key.expose();
        let mut form = vec![("username", self.user.as_str()), ("secret_key", key)];
        form.extend_from_slice(fields);
        let send = |http: &reqwest::Client| http.post(format!("{}{path}", self.url)).form(&form);
        self.insist(path, repeat, most, send).await
    }

    /// The JSON of an endpoint that asks for nothing.
    pub(crate) async fn open(&self, path: &str) -> Result<Value, Error> {
        let send = |http: &reqwest::Client| http.get(format!("{}{path}", self.url));
        self.insist(path, Repeat::AtOnceOnly, MAX_ANSWER, send)
            .await
    }

    async fn insist(
        &self,
        path: &str,
        repeat: Repeat,
        most: usize,
        send: impl Fn(&reqwest::Client) -> RequestBuilder + Send + Sync,
    ) -> Result<Value, Error> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let wait = match send(&self.http).timeout(PATIENCE).send().await {
                // Refused before it was looked at, so it may always be sent again.
                Ok(reply) if reply.status() == StatusCode::TOO_MANY_REQUESTS => {
                    if attempt == ATTEMPTS || repeat == Repeat::AtOnceOnly {
                        return self.read(path, most, reply).await;
                    }
                    self.asked_pause(&reply).unwrap_or(pause)
                }
                Ok(reply) if matches!(reply.status().as_u16(), 502..=504) => {
                    if attempt == ATTEMPTS || !repeat.after_answer() {
                        return self.read(path, most, reply).await;
                    }
                    self.asked_pause(&reply).unwrap_or(pause)
                }
                Ok(reply) => return self.read(path, most, reply).await,
                Err(error) if attempt == ATTEMPTS || !repeat.after(&error) => {
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
    async fn read(
        &self,
        path: &str,
        most: usize,
        mut reply: reqwest::Response,
    ) -> Result<Value, Error> {
        let status = reply.status();
        let mut bytes = Vec::new();
        while let Some(piece) = reply.chunk().await.map_err(|e| self.unreachable(e))? {
            if bytes.len() + piece.len() > most {
                let path = path.to_owned();
                return Err(Error::TooLarge { path, most });
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
                message: words(value.as_ref(), &bytes, &self.key),
            }),
        }
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
mod tests;
