//! The guarded HTTP client: the way out of the process.
//!
//! It follows no redirect, uses no proxy, and connects only to addresses that the
//! [`EgressGuard`] has passed: names are resolved and judged in one place, and the
//! connection goes to exactly those addresses.

use crate::egress::{EgressError, EgressGuard};
use crate::tls::{self, TlsError};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, Url};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How the guarded client behaves.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Longest time to connect, with name resolution and TLS.
    pub connect_timeout: Duration,
    /// Longest time of a whole request, with the reply's body.
    pub total_timeout: Duration,
    /// PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        let fifteen = Duration::from_secs(15);
        Self {
            connect_timeout: fifteen,
            total_timeout: fifteen,
            ca_file: None,
        }
    }
}

/// The guarded client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP library refused the settings.
    #[error("HTTP client: {0}")]
    Build(#[from] reqwest::Error),
}

/// An HTTP client that asks the egress guard before every connection.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    client: Client,
    guard: Arc<EgressGuard>,
}

/// What all guarded clients have in common.
pub(crate) fn guarded_builder(guard: &Arc<EgressGuard>) -> ClientBuilder {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the guarded client that others must use"
    )]
    let builder = Client::builder();
    builder
        .dns_resolver(GuardedResolver(Arc::clone(guard)))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(4)
        .user_agent(concat!("cresset/", env!("CARGO_PKG_VERSION")))
}

/// Makes a guarded client; one per process is enough, it is cheap to clone.
pub fn guarded_client(
    guard: Arc<EgressGuard>,
    settings: &HttpSettings,
) -> Result<GuardedClient, ClientError> {
    let client = guarded_builder(&guard)
        .tls_backend_preconfigured(tls::client_config(settings.ca_file.as_deref())?)
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.total_timeout)
        .build()?;
    Ok(GuardedClient { client, guard })
}

impl GuardedClient {
    /// Starts a request after judging the URL's scheme and, if its host is a literal
    /// address, the address; names are judged when they are resolved.
    pub fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, EgressError> {
        judge(&self.guard, &url)?;
        Ok(self.client.request(method, url))
    }

    /// The guard that judges.
    pub fn guard(&self) -> &EgressGuard {
        &self.guard
    }
}

/// Judges a URL's scheme and, if its host is a literal address, the address; names are
/// judged when they are resolved.
pub(crate) fn judge(guard: &EgressGuard, url: &Url) -> Result<(), EgressError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(EgressError::Scheme(url.scheme().to_owned()));
    }
    match literal_address(url) {
        Some(address) => guard.check(address),
        None => Ok(()),
    }
}

/// The address that a URL's host spells out; the URL parser has already turned odd
/// number forms such as `0x7f.1` into plain ones.
fn literal_address(url: &Url) -> Option<IpAddr> {
    url.host_str()?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// The refusal of the guard inside an error of the HTTP client, if that is its cause.
pub fn refusal(error: &reqwest::Error) -> Option<&EgressError> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(refusal) = cause.downcast_ref::<EgressError>() {
            return Some(refusal);
        }
        source = cause.source();
    }
    None
}

/// Reads at most `limit` bytes of a reply's body and drops the rest with the connection.
pub async fn read_limited(mut response: Response, limit: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == limit {
            break;
        }
    }
    Ok(body)
}

#[derive(Debug)]
struct GuardedResolver(Arc<EgressGuard>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let passed = guard.filter(found)?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}
