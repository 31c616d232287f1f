//! The way to object storage: the guarded client, as the library that speaks S3 wants it.

use crate::egress::EgressGuard;
use crate::http::{guarded_builder, judge};
use crate::peer::{PeerError, everywhere};
use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use reqwest::{Body, Client, Request, Url};
use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest time to connect, with name resolution and TLS.
const CONNECT: Duration = Duration::from_secs(10);

/// A client for the object storage at `endpoint`, empty for Amazon's. An operator has
/// configured it, so it may be at any address but a cloud metadata service. `ca_file` has
/// further authorities in PEM; a request with its answer takes at most `timeout`.
pub fn storage_client(
    endpoint: &str,
    ca_file: Option<&Path>,
    timeout: Duration,
) -> Result<HttpClient, PeerError> {
    let guard = Arc::new(EgressGuard::new(everywhere()));
    if !endpoint.is_empty() {
        let url = Url::parse(endpoint).map_err(|_| PeerError::Url(endpoint.to_owned()))?;
        judge(&guard, &url)?;
    }
    let client = guarded_builder(&guard)
        .tls_backend_preconfigured(crate::tls::client_config(ca_file)?)
        .connect_timeout(CONNECT)
        .timeout(timeout)
        .pool_max_idle_per_host(16)
        .build()?;
    Ok(HttpClient::new(Guarded(client)))
}

/// Here and not by the library's own feature, which would let every client of this server
/// speak HTTP/2.
#[derive(Debug)]
struct Guarded(Client);

#[async_trait]
impl HttpService for Guarded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = Request::try_from(request.map(Body::wrap)).map_err(told)?;
        let response = self.0.execute(request).await.map_err(told)?;
        let response = http::Response::<Body>::from(response);
        Ok(response.map(|body| HttpResponseBody::new(body.map_err(told))))
    }
}

/// An error with what decides whether the request is tried again.
fn told(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_decode() || error.is_builder() {
        HttpErrorKind::Decode
    } else if is_cut(&error) {
        HttpErrorKind::Interrupted
    } else {
        HttpErrorKind::Request
    };
    // The library names the URL where that is no secret.
    HttpError::new(kind, error.without_url())
}

/// Whether the connection ended in the middle of an answer.
fn is_cut(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return matches!(
                cause.kind(),
                io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            );
        }
        source = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_storage_may_be_anywhere_but_at_a_metadata_service() {
        let check = |endpoint: &str, expected: Option<&str>| {
            let found = storage_client(endpoint, None, CONNECT);
            match (found, expected) {
                (Ok(_), None) => {}
                (Err(error), Some(words)) => {
                    assert!(error.to_string().contains(words), "{endpoint}: {error}");
                }
                (found, _) => panic!("{endpoint}: {:?}", found.map(drop)),
            }
        };
        check("", None);
        check("http://127.0.0.1:9000", None);
        check("https://10.0.0.7", None);
        check("http://169.254.169.254", Some("metadata"));
        check("s3://bucket", Some("scheme"));
        check("//", Some("cannot be read"));
    }
}
