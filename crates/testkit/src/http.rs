//! A plain HTTP client for tests: no proxy, no redirects, a time limit.

use anyhow::{Context, Result};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_mins(1);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("status {}, not JSON: {}", self.status, self.text()))
    }

    /// The answer itself if its status is a success, else an error that shows it.
    pub fn ok(self) -> Result<Self> {
        anyhow::ensure!(
            (200..300).contains(&self.status),
            "{}: {}",
            self.status,
            self.text()
        );
        Ok(self)
    }
}

/// A client as described above.
#[expect(
    clippy::disallowed_methods,
    reason = "tests talk to servers that they started themselves"
)]
pub fn client() -> Result<reqwest::Client> {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder();
    Ok(builder
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()?)
}

/// Sends a request, with a bearer token if there is one.
pub async fn send(request: reqwest::RequestBuilder, bearer: Option<&str>) -> Result<Answer> {
    let request = match bearer {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let reply = request.send().await?;
    let status = reply.status().as_u16();
    let text = |v: &reqwest::header::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into();
    let headers = reply
        .headers()
        .iter()
        .map(|(n, v)| (n.as_str().to_owned(), text(v)))
        .collect();
    Ok(Answer {
        status,
        headers,
        body: reply.bytes().await?.to_vec(),
    })
}

/// `GET`, with a bearer token if there is one.
pub async fn get(url: &str, bearer: Option<&str>) -> Result<Answer> {
    send(client()?.get(url), bearer).await
}

/// `POST` of JSON, with a bearer token if there is one.
pub async fn post_json(
    url: &str,
    bearer: Option<&str>,
    body: &serde_json::Value,
) -> Result<Answer> {
    send(client()?.post(url).json(body), bearer).await
}

/// `POST` of anything, with a bearer token if there is one.
pub async fn post(
    url: &str,
    bearer: Option<&str>,
    content_type: &str,
    body: impl Into<Vec<u8>>,
) -> Result<Answer> {
    let request = client()?
        .post(url)
        .header("content-type", content_type)
        .body(body.into());
    send(request, bearer).await
}
